import { createReadStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { type HistoryEvent, JsonlReader, writeJsonlLine } from '../../checker/index.ts';
import { explain, failuresInOrder, type JudgeVerdict } from '../judge/index.ts';
import { LineWriter } from '../rundir/line-writer.ts';
import type { RunPaths } from '../rundir/paths.ts';
import { writeWhole } from '../rundir/whole-file.ts';
import { cannotWrite } from '../rundir/write-error.ts';

/** Keys whose history is written out by itself. */
const KEYS_MAX = 5;
const CHUNK_BYTES = 1 << 17;

/**
 * `failure/`: the explanation, and the history of each key that failed (with all faults), which
 * `gong check` judges by itself. The history is read once, and memory does not grow with it.
 *
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function writeFailure(paths: RunPaths, verdict: JudgeVerdict): Promise<void> {
  await mkdir(paths.failureDir, { recursive: true }).catch((cause: unknown) => {
    throw cannotWrite(paths.failureDir, cause);
  });
  const keys = failuresInOrder(verdict)
    .slice(0, KEYS_MAX)
    .map(({ key }) => key);
  const files = namesOf(keys);
  await writeHistories(paths, files);
  const commands = [...files.values()].map(
    (name) => `    gong check --model ${verdict.model} ${name}`,
  );
  const text = [
    '# Why this history is not linearizable',
    '',
    ...explain(verdict)
      .trimEnd()
      .split('\n')
      .map((line) => `    ${line}`.trimEnd()),
    '',
    'The history of each key alone, to be judged again:',
    '',
    ...commands,
    '',
  ];
  await writeWhole(path.join(paths.failureDir, 'explain.md'), text.join('\n'));
}

/** Each under the name of a neighbour until it is whole. */
async function writeHistories(
  { history, failureDir }: RunPaths,
  files: ReadonlyMap<string | null, string>,
): Promise<void> {
  const extracts = new Map(
    [...files].map(([key, name]) => [key, new Extract(path.join(failureDir, name))]),
  );
  try {
    for await (const event of eventsOf(history)) {
      if (event.process === 'nemesis') for (const extract of extracts.values()) extract.add(event);
      else extracts.get(event.key ?? null)?.add(event);
    }
    for (const extract of extracts.values()) await extract.finish();
  } catch (error) {
    for (const extract of extracts.values()) await extract.abandon();
    throw error;
  }
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
