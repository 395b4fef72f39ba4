import { defined } from '../../lib/assert.ts';
import { LOG_START } from '../../raft/core/log.ts';
import { type Configuration, NO_CONFIGURATION } from '../../raft/core/configuration.ts';
import { decodeConfiguration } from '../../raft/core/configuration-codec.ts';
import { type Entry, type LogPosition, type Term } from '../../raft/core/types.ts';

/** A configuration, and where it begins to count. */
export interface ConfigurationAt {
  readonly index: number;
  readonly configuration: Configuration;
}

/** A log as an observer knows it: a mirror of what somebody has in memory or on a disk. */
export class LogView {
  #base: LogPosition = LOG_START;
  /** The entry of index `base.index + 1` first. */
  #entries: Entry[] = [];
  /** Ascending; the first is in force at the base. Kept apart from what the core keeps. */
  #configurations: ConfigurationAt[];

  /** @param first - in force before the first entry */
  constructor(first: Configuration = NO_CONFIGURATION) {
    this.#configurations = [{ index: 0, configuration: first }];
  }

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

  /** In force behind the last entry (§6). */
  get configuration(): Configuration {
    return this.configurationAt(Infinity).configuration;
  }

  /** In force behind the entry of this index: the last one up to there. */
  configurationAt(index: number): ConfigurationAt {
    const found = this.#configurations.findLast((one) => one.index <= index);
    return defined(found ?? this.#configurations[0], 'there is always one');
  }

  /** @param configuration - in force at the base */
  reset(base: LogPosition, entries: readonly Entry[], configuration: Configuration): void {
    this.#base = base;
    this.#entries = [];
    this.#configurations = [{ index: base.index, configuration }];
    for (const entry of entries) this.put(entry);
  }

  /** The log begins behind this position from now on. */
  compact(base: LogPosition): void {
    if (base.index <= this.#base.index) return;
    const { configuration } = this.configurationAt(base.index);
    this.#configurations = [
      { index: base.index, configuration },
      ...this.#configurations.filter(({ index }) => index > base.index),
    ];
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
    if (at < this.#entries.length) {
      this.#entries.length = at;
      while ((this.#configurations.at(-1)?.index ?? 0) >= entry.index) this.#configurations.pop();
    }
    this.#entries.push(entry);
    if (entry.kind === 'configuration') {
      const configuration = decodeConfiguration(entry.data);
      this.#configurations.push({ index: entry.index, configuration });
    }
    return true;
  }

  copy(): LogView {
    const copy = new LogView();
    copy.#base = this.#base;
    copy.#entries = [...this.#entries];
    copy.#configurations = [...this.#configurations];
    return copy;
  }
}

/** `entry 7 of term 3`. */
export function named({ index, term }: LogPosition): string {
  return `entry ${index} of term ${term}`;
}
