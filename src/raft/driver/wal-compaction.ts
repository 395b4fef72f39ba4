import { defined } from '../../lib/assert.ts';
import type { LogIndex } from '../core/types.ts';
import type { ReplayedBatch } from './wal-records.ts';

/** What must be known of a segment to let it go. */
export interface Segment {
  readonly name: string;
  /** The highest index of its entries that may still count. */
  maxIndex: number;
  /** The log can be read from here on. */
  readonly hasHead: boolean;
}

/** The segments of a log, oldest first; the last one is being written. */
export class Segments {
  readonly #all: Segment[] = [];
  /** The one with the last record that says where the log begins; undefined when there is none. */
  #withBase: Segment | undefined;

  get all(): readonly Segment[] {
    return this.#all;
  }

  /** Of the one that is being written. */
  get hasHead(): boolean {
    return this.#all.at(-1)?.hasHead === true;
  }

  /**
   * @param found - what a recovery replayed
   * @param current - where it goes on: a copy of the last batch stands there, whose old place does not count
   */
  static goOn(found: readonly Segment[], current: string, hasCopy: boolean): Segments {
    const segments = new Segments();
    for (const segment of found) segments.#all.push({ ...segment });
    if (!hasCopy || segments.#all.at(-1)?.name === current) return segments;
    const copied = defined(segments.#all.at(-1), 'a segment was copied from');
    segments.#all.push({ name: current, maxIndex: copied.maxIndex, hasHead: false });
    return segments;
  }

  /** A batch was written to, or found in, this segment. */
  wrote(name: string, batch: ReplayedBatch): void {
    let segment = this.#all.at(-1);
    if (segment?.name !== name) {
      segment = { name, maxIndex: 0, hasHead: batch.hasHead };
      this.#all.push(segment);
    }
    if (batch.isReplaced) for (const one of this.#all) one.maxIndex = 0;
    if (batch.maxIndex > segment.maxIndex) segment.maxIndex = batch.maxIndex;
    if (batch.hasBase) this.#withBase = segment;
  }

  /**
   * Those that may go, oldest first; they are no part of the log any more. What is left begins with a head,
   * and holds the last record that says where the log begins.
   */
  takeRemovable(base: LogIndex): readonly string[] {
    let end = 0;
    for (const [at, segment] of this.#all.entries()) {
      if (segment.hasHead) end = at;
      const isNeeded = segment.maxIndex > base || segment === this.#withBase;
      if (isNeeded || at === this.#all.length - 1) break;
    }
    return this.#all.splice(0, end).map(({ name }) => name);
  }
}
