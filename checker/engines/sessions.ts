import { NEVER, type Table } from '../table.ts';
import { Numbering } from './numbering.ts';
import { Refutation } from './pairs.ts';

export const NO_ROW = -1;

/*
 * Locks with owners, where a crashed operation is the last of its process: linear.
 *
 * What one process did is a sequence, so that its depth after each operation is known, whatever the
 * others did. Where it releases what it does not hold, or acquires again what cannot be acquired
 * twice, nothing is legal. Else its operations form *sessions*, each from an acquire at depth 0 to
 * the release that ends at depth 0.
 *
 * Crashed operations, being the last of their process, matter only where a crashed release ends a
 * session:
 * - A crashed acquire that took effect holds the lock from then on, and its process does nothing
 *   more, so in a legal order it is the last operation of all, and can be left out.
 * - A crashed release at depth 0 can never take effect. At a depth above 1 it frees nobody, and its
 *   process does nothing more: it can be left out.
 *
 * A session certainly holds the lock between the return of its first acquire and the invocation of
 * its last release (for good without one).
 *
 * Claim: the history is linearizable iff no two sessions certainly hold the lock at once (and, with
 * tokens, those of the sessions ascend in their order). Necessary: nobody else holds it then; so
 * the sessions can only come in the order of these intervals, none of which is empty. Sufficient:
 * take the sessions in that order, the operations of each in theirs; place each first acquire at
 * its invocation, but not before the last release before it, and all others at their invocations. A
 * release stands at its invocation, before the next session's first acquire returns; within a
 * session each operation was invoked after the one before returned. So each stands within its
 * interval, and the positions ascend.
 */
export interface Sessions {
  readonly refutation: Refutation;
  readonly isFenced: boolean;
  /**
   * First acquire of each session; in the order of their returns once `overlapOf` has sorted them.
   */
  readonly first: Int32Array;
  /** By row of a first acquire: rank at which it may be over; NEVER while it is not. */
  readonly mayEnd: Int32Array;
  /** The next operation of the same session; NO_ROW after the last. */
  readonly nextRow: Int32Array;
}

/** @returns undefined when a process goes on after a crashed operation, or has a name of its own */
export function findSessions(table: Table, isFenced: boolean): Sessions | undefined {
  const { columns, size, invoke, return: returns } = table;
  const processes = numberProcesses(columns.process, size);
  if (processes === undefined) return undefined;
  const release = columns.functions.indexOf('release');
  const depth = new Int32Array(processes.size);
  const isGone = new Uint8Array(processes.size);
  const firstOf = new Int32Array(processes.size);
  const lastOf = new Int32Array(processes.size);
  const mayEnd = new Int32Array(size).fill(NEVER);
  const nextRow = new Int32Array(size).fill(NO_ROW);
  const first = new Int32Array(size);
  const refutation = new Refutation();
  let count = 0;
  for (let row = 0; row < size; row++) {
    const process = processes.find(columns.process[row] as number);
    if (isGone[process] === 1) return undefined;
    const isCompleted = table.isCompleted(row);
    if (!isCompleted) isGone[process] = 1;
    const before = depth[process] as number;
    const isRelease = columns.f[row] === release;
    if (!isCompleted && (!isRelease || before !== 1)) continue;
    if (isRelease ? before === 0 : isFenced && before > 0) {
      const end = returns[row] as number;
      refutation.offer(end, rowsOfProcesses(table, end, row, row));
      continue;
    }
    if (before === 0) {
      first[count++] = row;
      firstOf[process] = row;
    } else {
      nextRow[lastOf[process] as number] = row;
    }
    lastOf[process] = row;
    depth[process] = isRelease ? before - 1 : before + 1;
    if (isRelease && before === 1) mayEnd[firstOf[process] as number] = invoke[row] as number;
  }
  return { refutation, isFenced, first: first.subarray(0, count), mayEnd, nextRow };
}

/**
 * Sorts the sessions, and offers the first two that hold the lock at once, or whose tokens
 * descend.
 */
export function overlapOf(table: Table, sessions: Sessions): void {
  const { first, mayEnd, refutation, isFenced } = sessions;
  const { events, return: returns, columns } = table;
  const isFirst = new Uint8Array(table.size);
  for (const row of first) isFirst[row] = 1;
  let count = 0;
  let last = NO_ROW;
  let token = -1;
  for (let rank = 0; rank < events.length; rank++) {
    const row = (events[rank] as number) >>> 1;
    if (isFirst[row] === 0 || returns[row] !== rank) continue;
    const isHeld = last !== NO_ROW && (mayEnd[last] as number) > rank;
    const itsToken = isFenced ? Number(columns.values.value(columns.output[row] as number)) : 0;
    if (isHeld || (isFenced && itsToken <= token)) {
      refutation.offer(rank, rowsOfProcesses(table, rank, row, last));
      return;
    }
    first[count++] = row;
    last = row;
    token = itsToken;
  }
}

/**
 * What the processes of two operations completed, as far as it was invoked before a rank: with all
 * of it certain, no release that is weakened can free the lock in between.
 */
function rowsOfProcesses(
  table: Table,
  rank: number,
  row: number,
  other: number,
): readonly number[] {
  const { process } = table.columns;
  const [one, two] = [process[row], process[other]];
  const rows: number[] = [];
  for (let each = 0; each < table.size && (table.invoke[each] as number) < rank; each++) {
    const isTheirs = process[each] === one || process[each] === two;
    if (isTheirs && table.isCompleted(each)) rows.push(each);
  }
  return rows;
}

/** Numbers the processes; undefined when their names are not small integers. */
function numberProcesses(process: Float64Array, size: number): Numbering | undefined {
  let least = 0x7fff_ffff;
  let greatest = 0;
  for (let row = 0; row < size; row++) {
    const name = process[row] as number;
    if (name !== (name | 0)) return undefined;
    if (name < least) least = name;
    if (name > greatest) greatest = name;
  }
  const numbers = new Numbering({ count: size, least, greatest });
  for (let row = 0; row < size; row++) {
    const name = process[row] as number;
    if (numbers.find(name) < 0) numbers.add(name);
  }
  return numbers;
}
