import type { Cut } from './decision.ts';
import type { Json } from '../history.ts';
import { Cursor } from '../table.ts';
import { Snapshots } from './frontier-cuts.ts';
import { FrontierLog, ROOT } from './frontier-log.ts';
import { CAS, FREE, OBSERVE, READ, WRITE, type Roles } from './frontier-roles.ts';
import { ConfigurationSet, COST, HEADER, LOG, STATE } from './frontier-set.ts';
import { countersOf, slotsOf, type Counters, type Slots } from './frontier-slots.ts';
import { NEVER, NONE, type Demands, type Problem } from './problem.ts';

/** Steps of a log: `4 · (operation, or size + class of a ripe crashed one) + kind`. */
export const MAIN = 0;
export const VISIT = 1;
export const CHAIN = 2;

export interface OverwritingOptions {
  /** Configurations that are about as many as may be held; any number when absent. */
  readonly width?: number;
  /**
   * What to do with more of them. `drop` keeps the most promising: what survives then is proven, what
   * dies is not refuted. `join` makes one of several, better than each: what dies then is refuted, what
   * survives is not proven.
   */
  readonly surplus?: 'drop' | 'join';
  /** Crashed operations that one completion may spend; any number when absent. */
  readonly crashedMax?: number;
}

export type FrontierEnd =
  | { readonly type: 'survived'; readonly log: number }
  /** Nothing survived the completion of this rank; the log of one that came to it. */
  | { readonly type: 'died'; readonly rank: number; readonly log: number };

/**
 * Just-in-time linearization over the order of events (Lowe 2017) for operations that overwrite, with
 * one idea that keeps the frontier small: *hindsight*.
 *
 * The **main line** of a configuration is the sequence of states that it went through. Right before
 * a plain write of the main line anything may be inserted that was under way then: whatever state it
 * leaves is overwritten at once. So nobody has to foresee which values are worth visiting there. A
 * *visit* (a write, perhaps with CAS operations after it) is inserted later, when an operation is about to
 * return that needs it. All that must be known is what was under way at the last plain write: an
 * operation is *fresh* when it was invoked after it. Per slot a configuration holds
 *
 * - for a read: open (burden) or served; for a write: done (burden) or not; for a CAS: done or open;
 * - whether it is fresh.
 *
 * A fresh write is open; one that is not may still be done (a visit), or stay unseen: it can be put right
 * before the last plain write. So not fresh and not done is better than either; served is better than
 * open; open and not fresh better than open and fresh. Of CAS neither is better. That is the order of
 * `ConfigurationSet`, with counts of crashed operations: fewer used is better.
 *
 * **Claim.** If the history has a legal order, then after every event some configuration *continues*: it
 * has a set X of visits to insert before the last plain write L, of operations that are open and not
 * fresh, and a sequence K of steps from its state, such that both together serve and place all that
 * is under way or comes later, in an order that real time allows. So a frontier that dies refutes.
 *
 * **Proof**, by induction. An invocation adds an operation to K, at a place where it fits; reads that fit
 * the state are served at once, which changes no state. Let `o` be about to return, and (X, K) be a
 * continuation of a configuration in which it has not taken effect.
 *
 * 1. *Some visit of X places or serves `o`.* Insert all of that visit now (`#visit`, `#extendVisit`: every
 *    visit that does is tried, and every longer one, since nothing can be added to it later). The
 *    latest plain write is the right one: all operations of the visit are still under way, so they
 *    were under way there.
 * 2. *`o` is a write that is not fresh and nobody sees.* It goes before L, and serves reads of its value that
 *    were open there: as a visit of its own it costs nothing, since it returns anyway.
 * 3. *K has `o`, or the state that serves it, before this completion.* Let K₁ be the steps up to there. What
 *    K has after K₁ and before this completion may as well come after it: nothing but `o` returns
 *    here. Take the last plain write of K₁. Steps after it are CAS operations. Segments between the
 *    first and the last plain write each begin with a plain write and are visits, to be inserted before
 *    the last one when they are needed: X gets them, and keeps its own, all of whose operations
 *    are still under way. Steps before the first plain write are CAS operations from the state as it is. So
 *    K₁ is, without loss: CAS operations, then perhaps one plain write and CAS operations after it, up
 *    to `o` (`#lead`, `#write`, `#chain`). Visits must be decided no earlier, but CAS operations before the
 *    write must: they are tried in every order.
 *
 * A write of what the state is already needs no place of its own (the state stays), so it is not fresh. If it
 * begins a visit, with CAS operations that were open at L, the visit fits here: first those, from the
 * state as it is, then the write, which restores it.
 *
 * The *null transition*, a write of the present state, is one of the plain writes of 3: it makes all that is
 * under way not fresh. Leaving it out before CAS operations would refute legal histories.
 *
 * Reductions, by exchange: of open operations of one class the one that returns first is taken, crashed ones
 * last (in a continuation that takes another, swap the two). Crashed CAS operations that serve nobody must be
 * followed by another CAS (*debt*), and must not come back to where they began: without them the same
 * write, or the same state, follows. A write that nobody requires is not led to when it can stay
 * unseen, unless something observes what the state is not: whatever it could make not fresh can lead the main
 * line itself when its time comes, and no state is worse than one that nobody requires.
 *
 * Crashed operations are counted by class once no operation is under way that was invoked before them
 * (*ripe*): any visit that an operation under way asks for lies after their invocation then. Before, they hold
 * slots like others. A count may be raised until as many are left as completions remain (*saturated*):
 * a legal order needs no more, because of crashed operations between two placed or served completed
 * ones only a simple path through states is needed, each class at most once.
 */
export class OverwritingSearch {
  readonly #problem: Problem;
  readonly #values: Demands;
  readonly #roles: Roles;
  readonly #slots: Slots;
  readonly #counters: Counters;
  readonly #width: number;
  readonly #isJoining: boolean;
  readonly #crashedMax: number;
  readonly log: FrontierLog = new FrontierLog();

  // Where bits and counters lie in a configuration.
  readonly #words: number;
  readonly #fresh: number;
  readonly #used: number;
  readonly #stride: number;

  // What is under way, as sets of slots per class or state; the same for all configurations.
  readonly #pendingOf: Int32Array;
  readonly #youngOf: Int32Array;
  readonly #readsOf: Int32Array;
  readonly #observesOf: Int32Array;
  readonly #observes: Int32Array;
  readonly #casSlots: Int32Array;
  /** Slots of reads and observations. */
  readonly #readSlots: Int32Array;
  readonly #operationIn: Int32Array;
  /** Per class: operations under way or crashed. */
  readonly #present: Int32Array;
  /** Per field of the counters: ripe ones. */
  readonly #ripe: Int32Array;
  /** Per class: nobody can need what its crashed operations make. */
  readonly #isDead: Uint8Array;
  readonly #isFieldDead: Uint8Array;
  readonly #aliveMask: Int32Array;
  /** Per state: completed operations to come or under way that require it, crashed classes that do. */
  readonly #demand: Int32Array;
  #observersLeft = 0;
  #remaining: number;

