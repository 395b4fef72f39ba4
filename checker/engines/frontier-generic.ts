import { FrontierLog, ROOT } from './frontier-log.ts';
import type { FrontierEnd } from './frontier-overwrite.ts';
import { ConfigurationSet, COST, HEADER, LOG, STATE } from './frontier-set.ts';
import { countersOf, slotsOf, type Counters, type Slots } from './frontier-slots.ts';
import { NEVER, NONE, type Problem } from './problem.ts';

/**
 * Just-in-time linearization over the order of events (Lowe 2017) for any deterministic model. A
 * configuration is a state, which operations under way took effect, and how many crashed ones of each
 * class were used. Reductions, each keeping this: when a legal order continues a configuration, one
 * continues some configuration that follows it.
 *
 * - *Late*: a mutation takes effect only in a sequence of them that ends with the operation that is
 *   about to return, or with what lets it be served. Those that a legal order has after it, and before
 *   the completion, may as well come after the completion: none of them returns there.
 * - *Reads are eager*: a read that fits changes nothing, so it takes effect at once.
 * - *One of a class*: the one that returns first, crashed ones last (exchange argument, as in `Search`).
 * - *Dominance*: same state, same mutations done, no read open that the other has served, no more
 *   crashed operations used: what continues the other continues this one.
 */
export class GenericSearch {
  readonly #problem: Problem;
  readonly #slots: Slots;
  readonly #counters: Counters;
  readonly log: FrontierLog = new FrontierLog();
  readonly #words: number;
  readonly #used: number;
  readonly #stride: number;
  /** Slots of reads and of mutations that are under way. */
  readonly #reads: Int32Array;
  readonly #mutations: Int32Array;
  readonly #operationIn: Int32Array;
  readonly #ripe: Int32Array;
  readonly #stampOfClass: Int32Array;
  readonly #bestOfClass: Int32Array;
  #stamp = 0;
  #current: ConfigurationSet;
  #next: ConfigurationSet;
  /** What was reached on the way to the completion that is being worked on, without it. */
  #between: ConfigurationSet;
  #rank = 0;
  #cursor = -1;
  #work = 0;
  #isRead = false;
  #slotWord = 0;
  #slotBit = 0;
  readonly #node: Int32Array;

  constructor(problem: Problem) {
    this.#problem = problem;
    this.#slots = slotsOf(problem, () => false, false);
    this.#counters = countersOf(problem);
    const { words } = this.#slots;
    const { guards } = this.#counters;
    this.#words = words;
    this.#used = HEADER + words;
    this.#stride = this.#used + guards.length;
    this.#reads = new Int32Array(words);
    this.#mutations = new Int32Array(words);
    this.#operationIn = new Int32Array(32 * words).fill(NONE);
    this.#ripe = new Int32Array(this.#counters.classOf.length);
    this.#stampOfClass = new Int32Array(problem.classes);
    this.#bestOfClass = new Int32Array(problem.classes);
    const layout = { words, planes: 1, guards } as const;
    this.#current = new ConfigurationSet(layout, this.#mutations);
    this.#next = new ConfigurationSet(layout, this.#mutations);
    this.#between = new ConfigurationSet(layout, this.#mutations);
    this.#node = new Int32Array(this.#stride);
    this.#node[STATE] = problem.initial;
    this.#node[LOG] = ROOT;
    this.#current.add(this.#node, 0);
  }

  get bytes(): number {
    const sets = this.#current.bytes + this.#next.bytes + this.#between.bytes;
    return sets + this.log.bytes;
  }

  /** Rank of the next event: all that completed before has a place. */
  get rank(): number {
    return this.#rank;
  }

