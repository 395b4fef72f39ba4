import { ByteReader, type ByteWriter, DecodeError } from '../../lib/bytes.ts';
import type { Restored } from '../core/core.ts';
import { LOG_START } from '../core/log.ts';
import {
  type Entry,
  type HardState,
  logIndex,
  type LogPosition,
  nodeId,
  type NodeId,
  term,
} from '../core/types.ts';
import type { Configuration } from '../core/configuration.ts';
import { readConfiguration, writeConfiguration } from '../core/configuration-codec.ts';
import { readEntry, writeEntry } from './codec.ts';
import type { Disk } from './ports.ts';
import { type LogEnd, readDirectory, renewTail } from './wal-recovery.ts';
import { encodeBatch, segmentName, type StoredBatch, WalDamage } from './wal-segments.ts';

export { WalDamage } from './wal-segments.ts';

/** Whose log this is: a directory that belongs to another node is refused. */
export interface WalIdentity {
  readonly clusterId: string;
  readonly node: NodeId;
}

/** What one call of `persist` makes durable, all together or nothing. */
export interface WalRecords {
  readonly hardState?: HardState | undefined;
  /** Consecutive; the first one replaces the stored log from its index on. */
  readonly entries?: readonly Entry[];
  /** The log begins behind this position from now on: a snapshot holds what was before. */
  readonly base?: LogPosition;
  /** In force at the stored log's base from now on. */
  readonly configuration?: Configuration;
}

const RECORD_IDENTITY = 1;
const RECORD_HARD_STATE = 2;
const RECORD_ENTRY = 3;
const RECORD_BASE = 4;
const RECORD_CONFIGURATION = 5;

