/** What a configuration is made of, kept up to date by its owner; the lengths never change. */
export interface Configuration {
  /** Words in which two configurations must agree to be compared at all. */
  readonly key: Int32Array;
  /** A bit set: what is in it only makes a continuation harder. */
  readonly burden: Int32Array;
  /** Crashed operations used, packed; see `isAtMost`. More of them make it harder, too. */
  readonly used: Int32Array;
  /** The guard bits of `used`: one above each number. */
  readonly guards: Int32Array;
}

/**
 * Remembers configurations from which the search found no way out: a position in the history up to
 * which all is done, a state, and what `Configuration` says.
 *
 * Of two that agree in position, state and key, one *dominates* the other when its burden is a subset
 * and it has used at most as many crashed operations of each kind: whatever legal order continues the
 * other continues it too. So dominated ones count as seen, and one that dominates takes their place.
 *
 * Equality is of the whole configuration, never of its hash: a wrongly equal one would cost truth. A
 * forgotten one costs time alone. So memory is bounded: entries stand in two generations, each in an
 * arena of its own. What is found in the older one moves to the younger; when the younger is full, the
 * older is forgotten and they change places.
 */
export class Memo {
  readonly #now: Configuration;
  readonly #bytesMax: number;
  readonly #key: number;
  readonly #burden: number;
  readonly #used: number;
  /** Words of an entry: `[next, hash, position, state, …key, …burden, …used]`. */
  readonly #stride: number;
  #young: Generation;
  #old: Generation;
  #forgotten = 0;

  /** @param bytesMax - for both generations; where it is too small, few entries are kept all the same */
  constructor(configuration: Configuration, bytesMax: number) {
    this.#now = configuration;
    this.#key = configuration.key.length;
    this.#burden = configuration.burden.length;
    this.#used = configuration.used.length;
    this.#stride = HEADER + this.#key + this.#burden + this.#used;
    this.#bytesMax = Math.min(bytesMax, BYTES_MAX);
    this.#young = new Generation(this.#stride);
    this.#old = new Generation(this.#stride);
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#young.bytes + this.#old.bytes;
  }

