import { NONE, type Problem } from './problem.ts';
import { Search, type SearchResult } from './wgl.ts';

/**
 * Decides by counting crashed operations only as far as that matters: a history with many of them has
 * too many ways to have used some, few of which make a difference.
 *
 * It begins without counting any: each may be used without end (`Crashed`). Where no order exists even
 * so, none exists. Where the order found uses no more than there were, it is a legal one. Otherwise, for
 * one state after the other of those that were made too often, it counts what makes that state, alone:
 * a single number costs little, because of two configurations that differ in it the lesser dominates.
 * Only when none of these decides are all of them counted at once; whatever is used too often even so
 * joins, first together with all that makes the same state, then by itself. In the end all are counted
 * exactly, so this decides everything.
 */
export class LooseSearch {
  readonly #problem: Problem;
  readonly #memoryBytesMax: number;
  /** Per run: the state that it makes. */
  readonly #made: Int32Array;
  /** Per run: UNCOUNTED, TOGETHER or ALONE. */
  readonly #how: Uint8Array;
  /** States that are still to be counted alone; undefined before the first order was found. */
  #singly: number[] | undefined;
  #search: Search;
  #rounds = 0;

  /** @param problem - whose operations all overwrite */
  constructor(problem: Problem, memoryBytesMax: number) {
    this.#problem = problem;
    this.#memoryBytesMax = memoryBytesMax;
    this.#made = Int32Array.from(
      problem.crashedRuns,
      ({ first }) => problem.values?.produces[first] ?? NONE,
    );
    this.#how = new Uint8Array(this.#made.length).fill(UNCOUNTED);
    this.#search = this.#begin(this.#how);
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#search.bytes;
  }

  /** How many ways to count were tried. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Goes on for about this many steps; undefined when it needs more. */
  advance(steps: number): SearchResult | undefined {
    const result = this.#search.advance(steps);
    if (result?.type !== 'overused') return result;
    this.#refine(result.runs);
    const single = (this.#singly ??= this.#statesCounted()).shift();
    const how =
      single === undefined
        ? this.#how
        : this.#made.map((made) => (made === single ? TOGETHER : UNCOUNTED));
    this.#search = this.#begin(how);
    return undefined;
  }

  #refine(overused: readonly number[]): void {
    for (const run of overused) {
      if (this.#how[run] !== UNCOUNTED) {
        // While one state is counted at a time, only whole states join.
        if (this.#singly?.length === 0) this.#how[run] = ALONE;
        continue;
      }
      for (let other = 0; other < this.#made.length; other++) {
        if (this.#made[other] === this.#made[run]) this.#how[other] = TOGETHER;
      }
    }
  }

  #statesCounted(): number[] {
    return [...new Set(this.#made.filter((_, run) => this.#how[run] !== UNCOUNTED))];
  }

  #begin(how: ArrayLike<number>): Search {
    this.#rounds++;
    const poolOfState = new Map<number, number>();
    let pools = 0;
    const numbers = Int32Array.from(this.#made, (made, run) => {
      if (how[run] === UNCOUNTED) return NONE;
      if (how[run] === ALONE) return pools++;
      const known = poolOfState.get(made);
      if (known !== undefined) return known;
      poolOfState.set(made, pools);
      return pools++;
    });
    return new Search(this.#problem, { pools: numbers, memoryBytesMax: this.#memoryBytesMax });
  }
}

const UNCOUNTED = 0;
const TOGETHER = 1;
const ALONE = 2;
