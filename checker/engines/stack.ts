import { assert } from '../assert.ts';
import type { Model } from '../models/model.ts';
import { NEVER, type Table } from '../table.ts';
import type { Budget } from '../verdict.ts';
import {
  assignCrashedTakes,
  firstShortage,
  settleEmpties,
  withdrawCrashedTakes,
} from './crashed-takes.ts';
import type { Decision, Engine } from './decision.ts';
import { takersBefore, type EmptyPoints } from './empties.ts';
import { MinimumTree } from './minimum-tree.ts';
import { NONE, pairValues, Refutation, type Pairs } from './pairs.ts';
import { peel, type Peeled } from './peeling.ts';
import { PointSet } from './point-set.ts';
import type { Slice } from './run.ts';

/*
 * Stack of unique values: O(n log n). Without crashed takes:
 *
 * - A value that is certainly inside nowhere (its put and its take overlap) can be left out: put it
 *   and take it at once, at a common point of both, wherever the stack stands then.
 * - Takes that found it empty ask for open points only (`empties.ts`).
 * - The others are peeled (`peeling.ts`).
 *
 * The order is built in the order of peeling, which is from the bottom of the stack upwards. At any
 * time it is a list of operations at points that do not decrease along it, and none of the points
 * is one at which a value that is still to come is certainly inside: takes that found the stack
 * empty first, then values as they were peeled. So a value v has a place between two neighbours of
 * the list, the last before putReturn and the first from takeInvoke on; its put and its take go
 * there together, at their points, or at those of the neighbours where these are nearer (such a
 * point lies in the operation's interval as well, and it is as good for all values still to come).
 * Each pair comes in between neighbours, so pairs nest: it is a stack.
 */

/** Bytes of `Pairs`, and of the trees and lists here, per row. */
const BYTES_PER_ROW = 320;

/** Decides stacks of unique values; where pops crashed, most of them, see `prepareCrashed`. */
export const stack: Engine = {
  name: 'stack',
  prepare(table: Table, model: Model) {
    if (model.structure !== 'stack') return undefined;
    const pairs = pairValues(table, 'push', 'pop');
    if (pairs === undefined) return undefined;
    if ('type' in pairs) return () => known(pairs);
    if (pairs.crashedTakes.length > 0) return prepareCrashed(pairs);
    return (budget) => decide(pairs, budget);
  },
};

function* known(decision: Decision): Generator<Slice, Decision> {
  yield 'running';
  return decision;
}

function* decide(pairs: Pairs, budget: Budget): Generator<Slice, Decision> {
  if (pairs.table.size * BYTES_PER_ROW > budget.memoryBytesMax) {
    return { type: 'unknown', reason: 'memory', provenRank: 0 };
  }
  const empty = settleEmpties(pairs, new Refutation());
  if ('type' in empty) return empty;
  yield 'running';
  const peeling = peel(pairs, criticalValues(pairs));
  for (;;) {
    const step = peeling.next();
    if (step.done === true) {
      if (step.value.stuck.length > 0) return yield* refute(pairs, step.value.stuck, budget);
      return { type: 'linearizable', order: orderOf(pairs, empty, step.value) };
    }
    if (budget.now() >= budget.deadlineNs) {
      return { type: 'unknown', reason: 'time', provenRank: 0 };
    }
    yield 'running';
  }
}

/** Choices of what crashed pops took that are tried. */
const ROUNDS = 16;

/**
 * With crashed pops a history may be decided all the same, from two sides:
 *
 * - Without the values that no completed pop returned, and without crashed pops, a legal order
 *   stays legal. So when the others are stuck, there is none; nor when there are too few crashed
 *   pops for the values that have to be gone (`crashed-takes.ts`): by a point where the stack is
 *   found empty, or because a value w below was popped. (u has to be gone before w's pop returns
 *   when w was pushed before u, put(w) returning before that of u was invoked, and popped after u
 *   was pushed, w's pop being invoked after u's push returned.)
 * - Any choice of what they popped that leads to a legal order will do: those with deadlines, and
 *   more of these where values are stuck.
 *
 * Both sides are tried here, since only then it is known whether the engine applies.
 *
 * @returns undefined when neither side decides
 */
