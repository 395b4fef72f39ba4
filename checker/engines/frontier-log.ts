/** No entry: the beginning of every path. */
export const ROOT = -1;

/**
 * What configurations did, as a tree of entries: each configuration holds its last. Entries that no
 * configuration leads back to are pruned, so that old history becomes the one path that all share.
 */
export class FrontierLog {
  #parents = new Int32Array(1 << 10);
  #codes = new Float64Array(1 << 10);
  #ranks = new Int32Array(1 << 10);
  #length = 0;
  /** Prune when it has grown to this. */
  #pruneAt = 1 << 14;

  get bytes(): number {
    return this.#parents.length * 16;
  }

  get isLarge(): boolean {
    return this.#length >= this.#pruneAt;
  }

  /** @param code - what was done, for the owner; @param rank - of the event at which */
  push(parent: number, code: number, rank: number): number {
    const at = this.#length++;
    if (at === this.#parents.length) this.#grow();
    this.#parents[at] = parent;
    this.#codes[at] = code;
    this.#ranks[at] = rank;
    return at;
  }

  /** Keeps what leads to the given entries. @returns where each old entry is now */
  prune(ends: Iterable<number>): Int32Array {
    const isLive = new Uint8Array(this.#length);
    for (const end of ends) if (end !== ROOT) isLive[end] = 1;
    for (let at = this.#length - 1; at >= 0; at--) {
      const parent = this.#parents[at] as number;
      if (isLive[at] === 1 && parent !== ROOT) isLive[parent] = 1;
    }
    const moved = new Int32Array(this.#length).fill(ROOT);
    let to = 0;
    for (let at = 0; at < this.#length; at++) {
      if (isLive[at] === 0) continue;
      const parent = this.#parents[at] as number;
      this.#parents[to] = parent === ROOT ? ROOT : (moved[parent] as number);
      this.#codes[to] = this.#codes[at] as number;
      this.#ranks[to] = this.#ranks[at] as number;
      moved[at] = to++;
    }
    this.#length = to;
    this.#pruneAt = Math.max(1 << 14, 2 * to);
    return moved;
  }

  /** The path to an entry, first step first. */
  path(end: number): { readonly codes: Float64Array; readonly ranks: Int32Array } {
    let length = 0;
    for (let at = end; at !== ROOT; at = this.#parents[at] as number) length++;
    const codes = new Float64Array(length);
    const ranks = new Int32Array(length);
    for (let at = end; at !== ROOT; at = this.#parents[at] as number) {
      length--;
      codes[length] = this.#codes[at] as number;
      ranks[length] = this.#ranks[at] as number;
    }
    return { codes, ranks };
  }

  #grow(): void {
    const length = this.#parents.length * 2;
    const parents = new Int32Array(length);
    parents.set(this.#parents);
    this.#parents = parents;
    const codes = new Float64Array(length);
    codes.set(this.#codes);
    this.#codes = codes;
    const ranks = new Int32Array(length);
    ranks.set(this.#ranks);
    this.#ranks = ranks;
  }
}
