import { defined } from '../../lib/assert.ts';
import type { Configuration } from './configuration.ts';
import { decodeConfiguration } from './configuration-codec.ts';
import { type Entry, type LogIndex, logIndex, type LogPosition } from './types.ts';

interface Since {
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

/**
 * Which configuration is in force, along the log. SAFETY (Raft §6): a configuration counts from the
 * moment its entry is appended, committed or not, and no longer once that entry is truncated.
 */
export class Configurations {
  /** Ascending; the first one is in force at the log's base. */
  #since: Since[];

  /** @param first - in force at `base` */
  constructor(base: LogPosition, first: Configuration) {
    this.#since = [{ index: base.index, configuration: first }];
  }

  get current(): Configuration {
    return this.#last.configuration;
  }

  /** The one before the current one, as far as it is known; else the current one. */
  get previous(): Configuration {
    return (this.#since.at(-2) ?? this.#last).configuration;
  }

  /** Where the current one stands in the log; the base when it is older. */
  get currentIndex(): LogIndex {
    return this.#last.index;
  }

  /** In force right behind the entry at `index`, which is not before the base. */
  at(index: LogIndex): Configuration {
    const found = this.#since.findLast((since) => since.index <= index);
    return defined(found, () => `no configuration is known at ${index}`).configuration;
  }

  appended(entries: readonly Entry[]): void {
    for (const { kind, index, data } of entries) {
      if (kind !== 'configuration') continue;
      this.#since.push({ index, configuration: decodeConfiguration(data) });
    }
  }

  /** The log was truncated: `from` and all behind it is gone. */
  truncated(from: LogIndex): void {
    while (this.#since.length > 1 && this.#last.index >= from) this.#since.pop();
  }

  /** The log begins behind `base` now. */
  compacted(base: LogPosition): void {
    const configuration = this.at(base.index);
    const later = this.#since.filter((since) => since.index > base.index);
    this.#since = [{ index: logIndex(base.index), configuration }, ...later];
  }

  /** A snapshot took the place of the whole log. */
  reset(base: LogPosition, configuration: Configuration): void {
    this.#since = [{ index: base.index, configuration }];
  }

  get #last(): Since {
    return defined(this.#since.at(-1), 'there is always one');
  }
}
