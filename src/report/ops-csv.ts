import { createReadStream } from 'node:fs';
import { stringify } from 'csv-stringify/sync';
import { type HistoryEvent, JsonlReader, type Json } from '../../checker/index.ts';
import { writeWholeFrom } from '../rundir/whole-file.ts';

/** Columns of `ops.csv`. Times are nanoseconds since the run began. */
const COLUMNS = [
  // Of the invocation in history.jsonl, from 1.
  'line',
  'process',
  'f',
  'key',
  // JSON, as in the history: a text keeps its quotes, null is "absent".
  'asked',
  'answered',
  // ok, fail, info; empty where the history ends before the operation does.
  'outcome',
  'applied',
  'node',
  'served_by',
  'term',
  // When it was meant to start: of an open loop that was late.
  'intended_ns',
  'invoke_ns',
  'complete_ns',
  // From when it was meant to start.
  'latency_ns',
  'error',
] as const;

const CHUNK_BYTES = 1 << 17;

type Row = readonly (string | number)[];

/**
 * Writes `ops.csv`: every operation, in the order of completion, those that never completed last. The
 * history is streamed: memory does not grow with it, and it is read no faster than the disk writes.
 *
 * @returns why the file ends before the history does; undefined when it does not
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function writeOpsCsv(history: string, path: string): Promise<string | undefined> {
  const pending = new Map<number, HistoryEvent>();
  let problem: string | undefined;
  async function* text(): AsyncGenerator<string> {
    const reader = new JsonlReader();
    yield csv([COLUMNS]);
    for await (const chunk of createReadStream(history, { highWaterMark: CHUNK_BYTES })) {
      const { events, error } = reader.push(chunk as Uint8Array);
      yield csv(rowsOf(events, pending));
      if (error === undefined) continue;
      problem = `history.jsonl, line ${error.line}: ${error.message}`;
      break;
    }
    if (problem === undefined) yield csv(rowsOf(reader.end().events, pending));
    yield csv([...pending.values()].map((invoke) => row(invoke, undefined)));
  }
  await writeWholeFrom(path, text());
  return problem;
}

function csv(rows: readonly Row[]): string {
  return rows.length === 0 ? '' : stringify([...rows]);
}

/** Rows of the operations that these events complete; `pending` keeps those under way. */
function rowsOf(events: readonly HistoryEvent[], pending: Map<number, HistoryEvent>): Row[] {
  const rows: Row[] = [];
  for (const event of events) {
    if (event.process === 'nemesis') continue;
    if (event.type === 'invoke') {
      pending.set(event.process, event);
      continue;
    }
    const invoke = pending.get(event.process);
    if (invoke === undefined) continue;
    pending.delete(event.process);
    rows.push(row(invoke, event));
  }
  return rows;
}

function row(invoke: HistoryEvent, completion: HistoryEvent | undefined): Row {
  const { intended = invoke.time } = invoke;
  const isOk = completion?.type === 'ok';
  return [
    invoke.index + 1,
    invoke.process,
    text(invoke.f),
    text(invoke.key),
    json(invoke.value),
    isOk ? json(completion.value) : '',
    completion?.type ?? '',
    completion?.applied === undefined ? '' : String(completion.applied),
    text(invoke.node),
    text(completion?.servedBy),
    completion?.term ?? '',
    intended,
    invoke.time,
    completion?.time ?? '',
    completion === undefined ? '' : completion.time - intended,
    text(completion?.error),
  ];
}

/** A spreadsheet takes no JSON for a formula: a text begins with its quote, a number is one. */
function json(value: Json): string {
  return JSON.stringify(value);
}

/** Text that a spreadsheet would take for a formula gets an apostrophe before it. */
function text(value: string | undefined): string {
  if (value === undefined) return '';
  return /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
}