function prepareCrashed(
  pairs: Pairs,
): ((budget: Budget) => Generator<Slice, Decision>) | undefined {
  const { takeRow } = pairs;
  const taken = criticalValues(pairs).filter((value) => takeRow[value] !== NONE);
  const { stuck } = drain(peel(pairs, taken));
  if (stuck.length > 0) return (budget) => refute(pairs, stuck, budget);
  const need = needsOf(pairs);
  const refuted = { type: 'not-linearizable', cuts: [] } as const;
  if (firstShortage(pairs, need) !== NONE) {
    return () => known({ ...refuted, byRank: undefined, conflict: undefined });
  }
  const empty = settleEmpties(pairs, new Refutation());
  if ('type' in empty) return () => known(empty);
  for (let round = 0; round < ROUNDS; round++) {
    const deadlines = need.slice();
    if (!assignCrashedTakes(pairs, deadlines, empty.rowAt)) return undefined;
    const peeled = drain(peel(pairs, criticalValues(pairs)));
    if (peeled.stuck.length === 0) {
      return () => known({ type: 'linearizable', order: orderOf(pairs, empty, peeled) });
    }
    if (!findNeeds(pairs, peeled.stuck, need)) return undefined;
    withdrawCrashedTakes(pairs);
  }
  return undefined;
}

/**
 * Chooses a value that could go next but for those that no pop took, and lets them be gone in time.
 *
 * @returns false when there is none
 */
function findNeeds(pairs: Pairs, stuck: Int32Array, need: Int32Array): boolean {
  const { takeRow, takeReturn, putReturn } = pairs;
  const others = stuck.filter((value) => takeRow[value] !== NONE);
  const { values, takePoint } = drain(peel(pairs, others));
  const next = values.find((value) => takeReturn[value] !== NEVER);
  if (next === undefined) return false;
  let hasFound = false;
  for (const value of stuck) {
    if (takeRow[value] !== NONE || at(putReturn, value) > at(takePoint, next)) continue;
    if (at(need, value) <= at(takeReturn, next)) continue;
    need[value] = at(takeReturn, next);
    hasFound = true;
  }
  return hasFound;
}

function at(numbers: Int32Array, index: number): number {
  return numbers[index] as number;
}

