import { assert } from '../assert.ts';
import { CHAIN, MAIN, VISIT } from './frontier-overwrite.ts';
import { FREE, OBSERVE, READ, WRITE, type Roles } from './frontier-roles.ts';
import { NONE, type Demands, type Problem } from './problem.ts';

/** Mutations that stand together in a gap, and the rank of the event before which they stand. */
interface Insertion {
  readonly at: number;
  readonly operations: readonly number[];
}

/**
 * Builds a legal order from what one surviving configuration did. Its log says when the main line
 * changed the state, and which writes, with CAS operations after them, were put before the last plain
 * write in hindsight. What it does not say is put where it fits: writes that nobody saw, and reads.
 *
 * Gap `i` lies before step `i` of the main line, and after step `i-1`. In a gap before a plain write
 * anything may be inserted, the state there being overwritten. In any gap whose state is `v` a write of
 * `v` may be inserted, or what begins with one: then the write goes last, and restores the state.
 */
export class Reconstruction {
  readonly #problem: Problem;
  readonly #values: Demands;
  readonly #roles: Roles;
  readonly #operations: number[] = [];
  /** Per step of the main line: rank of the event before which it stands. */
  readonly #ranks: number[] = [];
  /** Steps that are plain writes. */
  readonly #plain: number[] = [];
  readonly #restoring = new Map<number, Insertion[]>();
  readonly #overwritten = new Map<number, number[]>();
  readonly #isPlaced: Uint8Array;
  readonly #nextOfClass: Int32Array;

  constructor(problem: Problem, values: Demands, roles: Roles) {
    this.#problem = problem;
    this.#values = values;
    this.#roles = roles;
    this.#isPlaced = new Uint8Array(problem.size);
    this.#nextOfClass = new Int32Array(problem.classes).fill(NONE);
    for (const { first } of problem.crashedRuns) {
      this.#nextOfClass[problem.classOf[first] as number] = first;
    }
  }