  #current: ConfigurationSet;
  #next: ConfigurationSet;
  #spare: ConfigurationSet;
  /** Nodes of all expansions for one completion: before a write, after it, and visits. */
  readonly #leading: ConfigurationSet;
  readonly #chained: ConfigurationSet;
  readonly #visited: ConfigurationSet;
  #rank = 0;
  #ripened = 0;
  /** Next configuration to expand while a completion is worked on; -1 between events. */
  #cursor = -1;
  #work = 0;
  /** True once configurations were left out for being too many, or steps for being too dear. */
  #isNarrowed = false;

  readonly #snapshots: Snapshots;
  /** Per field: its counts may say more than was used. */
  readonly #isSaturated: Uint8Array;

  // The completion that is being worked on.
  #operation = NONE;
  #role = FREE;
  #slotWord = 0;
  #slotBit = 0;
  #target = NONE;
  readonly #reachStamp: Int32Array;
  #reachNumber = 0;
  #starts: Int32Array = new Int32Array(64);
  #startsLength = 0;
  readonly #saturated: number[] = [];

  // Nodes on the way of one expansion, by depth.
  #nodes: Int32Array;
  #tips: Int32Array = new Int32Array(64);
  #debts: Int32Array = new Int32Array(64);
  #codes: Float64Array = new Float64Array(64);
  #isSpent = 0;
  readonly #out: Int32Array;

