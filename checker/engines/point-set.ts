/**
 * A growing set of integers from 0, which finds the next one below in nearly no time: a tree of
 * bits.
 */
export class PointSet {
  /** Bit i of a level: whether word i of the level below has any bit. */
  readonly #levels: Int32Array[] = [];

  /** @param bound - above all its members */
  constructor(bound: number) {
    let words = bound;
    do {
      words = (words + 31) >>> 5;
      this.#levels.push(new Int32Array(words));
    } while (words > 1);
  }

  add(point: number): void {
    let at = point;
    for (const level of this.#levels) {
      level[at >>> 5] = (level[at >>> 5] as number) | (1 << (at & 31));
      at >>>= 5;
    }
  }

  /**
   * The greatest member below the bound; -1 when there is none.
   *
   * @param bound - at most the set's own
   */
  below(bound: number): number {
    let at = bound;
    for (let level = 0; level < this.#levels.length; level++) {
      const word = this.#word(level, at >>> 5) & ((1 << (at & 31)) - 1);
      if (word === 0) {
        at >>>= 5;
        continue;
      }
      at = (at & ~31) | (31 - Math.clz32(word));
      for (let lower = level - 1; lower >= 0; lower--) {
        at = (at << 5) | (31 - Math.clz32(this.#word(lower, at)));
      }
      return at;
    }
    return -1;
  }

  /** 0 beyond the end: the bound itself may begin a word that is not there. */
  #word(level: number, index: number): number {
    return this.#levels[level]?.[index] ?? 0;
  }
}
