import type { UnknownReason } from '../verdict.ts';
import { Crashed } from './crashed.ts';
import { Memo } from './memo.ts';
import { NONE, type Demands, type Problem } from './problem.ts';
import { arrange, layout, visibleLater } from './window.ts';

export type SearchResult =
  /** Operation numbers in a legal order: all completed ones, and the crashed ones it needed. */
  | { readonly type: 'linearizable'; readonly order: Int32Array }
  | { readonly type: 'not-linearizable' }
  /** Only where crashed operations are counted loosely: the order found uses too many of these runs. */
  | { readonly type: 'overused'; readonly runs: readonly number[] }
  | { readonly type: 'unknown'; readonly reason: UnknownReason };

export interface SearchOptions {
  /**
   * Use all that is known of operations that overwrite (default). A refutation is faster with it, and
   * says less about where it happened.
   */
  readonly isLookingAhead?: boolean;
  /** Counts crashed operations loosely: the pool of each run, NONE for none. See `Crashed`. */
  readonly pools?: Int32Array;
  /** Bytes that it may hold, as far as forgetting can help. Default 512 MiB. */
  readonly memoryBytesMax?: number;
}

/**
 * Depth first search for a linearization: Wing & Gong 1993 with Lowe's memory of configurations (Lowe
 * 2017).
 *
 * A configuration is a *position*: all that completed before it is placed, and there stands the
 * completion of an operation that is not; the pending operations (invoked before, completing after) that
 * are not placed, *open*; the state; and how many crashed operations of each kind were used. Nothing
 * that is invoked after the position can come before the operation that completes there, so this says
 * all about the past, in as many bits as there are clients. It is *alive* when some legal order places
 * all that is left.
 *
 * Each reduction keeps this: from a configuration that is alive, at least one step that is tried leads
 * to another that is.
 *
 * - *Reads are eager*: a read-only operation that fits is placed at once. Moving it to the front of a
 *   legal continuation changes no state (the object is deterministic).
 * - *One of a class*: of interchangeable candidates only the one that returns first is tried, crashed
 *   ones last. If a continuation begins with `b` of the same class and has `a` later (or, `a` being
 *   crashed, never), swap them: `a` may come now, and `b` may stand where `a` stood, because nothing
 *   invoked after `b` returned can stand before `a`, which returns earlier.
 *
 * Where every operation overwrites, more is known. A *plain* write requires nothing. It is *fresh* until,
 * since its invocation, a plain write was placed, or the state was what it writes. One that is not fresh
 * may be left out of what is still to be placed: it fits unseen right before that other write, or in that
 * state (`arrange` puts it there). So `alive` means from here on: some legal order places all that is
 * left but some writes that are not fresh.
 *
 * - *Useful writes*: of plain writes other than the one at the position only those are tried whose value
 *   an open operation requires, or, where an open one forbids the state, all. Let a legal continuation
 *   begin with a write `w` of another kind, let `m` be the next mutation in it. Whatever stands between
 *   them, and `m`, precedes the operation at the position, or is it, and so is open now; it requires
 *   nothing that `w` made, and does not forbid the state: it stands as well without `w`. `m` is thus no
 *   CAS, and a plain write; `w` can be put unseen right before it. So the continuation without `w`
 *   begins with a step of this kind again, or with one that is tried; placing `m`, which is plain, makes
 *   `w` one that may be left out. (There is such an `m`: otherwise the operation at the position is
 *   between, and fits now.)
 * - *Crashed operations only when useful*: likewise for crashed plain writes, and for a crashed CAS
 *   whose value nobody requires: without it, the same follows from the state before.
 * - *Returning unseen*: a plain write at the position that is not fresh may be left out, and this is all
 *   that is tried where nobody can see it: nobody who is open, and nobody invoked later (`visibleLater`).
 *   Where it writes the state itself it is placed instead: that makes others not fresh, and costs nothing.
 * - *Look ahead*: see `#isDeadEnd`.
 *
 * Runs in slices, so that its caller can watch a clock, yield, or give up.
 */
