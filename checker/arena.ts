import { assert } from './assert.ts';

/** An arena as it was at one moment. Can be posted to another thread. */
export interface ArenaSnapshot {
  /** All entries; what lies in the same memory beyond belongs to later ones. */
  readonly words: Int32Array;
  readonly starts: Int32Array;
  readonly table: Int32Array;
}

/** What an entry begins with: its number, its size and kind, its hash. Its content follows. */
const SIZE = 1;
const HASH = 2;
const HEAD = 3;

/** Size, in words or bytes, and kind share a word. */
const KINDS = 8;
const SIZE_MAX = 0x7fff_ffff / KINDS;

/**
 * Entries, each a kind (0 to 7) and some words or bytes, numbered from 0 in the order in which they came;
 * equal ones are one. They lie one after the other in one array; open addressing finds them by content:
 * a hash decides where to look, and only a full comparison that two are equal.
 */
export class Arena {
  readonly #isShared: boolean;
  /** Entries that came from elsewhere and are not written to; the own ones are numbered after them. */
  readonly #base: Arena | undefined;
  readonly #baseCount: number;
  #count = 0;
  #words: Int32Array;
  #used = 0;
  /** Where each own entry begins. */
  #starts: Int32Array;
  /** Where an own entry begins plus 1, or 0. A power of two, at most half full. */
  #table: Int32Array;

  /** @param isShared - whether threads that get a snapshot see the same memory, not a copy */
  constructor(isShared: boolean, base?: Arena) {
    this.#isShared = isShared;
    this.#base = base;
    this.#baseCount = base?.count ?? 0;
    this.#words = words(64, isShared);
    this.#starts = words(16, isShared);
    this.#table = words(32, isShared);
  }

  /** Begins with those entries, and never writes to their memory. */
  static from(snapshot: ArenaSnapshot): Arena {
    const base = new Arena(false);
    base.#count = snapshot.starts.length;
    base.#words = snapshot.words;
    base.#used = snapshot.words.length;
    base.#starts = snapshot.starts;
    base.#table = snapshot.table;
    return new Arena(false, base);
  }

