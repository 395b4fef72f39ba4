import { assert } from '../assert.ts';
import { NEVER } from '../table.ts';
import type { Refuted } from './decision.ts';
import { conflictOfEmpty, countInside, placeEmpties, type EmptyPoints } from './empties.ts';
import { NONE, type Pairs, type Refutation } from './pairs.ts';

/*
 * What crashed takes took. A value that no completed take returned may have been taken by a crashed
 * one, and has to be when it would stand in the way: by a *need*, a rank before which that take
 * must have been invoked (NEVER: none), and for each take that found the container empty at a point
 * t by which the value's put had returned. All that matters of the crashed takes is when they were
 * invoked: a take with no end may as well come later than it could. So values with their deadlines
 * (before which rank a crashed take of their own must have been invoked) can all be served exactly
 * when for every rank x
 *
 *   #{values with a deadline ≤ x} ≤ #{crashed takes invoked before x}
 *
 * (Hall's condition for intervals that begin at 0: sorted, the k-th deadline gets the k-th crashed
 * take.)
 *
 * Let T be the points at which takes found the container empty. The deadline of a value is the
 * least of its need and of t+1 over those t in T with putReturn ≤ t. For a given x only the last t
 * < x of T counts, so the condition reads: for every x, #{need ≤ x} ≤ …, and for every t in T and
 * every x > t,
 *
 *   #{need ≤ x or putReturn ≤ t} ≤ #{crashed takes invoked before x}
 *
 * (asking it of all x > t, not only up to the next of T, asks nothing new: there the next one's
 * condition is the stronger). Of these x the first, t+1, is enough, where the needs by themselves
 * can be met, and where they are those of a queue, or NEVER for all, as in a bag: if a value with t
 * < putReturn has a need ≤ x, it is the return of the take of some b whose put was invoked after
 * putReturn, hence after t, so that every value with putReturn ≤ t has a need ≤ x too, and the
 * condition is that of the needs; else the values meant are those with putReturn ≤ t, whatever x.
 * So a point t can be in T iff
 *
 *   #{putReturn ≤ t} ≤ #{crashed takes invoked before t+1}
 *
 * which does not depend on what else is in T: such a point is open, and the takes that found
 * nothing choose among the open points one by one.
 */

/** Every rank x, from 0 to the number of events: crashed takes invoked before x, less needs ≤ x. */
function slackOf(pairs: Pairs, need: Int32Array): Int32Array {
  const { crashedTakes, table, size, takeRow } = pairs;
  const slack = new Int32Array(table.events.length + 1);
  for (let i = 0; i < crashedTakes.length; i++) {
    const after = (table.invoke[crashedTakes[i] as number] as number) + 1;
    slack[after] = (slack[after] as number) + 1;
  }
  for (let value = 0; value < size; value++) {
    const rank = need[value] as number;
    if (takeRow[value] === NONE && rank !== NEVER) slack[rank] = (slack[rank] as number) - 1;
  }
  let sum = 0;
  for (let x = 0; x < slack.length; x++) {
    sum += slack[x] as number;
    slack[x] = sum;
  }
  return slack;
}

/**
 * @param need - per value; counts for those without a completed take
 * @returns the first rank by which more values have to be gone than crashed takes can have taken;
 *   NONE when there is none
 */
export function firstShortage(pairs: Pairs, need: Int32Array): number {
  return slackOf(pairs, need).findIndex((slack) => slack < 0);
}

/**
 * Finds places for takes that found the container empty, with crashed takes or without. (In a stack
 * there may be none although these are found; where these are not found there is none.)
 *
 * @param refutation - what is known already: when there is any, or there are no places, it is
 *   returned
 */
export function settleEmpties(pairs: Pairs, refutation: Refutation): EmptyPoints | Refuted {
  const counts = countInside(pairs);
  const certain = placeEmpties(pairs, counts);
  if (typeof certain === 'number') {
    const { byRank, rows } = conflictOfEmpty(pairs, certain);
    refutation.offer(byRank, rows);
  }
  if (refutation.found !== undefined) return refutation.found;
  assert(typeof certain === 'object', 'or else it is refuted');
  if (pairs.crashedTakes.length === 0 || pairs.empties.length === 0) return certain;
  closePoints(pairs, counts);
  const placed = placeEmpties(pairs, counts);
  return typeof placed === 'object'
    ? placed
    : { type: 'not-linearizable', byRank: undefined, conflict: undefined, cuts: [] };
}

/** Marks points that are not open on account of values that nobody took. @param counts - 0: open */
function closePoints(pairs: Pairs, counts: Int32Array): void {
  const { crashedTakes, putReturn, takeRow, table, valueOf } = pairs;
  let inside = 0;
  let next = 0;
  for (let point = 0; point < counts.length; point++) {
    const row = (table.events[point] as number) >>> 1;
    const value = valueOf[row] as number;
    if (value !== NONE && takeRow[value] === NONE && putReturn[value] === point) inside++;
    if (crashedTakes[next] === row) next++;
    if (inside > next) counts[point] = 1;
  }
}

/**
 * Gives values that have to be gone a crashed take each, which becomes a take of theirs that never
 * returned.
 *
 * @param need - becomes the deadline of each value without a completed take
 * @param rowAt - see `EmptyPoints`
 * @returns false when there are not enough of them in time; then nothing was given
 */
export function assignCrashedTakes(pairs: Pairs, need: Int32Array, rowAt: Int32Array): boolean {
  const { crashedTakes, putReturn, takeRow, table } = pairs;
  if (crashedTakes.length === 0) return true;
  const next = nextUsed(rowAt);
  const late: number[] = [];
  for (let value = 0; value < pairs.size; value++) {
    if (takeRow[value] !== NONE) continue;
    const point = next[putReturn[value] as number] as number;
    if (point !== NEVER) need[value] = Math.min(need[value] as number, point + 1);
    if (need[value] !== NEVER) late.push(value);
  }
  late.sort((a, b) => (need[a] as number) - (need[b] as number));
  const isInTime = late.every((value, i) => {
    const row = crashedTakes[i];
    return row !== undefined && (table.invoke[row] as number) < (need[value] as number);
  });
  if (!isInTime) return false;
  for (const [i, value] of late.entries()) takeWith(pairs, value, crashedTakes[i] as number);
  return true;
}

/** Undoes `assignCrashedTakes`. */
export function withdrawCrashedTakes(pairs: Pairs): void {
  const { crashedTakes, takeInvoke, takeRow, valueOf } = pairs;
  for (const row of crashedTakes) {
    const value = valueOf[row] as number;
    if (value === NONE) continue;
    takeRow[value] = NONE;
    takeInvoke[value] = NEVER;
    valueOf[row] = NONE;
  }
}

/** Makes a crashed take that of a value. */
function takeWith(pairs: Pairs, value: number, row: number): void {
  const { putInvoke, takeInvoke, takeRow, valueOf, table } = pairs;
  takeRow[value] = row;
  takeInvoke[value] = Math.max(table.invoke[row] as number, putInvoke[value] as number);
  valueOf[row] = value;
}

/** Per point the first used one that is not before it; NEVER when there is none. */
function nextUsed(rowAt: Int32Array): Int32Array {
  const next = new Int32Array(rowAt.length);
  let point = NEVER;
  for (let i = rowAt.length - 1; i >= 0; i--) {
    if (rowAt[i] !== NONE) point = i;
    next[i] = point;
  }
  return next;
}