  /**
   * @param until - rank of an event: of what completes there or later only mutations that took effect
   *   are placed
   * @returns operation numbers in a legal order
   */
  order(codes: Float64Array, ranks: Int32Array, until: number): Int32Array {
    const operations = this.#nameCrashed(codes);
    for (let i = 0; i < operations.length;) {
      const rank = ranks[i] as number;
      if ((codes[i] as number) % 4 === MAIN) {
        this.#lead(operations[i++] as number, rank);
        continue;
      }
      assert((codes[i] as number) % 4 === VISIT, 'what is inserted begins with a write');
      const visit = [operations[i++] as number];
      while (i < operations.length && (codes[i] as number) % 4 === CHAIN) {
        visit.push(operations[i++] as number);
      }
      this.#insertVisit(visit, rank);
    }
    for (let operation = 0; operation < this.#problem.completed; operation++) {
      if ((this.#problem.return[operation] as number) >= until) continue;
      const isUnseen = this.#roles.roleOf[operation] === WRITE && this.#isPlaced[operation] === 0;
      if (isUnseen) this.#insertUnseen(operation);
    }
    return this.#withReads(until);
  }

  /** The log only counts ripe crashed operations: here they get numbers, the earliest first. */
  #nameCrashed(codes: Float64Array): Int32Array {
    const { size } = this.#problem;
    const operations = Int32Array.from(codes, (code) => Math.floor(code / 4));
    for (const operation of operations) if (operation < size) this.#isPlaced[operation] = 1;
    for (const [i, operation] of operations.entries()) {
      if (operation < size) continue;
      let next = this.#nextOfClass[operation - size] as number;
      while (this.#isPlaced[next] === 1) next++;
      assert(this.#problem.classOf[next] === operation - size, 'enough crashed operations');
      this.#nextOfClass[operation - size] = next + 1;
      this.#isPlaced[next] = 1;
      operations[i] = next;
    }
    return operations;
  }

  #lead(operation: number, rank: number): void {
    if (this.#roles.roleOf[operation] === WRITE) this.#plain.push(this.#operations.length);
    this.#operations.push(operation);
    this.#ranks.push(rank);
  }

  #stateIn(gap: number): number {
    if (gap === 0) return this.#problem.initial;
    return this.#values.produces[this.#operations[gap - 1] as number] as number;
  }

  #insertVisit(visit: readonly number[], rank: number): void {
    const write = visit[0] as number;
    const invoked = this.#problem.invoke[write] as number;
    const last = this.#plain.at(-1);
    if (last !== undefined && invoked < (this.#ranks[last] as number)) {
      this.#overwrite(last, visit);
      return;
    }
    const value = this.#values.produces[write];
    for (let gap = this.#operations.length; gap >= 0; gap--) {
      const ends = gap < this.#operations.length ? (this.#ranks[gap] as number) : rank;
      assert(invoked < ends, 'what is inserted was invoked before the state left its value');
      if (this.#stateIn(gap) === value) {
        this.#restore(gap, [...visit.slice(1), write]);
        return;
      }
    }
  }

  /** A write that nobody needs to see: before the next plain write, or where the state is its value. */
  #insertUnseen(write: number): void {
    const invoked = this.#problem.invoke[write] as number;
    const returned = this.#problem.return[write] as number;
    const next = this.#plain[this.#firstAfter(this.#plain, invoked)];
    if (next !== undefined && (this.#ranks[next] as number) <= returned) {
      this.#overwrite(next, [write]);
      return;
    }
    const value = this.#values.produces[write];
    let gap = this.#firstStepAfter(invoked);
    while (this.#stateIn(gap) !== value) {
      assert(gap < this.#operations.length, 'an unseen write has a place');
      assert((this.#ranks[gap] as number) <= returned, 'an unseen write has a place in time');
      gap++;
    }
    this.#restore(gap, [write]);
  }

  /** Index of the first plain write that stands after the rank's event. */
  #firstAfter(steps: readonly number[], rank: number): number {
    let low = 0;
    let high = steps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranks[steps[middle] as number] as number) <= rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #firstStepAfter(rank: number): number {
    let low = 0;
    let high = this.#ranks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranks[middle] as number) <= rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #overwrite(gap: number, operations: readonly number[]): void {
    for (const operation of operations) this.#isPlaced[operation] = 1;
    const there = this.#overwritten.get(gap);
    if (there === undefined) this.#overwritten.set(gap, [...operations]);
    else there.push(...operations);
  }

  #restore(gap: number, operations: readonly number[]): void {
    let at = gap === 0 ? 0 : (this.#ranks[gap - 1] as number);
    for (const operation of operations) {
      this.#isPlaced[operation] = 1;
      at = Math.max(at, (this.#problem.invoke[operation] as number) + 1);
    }
    const there = this.#restoring.get(gap);
    if (there === undefined) this.#restoring.set(gap, [{ at, operations }]);
    else there.push({ at, operations });
  }

  /** All mutations in order, reads put between them as they come. */
  #withReads(until: number): Int32Array {
    const reads = new ReadPlacement(this.#problem, this.#values, this.#roles, until);
    for (let gap = 0; gap <= this.#operations.length; gap++) {
      const restoring = this.#restoring.get(gap) ?? [];
      // A stable sort: of what stands at one rank the first inserted stays first.
      for (const { at, operations } of restoring.toSorted((a, b) => a.at - b.at)) {
        for (const operation of operations) reads.step(operation, at);
      }
      if (gap === this.#operations.length) break;
      const at = this.#ranks[gap] as number;
      for (const operation of this.#overwritten.get(gap) ?? []) reads.step(operation, at);
      reads.step(this.#operations[gap] as number, at);
    }
    return reads.finish();
  }
}

/** Places reads and observations as soon as the state serves them. */
class ReadPlacement {
  readonly #values: Demands;
  readonly #roles: Roles;
  readonly #operationAt: Int32Array;
  readonly #order: Int32Array;
  #length = 0;
  #rank = 0;
  #state: number;
  /** Per state, the open reads of it, and the open observations that it is not: linked lists. */
  readonly #reads: Int32Array;
  readonly #observations: Int32Array;
  readonly #nextOpen: Int32Array;
  /** States that something observes the absence of, while open. */
  readonly #observed = new Set<number>();

  constructor(problem: Problem, values: Demands, roles: Roles, until: number) {
    this.#values = values;
    this.#roles = roles;
    this.#order = new Int32Array(problem.size);
    this.#state = problem.initial;
    this.#reads = new Int32Array(values.states).fill(NONE);
    this.#observations = new Int32Array(values.states).fill(NONE);
    this.#nextOpen = new Int32Array(problem.size).fill(NONE);
    this.#operationAt = new Int32Array(problem.table.events.length).fill(NONE);
    for (let operation = 0; operation < problem.completed; operation++) {
      if ((problem.return[operation] as number) >= until) continue;
      const role = roles.roleOf[operation];
      if (role === READ || role === OBSERVE || role === FREE) {
        this.#operationAt[problem.invoke[operation] as number] = operation;
      }
    }
  }

  /** A mutation takes effect, before the event of the rank and after all earlier ones. */
  step(operation: number, rank: number): void {
    this.#openUntil(rank);
    this.#order[this.#length++] = operation;
    this.#state = this.#values.produces[operation] as number;
    this.#placeAll(this.#reads, this.#state);
    for (const forbidden of this.#observed) {
      if (forbidden === this.#state) continue;
      this.#placeAll(this.#observations, forbidden);
      this.#observed.delete(forbidden);
    }
  }

  finish(): Int32Array {
    this.#openUntil(this.#operationAt.length);
    return this.#order.slice(0, this.#length);
  }

  #openUntil(rank: number): void {
    for (; this.#rank < rank; this.#rank++) {
      const operation = this.#operationAt[this.#rank] as number;
      if (operation === NONE) continue;
      const required = this.#values.requires[operation] as number;
      const forbidden = this.#values.forbids[operation] as number;
      if (this.#roles.roleOf[operation] === READ && required !== this.#state) {
        this.#nextOpen[operation] = this.#reads[required] as number;
        this.#reads[required] = operation;
      } else if (forbidden !== NONE && forbidden === this.#state) {
        this.#nextOpen[operation] = this.#observations[forbidden] as number;
        this.#observations[forbidden] = operation;
        this.#observed.add(forbidden);
      } else {
        this.#order[this.#length++] = operation;
      }
    }
  }

  #placeAll(lists: Int32Array, state: number): void {
    let operation = lists[state] as number;
    lists[state] = NONE;
    while (operation !== NONE) {
      this.#order[this.#length++] = operation;
      operation = this.#nextOpen[operation] as number;
    }
  }
}
