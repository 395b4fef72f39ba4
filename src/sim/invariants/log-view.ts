import { LOG_START } from '../../raft/core/log.ts';
import { type Entry, type LogPosition, type Term } from '../../raft/core/types.ts';

/** A log as an observer knows it: a mirror of what somebody has in memory or on a disk. */
export class LogView {
  #base: LogPosition = LOG_START;
  /** The entry of index `base.index + 1` first. */
  #entries: Entry[] = [];

  get base(): LogPosition {
    return this.#base;
  }

  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  /** The last entry's position, or the base of an empty log. */
  get last(): LogPosition {
    return this.#entries.at(-1) ?? this.#base;
  }

  at(index: number): Entry | undefined {
    return this.#entries[index - this.#base.index - 1];
  }

  /** Undefined where this log holds nothing, nor knows what it held. */
  termAt(index: number): Term | undefined {
    return index === this.#base.index ? this.#base.term : this.at(index)?.term;
  }

  /** @param position - a committed one: what lies before the base is in a snapshot, whose entries all are */
  holds(position: LogPosition): boolean {
    if (position.index < this.#base.index) return true;
    return this.termAt(position.index) === position.term;
  }

  reset(base: LogPosition, entries: readonly Entry[]): void {
    this.#base = base;
    this.#entries = [...entries];
  }

  /** The log begins behind this position from now on. */
  compact(base: LogPosition): void {
    if (base.index <= this.#base.index) return;
    this.#entries = this.#entries.slice(base.index - this.#base.index);
    this.#base = base;
  }

  /**
   * Puts an entry at its index; what was there and behind it is gone.
   *
   * @returns false when entries before it are missing; nothing is changed then
   */
  put(entry: Entry): boolean {
    const at = entry.index - this.#base.index - 1;
    if (at > this.#entries.length) return false;
    // What lies before the base is in a snapshot.
    if (at < 0) return true;
    if (at < this.#entries.length) this.#entries.length = at;
    this.#entries.push(entry);
    return true;
  }

  copy(): LogView {
    const copy = new LogView();
    copy.reset(this.#base, this.#entries);
    return copy;
  }
}

/** `entry 7 of term 3`. */
export function named({ index, term }: LogPosition): string {
  return `entry ${index} of term ${term}`;
}
