/** What is known of the ids that will be numbered. */
export interface Expected {
  /** At most so many. */
  readonly count: number;
  readonly least: number;
  readonly greatest: number;
}

const ABSENT = -1;

/**
 * Numbers 32-bit ids from 0 in the order in which they are added. An array by id where ids are
 * dense, otherwise open addressing.
 */
export class Numbering {
  readonly #offset: number;
  /** By id minus the offset; undefined where ids are sparse. */
  readonly #direct: Int32Array | undefined;
  readonly #keys: Int32Array;
  readonly #numbers: Int32Array;
  readonly #shift: number;
  #size = 0;

  constructor({ count, least, greatest }: Expected) {
    const span = count === 0 ? 0 : greatest - least + 1;
    this.#offset = least;
    const isDense = span <= 8 * count + 64;
    this.#direct = isDense ? new Int32Array(span) : undefined;
    const bits = isDense ? 1 : 32 - Math.clz32(2 * count);
    this.#shift = 32 - bits;
    this.#keys = new Int32Array(1 << bits);
    this.#numbers = new Int32Array(1 << bits).fill(ABSENT);
  }

  get size(): number {
    return this.#size;
  }

  /** @returns false when the id has a number already */
  add(id: number): boolean {
    if (this.#direct !== undefined) {
      const at = id - this.#offset;
      if (this.#direct[at] !== 0) return false;
      this.#direct[at] = ++this.#size;
      return true;
    }
    const slot = this.#slot(id);
    if (this.#numbers[slot] !== ABSENT) return false;
    this.#keys[slot] = id;
    this.#numbers[slot] = this.#size++;
    return true;
  }

  /** The id's number; -1 when it was not added. */
  find(id: number): number {
    if (this.#direct === undefined) return this.#numbers[this.#slot(id)] as number;
    const at = id - this.#offset;
    return at < 0 || at >= this.#direct.length ? ABSENT : (this.#direct[at] as number) - 1;
  }

  /** Where the id stands, or would. At most half of the slots are taken. */
  #slot(id: number): number {
    const mask = this.#keys.length - 1;
    let slot = Math.imul(id, 0x9e37_79b1) >>> this.#shift;
    while (this.#numbers[slot] !== ABSENT && this.#keys[slot] !== id) slot = (slot + 1) & mask;
    return slot;
  }
}
