import type { Slice } from '../engines/run.ts';
import type { Counterexample } from '../verdict.ts';
import type { Effort } from './effort.ts';
import type { Start } from './starts.ts';
import { asOpen, type Weakening } from './weakening.ts';

/** What was found, to show and to speak of. */
export interface Found {
  readonly counterexample: Counterexample;
  /** The same with every weak operation that could have made what a strong one saw: to say that nobody else did. */
  readonly whole: Counterexample;
}

/** More weak operations than this are not thinned out. */
const SPARSE_MAX = 40;

interface Answer {
  readonly isRefuted: boolean;
  /** Rows of the weak operations in the order that was found. */
  readonly used: readonly number[];
}

/** As many as a screen shows: up to here all weak operations that can matter are told. */
export const SIZE_GOOD = 12;

/**
 * Finds a set of strong operations that refutes the history while no smaller part of it does. "Refutes" is
 * monotone: of a set that does not, no part does. The pool stands in an order of preference; in each
 * round bisection finds the shortest beginning of it that refutes together with what is kept. Its last
 * operation is needed for good: without it that set does not refute, and what is kept in the end is a part
 * of it. So it is kept, and what stood behind it is not needed.
 */
export class Minimization {
  #weakening: Weakening;
  #pool: number[];
  readonly #isKnown: boolean;
  readonly #before: Start['before'];
  readonly #effort: Effort;
  #kept: number[] = [];
  /** No decision was given up so far. */
  #isCertain = true;
  /** Rows of weak operations that some order needed. */
  readonly #needed = new Set<number>();

  constructor({ weakening, pool, isKnown, before }: Start, effort: Effort) {
    this.#before = before;
    this.#weakening = weakening;
    this.#pool = pool;
    this.#isKnown = isKnown;
    this.#effort = effort;
  }

