import { packing, type Packing } from './memo.ts';
import { NONE, type Problem } from './problem.ts';

/**
 * How many crashed operations a search has used, by pool. Exactly: each run (crashed operations with one
 * effect) is a pool of its own, used in order of invocation.
 *
 * Counting loosely makes a problem with fewer configurations, of which the exact one is a special case:
 * runs share a pool, and each may be used as often as the pool has operations that were invoked; or a run
 * is in none, and may be used without end once its first was invoked. Where no order exists with more
 * crashed operations than there were, none exists.
 */
export class Crashed {
  readonly #problem: Problem;
  readonly #isExact: boolean;
  readonly #poolOf: Int32Array;
  /** Return before which the next of each pool must have been invoked: invocations, in order. */
  readonly #invoked: readonly Int32Array[];
  readonly #usedOf: Int32Array;
  readonly #runOf: Int32Array;
  readonly #packing: Packing;
  /** The numbers used, packed. */
  readonly used: Int32Array;
  readonly runs: number;

  /** @param pools - of each run, numbered from 0; NONE for none. Each its own when absent */
  constructor(problem: Problem, pools?: Int32Array) {
    const { crashedRuns, completed, size, invoke } = problem;
    this.#problem = problem;
    this.#isExact = pools === undefined;
    this.runs = crashedRuns.length;
    this.#poolOf = pools ?? Int32Array.from(crashedRuns, (_, run) => run);
    const invoked: number[][] = [];
    this.#runOf = new Int32Array(size - completed);
    for (const [run, { first, end }] of crashedRuns.entries()) {
      this.#runOf.fill(run, first - completed, end - completed);
      const pool = this.#poolOf[run] as number;
      if (pool === NONE) continue;
      const all = (invoked[pool] ??= []);
      for (let i = first; i < end; i++) all.push(invoke[i] as number);
    }
    this.#invoked = invoked.map((all) => Int32Array.from(all).toSorted());
    this.#usedOf = new Int32Array(invoked.length);
    this.#packing = packing(invoked.map((all) => all.length));
    this.used = new Int32Array(this.#packing.words);
  }

  get guards(): Int32Array {
    return this.#packing.guards;
  }

  /** True when each is used once at most. */
  get isExact(): boolean {
    return this.#isExact;
  }

  /** One of a run that may be used next, invoked before `rank`; NONE when there is none. */
  next(run: number, rank: number): number {
    const { crashedRuns, invoke } = this.#problem;
    const { first } = crashedRuns[run] as Problem['crashedRuns'][number];
    const pool = this.#poolOf[run] as number;
    if (pool === NONE) return (invoke[first] as number) < rank ? first : NONE;
    const used = this.#usedOf[pool] as number;
    const invoked = this.#invoked[pool] as Int32Array;
    if (used === invoked.length || (invoked[used] as number) > rank) return NONE;
    if (this.#isExact) return first + used;
    return (invoke[first] as number) < rank ? first : NONE;
  }

  take(operation: number): void {
    this.#change(operation, 1);
  }

  giveBack(operation: number): void {
    this.#change(operation, -1);
  }

  #change(operation: number, change: 1 | -1): void {
    const run = this.#runOf[operation - this.#problem.completed] as number;
    const pool = this.#poolOf[run] as number;
    if (pool === NONE) return;
    this.#usedOf[pool] = (this.#usedOf[pool] as number) + change;
    const word = this.#packing.wordOf[pool] as number;
    const one = this.#packing.oneOf[pool] as number;
    this.used[word] = (this.used[word] as number) + change * one;
  }

  /**
   * Puts in each place of an order a crashed operation of its own, where there are enough.
   *
   * @param order - changed in place
   * @returns runs of which it uses more than there are, or some before they were invoked
   */
  assign(order: Int32Array): readonly number[] {
    const { completed, crashedRuns, invoke, return: returns } = this.#problem;
    const least = new Int32Array(order.length);
    let returned = 0x7fff_ffff;
    for (let i = order.length - 1; i >= 0; i--) {
      returned = Math.min(returned, returns[order[i] as number] as number);
      least[i] = returned;
    }
    const used = new Int32Array(this.runs);
    const overused = new Set<number>();
    for (let i = 0; i < order.length; i++) {
      const operation = order[i] as number;
      if (operation < completed) continue;
      const run = this.#runOf[operation - completed] as number;
      const { first, end } = crashedRuns[run] as Problem['crashedRuns'][number];
      const next = first + (used[run] as number);
      used[run] = next - first + 1;
      if (next < end && (invoke[next] as number) < (least[i] as number)) order[i] = next;
      else overused.add(run);
    }
    return [...overused];
  }
}
