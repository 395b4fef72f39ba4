import { assert } from '../assert.ts';
import type { UnknownReason } from '../verdict.ts';
import { Memo } from './memo.ts';
import { NEVER, NONE, type Problem } from './problem.ts';

export type SearchResult =
  /** Operation numbers in a legal order: all completed ones, and the crashed ones it needed. */
  | { readonly type: 'linearizable'; readonly order: Int32Array }
  | { readonly type: 'not-linearizable' }
  | { readonly type: 'unknown'; readonly reason: UnknownReason };

export interface SearchOptions {
  /**
   * Prune a branch as soon as a state that a later operation requires can come no more (default). A
   * refutation is faster with it, and says less about where it happened.
   */
  readonly isLookingAhead?: boolean;
}

/**
 * Depth first search for a linearization: Wing & Gong 1993 with Lowe's list and memory of
 * configurations (Lowe 2017). Each reduction keeps this: from a configuration that some legal order
 * continues, at least one step that is tried leads to another such configuration.
 *
 * - *Reads are eager*: a read-only operation that fits is placed at once. Moving it to the front of a
 *   legal continuation changes no state (the object is deterministic).
 * - *One of a class*: of interchangeable candidates only the one that returns first is tried, crashed
 *   ones last. If a continuation begins with `b` of the same class and has `a` later (or, `a` being
 *   crashed, never), swap them: `a` may come now, and `b` may stand where `a` stood, because nothing
 *   invoked after `b` returned can stand before `a`, which returns earlier.
 * - *Crashed operations only when useful*: see `#isUseful`.
 * - *Look ahead*: see `#isDeadEnd`.
 *
 * Runs in slices, so that its caller can watch a clock, yield, or give up.
 */
export class Search {
  readonly #problem: Problem;
  readonly #isLookingAhead: boolean;
  readonly #memo: Memo;

  // A doubly linked list of events that are not placed: invocation 2i and completion 2i+1 of every
  // completed operation i, in the order of the history; the sentinel is both ends.
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #sentinel: number;

  // Where the search stands: operations placed, in order, and sets derived from that.
  readonly #trail: Int32Array;
  #trailLength = 0;
  readonly #placed: Int32Array;
  readonly #used: Int32Array;
  readonly #usedOfRun: Int32Array;
  readonly #runOf: Int32Array;
  #open: number;
  /** Per state: open completed operations that require it, that forbid it; open ones that make it. */
  readonly #demand: Int32Array;
  readonly #forbidden: Int32Array;
  readonly #supply: Int32Array;

  // One frame per configuration on the way, each with its candidates in one common stack.
  readonly #frames: Frame[] = [];
  #candidates: Int32Array = new Int32Array(256);
  #candidatesLength = 0;
  readonly #bestOfClass: Int32Array;
  readonly #stampOfClass: Int32Array;
  #stamp = 0;

  #result: SearchResult | undefined;
  #steps = 0;
  readonly #ends = new Map<number, readonly number[]>();
  readonly #lastToReturn: number;

  // The furthest that any branch came. Its order shares a prefix with the trail: only what changed is copied.
  #blocked: number = NONE;
  readonly #deepest: Int32Array;
  #deepestLength = 0;
  #unchanged = 0;

  constructor(problem: Problem, options: SearchOptions = {}) {
    const { completed, size } = problem;
    this.#problem = problem;
    this.#isLookingAhead = options.isLookingAhead ?? true;
    this.#open = completed;
    this.#sentinel = 2 * completed;
    this.#next = new Int32Array(2 * completed + 1);
    this.#previous = new Int32Array(2 * completed + 1);
    this.#link();
    this.#lastToReturn = (this.#previous[this.#sentinel] as number) >>> 1;
    this.#trail = new Int32Array(size);
    this.#deepest = new Int32Array(size);
    this.#placed = new Int32Array((completed + 31) >>> 5);
    this.#used = new Int32Array((size - completed + 31) >>> 5);
    this.#usedOfRun = new Int32Array(problem.crashedRuns.length);
    this.#runOf = new Int32Array(size - completed);
    for (const [run, { first, end }] of problem.crashedRuns.entries()) {
      this.#runOf.fill(run, first - completed, end - completed);
    }
    this.#memo = new Memo(this.#placed, this.#used);
    this.#bestOfClass = new Int32Array(problem.classes);
    this.#stampOfClass = new Int32Array(problem.classes);
    const states = problem.values?.states ?? 0;
    this.#demand = new Int32Array(states);
    this.#forbidden = new Int32Array(states);
    this.#supply = new Int32Array(states);
    for (let i = 0; i < size; i++) this.#count(i, 1);
    const orphan = this.#isLookingAhead ? this.#findOrphan() : NONE;
    if (orphan === NONE) {
      this.#enter(problem.initial, 0, -1);
    } else {
      this.#blocked = orphan;
      this.#result = { type: 'not-linearizable' };
    }
  }

