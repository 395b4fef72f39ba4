import type { Restored } from '../../raft/core/core.ts';
import { type HardState, type LogPosition, term } from '../../raft/core/types.ts';
import type { WalRecords } from '../../raft/driver/wal.ts';
import { LogView } from './log-view.ts';

/** One batch of the WAL that was written and that no sync has covered yet. */
interface Batch {
  readonly file: string;
  readonly end: number;
  readonly records: readonly WalRecords[];
}

const FRESH: HardState = { term: term(0), votedFor: undefined };

/**
 * What is on a node's disk for good, by what was written to it and what the disk says is synced:
 * not what the node believes. A write that was torn or dropped is known when the node starts again
 * and says what it found.
 */
export class DiskView {
  hard: HardState = FRESH;
  readonly log: LogView = new LogView();
  /** In the order in which they were written; recovery reads them so. */
  #unsynced: Batch[] = [];

  written(file: string, end: number, records: readonly WalRecords[]): void {
    if (records.length > 0) this.#unsynced.push({ file, end, records });
  }

  /** @returns the first index that was replaced; Infinity when the log only grew */
  synced(file: string, bytes: number): number {
    let replaced = Infinity;
    for (;;) {
      const batch = this.#unsynced[0];
      // A batch counts only behind those before it: recovery stops at the first that is missing.
      if (batch === undefined || batch.file !== file || batch.end > bytes) return replaced;
      this.#unsynced.shift();
      replaced = Math.min(replaced, replay(this, batch));
    }
  }

  /**
   * A node has read this disk. What it found must be all that was synced, and what was written
   * behind that up to any batch.
   *
   * @returns true when it is; from now on nothing else counts as written
   */
  explains(restored: Restored): boolean {
    for (let kept = this.#unsynced.length; kept >= 0; kept--) {
      const expected = { hard: this.hard, log: kept === 0 ? this.log : this.log.copy() };
      for (const batch of this.#unsynced.slice(0, kept)) replay(expected, batch);
      if (!isSame(expected, restored)) continue;
      this.#unsynced.length = kept;
      return true;
    }
    return false;
  }

  /** True when this entry would be found after any crash. */
  holds(position: LogPosition): boolean {
    return this.log.holds(position);
  }
}

function replay(contents: { hard: HardState; readonly log: LogView }, batch: Batch): number {
  let replaced = Infinity;
  for (const { hardState, base, entries } of batch.records) {
    if (hardState !== undefined) contents.hard = hardState;
    if (base !== undefined) contents.log.compact(base);
    const first = entries?.[0];
    if (entries === undefined || first === undefined) continue;
    if (first.index <= contents.log.lastIndex) replaced = Math.min(replaced, first.index);
    for (const entry of entries) contents.log.put(entry);
  }
  return replaced;
}

function isSame(
  { hard, log }: { readonly hard: HardState; readonly log: LogView },
  { hardState, base, entries }: Restored,
): boolean {
  return (
    hard.term === hardState.term &&
    hard.votedFor === hardState.votedFor &&
    log.base.index === base.index &&
    log.lastIndex === base.index + entries.length &&
    entries.every((entry) => log.termAt(entry.index) === entry.term)
  );
}
