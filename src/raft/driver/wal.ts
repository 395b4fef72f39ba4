import { type ByteWriter, DecodeError } from '../../lib/bytes.ts';
import type { Configuration } from '../core/configuration.ts';
import type { Restored } from '../core/core.ts';
import type { HardState, LogIndex, LogPosition } from '../core/types.ts';
import type { Disk } from './ports.ts';

import {
  beginsWithHead,
  type ReplayedBatch,
  WalContents,
  type WalIdentity,
  type WalRecords,
  writeHead,
  writeIdentity,
  writeRecords,
} from './wal-records.ts';
import { type LogEnd, readDirectory, renewTail } from './wal-recovery.ts';
import {
  encodeBatch,
  segmentName,
  type StoredBatch,
  type StoredLog,
  type TornEnd,
  WalDamage,
} from './wal-segments.ts';
import { type Segment, Segments } from './wal-compaction.ts';
import { SpareSegment } from './wal-spare.ts';

export { WalDamage } from './wal-segments.ts';
export type { WalIdentity, WalRecords } from './wal-records.ts';

export const SEGMENT_BYTES_MAX: number = 8 * 1024 * 1024;

/**
 * A compaction begins a new segment when the present one has one part in so many of its size: most of the
 * zeros of a prepared one are used then, and the next one is ready.
 */
const COMPACTED_SHARE = 2;

/**
 * `always`: durable before it is called durable. `interval`: written, and synced now and then by the
 * owner calling `syncNow`. `never`: left to the operating system. The last two lose acknowledged
 * writes in a power failure.
 */
export type FsyncMode = 'always' | 'interval' | 'never';

export interface WalOptions {
  readonly identity: WalIdentity;
  /** What a cluster begins with: made durable with the identity, and never looked at again. */
  readonly configuration?: Configuration;
  readonly fsync: FsyncMode;
  readonly segmentBytesMax?: number;
  /** Called once when the disk failed; nothing is written any more. */
  readonly onFailure: (error: unknown) => void;
  /** Told of each batch as it is written, before it is synced. See `DriverObserver`. */
  readonly onWritten?: (file: string, end: number, records: readonly WalRecords[]) => void;
  /** A segment is gone, since a snapshot holds what it held. */
  readonly onRemoved?: (name: string) => void;
}

/** What goes to the disk together, and who is told when it is durable. */
interface Batch {
  readonly records: WalRecords[];
  readonly done: (() => void)[];
}

/** What is not synced is done as soon as it is written. */
const WRITTEN: Promise<void> = Promise.resolve();

/**
 * The write-ahead log: hard state and entries in numbered, checksummed batches.
 *
 * Group commit: one batch and one sync for everything that arrived while the last one was under
 * way. SAFETY: a batch is written only after the one before it is synced. So a valid batch behind a
 * damaged one means that synced data was damaged, which is refused; any other tail was never
 * acknowledged and may go.
 */
export class Wal {
  readonly #disk: Disk;
  readonly #options: WalOptions;
  #number: number;
  #segment: string;
  #segmentBytes: number;
  #segmentIsNew: boolean;
  /** What stands in the log so far: a new segment begins with it. */
  #hardState: HardState;
  #last: LogPosition;
  #configuration: Configuration | undefined;
  readonly #segments: Segments;
  #removing: Promise<void> = Promise.resolve();
  /** It was filled with zeros before it was begun. */
  #segmentIsPrepared = false;
  readonly #segmentBytesMax: number;
  readonly #spare: SpareSegment;
  #waiting: Batch = { records: [], done: [] };
  #isWriting = false;
  #hasFailed = false;
  /** Batches written so far, each with at most one sync: what group commit saves shows here. */
  batches = 0;