  constructor(problem: Problem, values: Demands, roles: Roles, options: OverwritingOptions = {}) {
    this.#problem = problem;
    this.#values = values;
    this.#roles = roles;
    this.#width = options.width ?? Infinity;
    this.#isJoining = options.surplus === 'join';
    this.#crashedMax = options.crashedMax ?? Infinity;
    const { roleOf } = roles;
    this.#slots = slotsOf(problem, (operation) => roleOf[operation] === FREE, true);
    this.#counters = countersOf(problem, (itsClass) => roles.to[itsClass] as number);
    const { words } = this.#slots;
    const { guards } = this.#counters;
    const { classes } = problem;
    const { states } = values;
    this.#words = words;
    this.#fresh = HEADER + words;
    this.#used = HEADER + 2 * words;
    this.#stride = this.#used + guards.length;
    this.#pendingOf = new Int32Array(classes * words);
    this.#youngOf = new Int32Array(classes * words);
    this.#readsOf = new Int32Array(states * words);
    this.#observesOf = new Int32Array(states * words);
    this.#observes = new Int32Array(words);
    this.#casSlots = new Int32Array(words);
    this.#readSlots = new Int32Array(words);
    this.#operationIn = new Int32Array(words * 32).fill(NONE);
    this.#present = new Int32Array(classes);
    this.#ripe = new Int32Array(this.#counters.classOf.length);
    this.#isDead = new Uint8Array(classes);
    this.#isFieldDead = new Uint8Array(this.#ripe.length);
    this.#aliveMask = new Int32Array(guards.length).fill(-1);
    this.#demand = new Int32Array(states);
    this.#reachStamp = new Int32Array(states);
    this.#remaining = problem.completed;
    const layout = { words, planes: 2, guards } as const;
    this.#current = new ConfigurationSet(layout, this.#casSlots);
    this.#next = new ConfigurationSet(layout, this.#casSlots);
    this.#spare = new ConfigurationSet(layout, this.#casSlots);
    this.#leading = new ConfigurationSet(layout, this.#casSlots);
    this.#chained = new ConfigurationSet(layout, this.#casSlots);
    this.#visited = new ConfigurationSet(layout, this.#casSlots);
    this.#nodes = new Int32Array(64 * this.#stride);
    this.#out = new Int32Array(this.#stride);
    this.#isSaturated = new Uint8Array(this.#ripe.length);
    this.#snapshots = new Snapshots(2 + this.#stride - HEADER + words * (1 + 32));
    this.#countDemand();
    const first = new Int32Array(this.#stride);
    first[STATE] = problem.initial;
    first[LOG] = ROOT;
    this.#current.add(first, 0);
  }

  get bytes(): number {
    const sets = this.#current.bytes + this.#next.bytes + this.#spare.bytes;
    const nodes = this.#leading.bytes + this.#chained.bytes + this.#visited.bytes;
    return sets + nodes + this.log.bytes;
  }

  /** Configurations now. */
  get size(): number {
    return this.#current.size;
  }

  get isNarrowed(): boolean {
    return this.#isNarrowed;
  }

  /** Rank of the next event: all that completed before has a place. */
  get rank(): number {
    return this.#rank;
  }

  get steps(): number {
    return this.#work;
  }

  /** Goes on for about this much work; undefined when it needs more. */
  advance(work: number): FrontierEnd | undefined {
    const until = this.#work + work;
    const { events } = this.#problem.table;
    const { operationAt } = this.#slots;
    while (this.#rank < events.length) {
      if (this.#cursor < 0) {
        this.#work += this.#current.length + 1;
        const operation = operationAt[this.#rank] as number;
        if (operation !== NONE) {
          if (((events[this.#rank] as number) & 1) === 0) this.#invoke(operation);
          else this.#complete(operation);
        }
      }
      while (this.#cursor >= 0) {
        if (this.#work >= until) return undefined;
        this.#expandNext();
      }
      if (this.#current.size === 0) {
        // What the completion killed is where the next completion would have been worked on.
        return { type: 'died', rank: this.#rank, log: this.#next.items[LOG] as number };
      }
      this.#ripenUntil(this.#rank);
      this.#rank++;
      if (((events[this.#rank - 1] as number) & 1) === 1) this.#takeSnapshot();
      if (this.log.isLarge) this.#pruneLog();
      if (this.#work >= until) return undefined;
    }
    return { type: 'survived', log: this.#current.items[LOG] as number };
  }

  // ── Events ────────────────────────────────────────────────────────────────────────────────────

  #invoke(operation: number): void {
    const slot = this.#slots.slotOf[operation] as number;
    const itsClass = this.#problem.classOf[operation] as number;
    const isCrashed = operation >= this.#problem.completed;
    const role = this.#roles.roleOf[operation] as number;
    if (role === WRITE || role === CAS) {
      this.#present[itsClass] = (this.#present[itsClass] as number) + 1;
    }
    if (slot === NONE) {
      this.#countRipe(this.#counters.fieldOf[itsClass] as number);
      return;
    }
    const word = slot >>> 5;
    const bit = 1 << (slot & 31);
    this.#operationIn[slot] = operation;
    if (isCrashed) {
      include(this.#youngOf, itsClass * this.#words + word, bit);
      this.#mark(word, bit, NONE);
      return;
    }
    if (role === READ || role === OBSERVE) include(this.#readSlots, word, bit);
    switch (role) {
      case READ: {
        const required = this.#values.requires[operation] as number;
        include(this.#readsOf, required * this.#words + word, bit);
        this.#markUnserved(word, bit, required, true);
        break;
      }
      case OBSERVE: {
        const forbidden = this.#values.forbids[operation] as number;
        include(this.#observesOf, forbidden * this.#words + word, bit);
        include(this.#observes, word, bit);
        this.#markUnserved(word, bit, forbidden, false);
        break;
      }
      case WRITE:
        include(this.#pendingOf, itsClass * this.#words + word, bit);
        this.#mark(word, bit, this.#roles.to[itsClass] as number);
        break;
      default:
        include(this.#pendingOf, itsClass * this.#words + word, bit);
        include(this.#casSlots, word, bit);
        this.#mark(word, bit, NONE);
    }
  }

  /** Makes a new mutation fresh, but where the state is `except` already. */
  #mark(word: number, bit: number, except: number): void {
    const { items, length } = this.#current;
    const fresh = this.#fresh + word;
    for (let at = 0, end = length * this.#stride; at < end; at += this.#stride) {
      if (items[at + STATE] !== except) items[at + fresh] = (items[at + fresh] as number) | bit;
    }
  }

  /** Makes a new read a fresh burden where the state does not serve it at once. */
  #markUnserved(word: number, bit: number, state: number, isServedThere: boolean): void {
    const { items, length } = this.#current;
    const burden = HEADER + word;
    const fresh = this.#fresh + word;
    for (let at = 0, end = length * this.#stride; at < end; at += this.#stride) {
      if ((items[at + STATE] === state) === isServedThere) continue;
      items[at + burden] = (items[at + burden] as number) | bit;
      items[at + fresh] = (items[at + fresh] as number) | bit;
    }
  }

  #complete(operation: number): void {
    const slot = this.#slots.slotOf[operation] as number;
    this.#operation = operation;
    this.#role = this.#roles.roleOf[operation] as number;
    this.#slotWord = slot >>> 5;
    this.#slotBit = 1 << (slot & 31);
    const itsClass = this.#problem.classOf[operation] as number;
    switch (this.#role) {
      case READ:
        this.#target = this.#values.requires[operation] as number;
        break;
      case OBSERVE:
        this.#target = this.#values.forbids[operation] as number;
        break;
      case WRITE:
        this.#target = this.#roles.to[itsClass] as number;
        break;
      default:
        this.#target = this.#roles.from[itsClass] as number;
    }
    const { items, length } = this.#current;
    const { stride } = this.#current;
    let satisfied = 0;
    for (let at = 0, end = length * stride; at < end; at += stride) {
      if (this.#isSatisfied(items, at)) satisfied++;
    }
    if (satisfied === length) {
      const burden = HEADER + this.#slotWord;
      const keep = ~this.#slotBit;
      for (let at = 0, end = length * stride; at < end; at += stride) {
        items[at + burden] = (items[at + burden] as number) & keep;
      }
      this.#finish();
      return;
    }
    this.#prepare();
    this.#leading.clear();
    this.#chained.clear();
    this.#visited.clear();
    this.#next.clear();
    for (let at = 0, end = length * stride; satisfied > 0 && at < end; at += stride) {
      if (!this.#isSatisfied(items, at)) continue;
      satisfied--;
      this.#work++;
      this.#copyOut(items, at);
      this.#next.add(this.#out, 0);
    }
    this.#cursor = 0;
  }

  /** Whether nothing is left to be done for the completion that is being worked on. */
  #isSatisfied(nodes: Int32Array, at: number): boolean {
    const isSet = ((nodes[at + HEADER + this.#slotWord] as number) & this.#slotBit) !== 0;
    return this.#role === WRITE || this.#role === CAS ? isSet : !isSet;
  }

  /** All that one completion asks for, whatever the configuration. */
  #prepare(): void {
    this.#saturated.length = 0;
    for (let field = 0; field < this.#ripe.length; field++) {
      if ((this.#ripe[field] as number) >= this.#remaining) this.#saturated.push(field);
    }
    this.#startsLength = 0;
    this.#reachNumber++;
    if (this.#role === WRITE) return;
    if (this.#role === OBSERVE) this.#collectAllStarts();
    else this.#collectReach(this.#target);
  }

  /** States from which CAS operations may lead to the target, and those of them that can be written. */
  #collectReach(target: number): void {
    const { from, casTo, casToAt } = this.#roles;
    const stamp = this.#reachNumber;
    const found: number[] = [target];
    this.#reachStamp[target] = stamp;
    for (let i = 0; i < found.length; i++) {
      const state = found[i] as number;
      this.#addStart(state);
      const end = casToAt[state + 1] as number;
      for (let j = casToAt[state] as number; j < end; j++) {
        const itsClass = casTo[j] as number;
        const before = from[itsClass] as number;
        if ((this.#present[itsClass] as number) === 0) continue;
        if (this.#reachStamp[before] === stamp) continue;
        this.#reachStamp[before] = stamp;
        found.push(before);
      }
    }
  }

  /** Every state that can be written. */
  #collectAllStarts(): void {
    const { classOf } = this.#problem;
    for (const operation of this.#operationIn) {
      if (operation === NONE || this.#roles.roleOf[operation] !== WRITE) continue;
      this.#addStartOnce(this.#roles.to[classOf[operation] as number] as number);
    }
    for (const itsClass of this.#counters.classOf) {
      if (itsClass === NONE) continue;
      const isWrite = this.#roles.from[itsClass] === NONE && this.#roles.to[itsClass] !== NONE;
      if (isWrite) {
        this.#addStartOnce(this.#roles.to[itsClass] as number);
      }
    }
  }

  #addStartOnce(state: number): void {
    if (this.#reachStamp[state] === this.#reachNumber) return;
    this.#reachStamp[state] = this.#reachNumber;
    this.#addStart(state);
  }

  #addStart(state: number): void {
    const itsClass = this.#roles.writeOf[state] as number;
    if (itsClass === NONE || this.#present[itsClass] === 0) return;
    if (this.#startsLength === this.#starts.length) this.#starts = doubled(this.#starts);
    this.#starts[this.#startsLength++] = state;
  }

  #finish(): void {
    const operation = this.#operation;
    const slot = this.#slots.slotOf[operation] as number;
    const itsClass = this.#problem.classOf[operation] as number;
    const bit = this.#slotBit;
    const word = this.#slotWord;
    this.#operationIn[slot] = NONE;
    exclude(this.#readSlots, word, bit);
    switch (this.#role) {
      case READ:
        exclude(this.#readsOf, this.#target * this.#words + word, bit);
        break;
      case OBSERVE:
        exclude(this.#observesOf, this.#target * this.#words + word, bit);
        exclude(this.#observes, word, bit);
        break;
      default:
        exclude(this.#pendingOf, itsClass * this.#words + word, bit);
        exclude(this.#casSlots, word, bit);
        this.#present[itsClass] = (this.#present[itsClass] as number) - 1;
    }
    this.#remaining--;
    const required = this.#values.requires[operation] as number;
    if (required !== NONE) {
      this.#demand[required] = (this.#demand[required] as number) - 1;
      if (this.#demand[required] === 0) this.#forget(required);
    }
    if (this.#role === OBSERVE && --this.#observersLeft === 0) this.#forgetAll();
  }

  #ripenUntil(rank: number): void {
    const { ripening, ripensAt, slotOf } = this.#slots;
    for (; this.#ripened < ripening.length; this.#ripened++) {
      if ((ripensAt[this.#ripened] as number) > rank) return;
      const operation = ripening[this.#ripened] as number;
      const slot = slotOf[operation] as number;
      if (slot === NONE) continue;
      const itsClass = this.#problem.classOf[operation] as number;
      const field = this.#counters.fieldOf[itsClass] as number;
      const word = slot >>> 5;
      const bit = 1 << (slot & 31);
      const { items, length } = this.#current;
      for (let at = 0, end = length * this.#stride; at < end; at += this.#stride) {
        const bits = items[at + HEADER + word] as number;
        if ((bits & bit) !== 0) {
          items[at + HEADER + word] = bits & ~bit;
          this.#countUsed(items, at, field);
        }
        items[at + this.#fresh + word] = (items[at + this.#fresh + word] as number) & ~bit;
      }
      exclude(this.#youngOf, itsClass * this.#words + word, bit);
      this.#operationIn[slot] = NONE;
      this.#countRipe(field);
    }
  }

  #countRipe(field: number): void {
    const group = this.#counters.groupOf[field] as number;
    this.#ripe[field] = (this.#ripe[field] as number) + 1;
    if (group !== NONE) this.#ripe[group] = (this.#ripe[group] as number) + 1;
  }

  #countUsed(nodes: Int32Array, at: number, field: number): void {
    const { groupOf, word, shift } = this.#counters;
    for (let each = field; each !== NONE; each = groupOf[each] as number) {
      const place = at + this.#used + (word[each] as number);
      nodes[place] = (nodes[place] as number) + (1 << (shift[each] as number));
    }
  }

  // ── Demand ────────────────────────────────────────────────────────────────────────────────────

  #countDemand(): void {
    const { completed, classes } = this.#problem;
    const { requires } = this.#values;
    for (let i = 0; i < completed; i++) {
      if (this.#roles.roleOf[i] === OBSERVE) this.#observersLeft++;
      const required = requires[i] as number;
      if (required !== NONE) this.#demand[required] = (this.#demand[required] as number) + 1;
    }
    for (let itsClass = 0; itsClass < classes; itsClass++) {
      const required = this.#roles.from[itsClass] as number;
      if (required === NONE || this.#counters.fieldOf[itsClass] === NONE) continue;
      this.#demand[required] = (this.#demand[required] as number) + 1;
    }
    if (this.#observersLeft === 0) this.#forgetAll();
  }

  #forgetAll(): void {
    for (let state = 0; state < this.#values.states; state++) {
      if (this.#demand[state] === 0) this.#forget(state);
    }
  }

  /** Nothing requires the state any more: crashed operations that make it are out of use. */
  #forget(state: number): void {
    if (this.#observersLeft > 0) return;
    const { writeOf, casTo, casToAt, from } = this.#roles;
    const itsWrites = writeOf[state] as number;
    if (itsWrites !== NONE) this.#bury(itsWrites);
    const end = casToAt[state + 1] as number;
    for (let i = casToAt[state] as number; i < end; i++) {
      const itsClass = casTo[i] as number;
      if (!this.#bury(itsClass)) continue;
      const required = from[itsClass] as number;
      this.#demand[required] = (this.#demand[required] as number) - 1;
      if (this.#demand[required] === 0) this.#forget(required);
    }
  }

  /** @returns whether crashed operations of the class were in use until now */
  #bury(itsClass: number): boolean {
    const field = this.#counters.fieldOf[itsClass] as number;
    if (field === NONE || this.#isDead[itsClass] === 1) return false;
    this.#isDead[itsClass] = 1;
    const { groupOf, word, shift, mask } = this.#counters;
    // All classes of a group make the same state: they go together.
    for (let each = field; each !== NONE; each = groupOf[each] as number) {
      const bits = (mask[each] as number) << (shift[each] as number);
      exclude(this.#aliveMask, word[each] as number, bits);
      this.#isFieldDead[each] = 1;
    }
    return true;
  }

  /** Whether anything but the completion that is being worked on can tell the state from others. */
  #isDemanded(state: number): boolean {
    if (this.#observersLeft > 0) return true;
    const own = this.#values.requires[this.#operation] === state ? 1 : 0;
    return (this.#demand[state] as number) > own;
  }

  // ── Expansion ─────────────────────────────────────────────────────────────────────────────────

  #expandNext(): void {
    const stride = this.#stride;
    const { items, length } = this.#current;
    while (this.#cursor < length) {
      const at = this.#cursor++ * stride;
      this.#work++;
      if (this.#isSatisfied(items, at)) continue;
      this.#expand(items, at);
      if (this.#next.size > 4 * this.#width) this.#shrink();
      return;
    }
    if (this.#next.size > this.#width) this.#shrink();
    const done = this.#current;
    this.#current = this.#next;
    this.#next = done;
    this.#current.compact();
    this.#cursor = -1;
    this.#finish();
  }

  /** Every way in which the configuration can have the operation take effect by now. */
  #expand(items: Int32Array, at: number): void {
    const nodes = this.#nodes;
    for (let i = 0; i < this.#stride; i++) nodes[i] = items[at + i] as number;
    const state = nodes[STATE] as number;
    this.#tips[0] = state;
    this.#debts[0] = NONE;
    this.#isSpent = 0;
    const isFresh = ((nodes[this.#fresh + this.#slotWord] as number) & this.#slotBit) !== 0;
    if (this.#role === WRITE) {
      const slot = this.#slots.slotOf[this.#operation] as number;
      if (!isFresh && state !== this.#target) this.#visit(this.#target, slot, this.#operation);
      if (isFresh || state === this.#target || this.#isDemanded(this.#target)) this.#lead(0);
      return;
    }
    if (!isFresh) {
      for (let i = 0; i < this.#startsLength; i++) {
        const start = this.#starts[i] as number;
        const itsClass = this.#roles.writeOf[start] as number;
        const slot = this.#pick(0, itsClass, true);
        if (slot >= 0) {
          this.#visit(start, slot, this.#operationIn[slot] as number);
          continue;
        }
        const crashed = this.#pickCrashed(0, itsClass, true);
        if (crashed === NOBODY) continue;
        if (this.#isSpent >= this.#crashedMax) {
          this.#isNarrowed = true;
          continue;
        }
        this.#isSpent++;
        if (crashed === RIPE) this.#visit(start, RIPE, this.#problem.size + itsClass);
        else this.#visit(start, crashed, this.#operationIn[crashed] as number);
        this.#isSpent--;
      }
    }
    this.#lead(0);
  }

  /**
   * Puts a write, and what may follow it, right before the last plain write.
   *
   * @param slot - RIPE for a crashed operation that is only counted
   */
  #visit(state: number, slot: number, code: number): void {
    this.#descend(0);
    this.#tips[1] = state;
    this.#codes[1] = 4 * code + VISIT;
    this.#take(1, slot, code - this.#problem.size);
    const isServing = this.#serve(1, state, true);
    this.#debts[1] = slot === RIPE || this.#isYoung(slot) ? (isServing ? NONE : 1) : NONE;
    if (this.#role === WRITE) this.#emit(1, !isServing);
    else if (this.#isSatisfiedAt(1)) this.#emit(1, false);
    this.#extendVisit(1);
  }

  #extendVisit(depth: number): void {
    const { casFrom, casFromAt } = this.#roles;
    const tip = this.#tips[depth] as number;
    if (depth > 1 && this.#isVisitKnown(depth, tip)) return;
    const end = casFromAt[tip + 1] as number;
    for (let i = casFromAt[tip] as number; i < end; i++) {
      const itsClass = casFrom[i] as number;
      if (this.#present[itsClass] === 0) continue;
      const isOpen = this.#role !== WRITE && !this.#isSatisfiedAt(depth);
      if (isOpen && !this.#isTowardsTarget(itsClass)) continue;
      const spent = this.#isSpent;
      if (!this.#tryCas(depth, itsClass, true)) continue;
      const isDone = this.#role === WRITE || this.#isSatisfiedAt(depth + 1);
      if (isDone && this.#debts[depth + 1] === NONE) this.#emit(depth + 1, false);
      this.#extendVisit(depth + 1);
      this.#isSpent = spent;
    }
  }

  /** From the state now: CAS operations, then perhaps one write and CAS operations after it. */
  #lead(depth: number): void {
    const { casFrom, casFromAt } = this.#roles;
    const state = this.#tips[depth] as number;
    if (depth > 1 && this.#isKnown(this.#leading, depth)) return;
    if (this.#debts[depth] === NONE) {
      if (this.#role === WRITE) {
        const slot = this.#slots.slotOf[this.#operation] as number;
        this.#write(depth, this.#target, slot, this.#operation);
      } else {
        this.#leadByWrites(depth, state);
      }
    }
    const end = casFromAt[state + 1] as number;
    for (let i = casFromAt[state] as number; i < end; i++) {
      const itsClass = casFrom[i] as number;
      if (this.#present[itsClass] === 0) continue;
      const spent = this.#isSpent;
      if (!this.#tryCas(depth, itsClass, false)) continue;
      if (this.#role !== WRITE && this.#isSatisfiedAt(depth + 1)) this.#emit(depth + 1, false);
      else this.#lead(depth + 1);
      this.#isSpent = spent;
    }
  }

  #leadByWrites(depth: number, state: number): void {
    for (let i = 0; i < this.#startsLength; i++) {
      const start = this.#starts[i] as number;
      if (start === state && !this.#hasFresh(depth)) continue;
      const itsClass = this.#roles.writeOf[start] as number;
      const slot = this.#pick(depth, itsClass, false);
      if (slot >= 0) {
        this.#write(depth, start, slot, this.#operationIn[slot] as number);
        continue;
      }
      const crashed = this.#pickCrashed(depth, itsClass, false);
      if (crashed === NOBODY) continue;
      if (this.#isSpent >= this.#crashedMax) {
        this.#isNarrowed = true;
        continue;
      }
      this.#isSpent++;
      const code = crashed === RIPE ? this.#problem.size + itsClass : this.#operationIn[crashed];
      this.#write(depth, start, crashed, code as number);
      this.#isSpent--;
    }
  }

  #write(depth: number, state: number, slot: number, code: number): void {
    this.#descend(depth);
    const below = depth + 1;
    this.#tips[below] = state;
    this.#debts[below] = NONE;
    this.#codes[below] = 4 * code + MAIN;
    this.#take(below, slot, code - this.#problem.size);
    const at = below * this.#stride;
    this.#nodes[at + STATE] = state;
    this.#nodes.fill(0, at + this.#fresh, at + this.#used);
    this.#serve(below, state, false);
    if (this.#role === WRITE || this.#isSatisfiedAt(below)) this.#emit(below, false);
    else this.#chain(below);
  }

  /** CAS operations after a write, until the target is reached. */
  #chain(depth: number): void {
    const { casFrom, casFromAt } = this.#roles;
    const state = this.#tips[depth] as number;
    if (depth > 2 && this.#isKnown(this.#chained, depth)) return;
    const end = casFromAt[state + 1] as number;
    for (let i = casFromAt[state] as number; i < end; i++) {
      const itsClass = casFrom[i] as number;
      if (this.#present[itsClass] === 0 || !this.#isTowardsTarget(itsClass)) continue;
      const spent = this.#isSpent;
      if (!this.#tryCas(depth, itsClass, false)) continue;
      if (this.#isSatisfiedAt(depth + 1)) this.#emit(depth + 1, false);
      else this.#chain(depth + 1);
      this.#isSpent = spent;
    }
  }

  /**
   * Whether another node of the kind dominates this one: then all that this one leads to is dominated.
   * Nodes in debt may not go everywhere, so they neither dominate nor are asked.
   */
  #isKnown(nodes: ConfigurationSet, depth: number): boolean {
    if (this.#debts[depth] !== NONE) return false;
    return nodes.add(this.#nodes, depth * this.#stride) < 0;
  }

  /** The same for visits, where the tip is part of the state. */
  #isVisitKnown(depth: number, tip: number): boolean {
    const at = depth * this.#stride + STATE;
    const state = this.#nodes[at] as number;
    const { states } = this.#values;
    if (states > MOST_STATES_SQUARED) return false;
    this.#nodes[at] = state * states + tip;
    const isKnown = this.#isKnown(this.#visited, depth);
    this.#nodes[at] = state;
    return isKnown;
  }

  /** Whether a CAS of the class may be a step on the way to the target. */
  #isTowardsTarget(itsClass: number): boolean {
    if (this.#role === OBSERVE) return true;
    if (this.#reachStamp[this.#roles.to[itsClass] as number] === this.#reachNumber) return true;
    return this.#role === CAS && itsClass === this.#problem.classOf[this.#operation];
  }

  /** Makes the node below by a CAS of the class. @returns false when there is none to take */
  #tryCas(depth: number, itsClass: number, isVisit: boolean): boolean {
    let slot = this.#pick(depth, itsClass, isVisit);
    let code = slot >= 0 ? (this.#operationIn[slot] as number) : NONE;
    const isCrashed = slot < 0;
    const to = this.#roles.to[itsClass] as number;
    if (isCrashed) {
      slot = this.#pickCrashed(depth, itsClass, isVisit);
      if (slot === NOBODY || this.#isRoundabout(depth, to)) return false;
      if (this.#isSpent >= this.#crashedMax) {
        this.#isNarrowed = true;
        return false;
      }
      this.#isSpent++;
      code = slot === RIPE ? this.#problem.size + itsClass : (this.#operationIn[slot] as number);
    }
    this.#descend(depth);
    const below = depth + 1;
    this.#tips[below] = to;
    this.#codes[below] = 4 * code + (isVisit ? CHAIN : MAIN);
    this.#take(below, slot, itsClass);
    if (!isVisit) this.#nodes[below * this.#stride + STATE] = to;
    const isServing = this.#serve(below, to, isVisit);
    const debt = this.#debts[depth] as number;
    this.#debts[below] = !isCrashed || isServing ? NONE : debt === NONE ? depth : debt;
    return true;
  }

  /** Whether crashed operations that served nobody would lead back to where they began. */
  #isRoundabout(depth: number, to: number): boolean {
    const debt = this.#debts[depth] as number;
    if (debt === NONE) return this.#tips[depth] === to;
    for (let each = debt; each <= depth; each++) if (this.#tips[each] === to) return true;
    return false;
  }

  #isYoung(slot: number): boolean {
    return (this.#operationIn[slot] as number) >= this.#problem.completed;
  }

  #descend(depth: number): void {
    this.#work++;
    const stride = this.#stride;
    const at = depth * stride;
    if (at + 2 * stride > this.#nodes.length) {
      this.#nodes = doubled(this.#nodes);
    }
    if (depth + 2 > this.#tips.length) {
      this.#tips = doubled(this.#tips);
      this.#debts = doubled(this.#debts);
      const codes = new Float64Array(this.#codes.length * 2);
      codes.set(this.#codes);
      this.#codes = codes;
    }
    const nodes = this.#nodes;
    for (let i = at; i < at + stride; i++) nodes[i + stride] = nodes[i] as number;
  }

  /** Marks a mutation as done. @param itsClass - of a ripe crashed one */
  #take(depth: number, slot: number, itsClass: number): void {
    const at = depth * this.#stride;
    const nodes = this.#nodes;
    if (slot === RIPE) {
      this.#countUsed(nodes, at, this.#counters.fieldOf[itsClass] as number);
      nodes[at + COST] = (nodes[at + COST] as number) + 1;
      return;
    }
    const word = slot >>> 5;
    const bit = 1 << (slot & 31);
    include(nodes, at + HEADER + word, bit);
    exclude(nodes, at + this.#fresh + word, bit);
    if (this.#isYoung(slot)) nodes[at + COST] = (nodes[at + COST] as number) + 1;
  }

  /** Serves what waits for the state. @returns whether any read did */
  #serve(depth: number, state: number, isVisit: boolean): boolean {
    const at = depth * this.#stride;
    const nodes = this.#nodes;
    let isServing = false;
    const itsWrites = isVisit ? NONE : (this.#roles.writeOf[state] as number);
    for (let i = 0; i < this.#words; i++) {
      const burden = nodes[at + HEADER + i] as number;
      const fresh = nodes[at + this.#fresh + i] as number;
      let served = this.#readsOf[state * this.#words + i] as number;
      if (this.#observersLeft > 0) {
        const others = ~(this.#observesOf[state * this.#words + i] as number);
        served |= (this.#observes[i] as number) & others;
      }
      served &= isVisit ? burden & ~fresh : burden;
      if (served !== 0) {
        isServing = true;
        nodes[at + HEADER + i] = burden & ~served;
      }
      let clear = served;
      // A write of what the state is already changes nothing: it may stand there, unseen.
      if (itsWrites !== NONE) clear |= this.#pendingOf[itsWrites * this.#words + i] as number;
      nodes[at + this.#fresh + i] = fresh & ~clear;
    }
    return isServing;
  }

  #isSatisfiedAt(depth: number): boolean {
    return this.#isSatisfied(this.#nodes, depth * this.#stride);
  }

  #hasFresh(depth: number): boolean {
    const at = depth * this.#stride;
    for (let i = at + this.#fresh; i < at + this.#used; i++) if (this.#nodes[i] !== 0) return true;
    return false;
  }

  /** The slot of the open operation of the class that returns first; negative when there is none. */
  #pick(depth: number, itsClass: number, isVisit: boolean): number {
    const at = depth * this.#stride;
    let found = NOBODY;
    let earliest = NEVER;
    for (let i = 0; i < this.#words; i++) {
      let open =
        (this.#pendingOf[itsClass * this.#words + i] as number) &
        ~(this.#nodes[at + HEADER + i] as number);
      if (isVisit) open &= ~(this.#nodes[at + this.#fresh + i] as number);
      while (open !== 0) {
        const slot = 32 * i + 31 - Math.clz32(open & -open);
        open &= open - 1;
        const returns = this.#problem.return[this.#operationIn[slot] as number] as number;
        if (returns < earliest) {
          earliest = returns;
          found = slot;
        }
      }
    }
    return found;
  }

  /** A crashed operation of the class: a slot, RIPE, or NOBODY. Young ones that are fresh go first. */
  #pickCrashed(depth: number, itsClass: number, isVisit: boolean): number {
    const field = this.#counters.fieldOf[itsClass] as number;
    if (field === NONE || this.#isDead[itsClass] === 1) return NOBODY;
    const at = depth * this.#stride;
    let other = NOBODY;
    for (let i = 0; i < this.#words; i++) {
      const young =
        (this.#youngOf[itsClass * this.#words + i] as number) &
        ~(this.#nodes[at + HEADER + i] as number);
      if (young === 0) continue;
      const fresh = young & (this.#nodes[at + this.#fresh + i] as number);
      if (fresh !== 0 && !isVisit) return 32 * i + 31 - Math.clz32(fresh & -fresh);
      const old = young & ~fresh;
      if (old !== 0) other = 32 * i + 31 - Math.clz32(old & -old);
    }
    const { groupOf, word, shift, mask } = this.#counters;
    for (let each = field; each !== NONE; each = groupOf[each] as number) {
      const counters = this.#nodes[at + this.#used + (word[each] as number)] as number;
      const used = (counters >>> (shift[each] as number)) & (mask[each] as number);
      if (used >= (this.#ripe[each] as number)) return other;
    }
    return RIPE;
  }

  // ── Results of an expansion ───────────────────────────────────────────────────────────────────

  #copyOut(from: Int32Array, at: number): void {
    const out = this.#out;
    for (let i = 0; i < this.#stride; i++) out[i] = from[at + i] as number;
    if (!this.#isDemanded(out[STATE] as number)) out[STATE] = 0;
    exclude(out, HEADER + this.#slotWord, this.#slotBit);
    exclude(out, this.#fresh + this.#slotWord, this.#slotBit);
    for (let i = 0; i < this.#aliveMask.length; i++) {
      out[this.#used + i] = (out[this.#used + i] as number) & (this.#aliveMask[i] as number);
    }
    for (const field of this.#saturated) this.#saturate(field);
  }

  /** More than can be needed is as good as no more than that. */
  #saturate(field: number): void {
    if (this.#isFieldDead[field] === 1) return;
    const place = this.#used + (this.#counters.word[field] as number);
    const shift = this.#counters.shift[field] as number;
    const mask = this.#counters.mask[field] as number;
    const least = (this.#ripe[field] as number) - (this.#remaining - 1);
    const counters = this.#out[place] as number;
    if (((counters >>> shift) & mask) >= least) return;
    this.#out[place] = (counters & ~(mask << shift)) | (least << shift);
    this.#isSaturated[field] = 1;
  }

  /** @param isUnseen - the write stands where nobody sees it: nothing to be logged */
  #emit(depth: number, isUnseen: boolean): void {
    this.#work++;
    this.#copyOut(this.#nodes, depth * this.#stride);
    const at = this.#next.add(this.#out, 0);
    if (at < 0 || isUnseen) return;
    let log = this.#out[LOG] as number;
    for (let i = 1; i <= depth; i++) log = this.log.push(log, this.#codes[i] as number, this.#rank);
    this.#next.items[at + LOG] = log;
  }

  #pruneLog(): void {
    const { items, length } = this.#current;
    const ends: number[] = [];
    for (let i = 0; i < length; i++) ends.push(items[i * this.#stride + LOG] as number);
    const moved = this.log.prune(ends);
    for (let i = 0; i < length; i++) {
      const at = i * this.#stride + LOG;
      const end = items[at] as number;
      if (end !== ROOT) items[at] = moved[end] as number;
    }
  }

  // ── Cuts ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * Remembers this point when all agree on the state, and every open read is either served in all or
   * beyond what hindsight could serve: rank, state, bits set in all, fresh in all, least counts,
   * bits set in some, and who holds which slot.
   */
  #takeSnapshot(): void {
    const { items, length } = this.#current;
    const state = items[STATE] as number;
    if (length > CUT_WIDTH || state === 0 || (this.#isNarrowed && !this.#isJoining)) return;
    const stride = this.#stride;
    for (let at = stride; at < length * stride; at += stride) if (items[at] !== state) return;
    const snapshot = this.#snapshots.draft;
    snapshot[0] = this.#rank;
    snapshot[1] = state;
    const some = 2 + stride - HEADER;
    for (let i = HEADER; i < this.#used; i++) snapshot[2 + i - HEADER] = -1;
    for (let i = this.#used; i < stride; i++) snapshot[2 + i - HEADER] = items[i] as number;
    snapshot.fill(0, some, some + this.#words);
    for (let at = 0; at < length * stride; at += stride) {
      for (let i = HEADER; i < this.#used; i++) {
        const place = 2 + i - HEADER;
        snapshot[place] = (snapshot[place] as number) & (items[at + i] as number);
      }
      for (let i = 0; i < this.#words; i++)
        include(snapshot, some + i, items[at + HEADER + i] as number);
    }
    for (let i = 0; i < this.#words; i++) {
      const open = (this.#readSlots[i] as number) & (snapshot[some + i] as number);
      const isOut = (snapshot[2 + i] as number) & (snapshot[2 + this.#words + i] as number);
      if ((open & ~isOut) !== 0) return;
    }
    for (let at = stride; at < length * stride; at += stride) this.#leastCounts(snapshot, at);
    snapshot.set(this.#operationIn, some + this.#words);
    this.#snapshots.keep();
  }
  #leastCounts(snapshot: Int32Array, at: number): void {
    const { word, shift, mask } = this.#counters;
    for (let field = 0; field < word.length; field++) {
      const place = this.#used + (word[field] as number);
      const bits = (mask[field] as number) << (shift[field] as number);
      const kept = 2 + place - HEADER;
      const least = (snapshot[kept] as number) & bits;
      const counts = (this.#current.items[at + place] as number) & bits;
      if (counts >>> 0 < least >>> 0) {
        snapshot[kept] = ((snapshot[kept] as number) & ~bits) | counts;
      }
    }
  }

  /**
   * Points from which the rest is refuted, once it is; the latest last.
   *
   * Suppose some legal order of the whole. Some configuration at the cut can be continued to it: by
   * inserting, in hindsight, operations before the last plain write, and by steps after the cut. The
   * latter, after a write of the cut's state, are a legal order of what the cut says: fresh operations
   * cannot be inserted in hindsight, so all that are fresh and open in every configuration are among
   * them; what some configuration had placed, or could place in hindsight, may be missing; and no
   * crashed operation is used more often than is left in the configuration that used least. So where
   * the cut's history has no legal order, the whole has none.
   */
  cuts(): readonly Cut[] {
    return this.#snapshots.all().map((snapshot) => this.#cutOf(snapshot));
  }

  #cutOf(snapshot: Int32Array): Cut {
    const { rows, completed } = this.#problem;
    const rank = snapshot[0] as number;
    const planes = 2 * this.#words;
    const some = 2 + this.#stride - HEADER;
    const holders = some + this.#words;
    const open: number[] = [];
    const maybe: number[] = [];
    for (let slot = 0; slot < 32 * this.#words; slot++) {
      const operation = snapshot[holders + slot] as number;
      if (operation === NONE) continue;
      const has = (at: number): boolean =>
        ((snapshot[at + (slot >>> 5)] as number) & (1 << (slot & 31))) !== 0;
      const row = rows[operation] as number;
      const role = this.#roles.roleOf[operation];
      if (role === READ || role === OBSERVE) {
        if (has(some)) open.push(row);
      } else if (!has(2)) {
        const isOut = operation < completed && !has(some) && has(2 + this.#words);
        (isOut ? open : maybe).push(row);
      }
    }
    this.#addRipe(maybe, snapshot.subarray(2 + planes), rank);
    return {
      rank,
      state: this.#valueOf(snapshot[1] as number),
      open: open.toSorted((a, b) => a - b),
      maybe: maybe.toSorted((a, b) => a - b),
    };
  }

  /** The value of a state that some operation requires or forbids. */
  #valueOf(state: number): Json {
    const { model, rows, size, table } = this.#problem;
    const { requires, forbids } = this.#values;
    const cursor = new Cursor(table.columns);
    for (let i = 0; i < size; i++) {
      if (requires[i] !== state && forbids[i] !== state) continue;
      const effect = model.overwrite?.(cursor.at(rows[i] as number));
      const value = requires[i] === state ? effect?.requires : effect?.forbids;
      if (value !== undefined) return value;
    }
    throw new Error('states other than 0 are demanded');
  }

  /** Adds the ripe crashed operations that some configuration had not used up. */
  #addRipe(maybe: number[], counts: Int32Array, rank: number): void {
    const { ripening, ripensAt } = this.#slots;
    const { fieldOf, word, shift, mask } = this.#counters;
    const gone = Int32Array.from(word, (at, field) =>
      this.#isSaturated[field] === 1
        ? 0
        : ((counts[at] as number) >>> (shift[field] as number)) & (mask[field] as number),
    );
    for (let i = 0; i < ripening.length && (ripensAt[i] as number) < rank; i++) {
      const operation = ripening[i] as number;
      const field = fieldOf[this.#problem.classOf[operation] as number] as number;
      if ((gone[field] as number) > 0) gone[field] = (gone[field] as number) - 1;
      else maybe.push(this.#problem.rows[operation] as number);
    }
  }

  #shrink(): void {
    this.#isNarrowed = true;
    this.#next.compact();
    const full = this.#next;
    this.#next = this.#spare;
    this.#spare = full;
    this.#next.clear();
    if (this.#isJoining) this.#join(full);
    else this.#drop(full);
  }

  /** Keeps the most promising: those that spent least, and carry the lightest burden. */
  #drop(full: ConfigurationSet): void {
    const { items, length } = full;
    const scores = new Float64Array(length);
    for (let i = 0; i < length; i++) {
      const at = i * this.#stride;
      let score = this.#scarcity(items, at);
      for (let j = at + HEADER; j < at + this.#used; j++) score += countBits(items[j] as number);
      // Together they must stay exact; beyond the bound all are equally bad.
      scores[i] = Math.min(score, SCORE_MAX) * 2 ** 24 + i;
    }
    scores.sort();
    for (let i = 0; i < length && i < this.#width; i++) {
      this.#next.add(items, ((scores[i] as number) % 2 ** 24) * this.#stride);
    }
  }

  /** How much was spent of what there is, the last ones counting most. */
  #scarcity(items: Int32Array, at: number): number {
    const { groupOf, word, shift, mask } = this.#counters;
    let scarcity = (items[at + COST] as number) * 256;
    for (let field = 0; field < word.length; field++) {
      if (groupOf[field] !== NONE) continue;
      const counters = items[at + this.#used + (word[field] as number)] as number;
      const used = (counters >>> (shift[field] as number)) & (mask[field] as number);
      scarcity += Math.floor((1024 * used) / ((this.#ripe[field] as number) - used + 1));
    }
    return scarcity;
  }

  /**
   * Makes one of those that differ in what they spent only: as if it had spent no more than the
   * thriftiest, class by class. If they are too many still, one of those with the same state and CAS.
   */
  #join(full: ConfigurationSet): void {
    for (const isCoarse of [false, true]) {
      const joined = this.#joinAlike(full, isCoarse);
      this.#next.clear();
      for (let i = 0; i < joined; i++) this.#next.add(full.items, i * this.#stride);
      if (this.#next.size <= this.#width) return;
      full.length = joined;
    }
  }

  /** @returns how many are left, at the beginning of the items */
  #joinAlike(full: ConfigurationSet, isCoarse: boolean): number {
    const { items, length } = full;
    const stride = this.#stride;
    const table = new Int32Array(4 << (32 - Math.clz32(length))).fill(NONE);
    let kept = 0;
    for (let i = 0; i < length; i++) {
      const at = i * stride;
      let slot = this.#hash(items, at, isCoarse) & (table.length - 1);
      let other = table[slot] as number;
      while (other !== NONE && !this.#isAlike(items, other * stride, at, isCoarse)) {
        slot = (slot + 1) & (table.length - 1);
        other = table[slot] as number;
      }
      if (other === NONE) {
        table[slot] = kept;
        items.copyWithin(kept++ * stride, at, at + stride);
      } else {
        this.#joinInto(items, other * stride, at);
      }
    }
    return kept;
  }

  #hash(items: Int32Array, at: number, isCoarse: boolean): number {
    let hash = items[at + STATE] as number;
    const end = isCoarse ? this.#fresh : this.#used;
    for (let i = HEADER; i < end; i++) {
      const mask = isCoarse ? (this.#casSlots[i - HEADER] as number) : -1;
      hash = Math.imul(hash ^ ((items[at + i] as number) & mask), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  #isAlike(items: Int32Array, first: number, second: number, isCoarse: boolean): boolean {
    if (items[first + STATE] !== items[second + STATE]) return false;
    const end = isCoarse ? this.#fresh : this.#used;
    for (let i = HEADER; i < end; i++) {
      const mask = isCoarse ? (this.#casSlots[i - HEADER] as number) : -1;
      const difference = (items[first + i] as number) ^ (items[second + i] as number);
      if ((difference & mask) !== 0) return false;
    }
    return true;
  }

  #joinInto(items: Int32Array, to: number, from: number): void {
    for (let i = HEADER; i < this.#used; i++) {
      items[to + i] = (items[to + i] as number) & (items[from + i] as number);
    }
    const { word, shift, mask } = this.#counters;
    for (let field = 0; field < word.length; field++) {
      const at = this.#used + (word[field] as number);
      const bits = (mask[field] as number) << (shift[field] as number);
      const ours = (items[to + at] as number) & bits;
      const theirs = (items[from + at] as number) & bits;
      if (theirs >>> 0 < ours >>> 0) {
        items[to + at] = ((items[to + at] as number) & ~bits) | theirs;
      }
    }
  }
}

/** As many states give pairs that fit an integer. */
const MOST_STATES_SQUARED = 46_340;
/** Of a configuration's score: 2^28 times 2^24 is exact in a double. */
const SCORE_MAX = 2 ** 28;
/** Configurations among which agreement is looked for. */
const CUT_WIDTH = 32;

/** Instead of a slot: a ripe crashed operation; none at all. */
const RIPE = -2;
const NOBODY = -1;

function include(sets: Int32Array, at: number, bit: number): void {
  sets[at] = (sets[at] as number) | bit;
}

function exclude(sets: Int32Array, at: number, bit: number): void {
  sets[at] = (sets[at] as number) & ~bit;
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x5555_5555);
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
