import { open, type FileHandle } from 'node:fs/promises';
import {
  HistoryScanner,
  type ScanError,
  type ScannedHistory,
  type ScanResult,
} from '../../checker/index.ts';
import { UserError } from '../lib/user-error.ts';

/** A history as it was read, its operations as columns in memory that worker threads can share. */
export interface ReadHistory extends Omit<ScannedHistory, 'torn'> {
  /** True when the last line had no newline: its writer was interrupted. */
  readonly isTorn: boolean;
  /** False when the signal came before the end of the file. */
  readonly isWhole: boolean;
}

/** Large enough that the time between two of them counts for nothing, small for a turn: some ms. */
const CHUNK_BYTES = 2 << 20;

/**
 * Streams a `history.jsonl`, whole or partial: the next piece of the file is read while one is
 * scanned.
 *
 * @throws UserError `GONG-E101` the file cannot be read, `GONG-E102` a line is no event, `GONG-E103`
 *   the events are no history
 */
export async function readHistory(path: string, signal?: AbortSignal): Promise<ReadHistory> {
  let scanned: ScanResult;
  let isWhole: boolean;
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const scanner = new HistoryScanner({ isShared: true, bytesExpected: size });
    isWhole = await scanFile(path, file, scanner, signal);
    scanned = scanner.finish();
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
  if (!scanned.ok) throw userError(path, scanned.error);
  const { torn, ...history } = scanned.history;
  // Where reading was interrupted a line ends in the middle, and nobody tore it.
  return { ...history, isTorn: torn && isWhole, isWhole };
}

/** @returns false when the signal came before the end */
async function scanFile(
  path: string,
  file: FileHandle,
  scanner: HistoryScanner,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const next = (into: Uint8Array): Promise<Uint8Array> =>
    file.read(into, 0, into.length).then(({ bytesRead }) => into.subarray(0, bytesRead));
  let scanned = new Uint8Array(CHUNK_BYTES);
  let ahead = new Uint8Array(CHUNK_BYTES);
  let chunk = await next(scanned);
  while (chunk.length > 0) {
    if (signal?.aborted === true) return false;
    const reading = next(ahead);
    const error = scanner.push(chunk);
    // Awaited before anything is thrown: the file is closed then.
    const following = await reading;
    if (error !== undefined) throw userError(path, error);
    chunk = following;
    [scanned, ahead] = [ahead, scanned];
  }
  return true;
}

function userError(path: string, error: ScanError): UserError {
  const what = `${path}:${error.line}: ${error.message}`;
  if (error.type === 'history') {
    return new UserError({
      kind: 'usage',
      code: 'GONG-E103',
      what,
      why: WHY[error.code],
      fix: 'correct the history, or the recorder that wrote it',
    });
  }
  return new UserError({
    kind: 'usage',
    code: 'GONG-E102',
    what,
    why: 'a history has one JSON event per line, and only its last line may be torn',
    fix: 'correct that line; a history with a line missing would prove nothing',
  });
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