  private constructor(disk: Disk, options: WalOptions, end: LogEnd, stored: StoredWal) {
    this.#disk = disk;
    this.#options = options;
    this.#number = end.nextNumber;
    this.#segment = end.segment;
    this.#segmentBytes = end.segmentBytes;
    this.#segmentIsNew = end.segmentIsNew;
    this.#hardState = stored.contents.hardState;
    this.#last = stored.contents.last;
    this.#configuration = stored.contents.configuration ?? options.configuration;
    this.#segments = Segments.goOn(stored.segments, end.segment, stored.log.batches.length > 0);
    this.#segmentBytesMax = options.segmentBytesMax ?? SEGMENT_BYTES_MAX;
    this.#spare = new SpareSegment(disk, this.#segmentBytesMax);
  }

  /**
   * Reads the log, leaves a torn tail behind, and makes durable what it found: it may have been in
   * the page cache only.
   *
   * @throws WalDamage when synced data is damaged, or the directory belongs to another node; what
   *   the disk throws, and then another call may follow
   */
  static async open(
    disk: Disk,
    options: WalOptions,
  ): Promise<{
    readonly wal: Wal;
    readonly restored: Restored;
    readonly torn: readonly TornEnd[];
    readonly tornBytes: number;
  }> {
    const stored = await readWal(disk, options);
    const wal = await Wal.resume(disk, options, stored);
    const { restored, log, tornBytes } = stored;
    return { wal, restored, torn: log.torn, tornBytes };
  }

  /**
   * The second half of `open`: only now the directory is changed, and one that is refused stays as it is.
   *
   * @throws what the disk throws
   */
  static async resume(disk: Disk, options: WalOptions, stored: StoredWal): Promise<Wal> {
    const wal = new Wal(disk, options, await renewTail(disk, stored.log), stored);
    const { identity, configuration } = stored.contents;
    if (
      identity === undefined ||
      (configuration === undefined && options.configuration !== undefined)
    ) {
      await wal.#begin(identity === undefined, options.configuration);
    }
    return wal;
  }

  /** @param done - called when the records, and all before them, are durable */
  persist(records: WalRecords, done: () => void): void {
    if (this.#hasFailed) return;
    this.#waiting.records.push(records);
    this.#waiting.done.push(done);
    if (!this.#isWriting) this.#writeWaiting();
  }

  /** True while something that was handed over is not durable yet. */
  get isBusy(): boolean {
    return this.#isWriting;
  }

  /**
   * Removes segments of which nothing is needed any more, in the background: all of their entries are at
   * or before `base`.
   *
   * SAFETY (Raft §7): to be called when a snapshot that holds these entries is durable, and so is the
   * record that says that the log begins behind `base`.
   */
  removeBehind(base: LogIndex): void {
    const run = async (): Promise<void> => {
      // In modes other than `always` the record may have been written only.
      if (this.#options.fsync !== 'always') await this.syncNow();
      for (const name of this.#segments.takeRemovable(base)) {
        if (this.#hasFailed) return;
        await this.#disk.remove(name);
        // SAFETY: one by one, the oldest first. A crash may undo any removal that is not synced, and a
        // log with a gap would be taken for damaged.
        await this.#disk.syncDirectory();
        this.#options.onRemoved?.(name);
      }
    };
    this.#removing = this.#removing.then(run).catch((error: unknown) => this.#fail(error));
  }

  /** Segments of the log; for whoever watches its size. */
  get segments(): number {
    return this.#segments.all.length;
  }

  /** For `interval`: syncs what was written. */
  async syncNow(): Promise<void> {
    if (this.#hasFailed) return;
    try {
      await this.#syncSegment();
    } catch (error) {
      this.#fail(error);
    }
  }

  #syncSegment(): Promise<void> {
    const syncing = this.#disk.sync(this.#segment);
    return this.#segmentIsNew ? this.#syncName(this.#segment, syncing) : syncing;
  }

  async #syncName(segment: string, syncing: Promise<void>): Promise<void> {
    await syncing;
    await this.#disk.syncDirectory();
    // Another one may have been begun meanwhile.
    if (this.#segment === segment) this.#segmentIsNew = false;
  }

  /** Also in a log of a version that did not store its first configuration. */
  async #begin(isEmpty: boolean, configuration: Configuration | undefined): Promise<void> {
    this.#append((writer) => {
      if (isEmpty) writeIdentity(writer, this.#options.identity);
      if (configuration !== undefined) writeRecords(writer, [{ configuration }]);
    });
    this.#segments.wrote(this.#segment, {
      maxIndex: 0,
      hasHead: isEmpty,
      hasBase: false,
      isReplaced: false,
    });
    this.#options.onWritten?.(this.#segment, this.#segmentBytes, []);
    await this.#syncSegment();
  }

