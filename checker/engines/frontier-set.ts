/** Words before the bit sets: the state, the end of the configuration's log, crashed operations used. */
export const STATE = 0;
export const LOG = 1;
export const COST = 2;
export const HEADER = 3;

/** How the words of a configuration are laid out: header, burden bits, fresh bits, counters. */
export interface Layout {
  /** Words of a bit set over slots. */
  readonly words: number;
  /** Sets of bits: burden alone, or burden and fresh. */
  readonly planes: 1 | 2;
  /** Per word of counters: the guard bit above each field. */
  readonly guards: Int32Array;
}

/**
 * A set of configurations, none of which dominates another. One dominates another when it has the
 * same state and agrees on the bits of `equalMask`, its bits are a subset of the other's, and it has used
 * no more crashed operations of any class: its owner gives bits their meaning so that whatever
 * continues the dominated one continues the other as well.
 *
 * Configurations lie one after the other in `items`; dominated ones stay there as holes
 * (`STATE` < 0). A hash of what must be equal finds those to compare with; comparison is of whole
 * words, never of hashes.
 */
export class ConfigurationSet {
  readonly stride: number;
  readonly #planeWords: number;
  readonly #bitsEnd: number;
  readonly #words: number;
  readonly #guards: Int32Array;
  items: Int32Array;
  /** Configurations in `items`, holes included. */
  length = 0;
  /** Configurations without the holes. */
  size = 0;
  /** Bits in which comparable configurations agree; kept by the owner. */
  readonly equalMask: Int32Array;
  #heads: Int32Array = new Int32Array(64);
  #stamps: Int32Array = new Int32Array(64);
  /** Buckets of another stamp are empty. */
  #stamp = 1;
  #links: Int32Array = new Int32Array(64);

  constructor(layout: Layout, equalMask: Int32Array) {
    this.#words = layout.words;
    this.#planeWords = layout.words * layout.planes;
    this.#guards = layout.guards;
    this.#bitsEnd = HEADER + this.#planeWords;
    this.stride = this.#bitsEnd + layout.guards.length;
    this.equalMask = equalMask;
    this.items = new Int32Array(64 * this.stride);
  }

  /** Bytes held, and those that growing may need next. */
  get bytes(): number {
    const held = this.items.length + this.#heads.length * 2 + this.#links.length;
    const isNearlyFull = (this.length + 1) * this.stride * 8 > this.items.length * 7;
    return (held + (isNearlyFull ? 2 * this.items.length : 0)) * 4;
  }

  clear(): void {
    this.length = 0;
    this.size = 0;
    this.#stamp++;
  }

  /** @returns where in `items` it was put; -1 when another dominates it */
  add(from: Int32Array, at: number): number {
    const { items, stride } = this;
    const mask = this.#heads.length - 1;
    const bucket = this.#hash(from, at) & mask;
    const head = this.#stamps[bucket] === this.#stamp ? (this.#heads[bucket] as number) : -1;
    let before = -1;
    for (let each = head; each >= 0;) {
      const after = this.#links[each] as number;
      const other = each * stride;
      const order = this.#compare(items, other, from, at);
      if (order === DOMINATES) return -1;
      if (order === IS_DOMINATED) {
        items[other + STATE] = -1;
        this.size--;
        if (before >= 0) this.#links[before] = after;
        else this.#heads[bucket] = after;
      } else {
        before = each;
      }
      each = after;
    }
    const index = this.length++;
    if ((index + 1) * stride > this.items.length) this.#grow();
    const to = index * stride;
    const target = this.items;
    for (let i = 0; i < stride; i++) target[to + i] = from[at + i] as number;
    this.#links[index] =
      this.#stamps[bucket] === this.#stamp ? (this.#heads[bucket] as number) : -1;
    this.#heads[bucket] = index;
    this.#stamps[bucket] = this.#stamp;
    this.size++;
    if (this.length > this.#heads.length) this.#rehash();
    return to;
  }

  /** Leaves the holes out. Nothing can be added before the next `clear`. */
  compact(): void {
    if (this.size === this.length) return;
    const { items, stride } = this;
    let to = 0;
    for (let at = 0; at < this.length * stride; at += stride) {
      if ((items[at + STATE] as number) < 0) continue;
      if (to !== at) items.copyWithin(to, at, at + stride);
      to += stride;
    }
    this.length = this.size;
  }

  /** How the first stands to the second, which is the newer. */
  #compare(items: Int32Array, first: number, from: Int32Array, second: number): number {
    if (items[first + STATE] !== from[second + STATE]) return INCOMPARABLE;
    let isLess = true;
    let isGreater = true;
    const equal = this.equalMask;
    for (let i = 0; i < this.#words; i++) {
      const a = items[first + HEADER + i] as number;
      const b = from[second + HEADER + i] as number;
      if (((a ^ b) & (equal[i] as number)) !== 0) return INCOMPARABLE;
    }
    for (let i = HEADER; i < this.#bitsEnd; i++) {
      const a = items[first + i] as number;
      const b = from[second + i] as number;
      if ((a & ~b) !== 0) isLess = false;
      if ((b & ~a) !== 0) isGreater = false;
    }
    if (!isLess && !isGreater) return INCOMPARABLE;
    const guards = this.#guards;
    for (let i = 0; i < guards.length; i++) {
      const a = items[first + this.#bitsEnd + i] as number;
      const b = from[second + this.#bitsEnd + i] as number;
      if (a === b) continue;
      // Fields lie below a guard bit each: it survives the subtraction where the field is not less.
      const guard = guards[i] as number;
      if ((((b | guard) - a) & guard) !== guard) isLess = false;
      if ((((a | guard) - b) & guard) !== guard) isGreater = false;
      if (!isLess && !isGreater) return INCOMPARABLE;
    }
    return isLess ? DOMINATES : isGreater ? IS_DOMINATED : INCOMPARABLE;
  }

  #hash(from: Int32Array, at: number): number {
    let hash = Math.imul((from[at + STATE] as number) + 1, 0x9e3779b1);
    for (let i = 0; i < this.#words; i++) {
      const bits = (from[at + HEADER + i] as number) & (this.equalMask[i] as number);
      hash = Math.imul(hash ^ bits, 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    return hash ^ (hash >>> 13);
  }

  #grow(): void {
    const larger = new Int32Array(this.items.length * 2);
    larger.set(this.items);
    this.items = larger;
    const links = new Int32Array(larger.length / this.stride);
    links.set(this.#links.subarray(0, Math.min(this.#links.length, this.length)));
    this.#links = links;
  }

  #rehash(): void {
    const length = this.#heads.length * 4;
    this.#heads = new Int32Array(length);
    this.#stamps = new Int32Array(length);
    this.#stamp = 1;
    for (let each = 0; each < this.length; each++) {
      const at = each * this.stride;
      if ((this.items[at + STATE] as number) < 0) continue;
      const bucket = this.#hash(this.items, at) & (length - 1);
      this.#links[each] = this.#stamps[bucket] === 1 ? (this.#heads[bucket] as number) : -1;
      this.#heads[bucket] = each;
      this.#stamps[bucket] = 1;
    }
  }
}

const INCOMPARABLE = 0;
const DOMINATES = 1;
const IS_DOMINATED = 2;
