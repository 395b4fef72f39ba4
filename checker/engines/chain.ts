import { NEVER, type Table } from '../table.ts';
import type { Budget } from '../verdict.ts';
import type { Slice } from './run.ts';

const NONE = -1;
/** Events between two looks at the budget: a few milliseconds. */
const EVENTS_PER_SLICE = 1 << 16;

/**
 * An object whose states are known in advance: in every legal order the mutations that take effect
 * belong to `steps`, as far as these go, whichever operation of a class it is that makes a step.
 */
export interface Chain {
  /**
   * Per row: the class of a mutation, from 0; operations of one class are interchangeable. NONE: it
   * only reads.
   */
  readonly classOf: Int32Array;
  readonly classes: number;
  /** The class of each step. */
  readonly steps: Int32Array;
  /**
   * The state after so many steps. After mutations beyond the last step comes nothing that a read
   * wants.
   */
  readonly stateAfter: Float64Array;
  /** Per row: the state in which a read fits; NaN when it fits in all. */
  readonly wants: Float64Array;
}

export type Walked =
  | { readonly type: 'order'; readonly order: Int32Array }
  /**
   * The completion with this rank has no place after all that came before it, in any order; so many steps
   * had been taken.
   */
  | { readonly type: 'stuck'; readonly rank: number; readonly position: number }
  | { readonly type: 'late' };

/**
 * Walks the events and takes a step only where an operation returns that needs it (just-in-time
 * linearization, Lowe 2017), of which the chain leaves but one configuration to follow:
 *
 * - A read that fits the state is placed at once, as is one that comes to fit after a step: it
 *   changes nothing.
 * - When an operation returns that is not placed, steps are taken until it is: they are known, and
 *   every legal order has taken them by then. A read needs the next state that it fits; a mutation
 *   needs the next step of its class, or, where there is none, to come after the last. Steps that
 *   need not be taken yet can wait: a legal order that takes some sooner can take them later, since
 *   nothing returns before, and by then more has been invoked that can make them.
 * - A step is made by the pending mutation of its class that returns first, crashed ones last.
 *   Where a legal order takes another, `y`, and the first, `x`, later or never, they trade places:
 *   both are pending now, and `x` had to be placed before it returned, which is before `y` does.
 *
 * So all legal orders can be brought into the form of this walk, and where it cannot go on there is
 * none. It makes use of completions to come only to choose which of a class goes first; what
 * completed by then is chosen rightly whatever comes later, so that up to the completion where it
 * got stuck the history has no legal order either (given these steps).
 *
 * Linear time, if few operations are pending at once.
 */
export function* walkChain(table: Table, chain: Chain, budget: Budget): Generator<Slice, Walked> {
  const walk = new Walk(table, chain);
  const { events } = table;
  for (let rank = 0; rank < events.length; rank++) {
    const event = events[rank] as number;
    if ((event & 1) === 0) walk.invoke(event >>> 1);
    else if (!walk.complete(event >>> 1)) return { type: 'stuck', rank, position: walk.position };
    if ((rank + 1) % EVENTS_PER_SLICE !== 0) continue;
    if (budget.now() >= budget.deadlineNs) return { type: 'late' };
    yield 'running';
  }
  return { type: 'order', order: walk.order };
}

class Walk {
  readonly #returns: Int32Array;
  readonly #chain: Chain;
  readonly #isPlaced: Uint8Array;
  readonly #order: Int32Array;
  #placed = 0;
  #position = 0;
  #state: number;
  /**
   * Lists of pending rows, linked by `#next`: per class completed ones and crashed ones, and reads.
   */
  readonly #completed: Int32Array;
  readonly #crashed: Int32Array;
  #reads = NONE;
  readonly #next: Int32Array;

  constructor(table: Table, chain: Chain) {
    this.#returns = table.return;
    this.#chain = chain;
    this.#isPlaced = new Uint8Array(table.size);
    this.#order = new Int32Array(table.size);
    this.#next = new Int32Array(table.size).fill(NONE);
    this.#completed = new Int32Array(chain.classes).fill(NONE);
    this.#crashed = new Int32Array(chain.classes).fill(NONE);
    this.#state = chain.stateAfter[0] as number;
  }

  get order(): Int32Array {
    return this.#order.slice(0, this.#placed);
  }

  get position(): number {
    return this.#position;
  }

  invoke(row: number): void {
    const { classOf, wants } = this.#chain;
    const itsClass = classOf[row] as number;
    const isCrashed = this.#returns[row] === NEVER;
    if (itsClass !== NONE) {
      const list = isCrashed ? this.#crashed : this.#completed;
      this.#next[row] = list[itsClass] as number;
      list[itsClass] = row;
    } else if (!isCrashed) {
      const wanted = wants[row] as number;
      if (wanted === this.#state || Number.isNaN(wanted)) {
        this.#place(row);
      } else {
        this.#next[row] = this.#reads;
        this.#reads = row;
      }
    }
  }

  /** @returns whether there is a place for it */
  complete(row: number): boolean {
    const { classOf, steps } = this.#chain;
    while (this.#isPlaced[row] === 0) {
      if (this.#position < steps.length) {
        if (!this.#step(steps[this.#position] as number)) return false;
      } else {
        // All steps are taken: what remains changes the state into one that no read wants.
        const itsClass = classOf[row] as number;
        if (itsClass === NONE) return false;
        this.#take(itsClass);
        this.#state = NaN;
      }
    }
    return true;
  }

  #step(itsClass: number): boolean {
    if (!this.#take(itsClass)) return false;
    this.#position++;
    this.#state = this.#chain.stateAfter[this.#position] as number;
    this.#serve();
    return true;
  }

  /**
   * Places the pending mutation of a class that returns first.
   *
   * @returns false when there is none
   */
  #take(itsClass: number): boolean {
    const first = this.#completed[itsClass] as number;
    if (first === NONE) {
      const crashed = this.#crashed[itsClass] as number;
      if (crashed === NONE) return false;
      this.#crashed[itsClass] = this.#next[crashed] as number;
      this.#place(crashed);
      return true;
    }
    let best = first;
    let beforeBest = NONE;
    let before = first;
    for (let row = this.#next[first] as number; row !== NONE; row = this.#next[row] as number) {
      if ((this.#returns[row] as number) < (this.#returns[best] as number)) {
        best = row;
        beforeBest = before;
      }
      before = row;
    }
    const after = this.#next[best] as number;
    if (beforeBest === NONE) this.#completed[itsClass] = after;
    else this.#next[beforeBest] = after;
    this.#place(best);
    return true;
  }

  /** Places the pending reads that fit. */
  #serve(): void {
    const { wants } = this.#chain;
    let before = NONE;
    for (let row = this.#reads; row !== NONE; row = this.#next[row] as number) {
      if (wants[row] !== this.#state) {
        before = row;
        continue;
      }
      this.#place(row);
      const after = this.#next[row] as number;
      if (before === NONE) this.#reads = after;
      else this.#next[before] = after;
    }
  }

  #place(row: number): void {
    this.#isPlaced[row] = 1;
    this.#order[this.#placed++] = row;
  }
}
