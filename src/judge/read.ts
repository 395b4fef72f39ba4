import { createReadStream } from 'node:fs';
import {
  JsonlReader,
  Pairing,
  type HistoryEvent,
  type PairedHistory,
} from '../../checker/index.ts';
import { UserError } from '../lib/user-error.ts';

/** A history as it was read. */
export interface ReadHistory extends PairedHistory {
  /** True when the last line had no newline: its writer was interrupted. */
  readonly isTorn: boolean;
  /** False when the signal came before the end of the file. */
  readonly isWhole: boolean;
}

/**
 * Streams a `history.jsonl`, whole or partial.
 *
 * @throws UserError `GONG-E101` the file cannot be read, `GONG-E102` a line is no event, `GONG-E103`
 *   the events are no history
 */
export async function readHistory(path: string, signal?: AbortSignal): Promise<ReadHistory> {
  const reader = new JsonlReader();
  const pairing = new Pairing();
  const add = (events: readonly HistoryEvent[]): void => {
    for (const event of events) {
      const error = pairing.add(event);
      if (error === undefined) continue;
      throw new UserError({
        kind: 'usage',
        code: 'GONG-E103',
        what: `${path}:${error.line}: ${error.message}`,
        why: WHY[error.code],
        fix: 'correct the history, or the recorder that wrote it',
      });
    }
  };
  let isWhole = true;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      if (signal?.aborted === true) {
        isWhole = false;
        break;
      }
      const lines = reader.push(chunk as Uint8Array);
      add(lines.events);
      if (lines.error === undefined) continue;
      throw new UserError({
        kind: 'usage',
        code: 'GONG-E102',
        what: `${path}:${lines.error.line}: ${lines.error.message}`,
        why: 'a history has one JSON event per line, and only its last line may be torn',
        fix: 'correct that line; a history with a line missing would prove nothing',
      });
    }
  } catch (cause) {
    if (cause instanceof UserError || !isSystemError(cause)) throw cause;
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E101',
      what: `${path} cannot be read`,
      why: cause.message,
      fix: 'pass the path of a history.jsonl',
      cause,
    });
  }
  const last = reader.end();
  add(last.events);
  return { ...pairing.finish(), isTorn: last.torn, isWhole };
}

const WHY = {
  'index-mismatch': 'index is the position of the event: lines are missing, repeated or reordered',
  'completion-without-invoke': 'a completion must follow an invocation by the same process',
  'process-busy': 'a process is single-threaded: one operation at a time',
  'process-retired': 'after info the operation may still happen, so its process id is retired',
  'wrong-function': 'a completion repeats the f of its invocation',
  'wrong-key': 'a completion repeats the key of its invocation',
  'nemesis-type': 'events of the nemesis are info always',
} as const;

function isSystemError(cause: unknown): cause is Error {
  return cause instanceof Error && 'syscall' in cause;
}