  /**
   * Writes what waits as one batch, and when it is durable what came meanwhile as the next.
   *
   * Callbacks instead of `await`: a batch is on the way of every write, and costs one reaction to one
   * promise, that of the disk.
   */
  #writeWaiting(): void {
    const batch = this.#waiting;
    this.#waiting = { records: [], done: [] };
    this.#isWriting = true;
    this.#write(batch).then(
      () => this.#onWritten(batch),
      (error: unknown) => this.#fail(error),
    );
  }

  #onWritten(batch: Batch): void {
    // SAFETY: `syncNow` may have failed meanwhile, and the kernel tells of an error only once.
    if (this.#hasFailed) return;
    try {
      for (const done of batch.done) done();
    } catch (error) {
      return this.#fail(error);
    }
    // SAFETY: the next batch is written only now, when the one before it is synced.
    if (this.#waiting.done.length > 0) this.#writeWaiting();
    else this.#isWriting = false;
  }

  /** Never throws: a disk that fails at once fails as one that fails later. */
  #write(batch: Batch): Promise<void> {
    try {
      return this.#beginsSegment(batch) ? this.#writeNextSegment(batch) : this.#writeBatch(batch);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Where the log begins is written to a segment with a head, and one that is not long: so those before it
   * can go soon, and what a start has to read stays short.
   */
  #beginsSegment({ records }: Batch): boolean {
    if (this.#isSegmentDone()) return true;
    if (!records.some(({ base }) => base !== undefined)) return false;
    return !this.#segments.hasHead || this.#segmentBytes >= this.#segmentBytesMax / COMPACTED_SHARE;
  }

  /** A segment without zeros is left as soon as there is one with. */
  #isSegmentDone(): boolean {
    if (this.#segmentBytes >= this.#segmentBytesMax) return true;
    return !this.#segmentIsPrepared && this.#spare.isReady;
  }

  async #writeNextSegment(batch: Batch): Promise<void> {
    // SAFETY: the old segment is complete on disk before a batch stands behind it.
    await this.#syncSegment();
    if (this.#hasFailed) return;
    const segment = segmentName(this.#number);
    this.#segmentIsPrepared = this.#spare.isReady;
    if (this.#segmentIsPrepared) await this.#spare.become(segment);
    if (this.#hasFailed) return;
    this.#segment = segment;
    this.#segmentBytes = 0;
    this.#segmentIsNew = true;
    await this.#writeBatch(batch);
  }

  #writeBatch(batch: Batch): Promise<void> {
    const { identity } = this.#options;
    const hasHead = this.#segmentBytes === 0;
    const head = {
      identity,
      hardState: this.#hardState,
      configuration: this.#configuration,
      last: this.#last,
    };
    this.#append((writer) => {
      if (hasHead) writeHead(writer, head);
      writeRecords(writer, batch.records);
    });
    this.#segments.wrote(this.#segment, { ...this.#note(batch.records), hasHead });
    this.#options.onWritten?.(this.#segment, this.#segmentBytes, batch.records);
    return this.#options.fsync === 'always' ? this.#syncSegment() : WRITTEN;
  }

  #append(payload: (writer: ByteWriter) => void): void {
    const bytes = encodeBatch(this.#number, payload);
    this.#disk.append(this.#segment, bytes);
    this.#number += 1;
    this.#segmentBytes += bytes.length;
    this.batches += 1;
    // Without a sync for each batch there is nothing to gain.
    if (this.#options.fsync === 'always') this.#spare.written(bytes.length);
  }

  #note(batch: readonly WalRecords[]): Omit<ReplayedBatch, 'hasHead'> {
    const found = { maxIndex: 0, hasBase: false, isReplaced: false };
    for (const { hardState, base, isReplaced, configuration, entries } of batch) {
      if (hardState !== undefined) this.#hardState = hardState;
      if (configuration !== undefined) this.#configuration = configuration;
      if (base !== undefined) {
        found.hasBase = true;
        if (isReplaced === true) {
          found.isReplaced = true;
          found.maxIndex = 0;
        }
        if (isReplaced === true || base.index > this.#last.index) this.#last = base;
      }
      const last = entries?.at(-1);
      if (last === undefined) continue;
      this.#last = { index: last.index, term: last.term };
      if (last.index > found.maxIndex) found.maxIndex = last.index;
    }
    return found;
  }

  /** A failed sync is final: the kernel may have dropped the pages, a second try would lie. */
  #fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#isWriting = false;
    this.#waiting = { records: [], done: [] };
    this.#options.onFailure(error);
  }
}

/** What a directory holds; nothing was changed to find out. */
export interface StoredWal {
  /** All files of the directory. */
  readonly names: readonly string[];
  readonly restored: Restored;
  /** Bytes at the end that are no batch: a write that was interrupted. */
  readonly tornBytes: number;
  readonly log: StoredLog;
  readonly contents: WalContents;
  readonly segments: readonly Segment[];
}

/**
 * Reads the log of a directory; changes nothing.
 *
 * @throws WalDamage when synced data is damaged, or the directory belongs to another node; what the
 *   disk throws
 */
export async function readWal(
  disk: Disk,
  { identity, configuration: first }: Pick<WalOptions, 'identity' | 'configuration'>,
): Promise<StoredWal> {
  const { names, log } = await readDirectory(disk);
  const contents = new WalContents();
  const segments = new Segments();
  // A crash may have come when the oldest segments were being removed, one by one: what is left of those
  // in front of a head went with them.
  const head = log.batches.findIndex(({ payload }) => beginsWithHead(payload));
  for (const [at, batch] of log.batches.entries()) {
    segments.wrote(batch.file.name, at < head ? USELESS : replay(contents, batch));
  }
  if (contents.identity !== undefined) checkIdentity(contents.identity, identity);
  else if (log.batches.length > 0) {
    throw new WalDamage('the first segment is missing: the log does not say whose it is');
  }
  const { hardState, base, configuration = first, entries, missingUpTo } = contents;
  if (missingUpTo > 0 && log.gap !== undefined) throw new WalDamage(log.gap);
  if (missingUpTo > 0) {
    throw new WalDamage(
      `the log begins behind entry ${missingUpTo}, and nothing says that a snapshot holds ` +
        `what was before: segments in front of ${log.batches[0]?.file.name} are missing`,
    );
  }
  return {
    names,
    restored: {
      hardState,
      base,
      ...(configuration === undefined ? {} : { configuration }),
      entries,
    },
    tornBytes: log.torn.reduce((sum, { bytes }) => sum + bytes, 0),
    log,
    contents,
    segments: segments.all,
  };
}

const USELESS: ReplayedBatch = { maxIndex: 0, hasHead: false, hasBase: false, isReplaced: false };

function replay(contents: WalContents, { payload, file, at }: StoredBatch): ReplayedBatch {
  try {
    return contents.replay(payload);
  } catch (cause) {
    // The checksum was right: this was written so, by another version or by a bug.
    if (!(cause instanceof DecodeError)) throw cause;
    throw new WalDamage(`${file.name} at byte ${at}: ${cause.message}`, { cause });
  }
}

function checkIdentity(found: WalIdentity, own: WalIdentity): void {
  if (found.clusterId === own.clusterId && found.node === own.node) return;
  throw new WalDamage(
    `the directory belongs to node ${found.node} of cluster ${found.clusterId}, ` +
      `not to ${own.node} of ${own.clusterId}`,
  );
}
