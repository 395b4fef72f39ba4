import { assert } from '../assert.ts';
import type { Model } from '../models/model.ts';
import { NEVER, type Table } from '../table.ts';
import type { Budget } from '../verdict.ts';
import { assignCrashedTakes, firstShortage, settleEmpties } from './crashed-takes.ts';
import type { Decision, Engine } from './decision.ts';
import { takersBefore, type EmptyPoints } from './empties.ts';
import { BYTES_PER_ROW, NONE, pairValues, Refutation, type Pairs } from './pairs.ts';
import type { Slice } from './run.ts';

/*
 * FIFO queue of unique values: O(n), but for sorting the values that crashed dequeues took
 * (Henzinger, Sezgin & Vafeiadis 2013; the rest is proved here).
 *
 * Write a <₁ b when the put of a returned before that of b was invoked, a <₂ b the same of their
 * takes; a value without a take is taken at the end of time, so a <₂ b for every taken a and every
 * b that is not, and never the other way. (Intervals are tightened, see `Pairs`.)
 *
 * Claim: without takes that found it empty, the history is linearizable iff no a <₁ b <₂ a.
 *
 * Necessary: a legal order puts a before b, then takes a first.
 *
 * Sufficient: both relations are interval orders, so w < x and y < z imply w < z or y < x. Then <₁
 * ∪ <₂ has no cycle at all: take a shortest one. It has no two steps of one relation in a row (each
 * is transitive), so it alternates, and has length 2, which is excluded, or is a <₁ b <₂ c <₁ d <₂
 * …: then a <₁ d, which makes it shorter, or c <₁ b, which with b <₂ c is excluded. So there is a
 * total order of the values that extends both. Chain all puts in that order, all takes in that
 * order, and each value's put before its take. With real time this is acyclic: a cycle alternates
 * between chain steps and real-time steps; two real-time steps of it w → x, y → z can be joined to
 * w → z or replaced by y → x (interval order again), so that a shortest cycle has one such step, w
 * → x, back along the chains from x to w. The chains lead from x to w in three ways: put to put and
 * take to take, where real time would contradict the order of values; put of c to take of d with c
 * not after d, where take d → put c by tightening makes d <₁ c and contradicts it. So a linear
 * extension exists. Placing each operation at the greatest invocation among those that precede it
 * along the chains, itself included, is one: were that invocation, of y, after the return of x,
 * then x → y in real time and y before x along the chains.
 *
 * Takes that found it empty ask for open points only, see `empties.ts`; crashed takes see
 * `crashed-takes.ts`: to take u with a crashed take that was invoked at i removes a pair u <₁ b <₂
 * u exactly when i is before return(take b), so the need of u is the least such return over all b
 * with u <₁ b. As it never returns it creates no such pair.
 */

/** Decides queues of unique values, with crashed operations of any kind. */
export const queue: Engine = {
  name: 'queue',
  prepare(table: Table, model: Model) {
    if (model.structure !== 'queue') return undefined;
    const pairs = pairValues(table, 'enqueue', 'dequeue');
    if (pairs === undefined) return undefined;
    return function* (budget) {
      return 'type' in pairs ? pairs : yield* decide(pairs, budget);
    };
  },
};

function* decide(pairs: Pairs, budget: Budget): Generator<Slice, Decision> {
  if (pairs.table.size * BYTES_PER_ROW > budget.memoryBytesMax) {
    return { type: 'unknown', reason: 'memory', provenRank: 0 };
  }
  const need = needsOf(pairs);
  yield 'running';
  const refutation = new Refutation();
  findOvertaken(pairs, need, refutation);
  const shortage = firstShortage(pairs, need);
  if (shortage !== NONE) offerShortage(pairs, need, shortage, refutation);
  const placed = settleEmpties(pairs, refutation);
  if ('type' in placed) return placed;
  const isInTime = assignCrashedTakes(pairs, need, placed.rowAt);
  assert(isInTime, 'enough crashed dequeues, or it is refuted');
  yield 'running';
  if (budget.now() >= budget.deadlineNs) return { type: 'unknown', reason: 'time', provenRank: 0 };
  return { type: 'linearizable', order: orderOf(pairs, placed) };
}

/** Per value: the first return of a take of a value that was put after this one. */
function needsOf(pairs: Pairs): Int32Array {
  const { putInvoke, putReturn, takeReturn, valueOf, table } = pairs;
  const need = new Int32Array(pairs.size).fill(NEVER);
  let least = NEVER;
  for (let rank = table.events.length - 1; rank >= 0 && pairs.size > 0; rank--) {
    const value = valueOf[(table.events[rank] as number) >>> 1] as number;
    if (value === NONE) continue;
    if (putReturn[value] === rank) need[value] = least;
    if (putInvoke[value] === rank) least = Math.min(least, takeReturn[value] as number);
  }
  return need;
}

/** Of values that were taken too late: later ones overtook them. */
function findOvertaken(pairs: Pairs, need: Int32Array, refutation: Refutation): void {
  const { putRow, takeRow, takeInvoke, takeReturn } = pairs;
  let first = NONE;
  for (let value = 0; value < pairs.size; value++) {
    if (takeRow[value] === NONE) continue;
    if ((takeInvoke[value] as number) <= (need[value] as number)) continue;
    if (first === NONE || (takeReturn[value] as number) < (takeReturn[first] as number)) {
      first = value;
    }
  }
  if (first === NONE) return;
  // Its put had returned, its take was not yet invoked: neither was tightened. The other value was
  // put later in any case, so its put need not be certain.
  const overtaker = (pairs.table.events[need[first] as number] as number) >>> 1;
  const rows = [putRow[first] as number, overtaker, takeRow[first] as number];
  refutation.offer(takeReturn[first] as number, rows);
}

