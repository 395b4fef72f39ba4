import { orderedNumber, PRESENT, Table } from './table.ts';

/** Things that are cleared away in one go: each costs at most what a session's answers cost. */
const CLEARED_MAX = 4;

/**
 * When to look at what may have expired. It decides nothing: what is past its own deadline is over,
 * cleared away or not. Each command clears away a few, so that none pays for all.
 */
export class Deadlines {
  readonly table: Table<true> = new Table(PRESENT);

  /** @param what - names it; the caller remembers when it will be looked at */
  add(atMs: number, what: string): void {
    this.table.set(orderedNumber(atMs) + what, true);
  }

  remove(atMs: number, what: string): void {
    this.table.delete(orderedNumber(atMs) + what);
  }

  /**
   * Looks at what is due, a few at most.
   *
   * @param look - clears it away, or adds it again at a later time
   */
  clear(nowMs: number, look: (what: string) => void): void {
    const now = orderedNumber(nowMs);
    for (let left = CLEARED_MAX; left > 0; left--) {
      const rows = this.table.cursor();
      if (!rows.next()) return;
      const { key } = rows;
      const at = key.slice(0, now.length);
      if (at > now) return;
      this.table.delete(key);
      look(key.slice(now.length));
    }
  }
}

/** Times end at 2^53: what a broken clock would put beyond is never over. */
export function later(nowMs: number, byMs: number): number {
  return Math.min(nowMs + byMs, Number.MAX_SAFE_INTEGER);
}
