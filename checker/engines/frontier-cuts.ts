/** The latest points that are kept, one by one; of older ones fewer, the older the fewer. */
const RECENT = 16;
/** Of older ones, one in so many ranks is looked at. */
const SPACING = 512;
const OLDER_MAX = 32;

/**
 * Keeps a bounded number of snapshots, each some integers: the latest, and older ones at distances that
 * grow with their age.
 */
export class Snapshots {
  readonly #width: number;
  readonly #recent: Int32Array;
  #count = 0;
  readonly #older: Int32Array[] = [];
  /** Where a snapshot is written before it is kept; one that is given up leaves no trace. */
  readonly draft: Int32Array;

  /** @param width - integers of one; the first is its rank */
  constructor(width: number) {
    this.#width = width;
    this.#recent = new Int32Array(RECENT * width);
    this.draft = new Int32Array(width);
  }

  /** Keeps what was written into `draft`. */
  keep(): void {
    this.#recent.set(this.draft, (this.#count % RECENT) * this.#width);
    const last = this.#older.at(-1)?.[0] ?? -SPACING;
    if ((this.draft[0] as number) - last >= SPACING) {
      this.#older.push(this.draft.slice());
      if (this.#older.length > OLDER_MAX) this.#thin();
    }
    this.#count++;
  }

  /** All that are kept, by rank. */
  all(): readonly Int32Array[] {
    const first = Math.max(0, this.#count - RECENT);
    const recent: Int32Array[] = [];
    for (let i = first; i < this.#count; i++) {
      const at = (i % RECENT) * this.#width;
      recent.push(this.#recent.slice(at, at + this.#width));
    }
    const oldest = recent[0]?.[0] ?? 0;
    return [...this.#older.filter((each) => (each[0] as number) < oldest), ...recent];
  }

  /** Drops the one whose neighbours are nearest to each other, measured by their age. */
  #thin(): void {
    const newest = this.#older.at(-1)?.[0] ?? 0;
    let found = 1;
    let least = Infinity;
    for (let i = 1; i < this.#older.length - 1; i++) {
      const before = newest - ((this.#older[i - 1] as Int32Array)[0] as number) + SPACING;
      const after = newest - ((this.#older[i + 1] as Int32Array)[0] as number) + SPACING;
      if (before / after >= least) continue;
      least = before / after;
      found = i;
    }
    this.#older.splice(found, 1);
  }
}
