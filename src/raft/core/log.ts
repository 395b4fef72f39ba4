import { assert, defined } from '../../lib/assert.ts';
import { type Entry, type LogIndex, type LogPosition, logIndex, term, type Term } from './types.ts';

/** Where a log begins when nothing was compacted: before index 1. */
export const LOG_START: LogPosition = { index: logIndex(0), term: term(0) };

/**
 * The log in memory. It may begin behind any position (`base`): what lies before it is in a
 * snapshot.
 */
export class RaftLog {
  #base: LogPosition;
  #entries: Entry[];

  /** @param entries - consecutive, beginning right behind `base` */
  constructor(base: LogPosition, entries: readonly Entry[]) {
    this.#base = base;
    this.#entries = [];
    this.append(entries);
  }

  /** The last position that is *not* in this log. */
  get base(): LogPosition {
    return this.#base;
  }

  get firstIndex(): LogIndex {
    return logIndex(this.base.index + 1);
  }

  get lastIndex(): LogIndex {
    return logIndex(this.base.index + this.#entries.length);
  }

  get last(): LogPosition {
    const entry = this.#entries.at(-1);
    return entry === undefined ? this.base : { index: entry.index, term: entry.term };
  }

  /** Undefined when the index is compacted away or beyond the end. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.base.index) return this.base.term;
    return this.#entries[index - this.base.index - 1]?.term;
  }

  /** The entries from `from` on, at most `countMax`; bounded by `bytesMax` of data but never none. */
  slice(from: LogIndex, countMax: number, bytesMax: number = Infinity): readonly Entry[] {
    const start = from - this.base.index - 1;
    assert(start >= 0, () => `entry ${from} is compacted away`);
    const end = Math.min(start + countMax, this.#entries.length);
    let bytes = 0;
    for (let i = start; i < end; i++) {
      bytes += defined(this.#entries[i], 'inside the log').data.length;
      if (bytes > bytesMax && i > start) return this.#entries.slice(start, i);
    }
    return this.#entries.slice(start, end);
  }

  append(entries: readonly Entry[]): void {
    let before: LogPosition = this.#entries.at(-1) ?? this.base;
    for (const entry of entries) {
      const isNext = entry.index === before.index + 1;
      assert(isNext, () => `entry ${entry.index} leaves a gap in the log`);
      assert(entry.term >= before.term, 'terms never go back along a log');
      this.#entries.push(entry);
      before = entry;
    }
  }

  /** Removes `from` and all behind it. */
  truncate(from: LogIndex): void {
    assert(from > this.base.index, 'a snapshot cannot be truncated');
    this.#entries.length = Math.max(0, Math.min(this.#entries.length, from - this.base.index - 1));
  }

  /** Removes everything up to `index`, which must be in the log: a snapshot holds it. Raft §7. */
  compact(index: LogIndex): void {
    if (index <= this.base.index) return;
    const at = defined(this.termAt(index), () => `entry ${index} is not in the log`);
    this.#entries = this.#entries.slice(index - this.base.index);
    this.#base = { index, term: at };
  }

  /** Forgets everything: a snapshot that holds more takes its place. Raft §7. */
  reset(base: LogPosition): void {
    this.#entries = [];
    this.#base = base;
  }

  /**
   * The last position at or before `at.index` whose term is not above `at.term`: whatever lies
   * between cannot match a log that has `at`, so conflicts are skipped a term at a time (§5.3).
   */
  lastPossibleMatch(at: LogPosition): LogPosition {
    let index = Math.min(at.index, this.lastIndex);
    for (; index > this.base.index; index--) {
      const found = this.termAt(logIndex(index));
      if (found !== undefined && found <= at.term) return { index: logIndex(index), term: found };
    }
    return this.base;
  }
}