  *run(): Generator<Slice, Found | undefined> {
    if (!this.#isKnown && !(yield* this.#refutes(this.#pool))) return undefined;
    const isMinimal = (yield* this.#reduce()) && (yield* this.#verify()) && this.#isCertain;
    return this.#found(isMinimal);
  }

  /** @returns false when the effort ended: then `kept` and `pool` together refute */
  *#reduce(): Generator<Slice, boolean> {
    while (this.#pool.length > 0) {
      this.#narrow();
      if (!(yield* this.#shorten())) return false;
      const last = this.#pool.pop();
      if (last !== undefined) this.#kept.push(last);
    }
    return true;
  }

  /** Cuts the pool to its shortest beginning that refutes together with what is kept. */
  *#shorten(): Generator<Slice, boolean> {
    // Invariant: the first `low` of the pool do not do (-1: nothing is known), the first `high` do.
    const isFirst = this.#kept.length === 0;
    let low = isFirst ? 0 : -1;
    let high = this.#pool.length;
    let step = 1;
    while (high - low > 1) {
      if (this.#effort.isSpent) {
        this.#pool.length = high;
        return false;
      }
      let count = (low + high) >>> 1;
      // At first from the front: what is needed is mostly near. Later from the end: what is needed comes in rows.
      if (isFirst && low < step) count = Math.min(count, step);
      if (!isFirst && low < 0) count = Math.max(0, high - step);
      step *= 2;
      const isEnough = yield* this.#refutes([...this.#kept, ...this.#pool.slice(0, count)]);
      if (isEnough) high = count;
      else low = count;
    }
    this.#pool.length = high;
    return true;
  }

  /** Goes on with a smaller history where that suffices. */
  #narrow(): void {
    const strong = [...this.#kept, ...this.#pool].sort((a, b) => a - b);
    this.#effort.spend(this.#weakening.table.size >>> 2);
    const narrowed = this.#weakening.narrowed(strong);
    if (narrowed === undefined) return;
    const numbers = new Map(narrowed.rows.map((row, i) => [row, i]));
    const renumbered = (rows: readonly number[]): number[] =>
      rows.map((row) => numbers.get(row) ?? -1);
    this.#kept = renumbered(this.#kept);
    this.#pool = renumbered(this.#pool);
    this.#weakening = narrowed.weakening;
  }

  /** Weakens each strong one by itself: some order must come of it, which tells what else it needs. */
  *#verify(): Generator<Slice, boolean> {
    const orders = new Map<number, readonly number[]>();
    const kept = this.#kept;
    for (const row of kept) {
      const others = this.#kept.filter((each) => each !== row);
      const decided = yield* this.#decide(others);
      if (decided === undefined) return false;
      if (decided.isRefuted) this.#kept = others;
      else orders.set(row, decided.used);
    }
    const used = new Set([...orders.values()].flat());
    for (const row of this.#kept) used.delete(row);
    const isMuch = this.#kept.length + used.size > SIZE_GOOD;
    if (isMuch && used.size <= SPARSE_MAX) yield* this.#spare(orders);
    else for (const row of used) this.#needed.add(row);
    return true;
  }

  /**
   * Looks for orders that need few weak operations, and for each the same as the others: of those that
   * one order holds, one after the other goes, if some order holds the rest.
   *
   * @param orders - per strong operation: what an order without it holds of weak ones
   */
  *#spare(orders: ReadonlyMap<number, readonly number[]>): Generator<Slice, void> {
    for (const row of this.#kept) {
      const others = this.#kept.filter((each) => each !== row);
      const own = this.#weakening.mattering(others).filter((each) => each === row);
      const isEnough = function* (
        this: Minimization,
        weak: Iterable<number>,
      ): Generator<Slice, boolean> {
        const all = new Set([...this.#needed, ...weak, ...own]);
        for (const each of others) all.delete(each);
        const decided = yield* this.#decideWith(others, [...all]);
        return decided?.isRefuted === false;
      }.bind(this);
      if (yield* isEnough([])) continue;
      const used = new Set(orders.get(row));
      used.delete(row);
      for (const each of orders.get(row) ?? []) {
        if (!used.delete(each)) continue;
        if (!(yield* isEnough(used))) used.add(each);
      }
      for (const each of used) this.#needed.add(each);
    }
  }

  *#refutes(strong: readonly number[]): Generator<Slice, boolean> {
    const decided = yield* this.#decide(strong);
    if (decided === undefined) this.#isCertain = false;
    return decided?.isRefuted === true;
  }

  *#decide(strong: readonly number[]): Generator<Slice, Answer | undefined> {
    const sorted = [...strong].sort((a, b) => a - b);
    return yield* this.#decideWith(sorted, this.#weakening.mattering(sorted));
  }

  /** @returns undefined: given up */
  *#decideWith(
    strong: readonly number[],
    weak: readonly number[],
  ): Generator<Slice, Answer | undefined> {
    const weakening = this.#weakening;
    const table = weakening.tableOf(strong, weak);
    const decided = yield* this.#effort.decide(table, weakening.model);
    if (decided.type === 'unknown') return undefined;
    if (decided.type === 'not-linearizable') return { isRefuted: true, used: [] };
    const used: number[] = [];
    for (const row of decided.order) {
      const whole = table.isCompleted(row) ? undefined : weakening.table.rowOf(table.id(row));
      if (whole !== undefined) used.push(whole);
    }
    return { isRefuted: false, used };
  }

  /** Up to a screen with all weak operations that can matter; else with those that some order needed. */
  #found(isMinimal: boolean): Found {
    const strong = [...this.#kept, ...this.#pool].sort((a, b) => a - b);
    const matter = this.#weakening.mattering(strong);
    const needed = [...this.#needed];
    const isScreenful = strong.length + matter.length <= SIZE_GOOD;
    const told = isScreenful || !isMinimal ? [...matter, ...needed] : needed;
    const direct = this.#weakening.direct(strong, matter);
    const counterexample = this.#operations(isMinimal, strong, told);
    const whole = this.#operations(isMinimal, strong, [...told, ...direct]);
    return { counterexample, whole };
  }

  #operations(
    isMinimal: boolean,
    strong: readonly number[],
    weak: readonly number[],
  ): Counterexample {
    const { table } = this.#weakening;
    const isStrong = new Set(strong);
    const before = this.#before;
    const rows = [...new Set([...strong, ...weak])];
    return {
      isMinimal,
      ...(before === undefined ? undefined : { before: { state: before.state } }),
      operations: rows
        .sort((a, b) => a - b)
        .map((row) => {
          const isWeak = !isStrong.has(row);
          const operation = isWeak ? asOpen(table.operation(row)) : table.operation(row);
          return { operation, isWeak, isOwn: before?.ownIds.has(operation.id) === true };
        }),
    };
  }
}