function drain<T>(steps: Generator<Slice, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Per value that no completed pop returned: the first return of a pop of a value certainly below
 * it.
 */
function needsOf(pairs: Pairs): Int32Array {
  const { putInvoke, putReturn, takeInvoke, takeReturn, takeRow, table, valueOf } = pairs;
  const need = new Int32Array(pairs.size).fill(NEVER);
  const points = table.events.length;
  // By when the pop was invoked: when it returned, of values whose push had returned so far.
  const returns = new MinimumTree(new Int32Array(points).fill(points));
  for (let rank = 0; rank < points; rank++) {
    const value = valueOf[at(table.events, rank) >>> 1] as number;
    if (value === NONE) continue;
    const isTaken = takeRow[value] !== NONE;
    if (isTaken && rank === putReturn[value] && rank < at(takeInvoke, value)) {
      const begin = at(takeInvoke, value);
      returns.add(begin, begin + 1, at(takeReturn, value) - points);
    } else if (!isTaken && rank === putInvoke[value]) {
      const least = returns.leastIn(at(putReturn, value), points);
      if (least < points) need[value] = least;
    }
  }
  return need;
}

/** Those that are certainly inside somewhere. */
function criticalValues({ putReturn, takeInvoke, size }: Pairs): Int32Array {
  const values = new Int32Array(size);
  let count = 0;
  for (let value = 0; value < size; value++) {
    if (at(putReturn, value) < at(takeInvoke, value)) values[count++] = value;
  }
  return values.subarray(0, count);
}

/** A list of rows at points, and the last row at each point. */
class Line {
  readonly #next: Int32Array;
  readonly #pointOf: Int32Array;
  readonly #lastAt: Int32Array;
  readonly #points: PointSet;
  readonly #head: number;
  #length = 0;

  constructor(rows: number, points: number) {
    this.#head = rows;
    this.#next = new Int32Array(rows + 1).fill(NONE);
    this.#pointOf = new Int32Array(rows + 1);
    this.#pointOf[rows] = -1;
    this.#lastAt = new Int32Array(points).fill(NONE);
    this.#points = new PointSet(points);
  }

  /** The last row at a point below the bound, or the head of the list. */
  lastBelow(bound: number): number {
    const point = this.#points.below(bound);
    return point < 0 ? this.#head : (this.#lastAt[point] as number);
  }

  /**
   * Inserts a row behind another.
   *
   * @param point - raised to that of the row before, and lowered to that of the row behind
   */
  insert(before: number, row: number, point: number): void {
    const behind = this.#next[before] as number;
    let at = Math.max(point, this.#pointOf[before] as number);
    if (behind !== NONE) at = Math.min(at, this.#pointOf[behind] as number);
    this.#next[before] = row;
    this.#next[row] = behind;
    this.#pointOf[row] = at;
    this.#length++;
    if (behind !== NONE && this.#pointOf[behind] === at) return;
    this.#lastAt[at] = row;
    this.#points.add(at);
  }

  rows(): Int32Array {
    const rows = new Int32Array(this.#length);
    let row = this.#head;
    for (let i = 0; i < rows.length; i++) {
      row = this.#next[row] as number;
      rows[i] = row;
    }
    return rows;
  }
}

/** Rows in a legal order. */
function orderOf(pairs: Pairs, { rowAt, nextRow }: EmptyPoints, peeled: Peeled): Int32Array {
  const { putRow, takeRow, putReturn, takeInvoke, table } = pairs;
  const line = new Line(table.size, table.events.length);
  let last = line.lastBelow(0);
  for (let point = 0; point < rowAt.length; point++) {
    for (let row = rowAt[point] as number; row !== NONE; row = nextRow[row] as number) {
      line.insert(last, row, point);
      last = row;
    }
  }
  const { values, putPoint, takePoint } = peeled;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const row = putRow[value] as number;
    line.insert(line.lastBelow(putReturn[value] as number), row, putPoint[value] as number);
    if (takeRow[value] === NONE) continue;
    line.insert(row, takeRow[value] as number, takePoint[value] as number);
  }
  for (let value = 0; value < pairs.size; value++) {
    const point = takeInvoke[value] as number;
    if ((putReturn[value] as number) < point) continue;
    const row = putRow[value] as number;
    line.insert(line.lastBelow(point + 1), row, point);
    line.insert(row, takeRow[value] as number, point);
  }
  return line.rows();
}

/**
 * Some of the stuck values that are stuck by themselves, found by bisection: the least prefix of
 * those in question (by take) that is stuck together with those known to be needed; its last one is
 * needed.
 */
function* refute(pairs: Pairs, stuck: Int32Array, budget: Budget): Generator<Slice, Decision> {
  const { takeReturn, takeRow, putRow, table } = pairs;
  let rest = stuck.toSorted((a, b) => (takeReturn[a] as number) - (takeReturn[b] as number));
  let needed: Int32Array = new Int32Array(0);
  let isStuck = false;
  while (!isStuck && budget.now() < budget.deadlineNs) {
    let low = 0;
    let high = rest.length;
    // Stuck with all of the rest; not stuck with `low` or fewer.
    while (low + 1 < high) {
      const middle = (low + high) >>> 1;
      const tried = yield* stuckOf(pairs, join(needed, rest.subarray(0, middle)));
      if (tried.length > 0) high = middle;
      else low = middle;
    }
    assert(high > 0, 'what is stuck with the rest, and not without, needs one of it');
    needed = join(needed, rest.subarray(high - 1, high));
    rest = rest.subarray(0, high - 1);
    isStuck = (yield* stuckOf(pairs, needed)).length > 0;
  }
  const values = isStuck ? needed : join(needed, rest);
  const rows: number[] = [];
  let latest = 0;
  for (const value of values) {
    rows.push(putRow[value] as number);
    if (takeRow[value] === NONE) continue;
    rows.push(takeRow[value] as number);
    latest = Math.max(latest, takeReturn[value] as number);
  }
  // A value that nobody took counts on every take that could have: each found something else.
  if (values.some((value) => takeRow[value] === NONE)) rows.push(...takersBefore(pairs, latest));
  let byRank = 0;
  for (const row of rows) byRank = Math.max(byRank, table.return[row] as number);
  const conflict = [...new Set(rows)].toSorted((a, b) => a - b);
  return { type: 'not-linearizable', byRank, conflict, cuts: [] };
}

function* stuckOf(pairs: Pairs, values: Int32Array): Generator<Slice, Int32Array> {
  return (yield* peel(pairs, values)).stuck;
}

function join(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
