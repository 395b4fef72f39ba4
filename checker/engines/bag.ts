import { assert } from '../assert.ts';
import type { Model } from '../models/model.ts';
import { NEVER, type Table } from '../table.ts';
import type { Budget } from '../verdict.ts';
import { assignCrashedTakes, settleEmpties } from './crashed-takes.ts';
import type { Decision, Engine } from './decision.ts';
import type { EmptyPoints } from './empties.ts';
import { BYTES_PER_ROW, NONE, pairValues, Refutation, type Pairs } from './pairs.ts';
import type { Slice } from './run.ts';

/*
 * Unordered queue of unique values: O(n), but for sorting the values that crashed dequeues took.
 *
 * Without takes that found it empty the history is linearizable iff every taken value was put,
 * once, and before its take returned (`pairValues` sees to that): put each operation at its
 * tightened invocation, the put of a value before its take where both have the same. Takes that
 * found it empty ask for open points only, see `empties.ts`; crashed takes, see `crashed-takes.ts`,
 * have nothing else to serve: no need.
 */

/** Decides unordered queues of unique values, with crashed operations of any kind. */
export const bag: Engine = {
  name: 'bag',
  prepare(table: Table, model: Model) {
    if (model.structure !== 'bag') return undefined;
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
  const need = new Int32Array(pairs.size).fill(NEVER);
  const placed = settleEmpties(pairs, new Refutation());
  if ('type' in placed) return placed;
  const isInTime = assignCrashedTakes(pairs, need, placed.rowAt);
  assert(isInTime, 'enough crashed dequeues, or it is refuted');
  yield 'running';
  if (budget.now() >= budget.deadlineNs) return { type: 'unknown', reason: 'time', provenRank: 0 };
  return { type: 'linearizable', order: orderOf(pairs, need, placed) };
}

/**
 * Rows in a legal order: each operation at its tightened invocation, but
 *
 * - a put whose value would be inside at a point where the bag is empty waits for the last such
 *   point before its value is taken (its value is not certainly inside there, so the put returns
 *   after it);
 * - a crashed take stands at the first such point after the put of its value returned. So at each
 *   point crashed takes take all that is inside: which takes what makes no difference.
 */
function orderOf(pairs: Pairs, need: Int32Array, { rowAt, nextRow }: EmptyPoints): Int32Array {
  const { putInvoke, putReturn, takeInvoke, putRow, takeRow, valueOf, table } = pairs;
  const { events } = table;
  const order = new Int32Array(table.size);
  let length = 0;
  const latest = latestPoints(rowAt);
  // Values whose puts, or whose crashed takes, wait for a point.
  const firstPut = new Int32Array(events.length).fill(NONE);
  const nextPut = new Int32Array(pairs.size);
  const firstTake = new Int32Array(events.length).fill(NONE);
  const nextTake = new Int32Array(pairs.size);
  const isCrashed = (value: number): boolean => need[value] !== NEVER;
  for (let value = 0; value < pairs.size; value++) {
    if (!isCrashed(value)) continue;
    const point = (need[value] as number) - 1;
    nextTake[value] = firstTake[point] as number;
    firstTake[point] = value;
  }
  for (let rank = 0; rank < events.length; rank++) {
    const value = valueOf[(events[rank] as number) >>> 1] as number;
    if (value !== NONE && putInvoke[value] === rank) {
      const end = isCrashed(value) ? putReturn[value] : takeInvoke[value];
      const point = latest[Math.min(end as number, events.length)] as number;
      if (point < rank) order[length++] = putRow[value] as number;
      else {
        nextPut[value] = firstPut[point] as number;
        firstPut[point] = value;
      }
    }
    if (value !== NONE && takeInvoke[value] === rank && !isCrashed(value)) {
      order[length++] = takeRow[value] as number;
    }
    if (rowAt[rank] === NONE) continue;
    for (let each = firstTake[rank] as number; each !== NONE; each = nextTake[each] as number) {
      order[length++] = takeRow[each] as number;
    }
    for (let row = rowAt[rank] as number; row !== NONE; row = nextRow[row] as number) {
      order[length++] = row;
    }
    for (let each = firstPut[rank] as number; each !== NONE; each = nextPut[each] as number) {
      order[length++] = putRow[each] as number;
    }
  }
  return order.slice(0, length);
}

/** Per rank, and for the end, the last point before it where the bag is empty; NONE without any. */
function latestPoints(rowAt: Int32Array): Int32Array {
  const latest = new Int32Array(rowAt.length + 1);
  let point = NONE;
  for (let rank = 0; rank < latest.length; rank++) {
    latest[rank] = point;
    if (rowAt[rank] !== NONE && rank < rowAt.length) point = rank;
  }
  return latest;
}