  /** How many entries were given up for room. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /**
   * Adds the configuration as it stands.
   *
   * @returns false when it, or one that dominates it, is remembered
   */
  add(position: number, state: number): boolean {
    const hash = this.#hash(position, state);
    const found = this.#find(this.#young, hash, position, state);
    if (found > 0) return false;
    const old = this.#old.entries === 0 ? 0 : this.#find(this.#old, hash, position, state);
    if (old > 0) {
      const from = this.#old.arena;
      const at = this.#allocate(hash);
      const { arena } = this.#young;
      for (let i = 1; i < this.#stride; i++) arena[at + i] = from[old + i] as number;
      return false;
    }
    const at = found < 0 ? -found : this.#allocate(hash);
    const { arena } = this.#young;
    const { key, burden, used } = this.#now;
    arena[at + 1] = hash;
    arena[at + 2] = position;
    arena[at + 3] = state;
    let word = at + HEADER;
    for (let i = 0; i < this.#key; i++) arena[word++] = key[i] as number;
    for (let i = 0; i < this.#burden; i++) arena[word++] = burden[i] as number;
    for (let i = 0; i < this.#used; i++) arena[word++] = used[i] as number;
    return true;
  }

  /** Forgets all. */
  clear(): void {
    this.#forgotten += this.#young.entries + this.#old.entries;
    this.#young.clear();
    this.#old.clear();
  }

  /**
   * @returns an entry that is equal or dominates; negative, one that is dominated where none dominates; 0
   *   when there is neither
   */
  #find(generation: Generation, hash: number, position: number, state: number): number {
    const { arena } = generation;
    let dominated = 0;
    let at = generation.first(hash);
    for (; at !== 0; at = arena[at] as number) {
      if (arena[at + 1] !== hash || arena[at + 2] !== position || arena[at + 3] !== state) continue;
      const order = this.#compare(arena, at + HEADER);
      if (order > 0) return at;
      if (order < 0) dominated = -at;
    }
    return dominated;
  }

  /** Positive: the entry is equal or dominates; negative: it is dominated; 0: neither. */
  #compare(arena: Int32Array, entry: number): number {
    const { key, burden, used, guards } = this.#now;
    let at = entry;
    for (let i = 0; i < this.#key; i++) if (arena[at++] !== key[i]) return 0;
    let isBetter = true;
    let isWorse = true;
    for (let i = 0; i < this.#burden; i++) {
      const its = arena[at++] as number;
      const own = burden[i] as number;
      if ((its & ~own) !== 0) isBetter = false;
      if ((own & ~its) !== 0) isWorse = false;
    }
    if (!isBetter && !isWorse) return 0;
    for (let i = 0; i < this.#used; i++) {
      const its = arena[at++] as number;
      const own = used[i] as number;
      const guard = guards[i] as number;
      if (!isAtMost(its, own, guard)) isBetter = false;
      if (!isAtMost(own, its, guard)) isWorse = false;
    }
    return isBetter ? 1 : isWorse ? -1 : 0;
  }

  #hash(position: number, state: number): number {
    const { key } = this.#now;
    let hash = Math.imul(state ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(position + 1, 0xc2b2ae35);
    for (let i = 0; i < this.#key; i++) {
      hash = Math.imul(hash ^ (key[i] as number), 0x01000193);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ (hash >>> 13), 0x5bd1e995);
    return hash ^ (hash >>> 15);
  }

  /** Room for one entry in the younger generation, already in its chain. */
  #allocate(hash: number): number {
    if (this.#young.isFull) {
      // Growing holds the smaller and the larger arrays for a moment.
      const { bytes, bytesGrown } = this.#young;
      if (this.#old.bytes + bytes + bytesGrown <= this.#bytesMax && bytesGrown <= GROWN_MAX) {
        this.#young.grow();
      } else {
        this.#forgotten += this.#old.entries;
        [this.#young, this.#old] = [this.#old, this.#young];
        this.#young.clear();
      }
    }
    return this.#young.insert(hash);
  }
}

const HEADER = 4;
/** Larger arrays would have offsets that no 32 bits hold. */
const GROWN_MAX = 0x7fff_ffff;
const BYTES_MAX = 4 * GROWN_MAX;
const ENTRIES_AT_FIRST = 16;

/** Entries in an arena, found by chains from a table of hashes. */
class Generation {
  readonly #stride: number;
  arena: Int32Array;
  entries = 0;
  #capacity = ENTRIES_AT_FIRST;
  #table: Int32Array;

  constructor(stride: number) {
    this.#stride = stride;
    // Offset 0 means none.
    this.arena = new Int32Array((this.#capacity + 1) * stride);
    this.#table = new Int32Array(this.#capacity);
  }

  get bytes(): number {
    return (this.arena.length + this.#table.length) * 4;
  }

  get bytesGrown(): number {
    return ((2 * this.#capacity + 1) * this.#stride + 2 * this.#capacity) * 4;
  }

  get isFull(): boolean {
    return this.entries === this.#capacity;
  }

  first(hash: number): number {
    return this.#table[hash & (this.#capacity - 1)] as number;
  }

  insert(hash: number): number {
    const at = ++this.entries * this.#stride;
    const slot = hash & (this.#capacity - 1);
    this.arena[at] = this.#table[slot] as number;
    this.#table[slot] = at;
    return at;
  }

  clear(): void {
    this.#table.fill(0);
    this.entries = 0;
  }

  grow(): void {
    this.#capacity *= 2;
    const larger = new Int32Array((this.#capacity + 1) * this.#stride);
    larger.set(this.arena);
    this.arena = larger;
    this.#table = new Int32Array(this.#capacity);
    const mask = this.#capacity - 1;
    for (let entry = 1; entry <= this.entries; entry++) {
      const at = entry * this.#stride;
      const slot = (larger[at + 1] as number) & mask;
      larger[at] = this.#table[slot] as number;
      this.#table[slot] = at;
    }
  }
}

/**
 * Whether every number packed in `a` is at most its counterpart in `b`. Each has a guard bit above it
 * that is 0: set in `b` before subtracting, it is still set after exactly where nothing was borrowed.
 */
export function isAtMost(a: number, b: number, guards: number): boolean {
  return ((((b | guards) - a) | 0) & guards) === guards;
}

/** Where each of several numbers stands in packed words. */
export interface Packing {
  readonly words: number;
  readonly wordOf: Int32Array;
  /** What to add for one more. */
  readonly oneOf: Int32Array;
  readonly guards: Int32Array;
}

/** @param maxima - of each number */
export function packing(maxima: readonly number[]): Packing {
  const wordOf = new Int32Array(maxima.length);
  const oneOf = new Int32Array(maxima.length);
  const guards: number[] = [];
  let free = 0;
  for (const [i, maximum] of maxima.entries()) {
    const bits = 33 - Math.clz32(maximum);
    if (free < bits) {
      guards.push(0);
      free = 32;
    }
    const word = guards.length - 1;
    wordOf[i] = word;
    oneOf[i] = 1 << (32 - free);
    guards[word] = (guards[word] ?? 0) | (1 << (32 - free + bits - 1));
    free -= bits;
  }
  return { words: guards.length, wordOf, oneOf, guards: Int32Array.from(guards) };
}
