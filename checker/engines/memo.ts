import { assert } from '../assert.ts';

/**
 * Remembers configurations from which the search found no way out. A configuration is a state, the
 * set of completed operations placed and the set of crashed ones used. One that used fewer crashed
 * operations dominates: whatever legal order continues the greater one continues it too, because a
 * crashed operation blocks nobody and may stay out for ever. So dominated ones count as seen.
 *
 * Equality is of the whole configuration, never of its hash: a wrongly equal one would cost truth.
 */
export class Memo {
  readonly #completed: Int32Array;
  readonly #crashed: Int32Array;
  /** Offsets into the arena, 0 for none; open addressing, the length a power of two. */
  #table: Int32Array = new Int32Array(1024);
  /**
   * Nodes `[chain, hash, state, first word, words, …words]`, and chain items `[next, …crashed words]`.
   */
  #arena: Int32Array = new Int32Array(1 << 14);
  #used = 1;
  #nodes = 0;

  /**
   * @param completed - bit set of completed operations placed; kept up to date by its owner
   * @param crashed - bit set of crashed operations used; likewise
   */
  constructor(completed: Int32Array, crashed: Int32Array) {
    this.#completed = completed;
    this.#crashed = crashed;
  }

  /** Bytes held. */
  get bytes(): number {
    return (this.#table.length + this.#arena.length) * 4;
  }

  /** Bytes that it may soon hold: where little is free, the larger arrays to move to count too. */
  get bytesAfterGrowth(): number {
    const isNearlyFull = (used: number, length: number): boolean => used > length - length / 8;
    const arena = isNearlyFull(this.#used, this.#arena.length) ? this.#arena.length * 2 : 0;
    const table = isNearlyFull(this.#nodes * 2, this.#table.length) ? this.#table.length * 2 : 0;
    return this.bytes + (arena + table) * 4;
  }

  /**
   * Adds the configuration that the two sets describe together with `state`.
   *
   * @param firstOpen - least completed operation that is not placed: all before it are
   * @param last - greatest completed operation that is placed, -1 when none is
   * @returns false when it, or one that dominates it, was added before
   */
  add(state: number, firstOpen: number, last: number): boolean {
    const first = firstOpen >>> 5;
    const words = Math.max(0, (last >>> 5) + 1 - first) * (last < 0 ? 0 : 1);
    const hash = this.#hash(state, first, words);
    let slot = hash & (this.#table.length - 1);
    for (;;) {
      const node = this.#table[slot] as number;
      if (node === 0) break;
      if (this.#isEqual(node, hash, state, first, words)) return this.#extend(node);
      slot = (slot + 1) & (this.#table.length - 1);
    }
    this.#reserve(HEADER + words + 1 + this.#crashed.length);
    const node = this.#used;
    const arena = this.#arena;
    arena[node + 1] = hash;
    arena[node + 2] = state;
    arena[node + 3] = first;
    arena[node + 4] = words;
    for (let i = 0; i < words; i++) arena[node + HEADER + i] = this.#completed[first + i] as number;
    this.#used += HEADER + words;
    arena[node] = this.#chain(0);
    this.#table[slot] = node;
    this.#nodes++;
    if (this.#nodes * 2 > this.#table.length) this.#rehash();
    return true;
  }

  /** True when no item of the node's chain dominates the crashed set, which then joins the chain. */
  #extend(node: number): boolean {
    for (let item = this.#arena[node] as number; item !== 0; item = this.#arena[item] as number) {
      if (this.#isSubset(item)) return false;
    }
    this.#reserve(1 + this.#crashed.length);
    this.#arena[node] = this.#chain(this.#arena[node] as number);
    return true;
  }

  #isSubset(item: number): boolean {
    for (let i = 0; i < this.#crashed.length; i++) {
      if (((this.#arena[item + 1 + i] as number) & ~(this.#crashed[i] as number)) !== 0)
        return false;
    }
    return true;
  }

  #chain(next: number): number {
    const item = this.#used;
    this.#arena[item] = next;
    this.#arena.set(this.#crashed, item + 1);
    this.#used += 1 + this.#crashed.length;
    return item;
  }

  #hash(state: number, first: number, words: number): number {
    let hash = Math.imul(state ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(first + 1, 0xc2b2ae35);
    for (let i = 0; i < words; i++) {
      hash = Math.imul(hash ^ (this.#completed[first + i] as number), 0x01000193);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ (hash >>> 13), 0x5bd1e995);
    return hash ^ (hash >>> 15);
  }

  #isEqual(node: number, hash: number, state: number, first: number, words: number): boolean {
    const arena = this.#arena;
    if (arena[node + 1] !== hash || arena[node + 2] !== state) return false;
    if (arena[node + 3] !== first || arena[node + 4] !== words) return false;
    for (let i = 0; i < words; i++) {
      if (arena[node + HEADER + i] !== this.#completed[first + i]) return false;
    }
    return true;
  }

  #reserve(words: number): void {
    const needed = this.#used + words;
    if (needed <= this.#arena.length) return;
    const larger = new Int32Array(this.#arena.length * 2 + words);
    larger.set(this.#arena);
    this.#arena = larger;
    assert(needed < 0x7fff_ffff, 'the memory budget ends before offsets overflow');
  }

  #rehash(): void {
    const old = this.#table;
    this.#table = new Int32Array(old.length * 2);
    const mask = this.#table.length - 1;
    for (const node of old) {
      if (node === 0) continue;
      let slot = (this.#arena[node + 1] as number) & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = node;
    }
  }
}

const HEADER = 5;