  /** @throws CheckerBug when the arena itself began from a snapshot: post that one again */
  snapshot(): ArenaSnapshot {
    assert(this.#base === undefined, 'only the arena that others began from has snapshots');
    return {
      words: this.#words.subarray(0, this.#used),
      starts: this.#starts.subarray(0, this.#count),
      table: this.#table,
    };
  }

  get count(): number {
    return this.#baseCount + this.#count;
  }

  kind(index: number): number {
    return this.#size(index) % KINDS;
  }

  /** In words or bytes, as it was entered. */
  length(index: number): number {
    return (this.#size(index) / KINDS) | 0;
  }

  /** The content of an entry of words; a view that stays as it is, not to be written to. */
  words(index: number): Int32Array {
    if (index < this.#baseCount && this.#base !== undefined) return this.#base.words(index);
    const content = (this.#starts[index - this.#baseCount] as number) + HEAD;
    return this.#words.subarray(content, content + this.length(index));
  }

  /** A copy of the content of an entry of bytes. */
  bytes(index: number): Uint8Array<ArrayBuffer> {
    if (index < this.#baseCount && this.#base !== undefined) return this.#base.bytes(index);
    const content = (this.#starts[index - this.#baseCount] as number) + HEAD;
    const bytes = new Uint8Array(this.length(index));
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = (this.#words[content + (i >>> 2)] as number) >>> (8 * (i & 3));
    }
    return bytes;
  }

  /** The entry with this content, new when there is none. @param end - exclusive */
  entry(kind: number, source: Int32Array, begin: number, end: number): number {
    const hash = hashOfWords(kind, source, begin, end);
    const base = this.#base;
    const known = base === undefined ? -1 : base.#findWords(hash, kind, source, begin, end);
    if (known >= 0) return known;
    const own = this.#findWords(hash, kind, source, begin, end);
    if (own >= 0) return this.#baseCount + own;
    let word = this.#append(hash, kind, end - begin, end - begin);
    for (let at = begin; at < end; at++) this.#words[word++] = source[at] as number;
    return this.#baseCount + this.#count - 1;
  }

  /** The same for bytes. */
  byteEntry(kind: number, source: Uint8Array, begin: number, end: number): number {
    const hash = hashOfBytes(kind, source, begin, end);
    const base = this.#base;
    const known = base === undefined ? -1 : base.#findBytes(hash, kind, source, begin, end);
    if (known >= 0) return known;
    const own = this.#findBytes(hash, kind, source, begin, end);
    if (own >= 0) return this.#baseCount + own;
    let word = this.#append(hash, kind, end - begin, (end - begin + 3) >>> 2);
    for (let at = begin; at < end; at += 4) this.#words[word++] = wordAt(source, at, end);
    return this.#baseCount + this.#count - 1;
  }

  /** Among the own entries; -1 when there is none. */
  #findWords(hash: number, kind: number, source: Int32Array, begin: number, end: number): number {
    const size = (end - begin) * KINDS + kind;
    for (let slot = this.#slot(hash, size, -1); slot >= 0; slot = this.#slot(hash, size, slot)) {
      const start = (this.#table[slot] as number) - 1;
      let word = start + HEAD;
      let at = begin;
      for (; at < end; at++) if (this.#words[word++] !== source[at]) break;
      if (at >= end) return this.#words[start] as number;
    }
    return -1;
  }

  #findBytes(hash: number, kind: number, source: Uint8Array, begin: number, end: number): number {
    const size = (end - begin) * KINDS + kind;
    for (let slot = this.#slot(hash, size, -1); slot >= 0; slot = this.#slot(hash, size, slot)) {
      const start = (this.#table[slot] as number) - 1;
      let word = start + HEAD;
      let at = begin;
      for (; at < end; at += 4) if (this.#words[word++] !== wordAt(source, at, end)) break;
      if (at >= end) return this.#words[start] as number;
    }
    return -1;
  }

  /** The next slot after `slot` (-1: the first) whose entry has this hash and size; -1 for none. */
  #slot(hash: number, size: number, slot: number): number {
    const mask = this.#table.length - 1;
    const all = this.#words;
    for (let at = slot < 0 ? hash & mask : (slot + 1) & mask; ; at = (at + 1) & mask) {
      const start = (this.#table[at] as number) - 1;
      if (start < 0) return -1;
      // An entry of a thread that went on after the snapshot lies beyond, and counts for nothing here.
      if (start >= this.#used) continue;
      if (all[start + HASH] === hash && all[start + SIZE] === size) return at;
    }
  }

  /** @returns where the new entry's content goes */
  #append(hash: number, kind: number, length: number, wordsNeeded: number): number {
    assert(length < SIZE_MAX, 'a value is smaller than 2^28 elements');
    const own = this.#count++;
    if (own === this.#starts.length) this.#starts = grown(this.#starts, 2 * own, this.#isShared);
    const start = this.#used;
    this.#used += HEAD + wordsNeeded;
    if (this.#used > this.#words.length) {
      const capacity = Math.max(this.#used, 2 * this.#words.length);
      this.#words = grown(this.#words, capacity, this.#isShared);
    }
    this.#starts[own] = start;
    this.#words[start] = own;
    this.#words[start + SIZE] = length * KINDS + kind;
    this.#words[start + HASH] = hash;
    if (2 * this.#count > this.#table.length) this.#rehash();
    else this.#insert(start);
    return start + HEAD;
  }

  #rehash(): void {
    this.#table = words(2 * this.#table.length, this.#isShared);
    for (let own = 0; own < this.#count; own++) this.#insert(this.#starts[own] as number);
  }

  #insert(start: number): void {
    const mask = this.#table.length - 1;
    let at = (this.#words[start + HASH] as number) & mask;
    while (this.#table[at] !== 0) at = (at + 1) & mask;
    this.#table[at] = start + 1;
  }

  #size(index: number): number {
    if (index < this.#baseCount && this.#base !== undefined) return this.#base.#size(index);
    return this.#words[(this.#starts[index - this.#baseCount] as number) + SIZE] as number;
  }
}

function words(length: number, isShared: boolean): Int32Array {
  return isShared ? new Int32Array(new SharedArrayBuffer(4 * length)) : new Int32Array(length);
}

function grown(old: Int32Array, length: number, isShared: boolean): Int32Array {
  const array = words(length, isShared);
  array.set(old);
  return array;
}

function hashOfWords(kind: number, source: Int32Array, begin: number, end: number): number {
  let hash = kind;
  for (let i = begin; i < end; i++) {
    hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ (source[i] as number), 0x9e3779b1);
  }
  return mixed(hash);
}

/** The same over the words that the bytes make. */
function hashOfBytes(kind: number, source: Uint8Array, begin: number, end: number): number {
  let hash = kind;
  for (let at = begin; at < end; at += 4) {
    hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ wordAt(source, at, end), 0x9e3779b1);
  }
  return mixed(hash);
}

/** Four bytes, the first one lowest; zeros where they end. */
function wordAt(source: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) return lastWord(source, at, end);
  return (
    (source[at] as number) |
    ((source[at + 1] as number) << 8) |
    ((source[at + 2] as number) << 16) |
    ((source[at + 3] as number) << 24)
  );
}

function lastWord(source: Uint8Array, at: number, end: number): number {
  let word = source[at] as number;
  if (at + 1 < end) word |= (source[at + 1] as number) << 8;
  if (at + 2 < end) word |= (source[at + 2] as number) << 16;
  return word;
}

/** Every bit counts for the lowest ones, which choose the slot (the finalizer of MurmurHash3). */
function mixed(hash: number): number {
  let bits = hash ^ (hash >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