/**
 * More values were overtaken and never returned than crashed takes can have taken. That counts that
 * each take which began before returned something else.
 */
function offerShortage(
  pairs: Pairs,
  need: Int32Array,
  shortage: number,
  refutation: Refutation,
): void {
  const { putRow, takeRow, table } = pairs;
  const rows = new Set(takersBefore(pairs, shortage));
  for (let value = 0; value < pairs.size; value++) {
    if (takeRow[value] !== NONE || (need[value] as number) > shortage) continue;
    rows.add(putRow[value] as number);
  }
  let byRank = 0;
  for (const row of rows) byRank = Math.max(byRank, table.return[row] as number);
  refutation.offer(
    byRank,
    [...rows].toSorted((a, b) => a - b),
  );
}

/** A total order of values that extends <₁ and <₂, and where in it the container gets empty. */
interface Sequence {
  readonly values: Int32Array;
  /** How many values are taken by each used point, those points ascending. */
  readonly takenBy: readonly number[];
  readonly points: readonly number[];
}

/**
 * Two readers walk the events. The first passes puts as they are invoked and waits at the return of
 * a put whose value has no place yet; the second does the same with takes, and waits at points
 * where the queue is empty until all that was taken before has a place. A value that both passed
 * has no smaller one without a place: it is next.
 *
 * They cannot both be stuck: let the first wait for a. If the second waits for b's take, then it
 * passed b, the first did not: a <₁ b; and a, which the first passed, was not passed by the second:
 * b <₂ a, excluded. If it waits at a point (or at the end, where values without a take follow) for
 * u, which it passed, then a <₁ u; a's put returned before u's was invoked, hence before the point;
 * a is not taken by then, or it would have a place; so the point is not open, or at the end, u
 * being taken by need, a has the same need and a take.
 */
function sequenceOf(pairs: Pairs, { rowAt }: EmptyPoints): Sequence {
  const { putInvoke, putReturn, takeInvoke, takeReturn, valueOf, table, size } = pairs;
  const { events } = table;
  const end = events.length;
  const passed = new Uint8Array(size);
  const values = new Int32Array(size);
  const takenBy: number[] = [];
  const points: number[] = [];
  let placed = 0;
  let putReader = 0;
  let takeReader = 0;
  let takesPassed = 0;
  for (let before = -1; before !== putReader + takeReader;) {
    before = putReader + takeReader;
    for (; putReader < end; putReader++) {
      const value = valueOf[(events[putReader] as number) >>> 1] as number;
      if (value === NONE) continue;
      if (putInvoke[value] === putReader) {
        passed[value] = (passed[value] as number) | 1;
        if (passed[value] === 3) values[placed++] = value;
      } else if (putReturn[value] === putReader && passed[value] !== 3) break;
    }
    for (; takeReader < end; takeReader++) {
      const value = valueOf[(events[takeReader] as number) >>> 1] as number;
      if (value !== NONE) {
        if (takeInvoke[value] === takeReader) {
          // Waiting at this rank's point comes back here.
          if (((passed[value] as number) & 2) === 0) takesPassed++;
          if (passed[value] === 1) values[placed++] = value;
          passed[value] = (passed[value] as number) | 2;
        } else if (takeReturn[value] === takeReader && passed[value] !== 3) break;
      }
      if (rowAt[takeReader] !== NONE) {
        if (placed < takesPassed) break;
        takenBy.push(placed);
        points.push(takeReader);
      }
    }
    if (takeReader === end && placed === takesPassed && takesPassed < size) {
      takesPassed = size;
      // Those without a take: by their puts.
      for (let value = 0; value < size; value++) {
        if (takeInvoke[value] !== NEVER) continue;
        if (passed[value] === 1) values[placed++] = value;
        passed[value] = (passed[value] as number) | 2;
      }
    }
  }
  assert(placed === size, 'values of a queue without a conflict have an order');
  return { values, takenBy, points };
}

/** Rows in a legal order. */
function orderOf(pairs: Pairs, empty: EmptyPoints): Int32Array {
  const { putInvoke, takeInvoke, putRow, takeRow, table } = pairs;
  const { values, takenBy, points } = sequenceOf(pairs, empty);
  const order = new Int32Array(table.size);
  let length = 0;
  let putting = 0;
  let taking = 0;
  let putAt = 0;
  let takeAt = 0;
  for (let part = 0; part <= points.length; part++) {
    const point = points[part] ?? NEVER;
    const until = takenBy[part] ?? values.length;
    // Puts and takes of this part by position, puts first: none is after the take of its value.
    while (taking < until) {
      const value = values[taking] as number;
      let position = Math.max(takeAt, takeInvoke[value] as number);
      while (putting < until) {
        const next = values[putting] as number;
        const nextAt = Math.max(putAt, putInvoke[next] as number);
        if (putting > taking && nextAt > position) break;
        putAt = nextAt;
        order[length++] = putRow[next] as number;
        if (putting++ === taking) position = Math.max(position, putAt);
      }
      takeAt = position;
      if (takeRow[value] !== NONE) order[length++] = takeRow[value] as number;
      taking++;
    }
    if (point === NEVER) break;
    for (let row = empty.rowAt[point] as number; row !== NONE;) {
      order[length++] = row;
      row = empty.nextRow[row] as number;
    }
    putAt = point;
    takeAt = point;
  }
  return order.slice(0, length);
}