export class Search {
  readonly #problem: Problem;
  /** Undefined where effects depend on the state. */
  readonly #values: Demands | undefined;
  /** Whether writes may return unseen. */
  readonly #isAbsorbing: boolean;
  readonly #isLookingAhead: boolean;
  readonly #memo: Memo;
  readonly #memoryBytesMax: number;
  #spaceBytesMax: number;

  readonly #events: Int32Array;
  readonly #slotOf: Int32Array;
  readonly #isVisible: Uint8Array;

  // The configuration, and how it came about.
  #position = 0;
  readonly #open: Int32Array;
  readonly #fresh: Int32Array;
  readonly #crashed: Crashed;
  /** Slots whose pending operation only reads, is a plain write (where writes may return unseen). */
  readonly #reads: Int32Array;
  readonly #writes: Int32Array;
  readonly #key: Int32Array;
  readonly #burden: Int32Array;
  /** The pending operation of each slot; meaningless where the slot is not open. */
  readonly #occupant: Int32Array;
  /** Operations placed, in order; `~w` is a write that returned unseen. */
  #trail: Int32Array;
  #trailLength = 0;
  /** How many completed operations are not placed. */
  #left: number;
  /** Per state: completed operations left that require it, that forbid it; all left that make it. */
  readonly #demand: Int32Array;
  readonly #forbidden: Int32Array;
  readonly #supply: Int32Array;

  // One frame per configuration on the way, each with its candidates in one common stack. A frame is
  // `[position, state, trail length, next candidate, candidates' begin and end, …open, …fresh]`.
  #frames: Int32Array;
  readonly #stride: number;
  #depth = 0;
  #candidates: Int32Array = new Int32Array(256);
  #candidatesLength = 0;
  readonly #bestOfClass: Int32Array;
  readonly #stampOfClass: Int32Array;
  readonly #stampOfNeed: Int32Array;
  #stamp = 0;

  #result: SearchResult | undefined;
  #orphan: number | undefined;
  #steps = 0;
  readonly #ends = new Map<number, readonly number[]>();

  // The furthest that any branch came. Its order shares a prefix with the trail: only what changed is copied.
  #blocked: number = NONE;
  #blockedAt = -1;
  #deepest: Int32Array;
  #deepestLength = 0;
  #unchanged = 0;

