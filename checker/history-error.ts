import type { HistoryEvent } from './history.ts';

/** Why a sequence of events is no history. */
export type HistoryErrorCode =
  | 'index-mismatch'
  | 'completion-without-invoke'
  | 'process-busy'
  | 'process-retired'
  | 'wrong-function'
  | 'wrong-key'
  | 'nemesis-type';

/** One malformed event: the first that was found. */
export interface HistoryError {
  readonly code: HistoryErrorCode;
  /** Line of the event, from 1, when one line holds one event. */
  readonly line: number;
  /** What was found and what was expected, one line. */
  readonly message: string;
}

/** What of an invocation that is pending the messages tell. */
export type PendingInvoke = Pick<HistoryEvent, 'index' | 'f' | 'key'>;

export function indexMismatch(position: number, event: HistoryEvent): HistoryError {
  const message = `index is ${event.index}, expected ${position}`;
  return { code: 'index-mismatch', line: position + 1, message };
}

export function nemesisType(position: number, event: HistoryEvent): HistoryError {
  const message = `an event of the nemesis is ${event.type}, expected info`;
  return { code: 'nemesis-type', line: position + 1, message };
}

export function processBusy(
  position: number,
  event: HistoryEvent,
  pending: PendingInvoke,
): HistoryError {
  const message =
    `process ${event.process} invokes ${event.f} while its ${pending.f} of line ` +
    `${pending.index + 1} is pending`;
  return { code: 'process-busy', line: position + 1, message };
}

export function processRetired(position: number, event: HistoryEvent): HistoryError {
  const message = `process ${event.process} invokes again after info`;
  return { code: 'process-retired', line: position + 1, message };
}

export function completionWithoutInvoke(position: number, event: HistoryEvent): HistoryError {
  const message = `${event.type} of ${event.f} by process ${event.process}, which has nothing pending`;
  return { code: 'completion-without-invoke', line: position + 1, message };
}

export function wrongFunction(
  position: number,
  event: HistoryEvent,
  pending: PendingInvoke,
): HistoryError {
  const message = `${event.f} completes the ${pending.f} of line ${pending.index + 1}`;
  return { code: 'wrong-function', line: position + 1, message };
}

export function wrongKey(
  position: number,
  event: HistoryEvent,
  pending: PendingInvoke,
): HistoryError {
  const message =
    `key ${event.key} completes line ${pending.index + 1}, ` +
    `whose key is ${pending.key ?? 'absent'}`;
  return { code: 'wrong-key', line: position + 1, message };
}