export const SEGMENT_BYTES_MAX: number = 64 * 1024 * 1024;

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
  #waiting: Batch = { records: [], done: [] };
  #isWriting = false;
  #hasFailed = false;
  /** Batches written so far, each with at most one sync: what group commit saves shows here. */
  batches = 0;

  private constructor(disk: Disk, options: WalOptions, end: LogEnd) {
    this.#disk = disk;
    this.#options = options;
    this.#number = end.nextNumber;
    this.#segment = end.segment;
    this.#segmentBytes = end.segmentBytes;
    this.#segmentIsNew = end.segmentIsNew;
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
  ): Promise<{ readonly wal: Wal; readonly restored: Restored; readonly tornBytes: number }> {
    const recovered = await recover(disk, options.identity);
    const wal = new Wal(disk, options, recovered.end);
    const { tornBytes } = recovered;
    let { restored } = recovered;
    const { configuration } = options;
    if (
      recovered.isEmpty ||
      (restored.configuration === undefined && configuration !== undefined)
    ) {
      await wal.#begin(configuration);
      if (configuration !== undefined) restored = { ...restored, configuration };
    }
    return { wal, restored, tornBytes };
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
  async #begin(configuration: Configuration | undefined): Promise<void> {
    const { clusterId, node } = this.#options.identity;
    this.#append((writer) => {
      writer.u8(RECORD_IDENTITY).text(clusterId).text(node);
      if (configuration === undefined) return;
      writeConfiguration(writer.u8(RECORD_CONFIGURATION), configuration);
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
    const isFull = this.#segmentBytes >= (this.#options.segmentBytesMax ?? SEGMENT_BYTES_MAX);
    try {
      return isFull ? this.#writeNextSegment(batch) : this.#writeBatch(batch);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #writeNextSegment(batch: Batch): Promise<void> {
    // SAFETY: the old segment is complete on disk before a batch stands behind it.
    await this.#syncSegment();
    if (this.#hasFailed) return;
    this.#segment = segmentName(this.#number);
    this.#segmentBytes = 0;
    this.#segmentIsNew = true;
    await this.#writeBatch(batch);
  }

  #writeBatch(batch: Batch): Promise<void> {
    this.#append((writer) => writeRecords(writer, batch.records));
    this.#options.onWritten?.(this.#segment, this.#segmentBytes, batch.records);
    return this.#options.fsync === 'always' ? this.#syncSegment() : WRITTEN;
  }

  #append(payload: (writer: ByteWriter) => void): void {
    const bytes = encodeBatch(this.#number, payload);
    this.#disk.append(this.#segment, bytes);
    this.#number += 1;
    this.#segmentBytes += bytes.length;
    this.batches += 1;
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

function writeRecords(writer: ByteWriter, batch: readonly WalRecords[]): void {
  for (const { hardState, base, configuration, entries } of batch) {
    if (hardState !== undefined) {
      writer
        .u8(RECORD_HARD_STATE)
        .u53(hardState.term)
        .text(hardState.votedFor ?? '');
    }
    if (base !== undefined) writer.u8(RECORD_BASE).u53(base.index).u53(base.term);
    if (configuration !== undefined) {
      writeConfiguration(writer.u8(RECORD_CONFIGURATION), configuration);
    }
    for (const entry of entries ?? []) {
      writer.u8(RECORD_ENTRY);
      writeEntry(writer, entry);
    }
  }
}

interface Recovered {
  readonly restored: Restored;
  readonly isEmpty: boolean;
  readonly tornBytes: number;
  readonly end: LogEnd;
}

async function recover(disk: Disk, identity: WalIdentity): Promise<Recovered> {
  const log = await readDirectory(disk);
  const contents: Contents = {
    identity: undefined,
    hardState: { term: term(0), votedFor: undefined },
    base: LOG_START,
    configuration: undefined,
    entries: [],
  };
  for (const batch of log.batches) replay(contents, batch);
  if (contents.identity !== undefined) checkIdentity(contents.identity, identity);
  else if (log.batches.length > 0) {
    throw new WalDamage('the first segment is missing: the log does not say whose it is');
  }
  // Only now: a directory that is refused stays as it is.
  const end = await renewTail(disk, log);
  const { hardState, base, configuration, entries } = contents;
  return {
    restored: {
      hardState,
      base,
      ...(configuration === undefined ? {} : { configuration }),
      entries,
    },
    isEmpty: contents.identity === undefined,
    tornBytes: log.tornBytes,
    end,
  };
}

interface Contents {
  identity: WalIdentity | undefined;
  hardState: HardState;
  base: LogPosition;
  configuration: Configuration | undefined;
  entries: Entry[];
}

function replay(contents: Contents, { payload, file, at }: StoredBatch): void {
  const reader = new ByteReader(payload);
  try {
    while (reader.remaining > 0) replayRecord(contents, reader);
  } catch (cause) {
    // The checksum was right: this was written so, by another version or by a bug.
    if (!(cause instanceof DecodeError)) throw cause;
    throw new WalDamage(`${file.name} at byte ${at}: ${cause.message}`, { cause });
  }
}

function replayRecord(contents: Contents, reader: ByteReader): void {
  const kind = reader.u8();
  switch (kind) {
    case RECORD_IDENTITY:
      contents.identity = { clusterId: reader.text(), node: nodeId(reader.text()) };
      return;
    case RECORD_HARD_STATE: {
      const at = term(reader.u53());
      const vote = reader.text();
      contents.hardState = { term: at, votedFor: vote === '' ? undefined : nodeId(vote) };
      return;
    }
    case RECORD_ENTRY:
      return replayEntry(contents, readEntry(reader));
    case RECORD_BASE: {
      contents.base = { index: logIndex(reader.u53()), term: term(reader.u53()) };
      contents.entries = contents.entries.filter((entry) => entry.index > contents.base.index);
      return;
    }
    case RECORD_CONFIGURATION:
      contents.configuration = readConfiguration(reader);
      return;
    default:
      throw new DecodeError(`record kind ${kind} is not known`);
  }
}

function replayEntry(contents: Contents, entry: Entry): void {
  const at = entry.index - contents.base.index - 1;
  if (at < 0) return;
  if (at > contents.entries.length) throw new DecodeError(`entry ${entry.index} leaves a gap`);
  if (at < contents.entries.length) contents.entries.length = at;
  contents.entries.push(entry);
}

function checkIdentity(found: WalIdentity, own: WalIdentity): void {
  if (found.clusterId === own.clusterId && found.node === own.node) return;
  throw new WalDamage(
    `the directory belongs to node ${found.node} of cluster ${found.clusterId}, ` +
      `not to ${own.node} of ${own.clusterId}`,
  );
}
