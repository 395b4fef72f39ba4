import { appendFile, readFile } from 'node:fs/promises';
import type { RunResult } from '../harness/run-options.ts';
import type { JudgeVerdict } from '../judge/index.ts';
import { UserError } from '../lib/user-error.ts';
import {
  githubAnnotations,
  OPS_CSV_HISTORY_BYTES_MAX,
  opsCsvNote,
  readRunRecord,
  type RunFacts,
  writeReports,
} from '../report/index.ts';
import { ClusterLog, type RunError } from '../rundir/cluster-log.ts';
import type { AppliedExpectations } from '../rundir/expectations.ts';
import type { RunPaths } from '../rundir/paths.ts';
import { cannotWrite } from '../rundir/write-error.ts';
import type { ExitCode } from './exit-codes.ts';
import { writeFailure } from './failure-dir.ts';

const UNDER_MAX_DISK = 'ops.csv is not written by a run with --max-disk: gong report DIR writes it';

/** What the run came to, from memory: what its directory says once it is saved. */
export function factsOf(ended: {
  readonly exit: ExitCode;
  readonly isInterrupted: boolean;
  readonly result: RunResult | undefined;
  readonly verdict: JudgeVerdict | undefined;
  readonly errors: readonly unknown[];
  readonly expectations: AppliedExpectations | undefined;
}): RunFacts {
  const { exit, isInterrupted, result, verdict, errors, expectations } = ended;
  return {
    verdict,
    statistics: result?.statistics,
    load: result?.load,
    faults: result?.faults ?? [],
    gateFailures: result?.gateFailures ?? [],
    exits: result?.unexpectedExits ?? [],
    outcome: {
      exit,
      interrupted: isInterrupted,
      endedEarly: result?.endedEarly ?? null,
      errors: errors.map(runError),
      gatesKept: result?.gatesKept ?? [],
      // An interrupted run does not wait for answers.
      silentNodes: isInterrupted ? [] : (result?.silentNodes ?? []),
      expectations: expectations ?? null,
    },
  };
}

function runError(error: unknown): RunError {
  if (error instanceof UserError) return { code: error.code, what: error.message, why: error.why };
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: 'GONG-E070', what, why: 'a bug in Gong' };
}

/**
 * Writes the outcome, then everything that is derived from the directory, read back from there; and
 * tells GitHub, where the run is one of its jobs.
 *
 * @param parts.time - nanoseconds since the run began
 * @returns what was thrown on the way, in order; a disk that was full before is not told again
 */
export async function saveReports(parts: {
  readonly paths: RunPaths;
  readonly facts: RunFacts;
  readonly verdict: JudgeVerdict | undefined;
  readonly time: number;
  readonly isJson: boolean;
  /** With `--max-disk`, which is not to be passed after all. */
  readonly isDiskBounded: boolean;
}): Promise<readonly unknown[]> {
  const { paths, facts, verdict, time, isJson, isDiskBounded } = parts;
  const errors: unknown[] = [];
  const attempt = async (step: () => void | Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  };
  await attempt(() => appendOutcome(paths, facts, time));
  await attempt(async () => {
    const record = await readRunRecord(paths.root);
    const opsCsvHistoryBytesMax = isDiskBounded ? 0 : OPS_CSV_HISTORY_BYTES_MAX;
    const { problems } = await writeReports(record, { opsCsvHistoryBytesMax });
    const note = isDiskBounded ? UNDER_MAX_DISK : opsCsvNote(record.historyBytes);
    const said = note === undefined ? problems : [...problems, note];
    for (const line of said) process.stderr.write(`${line}\n`);
  });
  if (verdict?.valid === false) await attempt(() => writeFailure(paths, verdict));
  // GitHub's runner reads both streams; a document on standard output stays one.
  const stream = isJson ? process.stderr : process.stdout;
  if (process.env['GITHUB_ACTIONS'] === 'true') stream.write(githubAnnotations(facts).join(''));
  const summary = process.env['GITHUB_STEP_SUMMARY'] ?? '';
  if (summary !== '') await attempt(() => appendSummary(paths, summary));
  const isTold = (facts.outcome?.errors ?? []).some(({ code }) => code === 'GONG-E041');
  return errors.filter((error) => !(isTold && error instanceof UserError && isOfDisk(error)));
}

function isOfDisk({ code }: UserError): boolean {
  return code === 'GONG-E041';
}

function appendOutcome(paths: RunPaths, { outcome }: RunFacts, time: number): void {
  if (outcome === undefined) return;
  using log = new ClusterLog(paths.cluster);
  log.append({ time, type: 'outcome', ...outcome });
}

async function appendSummary(paths: RunPaths, summary: string): Promise<void> {
  try {
    await appendFile(summary, await readFile(paths.summaryMarkdown, 'utf8'));
  } catch (cause) {
    throw cannotWrite(summary, cause);
  }
}