  /** Configurations visited so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Bytes held for configurations, and what growing may need. */
  get bytes(): number {
    return this.#memo.bytesAfterGrowth;
  }

  /**
   * Orders of all completed operations but the one that returns last, which did not fit after them;
   * each ended in another state. At most a handful, and not all there are.
   */
  get ends(): Iterable<readonly number[]> {
    return this.#ends.values();
  }

  /** The operation that no branch got beyond, and a longest order before it. */
  get deepest(): { readonly blocked: number; readonly order: readonly number[] } | undefined {
    if (this.#blocked === NONE) return undefined;
    return { blocked: this.#blocked, order: [...this.#deepest.subarray(0, this.#deepestLength)] };
  }

  /** Goes on for about this many steps; undefined when it needs more. */
  advance(steps: number): SearchResult | undefined {
    const until = this.#steps + steps;
    while (this.#result === undefined && this.#steps < until) {
      const frame = this.#frames.at(-1);
      if (frame === undefined) {
        this.#result = { type: 'not-linearizable' };
        break;
      }
      this.#undo(frame.trailLength);
      if (frame.candidate === frame.candidatesEnd) {
        this.#candidatesLength = frame.candidatesBegin;
        this.#frames.pop();
        continue;
      }
      const operation = this.#candidates[frame.candidate++] as number;
      const state = this.#problem.transition(frame.state, operation);
      this.#place(operation);
      this.#enter(state, frame.firstOpen, Math.max(frame.last, this.#completedOrNone(operation)));
    }
    return this.#result;
  }

  #completedOrNone(operation: number): number {
    return operation < this.#problem.completed ? operation : -1;
  }

  /**
   * Arrives in a configuration: places reads, and opens a frame unless it was seen before.
   *
   * @param firstOpen - a bound from below for the least open completed operation
   * @param last - the greatest completed operation that is placed
   */
  #enter(state: number, firstOpen: number, last: number): void {
    this.#steps++;
    const greatest = this.#placeReads(state, last);
    if (this.#open === 0) {
      this.#result = {
        type: 'linearizable',
        order: this.#trail.slice(0, this.#trailLength),
      };
      return;
    }
    let first = firstOpen;
    while (((this.#placed[first >>> 5] as number) & (1 << (first & 31))) !== 0) first++;
    if (!this.#memo.add(this.#indistinguishable(state), first, greatest)) return;
    if (this.#open === 1) this.#recordEnd(state);
    const begin = this.#candidatesLength;
    const blocked = this.#collect(state);
    this.#recordProgress(blocked);
    this.#frames.push({
      state,
      trailLength: this.#trailLength,
      firstOpen: first,
      last: greatest,
      candidatesBegin: begin,
      candidatesEnd: this.#candidatesLength,
      candidate: begin,
    });
  }

  /** Places every read-only candidate that fits, until none does. @returns the new greatest */
  #placeReads(state: number, last: number): number {
    const { isReadOnly, transition } = this.#problem;
    let greatest = last;
    let before = this.#sentinel;
    for (;;) {
      const event = this.#next[before] as number;
      // An even number is an invocation, but for the sentinel's.
      if ((event & 1) === 1 || event === this.#sentinel) return greatest;
      const operation = event >>> 1;
      if (isReadOnly[operation] === 1 && transition(state, operation) !== NONE) {
        this.#place(operation);
        if (operation > greatest) greatest = operation;
      } else {
        before = event;
      }
    }
  }

  /**
   * The state, or 0 for one that no open operation requires or forbids: the future cannot tell those
   * apart. Whether one does depends on the set of completed operations alone (crashed ones count as
   * open always), so that the memory stays consistent.
   */
  #indistinguishable(state: number): number {
    const values = this.#problem.values;
    if (values === undefined) return state;
    const isKnown =
      this.#demand[state] !== 0 ||
      this.#forbidden[state] !== 0 ||
      values.crashedDemand[state] !== 0;
    return isKnown ? state : 0;
  }

  /** Pushes the steps to try, best first. @returns the open operation that returns first */
  #collect(state: number): number {
    const { classOf, crashedRuns, invoke } = this.#problem;
    const { return: returns } = this.#problem;
    const stamp = ++this.#stamp;
    const begin = this.#candidatesLength;
    let event = this.#next[this.#sentinel] as number;
    for (; (event & 1) === 0; event = this.#next[event] as number) {
      const operation = event >>> 1;
      const itsClass = classOf[operation] as number;
      if (this.#stampOfClass[itsClass] === stamp) {
        // Another of its class was met before: the one that returns first stands for both.
        const at = this.#bestOfClass[itsClass] as number;
        const rival = at === NONE ? NONE : (this.#candidates[at] as number);
        if (rival !== NONE && (returns[operation] as number) < (returns[rival] as number)) {
          this.#candidates[at] = operation;
        }
        continue;
      }
      this.#stampOfClass[itsClass] = stamp;
      this.#bestOfClass[itsClass] = this.#isWorthTrying(state, operation)
        ? this.#push(operation)
        : NONE;
    }
    const blocked = event >>> 1;
    this.#sortByReturn(begin);
    const firstReturn = returns[blocked] as number;
    for (const [run, { first, end }] of crashedRuns.entries()) {
      const operation = first + (this.#usedOfRun[run] as number);
      if (operation >= end || (invoke[operation] as number) > firstReturn) continue;
      if (this.#stampOfClass[classOf[operation] as number] === stamp) continue;
      if (this.#isUseful(state, operation) && this.#isWorthTrying(state, operation)) {
        this.#push(operation);
      }
    }
    return blocked;
  }

  /** A read-only operation that did not fit when reads were placed does not fit now either. */
  #isWorthTrying(state: number, operation: number): boolean {
    if (this.#problem.isReadOnly[operation] === 1) return false;
    const next = this.#problem.transition(state, operation);
    return next !== NONE && !(this.#isLookingAhead && this.#isDeadEnd(state, next, operation));
  }

  /**
   * True when the step leaves a state that open completed operations require and that nothing open
   * can bring back: those could never be placed.
   */
  #isDeadEnd(state: number, next: number, operation: number): boolean {
    const values = this.#problem.values;
    if (values === undefined || next === state) return false;
    const isOwn = operation < this.#problem.completed && values.requires[operation] === state;
    const demand = (this.#demand[state] as number) - (isOwn ? 1 : 0);
    return demand > 0 && this.#supply[state] === 0;
  }

  /**
   * False for a crashed operation that can as well stay out: nobody requires what it makes, and
   * nobody open forbids the state that it leaves, or it leaves none. Without it the state until the
   * next mutation is the old one, which nothing there can tell from the new; and the next mutation
   * leads to the same state from both.
   */
  #isUseful(state: number, operation: number): boolean {
    const values = this.#problem.values;
    if (values === undefined) return true;
    const made = values.produces[operation] as number;
    if (made === state) return false;
    return (
      this.#demand[made] !== 0 || values.crashedDemand[made] !== 0 || this.#forbidden[state] !== 0
    );
  }

  /** A completed operation that requires a state which nothing makes; NONE when there is none. */
  #findOrphan(): number {
    const { completed, initial, values } = this.#problem;
    if (values === undefined) return NONE;
    for (let i = 0; i < completed; i++) {
      const required = values.requires[i] as number;
      if (required !== NONE && required !== initial && this.#supply[required] === 0) return i;
    }
    return NONE;
  }

  #push(operation: number): number {
    if (this.#candidatesLength === this.#candidates.length) {
      const larger = new Int32Array(this.#candidates.length * 2);
      larger.set(this.#candidates);
      this.#candidates = larger;
    }
    this.#candidates[this.#candidatesLength] = operation;
    return this.#candidatesLength++;
  }

  /** Insertion sort: there are few. */
  #sortByReturn(begin: number): void {
    const { return: returns } = this.#problem;
    const items = this.#candidates;
    for (let i = begin + 1; i < this.#candidatesLength; i++) {
      const item = items[i] as number;
      let j = i - 1;
      while (j >= begin && (returns[items[j] as number] as number) > (returns[item] as number)) {
        items[j + 1] = items[j] as number;
        j--;
      }
      items[j + 1] = item;
    }
  }

  #place(operation: number): void {
    this.#trail[this.#trailLength++] = operation;
    this.#count(operation, -1);
    if (operation >= this.#problem.completed) {
      const crashed = operation - this.#problem.completed;
      this.#toggle(this.#used, crashed);
      const run = this.#runOf[crashed] as number;
      this.#usedOfRun[run] = (this.#usedOfRun[run] as number) + 1;
      return;
    }
    this.#toggle(this.#placed, operation);
    this.#open--;
    this.#unlink(2 * operation);
    this.#unlink(2 * operation + 1);
  }

  #undo(trailLength: number): void {
    while (this.#trailLength > trailLength) {
      const operation = this.#trail[--this.#trailLength] as number;
      this.#count(operation, 1);
      if (operation >= this.#problem.completed) {
        const crashed = operation - this.#problem.completed;
        this.#toggle(this.#used, crashed);
        const run = this.#runOf[crashed] as number;
        this.#usedOfRun[run] = (this.#usedOfRun[run] as number) - 1;
        continue;
      }
      this.#toggle(this.#placed, operation);
      this.#open++;
      this.#relink(2 * operation + 1);
      this.#relink(2 * operation);
    }
    if (trailLength < this.#unchanged) this.#unchanged = trailLength;
  }

  /** Adds an operation to (1), or takes it from (-1), what is open. */
  #count(operation: number, change: 1 | -1): void {
    const values = this.#problem.values;
    if (values === undefined) return;
    const produced = values.produces[operation] as number;
    if (produced !== NONE) this.#supply[produced] = (this.#supply[produced] as number) + change;
    if (operation >= this.#problem.completed) return;
    const required = values.requires[operation] as number;
    if (required !== NONE) this.#demand[required] = (this.#demand[required] as number) + change;
    const forbids = values.forbids[operation] as number;
    if (forbids !== NONE) this.#forbidden[forbids] = (this.#forbidden[forbids] as number) + change;
  }

  #toggle(set: Int32Array, bit: number): void {
    set[bit >>> 5] = (set[bit >>> 5] as number) ^ (1 << (bit & 31));
  }

  #unlink(event: number): void {
    const before = this.#previous[event] as number;
    const after = this.#next[event] as number;
    this.#next[before] = after;
    this.#previous[after] = before;
  }

