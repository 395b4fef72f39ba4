import type { Restored } from '../../raft/core/core.ts';
import { type HardState, type LogPosition, term } from '../../raft/core/types.ts';
import type { WalRecords } from '../../raft/driver/wal.ts';
import { type Configuration, NO_CONFIGURATION } from '../../raft/core/configuration.ts';
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
  readonly log: LogView;
  /** Durable, whole or damaged; by file. */
  readonly #snapshots = new Map<string, LogPosition>();
  #partGoneNs = -Infinity;
  /** Since the last power failure nobody has written: what is found is on the platter. */
  isCacheLost = false;
  /** In the order in which they were written; recovery reads them so. */
  #unsynced: Batch[] = [];
  /** What the node was about to write: the next batch takes all of it. */
  #handed: WalRecords[] = [];
  /** The last batch that was told of, and whether more than it was synced in its file. */
  #last: { readonly file: string; readonly end: number } | undefined;
  #isMoreSynced = false;
  /** Files that batches were written to. */
  readonly #written = new Set<string>();
  /** Files that are synced though no batch was written to them: recovery put there what it found. */
  readonly #renewed = new Set<string>();

  /** @param first - the configuration that the node begins with */
  constructor(first?: Configuration) {
    this.log = new LogView(first);
  }

  /** A step gave this to the log. */
  handed(records: WalRecords): void {
    this.#handed.push(records);
  }

  written(file: string, end: number, records: readonly WalRecords[]): void {
    if (this.#handed.length > 0) this.#handed.splice(0, records.length);
    this.#written.add(file);
    this.#last = { file, end };
    this.#isMoreSynced = false;
    if (records.length > 0) this.#unsynced.push({ file, end, records });
  }

  /** @returns the first index that was replaced; Infinity when the log only grew */
  synced(file: string, bytes: number): number {
    let replaced = Infinity;
    if (!this.#written.has(file)) {
      if (bytes > 0) this.#renewed.add(file);
      else this.#renewed.delete(file);
      return replaced;
    }
    if (file === this.#last?.file && bytes > this.#last.end) this.#isMoreSynced = true;
    for (;;) {
      const batch = this.#unsynced[0];
      // A batch counts only behind those before it: recovery stops at the first that is missing.
      if (batch === undefined || batch.file !== file || batch.end > bytes) return replaced;
      this.#unsynced.shift();
      replaced = Math.min(replaced, replay(this, batch));
    }
  }

  /** The last position of the newest durable snapshot. */
  get snapshot(): LogPosition | undefined {
    let newest: LogPosition | undefined;
    for (const last of this.#snapshots.values()) {
      if (newest === undefined || last.index > newest.index) newest = last;
    }
    return newest;
  }

  /** A part of a snapshot lost its name at this instant: to be removed, or for another one. */
  partGone(atNs: number): void {
    this.#partGoneNs = atNs;
  }

  /** A snapshot's file is durable under its name; or, with no bytes, no more. @returns true when it is new */
  snapshotSynced(file: string, last: LogPosition, bytes: number, atNs: number = Infinity): boolean {
    // One of the same position takes its place: until its name is durable, the old one has it.
    if (bytes === 0 && atNs === this.#partGoneNs) return false;
    const isNew = bytes > 0 && !this.#snapshots.has(file);
    if (bytes > 0) this.#snapshots.set(file, last);
    else this.#snapshots.delete(file);
    return isNew;
  }

  /** Where the log would end after any crash: behind the newest snapshot where it does not hold that one. */
  get last(): LogPosition {
    const { snapshot, log } = this;
    if (snapshot === undefined || log.holds(snapshot)) return log.last;
    return snapshot;
  }

  /** In force there; undefined where the log says nothing of it. */
  get configuration(): Configuration | undefined {
    const { snapshot, log } = this;
    return snapshot === undefined || log.holds(snapshot) ? log.configuration : undefined;
  }

  /**
   * A node has read this disk. What it found must be all that was synced, and behind that what was
   * written, up to any batch: also one that was written in the very call in which the node died, and
   * so was not told of.
   *
   * @returns true when it is; from now on nothing else counts as written
   */
  explains(restored: Restored): boolean {
    // It may have died in the write of a batch that took only the first of what waited.
    const untold = this.#handed.map((records) => ({ file: '', end: 0, records: [records] }));
    const candidates = [...this.#unsynced, ...untold];
    for (let kept = candidates.length; kept >= 0; kept--) {
      const expected = { hard: this.hard, log: kept === 0 ? this.log : this.log.copy() };
      for (const batch of candidates.slice(0, kept)) replay(expected, batch);
      const isJoined = !isSame(expected, restored);
      if (isJoined && !isSame(joined(expected, restored), restored)) continue;
      const isUntoldSynced = this.#isMoreSynced && kept > this.#unsynced.length;
      this.#unsynced = candidates.slice(0, kept);
      this.#handed = [];
      if (isUntoldSynced || this.#renewed.size > 0) this.#settle();
      // It is about to write that its log begins behind the snapshot.
      const { base, configuration } = restored;
      if (isJoined) this.#handed = [{ base, isReplaced: true, configuration }];
      return true;
    }
    return false;
  }

  /** Recovery synced the last of what it found, where it was or in a new place: all is durable. */
  #settle(): void {
    for (const batch of this.#unsynced) replay(this, batch);
    this.#unsynced = [];
    for (const file of this.#renewed) this.#written.add(file);
    this.#renewed.clear();
  }

  /**
   * True when this entry, or a snapshot that holds it, would be found after any crash.
   *
   * @param position - a committed one: a snapshot holds nothing else
   */
  holds(position: LogPosition): boolean {
    if (this.log.holds(position)) return true;
    return position.index <= (this.snapshot?.index ?? 0);
  }
}

function replay(contents: { hard: HardState; readonly log: LogView }, batch: Batch): number {
  let replaced = Infinity;
  for (const { hardState, base, isReplaced, configuration, entries } of batch.records) {
    if (hardState !== undefined) contents.hard = hardState;
    if (base !== undefined && isReplaced === true) {
      replaced = Math.min(replaced, base.index + 1);
      contents.log.reset(base, [], configuration ?? NO_CONFIGURATION);
    } else if (base !== undefined) contents.log.compact(base);
    const first = entries?.[0];
    if (entries === undefined || first === undefined) continue;
    if (first.index <= contents.log.lastIndex) replaced = Math.min(replaced, first.index);
    for (const entry of entries) contents.log.put(entry);
  }
  return replaced;
}

/** A log that lacks the last entry of the snapshot begins behind the snapshot (Raft §7). */
function joined(
  { hard, log }: { readonly hard: HardState; readonly log: LogView },
  { snapshot, configuration }: Restored,
): { readonly hard: HardState; readonly log: LogView } {
  if (snapshot === undefined || log.holds(snapshot)) return { hard, log };
  const behind = new LogView();
  behind.reset(snapshot, [], configuration ?? NO_CONFIGURATION);
  const isLater = snapshot.term > hard.term;
  return { hard: isLater ? { term: snapshot.term, votedFor: undefined } : hard, log: behind };
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
