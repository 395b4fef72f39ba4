import { NEVER } from '../table.ts';
import { NONE, type Pairs } from './pairs.ts';

/*
 * When a take may have found the container empty.
 *
 * A *point* t lies between the events of rank t and t+1. A value is *certainly inside* at the
 * points from putReturn to before takeInvoke; a point is *open* when no value is certainly inside.
 *
 * Claim: let a history of puts and takes of unique values have a legal order L, in a queue, a bag
 * or a stack, and let t be open. Then it has one in which the container is empty at t; and one that
 * is empty at several such points at once.
 *
 * Proof: every value is *early* (takeInvoke ≤ t) or *late* (t < takeInvoke, hence t < putReturn, t
 * being open). Let L' be the operations on early values in the order of L, then those on late
 * values in the order of L. Leaving values out keeps a legal order of any of the three legal, and
 * every early value is taken, so the container is empty in between: L' is legal. And L' respects
 * real time: within the parts as L does; and if an operation x on a late value preceded one, y, on
 * an early value, then return(x) < invoke(y) ≤ takeInvoke ≤ t, whereas x returns after t, being a
 * put (putReturn > t) or a take (invoked after t). A take that was tightened to begin at t or
 * later, and a put to end before t, are no exceptions: the order of L respects the tightened
 * intervals as well. Each operation of the early part was invoked before t, each of the late part
 * returns after t, so that a take that finds the container empty fits at t. For several points
 * repeat this inside the parts.
 *
 * So takes that find the container empty ask only for an open point within their interval each, and
 * nothing of the others.
 */

/**
 * How many values are certainly inside, per point. What no completed take returned counts only if
 * no crashed one can have taken it.
 */
export function countInside(pairs: Pairs): Int32Array {
  const { putReturn, takeInvoke, takeRow, crashedTakes } = pairs;
  const points = pairs.table.events.length;
  const counts = new Int32Array(points);
  const canVanish = crashedTakes.length > 0;
  for (let value = 0; value < pairs.size; value++) {
    const begin = putReturn[value] as number;
    const end = takeInvoke[value] as number;
    if (begin >= end || (canVanish && takeRow[value] === NONE)) continue;
    counts[begin] = (counts[begin] as number) + 1;
    if (end < points) counts[end] = (counts[end] as number) - 1;
  }
  let inside = 0;
  for (let point = 0; point < points; point++) {
    inside += counts[point] as number;
    counts[point] = inside;
  }
  return counts;
}

/** Points at which the container is empty, each with the takes that find it so. */
export interface EmptyPoints {
  /** Per point: the row of a take that stands there; NONE where none does. */
  readonly rowAt: Int32Array;
  /** Per row of such a take: another one at the same point; NONE for the last. */
  readonly nextRow: Int32Array;
}

/**
 * Gives each take that found nothing the first open point of its interval.
 *
 * @param counts - per point; 0: open
 * @returns or else the row of the one without any that returns first
 */
export function placeEmpties(pairs: Pairs, counts: Int32Array): EmptyPoints | number {
  const { empties, table } = pairs;
  const points = counts.length;
  const rowAt = new Int32Array(points).fill(NONE);
  const nextRow = new Int32Array(empties.length === 0 ? 0 : table.size).fill(NONE);
  if (empties.length === 0) return { rowAt, nextRow };
  const nextOpen = nextPoint(counts, 0);
  let misplaced = NONE;
  let first = NEVER;
  for (let i = 0; i < empties.length; i++) {
    const row = empties[i] as number;
    const point = nextOpen[table.invoke[row] as number] as number;
    const returned = table.return[row] as number;
    if (point < returned) {
      nextRow[row] = rowAt[point] as number;
      rowAt[point] = row;
    } else if (returned < first) {
      misplaced = row;
      first = returned;
    }
  }
  return misplaced === NONE ? { rowAt, nextRow } : misplaced;
}

/** Per point the first one that is not before it where `numbers` is `wanted`; NEVER without any. */
function nextPoint(numbers: Int32Array, wanted: number): Int32Array {
  const next = new Int32Array(numbers.length);
  let found = NEVER;
  for (let point = numbers.length - 1; point >= 0; point--) {
    if (numbers[point] === wanted) found = point;
    next[point] = found;
  }
  return next;
}

/**
 * Why a take cannot have found nothing: values that leave no point of its interval open
 * (`countInside`), each by its put and its take. Where a value is needed that nobody took, it
 * counts that every take which began in time found something else: one that is weakened could have
 * taken it.
 */
export function conflictOfEmpty(
  pairs: Pairs,
  row: number,
): { readonly byRank: number; readonly rows: readonly number[] } {
  const { putReturn, takeInvoke, takeRow, putRow, takeReturn, table } = pairs;
  const end = table.return[row] as number;
  const rows = new Set([row]);
  let byRank = end;
  let needsAllTakes = false;
  const lasting = longestInside(pairs, end);
  let point = table.invoke[row] as number;
  while (point < end) {
    let value = lasting.taken[point] as number;
    if (value === NONE || (takeInvoke[value] as number) <= point) {
      value = lasting.kept;
      needsAllTakes = true;
    }
    rows.add(putRow[value] as number);
    if (takeRow[value] !== NONE) rows.add(takeRow[value] as number);
    byRank = Math.max(byRank, putReturn[value] as number);
    if (takeRow[value] !== NONE) byRank = Math.max(byRank, takeReturn[value] as number);
    point = takeInvoke[value] as number;
  }
  if (needsAllTakes) {
    for (const taker of takersBefore(pairs, end)) {
      rows.add(taker);
      byRank = Math.max(byRank, table.return[taker] as number);
    }
  }
  return { byRank, rows: [...rows].toSorted((a, b) => a - b) };
}

/** Completed takes that were invoked before a rank. */
export function takersBefore(pairs: Pairs, rank: number): readonly number[] {
  const { takeRow, empties, table } = pairs;
  const begins = (row: number): boolean =>
    row !== NONE && (table.invoke[row] as number) < rank && table.isCompleted(row);
  return [...takeRow.filter(begins), ...empties.filter(begins)];
}

/**
 * Of the values whose puts had returned by a point the one that is inside longest.
 *
 * @returns per point before `end` that of the taken ones, and of the others the first
 */
function longestInside(
  pairs: Pairs,
  end: number,
): { readonly taken: Int32Array; readonly kept: number } {
  const { putReturn, takeInvoke, takeRow } = pairs;
  const taken = new Int32Array(end).fill(NONE);
  let kept = NONE;
  for (let value = 0; value < pairs.size; value++) {
    const begin = putReturn[value] as number;
    if (begin >= end) continue;
    if (takeRow[value] !== NONE) taken[begin] = value;
    else if (kept === NONE || begin < (putReturn[kept] as number)) kept = value;
  }
  let best = NONE;
  for (let point = 0; point < end; point++) {
    const value = taken[point] as number;
    const isLonger =
      value !== NONE &&
      (best === NONE || (takeInvoke[value] as number) > (takeInvoke[best] as number));
    if (isLonger) best = value;
    taken[point] = best;
  }
  return { taken, kept };
}