  #relink(event: number): void {
    this.#next[this.#previous[event] as number] = event;
    this.#previous[this.#next[event] as number] = event;
  }

  /** Links all events by position. */
  #link(): void {
    const { completed, invoke, return: returns } = this.#problem;
    const position = (event: number): number =>
      ((event & 1) === 0 ? invoke[event >>> 1] : returns[event >>> 1]) as number;
    const events = Int32Array.from({ length: 2 * completed }, (_, event) => event);
    events.sort((a, b) => position(a) - position(b));
    let before = this.#sentinel;
    for (const event of events) {
      assert(position(event) < NEVER, 'a completed operation returns');
      this.#next[before] = event;
      this.#previous[event] = before;
      before = event;
    }
    this.#next[before] = this.#sentinel;
    this.#previous[this.#sentinel] = before;
  }

  #recordEnd(state: number): void {
    if (this.#ends.size >= ENDS_MAX || this.#ends.has(state)) return;
    const open = (this.#next[this.#sentinel] as number) >>> 1;
    if (open !== this.#lastToReturn) return;
    this.#ends.set(state, [...this.#trail.subarray(0, this.#trailLength)]);
  }

  #recordProgress(blocked: number): void {
    const { return: returns } = this.#problem;
    if (this.#blocked !== NONE) {
      const difference = (returns[blocked] as number) - (returns[this.#blocked] as number);
      if (difference < 0 || (difference === 0 && this.#trailLength <= this.#deepestLength)) return;
    }
    this.#blocked = blocked;
    const from = Math.min(this.#unchanged, this.#trailLength);
    this.#deepest.set(this.#trail.subarray(from, this.#trailLength), from);
    this.#deepestLength = this.#trailLength;
    this.#unchanged = this.#trailLength;
  }
}

/** How many different last states are kept as evidence. */
export const ENDS_MAX = 8;

interface Frame {
  readonly state: number;
  /** Length of the trail with this configuration's reads placed. */
  readonly trailLength: number;
  readonly firstOpen: number;
  readonly last: number;
  readonly candidatesBegin: number;
  readonly candidatesEnd: number;
  candidate: number;
}
