/** No number. */
export const NO_NUMBER = -1;

/**
 * Numbers from 0 by the ids of values, for engines that look up one value per operation: an array where
 * the ids lie close together, as they do in most histories, else open addressing. Ids are added once.
 */
export class IdMap {
  readonly #least: number;
  /** By id when `#isDense`, else by slot. */
  readonly #numbers: Int32Array;
  readonly #ids: Int32Array;
  readonly #isDense: boolean;
  readonly #mask: number;
  /** Leaves the upper bits of a product: as many as a slot has. */
  readonly #shift: number;

  /** Every id that will be added lies within `least` and `greatest`; there will be `count` at most. */
  constructor(bounds: {
    readonly least: number;
    readonly greatest: number;
    readonly count: number;
  }) {
    const { least, greatest, count } = bounds;
    const span = Math.max(0, greatest - least + 1);
    this.#least = least;
    this.#isDense = span <= 4 * count + 1_024;
    let capacity = 16;
    while (capacity < 2 * count) capacity *= 2;
    this.#mask = capacity - 1;
    this.#shift = Math.clz32(this.#mask);
    this.#numbers = new Int32Array(this.#isDense ? span : capacity).fill(NO_NUMBER);
    this.#ids = new Int32Array(this.#isDense ? 0 : capacity);
  }

  /** The id's number, NO_NUMBER when it was not added. */
  get(id: number): number {
    if (this.#isDense) {
      const at = id - this.#least;
      return at >= 0 && at < this.#numbers.length ? (this.#numbers[at] as number) : NO_NUMBER;
    }
    return this.#numbers[this.#slot(id)] as number;
  }

  /** @returns false when the id had been added before: then it keeps its number */
  add(id: number, number: number): boolean {
    const at = this.#isDense ? id - this.#least : this.#slot(id);
    if (this.#numbers[at] !== NO_NUMBER) return false;
    this.#numbers[at] = number;
    if (!this.#isDense) this.#ids[at] = id;
    return true;
  }

  /** Where the id stands, or the free slot where it would. */
  #slot(id: number): number {
    let at = Math.imul(id, 0x9e37_79b1) >>> this.#shift;
    while (this.#numbers[at] !== NO_NUMBER && this.#ids[at] !== id) at = (at + 1) & this.#mask;
    return at;
  }
}