  /** Goes on for about this much work; undefined when it needs more. */
  advance(work: number): FrontierEnd | undefined {
    const until = this.#work + work;
    const { events } = this.#problem.table;
    while (this.#rank < events.length) {
      if (this.#cursor < 0) {
        this.#work += this.#current.length + 1;
        const operation = this.#slots.operationAt[this.#rank] as number;
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
        return { type: 'died', rank: this.#rank, log: this.#next.items[LOG] as number };
      }
      this.#rank++;
      if (this.log.isLarge) this.#pruneLog();
      if (this.#work >= until) return undefined;
    }
    return { type: 'survived', log: this.#current.items[LOG] as number };
  }

  #invoke(operation: number): void {
    if (operation >= this.#problem.completed) {
      const itsClass = this.#problem.classOf[operation] as number;
      const field = this.#counters.fieldOf[itsClass] as number;
      this.#ripe[field] = (this.#ripe[field] as number) + 1;
      return;
    }
    const slot = this.#slots.slotOf[operation] as number;
    const word = slot >>> 5;
    const bit = 1 << (slot & 31);
    this.#operationIn[slot] = operation;
    if (this.#problem.isReadOnly[operation] === 0) {
      this.#mutations[word] = (this.#mutations[word] as number) | bit;
      return;
    }
    this.#reads[word] = (this.#reads[word] as number) | bit;
    const { items, length } = this.#current;
    for (let i = 0; i < length; i++) {
      const at = i * this.#stride;
      if (this.#problem.transition(items[at + STATE] as number, operation) !== NONE) continue;
      items[at + HEADER + word] = (items[at + HEADER + word] as number) | bit;
    }
  }

  #complete(operation: number): void {
    const slot = this.#slots.slotOf[operation] as number;
    this.#slotWord = slot >>> 5;
    this.#slotBit = 1 << (slot & 31);
    this.#isRead = this.#problem.isReadOnly[operation] === 1;
    this.#next.clear();
    this.#between.clear();
    const { items, length } = this.#current;
    for (let i = 0; i < length; i++) {
      const at = i * this.#stride;
      if (this.#isSatisfied(items, at)) this.#emit(items, at);
      else this.#between.add(items, at);
    }
    this.#cursor = 0;
  }

  #isSatisfied(nodes: Int32Array, at: number): boolean {
    const isSet = ((nodes[at + HEADER + this.#slotWord] as number) & this.#slotBit) !== 0;
    return isSet !== this.#isRead;
  }

  /** @returns where it was put; -1 when another dominates it */
  #emit(nodes: Int32Array, at: number): number {
    const word = at + HEADER + this.#slotWord;
    const bits = nodes[word] as number;
    nodes[word] = bits & ~this.#slotBit;
    const place = this.#next.add(nodes, at);
    nodes[word] = bits;
    return place;
  }

  #expandNext(): void {
    const between = this.#between;
    while (this.#cursor < between.length) {
      const at = this.#cursor++ * this.#stride;
      this.#work++;
      if ((between.items[at + STATE] as number) < 0) continue;
      this.#expand(at);
      return;
    }
    const done = this.#current;
    this.#current = this.#next;
    this.#next = done;
    this.#current.compact();
    this.#cursor = -1;
    this.#reads[this.#slotWord] = (this.#reads[this.#slotWord] as number) & ~this.#slotBit;
    const mutations = this.#mutations[this.#slotWord] as number;
    this.#mutations[this.#slotWord] = mutations & ~this.#slotBit;
  }

  /** Every mutation that may come next. */
  #expand(at: number): void {
    const { classOf, return: returns, crashedRuns, size } = this.#problem;
    const stamp = ++this.#stamp;
    const items = this.#between.items;
    for (let i = 0; i < this.#words; i++) {
      let open = (this.#mutations[i] as number) & ~(items[at + HEADER + i] as number);
      while (open !== 0) {
        const slot = 32 * i + 31 - Math.clz32(open & -open);
        open &= open - 1;
        const operation = this.#operationIn[slot] as number;
        const itsClass = classOf[operation] as number;
        const best = this.#bestOfClass[itsClass] as number;
        const isFirst = this.#stampOfClass[itsClass] !== stamp;
        if (!isFirst && (returns[best] as number) < (returns[operation] as number)) continue;
        this.#stampOfClass[itsClass] = stamp;
        this.#bestOfClass[itsClass] = operation;
      }
    }
    for (let i = 0; i < this.#words; i++) {
      let open = (this.#mutations[i] as number) & ~(this.#between.items[at + HEADER + i] as number);
      while (open !== 0) {
        const slot = 32 * i + 31 - Math.clz32(open & -open);
        open &= open - 1;
        const operation = this.#operationIn[slot] as number;
        if (this.#bestOfClass[classOf[operation] as number] !== operation) continue;
        this.#step(at, operation, operation, slot);
      }
    }
    for (const { first } of crashedRuns) {
      const itsClass = classOf[first] as number;
      if (this.#stampOfClass[itsClass] === stamp) continue;
      const field = this.#counters.fieldOf[itsClass] as number;
      const place = at + this.#used + (this.#counters.word[field] as number);
      const counters = (this.#between.items[place] as number) >>> this.#shift(field);
      if ((counters & (this.#counters.mask[field] as number)) >= (this.#ripe[field] as number)) {
        continue;
      }
      this.#step(at, first, size + itsClass, NONE);
    }
  }

  #shift(field: number): number {
    return this.#counters.shift[field] as number;
  }

  /** @param slot - NONE for a crashed operation */
  #step(at: number, operation: number, code: number, slot: number): void {
    this.#work++;
    const from = this.#between.items;
    const state = from[at + STATE] as number;
    const next = this.#problem.transition(state, operation);
    // One that changes nothing must happen if it completed, and need not if it crashed.
    if (next === NONE || (next === state && slot === NONE)) return;
    const node = this.#node;
    for (let i = 0; i < this.#stride; i++) node[i] = from[at + i] as number;
    node[STATE] = next;
    if (slot === NONE) {
      const field = this.#counters.fieldOf[code - this.#problem.size] as number;
      const place = this.#used + (this.#counters.word[field] as number);
      node[place] = (node[place] as number) + (1 << this.#shift(field));
      node[COST] = (node[COST] as number) + 1;
    } else {
      const word = HEADER + (slot >>> 5);
      node[word] = (node[word] as number) | (1 << (slot & 31));
    }
    this.#serve(next);
    const isDone = this.#isSatisfied(node, 0);
    const place = isDone ? this.#emit(node, 0) : this.#between.add(node, 0);
    if (place < 0) return;
    const log = this.log.push(node[LOG] as number, code, this.#rank);
    (isDone ? this.#next : this.#between).items[place + LOG] = log;
  }

  #serve(state: number): void {
    const node = this.#node;
    for (let i = 0; i < this.#words; i++) {
      let open = (this.#reads[i] as number) & (node[HEADER + i] as number);
      while (open !== 0) {
        const bit = open & -open;
        open &= ~bit;
        const operation = this.#operationIn[32 * i + 31 - Math.clz32(bit)] as number;
        if (this.#problem.transition(state, operation) === NONE) continue;
        node[HEADER + i] = (node[HEADER + i] as number) & ~bit;
      }
    }
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
}

/** A legal order from the mutations of one surviving configuration: reads are put where they fit. */
export function genericOrder(problem: Problem, codes: Float64Array, ranks: Int32Array): Int32Array {
  const { size, completed, classOf, crashedRuns, isReadOnly, invoke } = problem;
  const nextOfClass = new Int32Array(problem.classes).fill(NONE);
  for (const { first } of crashedRuns) nextOfClass[classOf[first] as number] = first;
  const reads: number[] = [];
  for (let i = 0; i < completed; i++) if (isReadOnly[i] === 1) reads.push(i);
  const order: number[] = [];
  let open: number[] = [];
  let state = problem.initial;
  let nextRead = 0;
  const openUntil = (rank: number): void => {
    for (; nextRead < reads.length; nextRead++) {
      const read = reads[nextRead] as number;
      if ((invoke[read] as number) >= rank) return;
      if (problem.transition(state, read) === NONE) open.push(read);
      else order.push(read);
    }
  };
  for (const [i, code] of codes.entries()) {
    let operation = code;
    if (code >= size) {
      operation = nextOfClass[code - size] as number;
      nextOfClass[code - size] = operation + 1;
    }
    openUntil(ranks[i] as number);
    order.push(operation);
    state = problem.transition(state, operation);
    const served = open.filter((read) => problem.transition(state, read) !== NONE);
    if (served.length === 0) continue;
    order.push(...served);
    open = open.filter((read) => !served.includes(read));
  }
  openUntil(NEVER);
  return Int32Array.from(order);
}
