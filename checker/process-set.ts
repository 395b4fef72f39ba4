/** Ids of one page; its bits are 32 words. */
const PAGE = 1024;

/**
 * A set of process ids that only grows. Clients draw new ids in a row, so one bit each: a run in which
 * a million operations ended `info` remembers a million retired processes in some hundred kilobytes.
 * Ids that are far apart cost a page each.
 */
export class ProcessSet {
  readonly #pages = new Map<number, Int32Array>();

  /** @param id - a safe integer, negative ones included */
  add(id: number): void {
    const page = Math.floor(id / PAGE);
    let bits = this.#pages.get(page);
    if (bits === undefined) this.#pages.set(page, (bits = new Int32Array(PAGE / 32)));
    const at = id - page * PAGE;
    bits[at >>> 5] = (bits[at >>> 5] as number) | (1 << (at & 31));
  }

  has(id: number): boolean {
    const page = Math.floor(id / PAGE);
    const bits = this.#pages.get(page);
    if (bits === undefined) return false;
    const at = id - page * PAGE;
    return ((bits[at >>> 5] as number) & (1 << (at & 31))) !== 0;
  }
}