  constructor(problem: Problem, options: SearchOptions = {}) {
    const { completed, size, values } = problem;
    this.#problem = problem;
    this.#values = values;
    this.#isLookingAhead = options.isLookingAhead ?? true;
    this.#isAbsorbing = this.#isLookingAhead && values !== undefined;
    this.#memoryBytesMax = options.memoryBytesMax ?? 2 ** 29;
    this.#spaceBytesMax = this.#memoryBytesMax / 4;
    const laidOut = layout(problem);
    this.#events = laidOut.events;
    this.#slotOf = laidOut.slotOf;
    this.#isVisible = visibleLater(problem, laidOut);
    const words = (laidOut.slots + 31) >>> 5;
    this.#open = new Int32Array(words);
    this.#fresh = new Int32Array(words);
    this.#occupant = new Int32Array(32 * words);
    this.#crashed = new Crashed(problem, options.pools);
    this.#trail = new Int32Array(size);
    this.#deepest = new Int32Array(size);
    this.#left = completed;
    const states = values?.states ?? 0;
    this.#demand = new Int32Array(states);
    this.#forbidden = new Int32Array(states);
    this.#supply = new Int32Array(states);
    for (let i = 0; i < size; i++) this.#count(i, 1);
    this.#stampOfNeed = new Int32Array(states);
    this.#bestOfClass = new Int32Array(problem.classes);
    this.#stampOfClass = new Int32Array(problem.classes);
    this.#stride = FRAME + 2 * words;
    this.#frames = new Int32Array(64 * this.#stride);
    const bytes = this.#fixedBytes();
    const share = problem.space === undefined ? 1 : 1 / 2;
    this.#reads = new Int32Array(words);
    this.#writes = new Int32Array(words);
    this.#key = new Int32Array(words);
    this.#burden = new Int32Array(this.#isAbsorbing ? 2 * words : words);
    const { used, guards } = this.#crashed;
    const configuration = { key: this.#key, burden: this.#burden, used, guards };
    this.#memo = new Memo(configuration, (this.#memoryBytesMax - bytes) * share);
    const orphan = this.#isLookingAhead ? this.#findOrphan() : NONE;
    if (orphan === NONE) {
      this.#enter(problem.initial);
    } else {
      this.#orphan = orphan;
      this.#result = { type: 'not-linearizable' };
    }
  }

  /** Configurations visited so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Bytes held. Beyond what was allowed where forgetting does not help. */
  get bytes(): number {
    return this.#fixedBytes() + this.#memo.bytes + (this.#problem.space?.bytes ?? 0);
  }

  /** How many configurations were forgotten for room. */
  get forgotten(): number {
    return this.#memo.forgotten;
  }

  /**
   * Orders of all completed operations but the one that returns last, which did not fit after them;
   * each ended in another state. At most a handful, and not all there are.
   */
  get ends(): Iterable<readonly number[]> {
    return this.#ends.values();
  }

  /**
   * The operation that no branch got beyond, and a longest order before it: it holds all that completed
   * before that one did.
   */
  get deepest(): { readonly blocked: number; readonly order: readonly number[] } | undefined {
    if (this.#blocked === NONE) return undefined;
    const order = arrange(this.#problem, this.#deepest.subarray(0, this.#deepestLength));
    return { blocked: this.#blocked, order: [...order] };
  }

  /** An operation that requires a state which nothing makes, where one was found before any search. */
  get orphan(): number | undefined {
    return this.#orphan;
  }

  /** Goes on for about this many steps; undefined when it needs more. */
  advance(steps: number): SearchResult | undefined {
    const until = this.#steps + steps;
    while (this.#result === undefined && this.#steps < until) {
      if ((this.#steps & 0xff) === 0 && this.#problem.space !== undefined) this.#forgetStates();
      if (this.#depth === 0) {
        this.#result = { type: 'not-linearizable' };
        break;
      }
      const frame = (this.#depth - 1) * this.#stride;
      this.#restore(frame);
      const at = this.#frames[frame + CANDIDATE] as number;
      if (at === this.#frames[frame + CANDIDATES_END]) {
        this.#candidatesLength = this.#frames[frame + CANDIDATES_BEGIN] as number;
        this.#depth--;
        continue;
      }
      this.#frames[frame + CANDIDATE] = at + 1;
      const candidate = this.#candidates[at] as number;
      const state = this.#frames[frame + STATE] as number;
      if (candidate < 0) {
        this.#leaveOut(~candidate);
        this.#enter(state, true);
      } else {
        const next = this.#problem.transition(state, candidate);
        this.#place(candidate);
        this.#enter(next, next === state);
      }
    }
    return this.#result;
  }

  /**
   * Arrives in a configuration: places reads, goes on to where an operation must be placed that is not,
   * and opens a frame there unless it was seen before.
   */
  #enter(state: number, isSameState = false): void {
    this.#steps++;
    if (!isSameState) this.#greet(state);
    const blocked = this.#goOn(state);
    if (blocked === NONE) {
      const order = arrange(this.#problem, this.#trail.subarray(0, this.#trailLength));
      const runs = this.#crashed.isExact ? [] : this.#crashed.assign(order);
      this.#result =
        runs.length === 0 ? { type: 'linearizable', order } : { type: 'overused', runs };
      return;
    }
    this.#weigh();
    if (!this.#memo.add(this.#position, this.#indistinguishable(state))) return;
    if (this.#left === 1) this.#recordEnd(state);
    this.#recordProgress(blocked);
    const begin = this.#candidatesLength;
    if (this.#isAbsorbing) this.#collectUseful(state, blocked);
    else this.#collect(state, blocked);
    this.#pushFrame(state, begin);
  }

  /** In a new state: places every open read that fits; writes of this state are not fresh any more. */
  #greet(state: number): void {
    const { isReadOnly } = this.#problem;
    for (let word = 0; word < this.#open.length; word++) {
      let bits = this.#open[word] as number;
      while (bits !== 0) {
        const bit = bits & -bits;
        bits ^= bit;
        const operation = this.#occupant[32 * word + 31 - Math.clz32(bit)] as number;
        if (isReadOnly[operation] === 1) {
          if (this.#fits(state, operation)) this.#place(operation);
        } else if (this.#isAbsorbing && this.#isPlainOf(operation, state)) {
          this.#fresh[word] = (this.#fresh[word] as number) & ~bit;
        }
      }
    }
  }

  /** Passes events as far as all that completes is placed. @returns what is not; NONE at the end */
  #goOn(state: number): number {
    const { isReadOnly } = this.#problem;
    const events = this.#events;
    for (; this.#position < events.length; this.#position++) {
      const event = events[this.#position] as number;
      const operation = event >>> 1;
      const slot = this.#slotOf[operation] as number;
      const word = slot >>> 5;
      const bit = 1 << (slot & 31);
      if ((event & 1) === 1) {
        const isOpen = ((this.#open[word] as number) & bit) !== 0;
        if (isOpen && !(this.#isAbsorbing && this.#returnsUnseen(state, operation, word, bit))) {
          return operation;
        }
        this.#vacate(slot);
        continue;
      }
      this.#occupy(slot, operation);
      if (isReadOnly[operation] === 1 && this.#fits(state, operation)) {
        this.#record(operation, operation);
        continue;
      }
      this.#open[word] = (this.#open[word] as number) | bit;
      if (this.#isAbsorbing && this.#isPlain(operation) && !this.#isPlainOf(operation, state)) {
        this.#fresh[word] = (this.#fresh[word] as number) | bit;
      }
    }
    return NONE;
  }

  #occupy(slot: number, operation: number): void {
    this.#occupant[slot] = operation;
    const bit = 1 << (slot & 31);
    const word = slot >>> 5;
    if (this.#problem.isReadOnly[operation] === 1) {
      this.#reads[word] = (this.#reads[word] as number) | bit;
    } else if (this.#isAbsorbing && this.#isPlain(operation)) {
      this.#writes[word] = (this.#writes[word] as number) | bit;
    }
  }

  #vacate(slot: number): void {
    const mask = ~(1 << (slot & 31));
    this.#reads[slot >>> 5] = (this.#reads[slot >>> 5] as number) & mask;
    this.#writes[slot >>> 5] = (this.#writes[slot >>> 5] as number) & mask;
  }

  /**
   * What the memory compares. An open read is a burden: who continues with it continues without. So is a
   * plain write that is fresh, or placed: one that is open and not fresh may be left out, as if it were
   * placed, and may be placed. Of other mutations neither is better.
   */
  #weigh(): void {
    const words = this.#open.length;
    for (let word = 0; word < words; word++) {
      const open = this.#open[word] as number;
      const reads = this.#reads[word] as number;
      const writes = this.#writes[word] as number;
      this.#key[word] = open & ~reads & ~writes;
      this.#burden[word] = (open & reads) | (writes & ~open);
      if (this.#isAbsorbing) this.#burden[words + word] = this.#fresh[word] as number;
    }
  }

  /**
   * Lets a write at the position return where it may be left out, and nobody can see it; or places it
   * where it writes the state itself.
   */
  #returnsUnseen(state: number, operation: number, word: number, bit: number): boolean {
    if (!this.#isPlain(operation) || ((this.#fresh[word] as number) & bit) !== 0) return false;
    if (this.#isVisible[operation] !== 0) return false;
    const { requires, forbids, produces } = this.#values as Demands;
    for (let w = 0; w < this.#open.length; w++) {
      let bits = this.#open[w] as number;
      while (bits !== 0) {
        const lowest = bits & -bits;
        bits ^= lowest;
        const other = this.#occupant[32 * w + 31 - Math.clz32(lowest)] as number;
        if (requires[other] === produces[operation] || forbids[other] !== NONE) return false;
      }
    }
    if (this.#isLastSupply(state, operation)) return false;
    if (this.#isPlainOf(operation, state)) this.#place(operation);
    else this.#leaveOut(operation);
    return true;
  }

  /**
   * The state, or 0 for one that no open operation requires or forbids: the future cannot tell those
   * apart. Whether one does depends on the set of completed operations alone (crashed ones count as
   * open always), so that the memory stays consistent.
   */
  #indistinguishable(state: number): number {
    const values = this.#values;
    if (values === undefined) return state;
    const isKnown =
      this.#demand[state] !== 0 ||
      this.#forbidden[state] !== 0 ||
      values.crashedDemand[state] !== 0;
    return isKnown ? state : 0;
  }

  /** Pushes every mutation that fits, one of a class, those that return first before others. */
  #collect(state: number, blocked: number): void {
    const { isReadOnly, classOf, return: returns } = this.#problem;
    const firstReturn = returns[blocked] as number;
    const stamp = ++this.#stamp;
    const begin = this.#candidatesLength;
    for (let word = 0; word < this.#open.length; word++) {
      let bits = this.#open[word] as number;
      while (bits !== 0) {
        const bit = bits & -bits;
        bits ^= bit;
        const operation = this.#occupant[32 * word + 31 - Math.clz32(bit)] as number;
        if (isReadOnly[operation] === 1) continue;
        if (this.#fits(state, operation)) this.#consider(operation, stamp);
      }
    }
    this.#sortByReturn(begin);
    for (let run = 0; run < this.#crashed.runs; run++) {
      const operation = this.#crashed.next(run, firstReturn);
      if (operation === NONE || this.#stampOfClass[classOf[operation] as number] === stamp)
        continue;
      if (this.#fits(state, operation) && this.#isUseful(state, operation)) this.#push(operation);
    }
  }

  /** The same where every operation overwrites: only what may be of use, see above. */
  #collectUseful(state: number, blocked: number): void {
    const { classOf, isReadOnly, return: returns } = this.#problem;
    const { requires, produces } = this.#values as Demands;
    const firstReturn = returns[blocked] as number;
    const stamp = ++this.#stamp;
    const isLeaving = this.#findNeeds(state, firstReturn, stamp);
    const needs = this.#stampOfNeed;
    const hasFresh = this.#hasFresh();
    let begin = this.#candidatesLength;
    const made = produces[blocked] as number;
    // Placed where it writes the state itself, it makes others not fresh: that is as good or better.
    const mayBeLeftOut =
      this.#isPlain(blocked) &&
      !this.#isFresh(blocked) &&
      !(hasFresh && made === state) &&
      !this.#isLastSupply(state, blocked);
    const isLeftOutLast = mayBeLeftOut && this.#nextRequired(state) === made;
    if (mayBeLeftOut && !isLeftOutLast) {
      this.#push(~blocked);
      begin++;
    }
    for (let word = 0; word < this.#open.length; word++) {
      let bits = this.#open[word] as number;
      while (bits !== 0) {
        const bit = bits & -bits;
        bits ^= bit;
        const operation = this.#occupant[32 * word + 31 - Math.clz32(bit)] as number;
        if (isReadOnly[operation] === 1) continue;
        const required = requires[operation] as number;
        if (required !== NONE) {
          if (required === state) this.#considerUnlessDead(state, operation, stamp);
          continue;
        }
        const next = produces[operation] as number;
        const isUseful =
          next === state
            ? hasFresh && (needs[next] === stamp || operation === blocked)
            : needs[next] === stamp || isLeaving || operation === blocked;
        if (isUseful) this.#considerUnlessDead(state, operation, stamp);
        else this.#dismiss(classOf[operation] as number, stamp);
      }
    }
    this.#sortByReturn(begin);
    if (isLeftOutLast) this.#push(~blocked);
    for (let run = 0; run < this.#crashed.runs; run++) {
      const operation = this.#crashed.next(run, firstReturn);
      if (operation === NONE || this.#stampOfClass[classOf[operation] as number] === stamp)
        continue;
      const next = produces[operation] as number;
      if (!this.#fits(state, operation)) continue;
      if (
        next === state ? !hasFresh || needs[next] !== stamp : needs[next] !== stamp && !isLeaving
      ) {
        continue;
      }
      if (!this.#isDeadEnd(state, operation)) this.#push(operation);
    }
  }

  /**
   * Marks what open operations require, and what crashed ones need to make that.
   *
   * @returns whether an open operation forbids the state
   */
  #findNeeds(state: number, firstReturn: number, stamp: number): boolean {
    const { requires, forbids, produces } = this.#values as Demands;
    const needs = this.#stampOfNeed;
    let isLeaving = false;
    for (let word = 0; word < this.#open.length; word++) {
      let bits = this.#open[word] as number;
      while (bits !== 0) {
        const bit = bits & -bits;
        bits ^= bit;
        const operation = this.#occupant[32 * word + 31 - Math.clz32(bit)] as number;
        const required = requires[operation] as number;
        if (required !== NONE) needs[required] = stamp;
        if (forbids[operation] === state) isLeaving = true;
      }
    }
    for (let isChanged = this.#crashed.runs > 0; isChanged;) {
      isChanged = false;
      for (let run = 0; run < this.#crashed.runs; run++) {
        const operation = this.#crashed.next(run, firstReturn);
        if (operation === NONE) continue;
        const required = requires[operation] as number;
        if (required === NONE || needs[required] === stamp) continue;
        if (needs[produces[operation] as number] !== stamp) continue;
        needs[required] = stamp;
        isChanged = true;
      }
    }
    return isLeaving;
  }

  /** What the next operations to return require first of all; NONE when the state serves, or nothing is. */
  #nextRequired(state: number): number {
    const { requires } = this.#values as Demands;
    const end = Math.min(this.#events.length, this.#position + LOOK_AHEAD_EVENTS);
    for (let at = this.#position + 1; at < end; at++) {
      const event = this.#events[at] as number;
      if ((event & 1) === 0) continue;
      const operation = event >>> 1;
      const required = requires[operation] as number;
      if (required === NONE || !this.#isLeft(operation)) continue;
      return required === state ? NONE : required;
    }
    return NONE;
  }

  /** Whether an operation that completes after the position is not placed. */
  #isLeft(operation: number): boolean {
    const { invoke, return: returns } = this.#problem;
    const blocked = (this.#events[this.#position] as number) >>> 1;
    if ((invoke[operation] as number) > (returns[blocked] as number)) return true;
    const slot = this.#slotOf[operation] as number;
    return ((this.#open[slot >>> 5] as number) & (1 << (slot & 31))) !== 0;
  }

  #fits(state: number, operation: number): boolean {
    const values = this.#values;
    if (values === undefined) return this.#problem.transition(state, operation) !== NONE;
    const required = values.requires[operation] as number;
    return (required === NONE || required === state) && values.forbids[operation] !== state;
  }

  /** Only asked where every operation overwrites. */
  #isPlain(operation: number): boolean {
    const { requires, produces } = this.#values as Demands;
    return requires[operation] === NONE && produces[operation] !== NONE;
  }

  #isPlainOf(operation: number, state: number): boolean {
    const { requires, produces } = this.#values as Demands;
    return produces[operation] === state && requires[operation] === NONE;
  }

  #isFresh(operation: number): boolean {
    const slot = this.#slotOf[operation] as number;
    return ((this.#fresh[slot >>> 5] as number) & (1 << (slot & 31))) !== 0;
  }

  #hasFresh(): boolean {
    for (let word = 0; word < this.#fresh.length; word++) {
      if (this.#fresh[word] !== 0) return true;
    }
    return false;
  }

  /**
   * True when the step leaves a state that completed operations require which are not placed, and that
   * nothing which is left can bring back: those could never be placed.
   */
  #isDeadEnd(state: number, operation: number): boolean {
    const { produces, requires } = this.#values as Demands;
    if (produces[operation] === state) return false;
    const isOwn = operation < this.#problem.completed && requires[operation] === state;
    const demand = (this.#demand[state] as number) - (isOwn ? 1 : 0);
    return demand > 0 && this.#supply[state] === 0;
  }

  /** The same for a write that is left out: true when nobody else can make its value, which is required. */
  #isLastSupply(state: number, operation: number): boolean {
    const made = (this.#values as Demands).produces[operation] as number;
    return made !== state && this.#demand[made] !== 0 && this.#supply[made] === 1;
  }

  /**
   * False for a crashed operation that can as well stay out: nobody requires what it makes, and
   * nobody forbids the state that it leaves, or it leaves none.
   */
  #isUseful(state: number, operation: number): boolean {
    const values = this.#values;
    if (values === undefined) return true;
    const made = values.produces[operation] as number;
    if (made === state) return false;
    return (
      this.#demand[made] !== 0 || values.crashedDemand[made] !== 0 || this.#forbidden[state] !== 0
    );
  }

  /** A completed operation that requires a state which nothing makes; NONE when there is none. */
  #findOrphan(): number {
    const { completed, initial } = this.#problem;
    const values = this.#values;
    if (values === undefined) return NONE;
    for (let i = 0; i < completed; i++) {
      const required = values.requires[i] as number;
      if (required !== NONE && required !== initial && this.#supply[required] === 0) return i;
    }
    return NONE;
  }

  #considerUnlessDead(state: number, operation: number, stamp: number): void {
    if (!this.#isDeadEnd(state, operation)) this.#consider(operation, stamp);
  }

  /** Pushes a candidate, or puts it in the place of another of its class that returns later. */
  #consider(operation: number, stamp: number): void {
    const { classOf, return: returns } = this.#problem;
    const itsClass = classOf[operation] as number;
    const at =
      this.#stampOfClass[itsClass] === stamp ? (this.#bestOfClass[itsClass] as number) : NONE;
    if (at === NONE) {
      this.#stampOfClass[itsClass] = stamp;
      this.#bestOfClass[itsClass] = this.#candidatesLength;
      this.#push(operation);
    } else if (
      (returns[operation] as number) < (returns[this.#candidates[at] as number] as number)
    ) {
      this.#candidates[at] = operation;
    }
  }

  /** No crashed operation of this class is needed either. */
  #dismiss(itsClass: number, stamp: number): void {
    if (this.#stampOfClass[itsClass] === stamp) return;
    this.#stampOfClass[itsClass] = stamp;
    this.#bestOfClass[itsClass] = NONE;
  }

  #push(operation: number): void {
    if (this.#candidatesLength === this.#candidates.length) {
      this.#candidates = enlarged(this.#candidates);
    }
    this.#candidates[this.#candidatesLength++] = operation;
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

  /** Places an operation: an open one, or a crashed one. */
  #place(operation: number): void {
    this.#record(operation, operation);
    if (this.#isAbsorbing && this.#isPlain(operation)) this.#fresh.fill(0);
    if (operation < this.#problem.completed) {
      this.#close(operation);
      return;
    }
    this.#crashed.take(operation);
  }

  /** Lets an open write return unseen. */
  #leaveOut(operation: number): void {
    this.#record(operation, ~operation);
    this.#close(operation);
  }

  #close(operation: number): void {
    const slot = this.#slotOf[operation] as number;
    const mask = ~(1 << (slot & 31));
    this.#open[slot >>> 5] = (this.#open[slot >>> 5] as number) & mask;
    this.#fresh[slot >>> 5] = (this.#fresh[slot >>> 5] as number) & mask;
  }

  #record(operation: number, entry: number): void {
    if (this.#trailLength === this.#trail.length) {
      // Crashed operations that are counted loosely may come more than once.
      this.#trail = enlarged(this.#trail);
      this.#deepest = enlarged(this.#deepest);
    }
    this.#trail[this.#trailLength++] = entry;
    const isCompleted = operation < this.#problem.completed;
    if (isCompleted) this.#left--;
    // Of what is counted loosely there is always more.
    if (isCompleted || this.#crashed.isExact) this.#count(operation, -1);
  }

  #pushFrame(state: number, candidatesBegin: number): void {
    const at = this.#depth++ * this.#stride;
    if (at === this.#frames.length) {
      this.#frames = enlarged(this.#frames);
    }
    const frames = this.#frames;
    frames[at + POSITION] = this.#position;
    frames[at + STATE] = state;
    frames[at + TRAIL] = this.#trailLength;
    frames[at + CANDIDATE] = candidatesBegin;
    frames[at + CANDIDATES_BEGIN] = candidatesBegin;
    frames[at + CANDIDATES_END] = this.#candidatesLength;
    const words = this.#open.length;
    for (let word = 0; word < words; word++) {
      frames[at + FRAME + word] = this.#open[word] as number;
      frames[at + FRAME + words + word] = this.#fresh[word] as number;
    }
  }

  /** Back to the configuration of a frame. */
  #restore(at: number): void {
    const frames = this.#frames;
    const position = frames[at + POSITION] as number;
    while (this.#position > position) {
      const event = this.#events[--this.#position] as number;
      const slot = this.#slotOf[event >>> 1] as number;
      // Who completed there is pending again, and its slot its own.
      if ((event & 1) === 1) this.#occupy(slot, event >>> 1);
      else this.#vacate(slot);
    }
    this.#undo(frames[at + TRAIL] as number);
    const words = this.#open.length;
    for (let word = 0; word < words; word++) {
      this.#open[word] = frames[at + FRAME + word] as number;
      this.#fresh[word] = frames[at + FRAME + words + word] as number;
    }
  }

  #undo(trailLength: number): void {
    const { completed } = this.#problem;
    while (this.#trailLength > trailLength) {
      const entry = this.#trail[--this.#trailLength] as number;
      const operation = entry < 0 ? ~entry : entry;
      const isCompleted = operation < completed;
      if (isCompleted) this.#left++;
      else this.#crashed.giveBack(operation);
      if (isCompleted || this.#crashed.isExact) this.#count(operation, 1);
    }
    if (trailLength < this.#unchanged) this.#unchanged = trailLength;
  }

  /** Adds an operation to (1), or takes it from (-1), what is left. */
  #count(operation: number, change: 1 | -1): void {
    const values = this.#values;
    if (values === undefined) return;
    const produced = values.produces[operation] as number;
    if (produced !== NONE) this.#supply[produced] = (this.#supply[produced] as number) + change;
    if (operation >= this.#problem.completed) return;
    const required = values.requires[operation] as number;
    if (required !== NONE) this.#demand[required] = (this.#demand[required] as number) + change;
    const forbids = values.forbids[operation] as number;
    if (forbids !== NONE) this.#forbidden[forbids] = (this.#forbidden[forbids] as number) + change;
  }

  #recordEnd(state: number): void {
    if (this.#ends.size >= ENDS_MAX || this.#ends.has(state)) return;
    if (this.#position !== this.#events.length - 1) return;
    this.#ends.set(state, [...arrange(this.#problem, this.#trail.subarray(0, this.#trailLength))]);
  }

  #recordProgress(blocked: number): void {
    const difference = this.#position - this.#blockedAt;
    if (difference < 0 || (difference === 0 && this.#trailLength <= this.#deepestLength)) return;
    this.#blocked = blocked;
    this.#blockedAt = this.#position;
    for (let i = this.#unchanged; i < this.#trailLength; i++) {
      this.#deepest[i] = this.#trail[i] as number;
    }
    this.#deepestLength = this.#trailLength;
    this.#unchanged = this.#trailLength;
  }

  /** Where states take much room: only those on the way are kept, and all that named others goes. */
  #forgetStates(): void {
    const { space } = this.#problem;
    if (space === undefined || space.bytes <= this.#spaceBytesMax) return;
    const live = new Int32Array(this.#depth);
    for (let i = 0; i < live.length; i++) {
      live[i] = this.#frames[i * this.#stride + STATE] as number;
    }
    space.forgetAllBut(live);
    for (let i = 0; i < live.length; i++) {
      this.#frames[i * this.#stride + STATE] = live[i] as number;
    }
    this.#memo.clear();
    this.#ends.clear();
    // Else it would forget again at once where those on the way take most of the room.
    this.#spaceBytesMax = Math.max(this.#memoryBytesMax / 4, 2 * space.bytes);
  }

  /** Bytes that do not depend on how many configurations are remembered. */
  #fixedBytes(): number {
    const perOperation = 4 * (4 + 1 + 2) + 1;
    return perOperation * this.#problem.size + 4 * (this.#frames.length + this.#candidates.length);
  }
}

function enlarged(array: Int32Array): Int32Array {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}

/** How many different last states are kept as evidence. */
export const ENDS_MAX = 8;

/** How far it looks for what is required next: about what is pending now. */
const LOOK_AHEAD_EVENTS = 24;

// What stands where in a frame.
const POSITION = 0;
const STATE = 1;
const TRAIL = 2;
const CANDIDATE = 3;
const CANDIDATES_BEGIN = 4;
const CANDIDATES_END = 5;
const FRAME = 6;
