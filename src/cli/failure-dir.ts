import { createReadStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { type HistoryEvent, JsonlReader, writeJsonlLine } from '../../checker/index.ts';
import { failuresInOrder, type JudgeVerdict, type ReportedFailure } from '../judge/index.ts';
import { explainDocument, type FailureParts } from '../report/index.ts';
import { LineWriter } from '../rundir/line-writer.ts';
import { makeDirectories } from '../rundir/make-directories.ts';
import type { RunPaths } from '../rundir/paths.ts';
import { writeWhole } from '../rundir/whole-file.ts';
import { cannotWrite } from '../rundir/write-error.ts';
import { MinimalHistory } from './minimal-history.ts';

/** Keys that are explained, and whose histories are written out. */
const KEYS_MAX = 5;
const CHUNK_BYTES = 1 << 17;

/**
 * `failure/`: the explanation with its pictures, the minimal counterexample of each key that failed, and the
 * history of that key (with all faults); `gong check` judges both by themselves. The history is read once, and
 * memory does not grow with it.
 *
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function writeFailure(paths: RunPaths, verdict: JudgeVerdict): Promise<void> {
  await makeDirectory(paths.failureDir);
  const failures = failuresInOrder(verdict).slice(0, KEYS_MAX);
  const files = namesOf(failures.map(({ key }) => key));
  const minimal = await writeHistories(paths, files, failures);
  await writeExplanation(paths.failureDir, 'explain', { verdict, failures, minimal, files });
}

/**
 * The same for a history that is no run: the explanation, its pictures and the counterexamples.
 *
 * @param stem - what the names of the files begin with
 * @returns the path of the explanation
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function explainFile(
  history: string,
  verdict: JudgeVerdict,
  { directory, stem }: { readonly directory: string; readonly stem: string },
): Promise<string> {
  await makeDirectory(directory);
  const failures = failuresInOrder(verdict).slice(0, KEYS_MAX);
  const minimal = failures.map((failure) => new MinimalHistory(failure.counterexample));
  for await (const event of eventsOf(history)) {
    for (const each of minimal) each.add(event);
    if (minimal.every(({ isWhole }) => isWhole)) break;
  }
  await writeExplanation(directory, stem, { verdict, failures, minimal, files: new Map() });
  return path.join(directory, `${stem}.md`);
}

async function makeDirectory(directory: string): Promise<void> {
  await makeDirectories(directory).catch((cause: unknown) => {
    throw cannotWrite(directory, cause);
  });
}

async function writeExplanation(
  directory: string,
  stem: string,
  parts: {
    readonly verdict: JudgeVerdict;
    readonly failures: readonly ReportedFailure[];
    readonly minimal: readonly MinimalHistory[];
    /** The history of each key, by its key. */
    readonly files: ReadonlyMap<string | null, string>;
  },
): Promise<void> {
  const { verdict, failures, minimal, files } = parts;
  const explained: FailureParts[] = [];
  for (const [i, failure] of failures.entries()) {
    const history = minimal[i];
    const histories: { what: string; file: string }[] = [];
    const file = `${stem}-${i + 1}.jsonl`;
    if (history !== undefined && history.lines.length > 0) {
      await writeWhole(path.join(directory, file), history.lines.join(''));
      histories.push({ what: 'the counterexample alone', file });
    }
    const whole = files.get(failure.key);
    if (whole !== undefined) histories.push({ what: 'all of this key', file: whole });
    explained.push({ failure, histories });
  }
  for (const { name, text } of explainDocument({ verdict, failures: explained, stem })) {
    await writeWhole(path.join(directory, name), text);
  }
}

/** Each under the name of a neighbour until it is whole. @returns the counterexamples, met on the way */
async function writeHistories(
  { history, failureDir }: RunPaths,
  files: ReadonlyMap<string | null, string>,
  failures: readonly ReportedFailure[],
): Promise<readonly MinimalHistory[]> {
  const minimal = failures.map((failure) => new MinimalHistory(failure.counterexample));
  const extracts = new Map(
    [...files].map(([key, name]) => [key, new Extract(path.join(failureDir, name))]),
  );
  try {
    for await (const event of eventsOf(history)) {
      for (const each of minimal) each.add(event);
      if (event.process === 'nemesis') for (const extract of extracts.values()) extract.add(event);
      else extracts.get(event.key ?? null)?.add(event);
    }
    for (const extract of extracts.values()) await extract.finish();
  } catch (error) {
    for (const extract of extracts.values()) await extract.abandon();
    throw error;
  }
  return minimal;
}

/** Those before the first malformed line, if there is one: what was judged had none. */
async function* eventsOf(history: string): AsyncGenerator<HistoryEvent> {
  const reader = new JsonlReader();
  for await (const chunk of createReadStream(history, { highWaterMark: CHUNK_BYTES })) {
    const { events, error } = reader.push(chunk as Uint8Array);
    yield* events;
    if (error !== undefined) return;
  }
  yield* reader.end().events;
}

/** The history of one key, numbered anew. */
class Extract {
  readonly #path: string;
  readonly #writer: LineWriter;
  #index = 0;

  constructor(target: string) {
    this.#path = target;
    this.#writer = new LineWriter(`${target}.${process.pid}.tmp`);
  }

  add(event: HistoryEvent): void {
    this.#writer.append(writeJsonlLine({ ...event, index: this.#index++ }).trimEnd());
  }

  async finish(): Promise<void> {
    this.#writer.close();
    await rename(this.#writer.path, this.#path);
  }

  async abandon(): Promise<void> {
    try {
      this.#writer.close();
    } catch {
      // Why it cannot be written is on its way to the user.
    }
    await rm(this.#writer.path, { force: true });
  }
}

/** A file name for each key, and no two the same. */
function namesOf(keys: readonly (string | null)[]): ReadonlyMap<string | null, string> {
  const names = new Map<string | null, string>();
  const taken = new Set<string>();
  for (const key of keys) {
    const base = key === null ? 'history' : fileName(key);
    let name = `${base}.jsonl`;
    for (let next = 2; taken.has(name); next++) name = `${base}-${next}.jsonl`;
    taken.add(name);
    names.set(key, name);
  }
  return names;
}

function fileName(key: string): string {
  return key.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 60);
}
