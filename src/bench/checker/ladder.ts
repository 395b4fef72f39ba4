import { rm } from 'node:fs/promises';
import path from 'node:path';
import { measure, median, type Run, writeHistory } from './measure.ts';
import type { Row } from './rows.ts';

/** What one row took: medians of several fresh processes. */
export interface Measured {
  readonly row: string;
  /** As `gong check --json` says it; `died` when there was no verdict. */
  readonly verdict: 'true' | 'false' | 'unknown' | 'died';
  /** Those that decided, by how many keys. */
  readonly engine: string;
  /** From start to end of the process, and how much of it is what. */
  readonly seconds: number;
  readonly startSeconds: number;
  readonly readSeconds: number;
  /** By the clock, in its own process: the search, and replaying witnesses. */
  readonly decideSeconds: number;
  /** Showing why a history is not linearizable, which nobody else does. */
  readonly evidenceSeconds: number;
  /** Of that: replaying witnesses, summed over threads. */
  readonly verifySeconds: number;
  readonly mebibytes: number;
  /** Whole-process seconds of the other checker, and its exit code. */
  readonly other?: { readonly seconds: number; readonly code: number | null } | undefined;
}

export interface MeasureOptions {
  /** Of `gong`: the program and its first arguments. */
  readonly command: readonly [string, ...string[]];
  /** Where the history is written; it is removed again. */
  readonly directory: string;
  readonly rounds: number;
  /** For the verdict of one process. */
  readonly budget: string;
  /** Another checker: `{file}` stands for the history. */
  readonly against?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
}

const LIMIT_MS = 120_000;

/** Generates the row's history and has it checked by fresh processes. */
export async function measureRow(row: Row, options: MeasureOptions): Promise<Measured> {
  const file = path.join(options.directory, 'history.jsonl');
  writeHistory(row.options, file);
  try {
    const [command, ...first] = options.command;
    const args = [...first, 'check', file, '--json', '--budget', options.budget];
    args.push('--model', MODEL_OF[row.options.object]);
    const runs: Run[] = [];
    const others: Run[] = [];
    for (let round = 0; round < options.rounds; round++) {
      runs.push(await measure(command, args, LIMIT_MS, options.env));
      // In turn, so that both meet the same machine.
      if (options.against !== undefined) {
        const text = options.against.replaceAll('{file}', `'${file}'`);
        others.push(await measure('sh', ['-c', `exec ${text}`], LIMIT_MS, options.env));
      }
    }
    return summarise(row, runs, others);
  } finally {
    await rm(file, { force: true });
  }
}

const MODEL_OF = {
  register: 'cas-register',
  queue: 'queue',
  set: 'set',
  lock: 'mutex',
} as const satisfies Record<Row['options']['object'], string>;

interface CheckLine {
  readonly valid?: boolean | 'unknown' | null;
  readonly engines?: Readonly<Record<string, number>>;
  readonly readNs?: number;
  readonly elapsedNs?: number;
  readonly evidenceNs?: number;
  readonly verifyNs?: number;
}

function summarise(row: Row, runs: readonly Run[], others: readonly Run[]): Measured {
  const lines = runs.map(({ stdout }): CheckLine => (stdout === '' ? {} : JSON.parse(stdout)));
  const verdicts = new Set(lines.map(({ valid }) => String(valid ?? 'died')));
  const verdict = verdicts.size === 1 ? [...verdicts][0] : 'died';
  const secondsOf = (what: 'readNs' | 'elapsedNs' | 'evidenceNs' | 'verifyNs'): number =>
    median(lines.map((line) => (line[what] ?? NaN) / 1e9));
  const seconds = median(runs.map((run) => run.seconds));
  const [readSeconds, evidenceSeconds, verifySeconds] = [
    secondsOf('readNs'),
    secondsOf('evidenceNs'),
    secondsOf('verifyNs'),
  ];
  const elapsedSeconds = secondsOf('elapsedNs');
  return {
    row: row.name,
    verdict: verdict === 'true' || verdict === 'false' || verdict === 'unknown' ? verdict : 'died',
    engine: Object.keys(lines[0]?.engines ?? {}).join(' '),
    seconds,
    startSeconds: seconds - readSeconds - elapsedSeconds,
    readSeconds,
    decideSeconds: elapsedSeconds - evidenceSeconds,
    evidenceSeconds,
    verifySeconds,
    mebibytes: Math.max(...runs.map((run) => run.mebibytes)),
    other:
      others.length === 0
        ? undefined
        : { seconds: median(others.map((run) => run.seconds)), code: others[0]?.code ?? null },
  };
}
