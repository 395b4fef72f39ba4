import { ByteReader, type ByteWriter, DecodeError } from '../../lib/bytes.ts';
import type { Configuration } from '../core/configuration.ts';
import { readConfiguration, writeConfiguration } from '../core/configuration-codec.ts';
import { LOG_START } from '../core/log.ts';
import {
  type Entry,
  type HardState,
  type LogIndex,
  logIndex,
  type LogPosition,
  nodeId,
  type NodeId,
  term,
} from '../core/types.ts';
import { readEntry, writeEntry } from './codec.ts';

/** Whose log this is: a directory that belongs to another node is refused. */
export interface WalIdentity {
  readonly clusterId: string;
  readonly node: NodeId;
}

/** What one call of `persist` makes durable, all together or nothing. */
export interface WalRecords {
  readonly hardState?: HardState | undefined;
  /** The log begins behind this position from now on: a snapshot holds what was before. */
  readonly base?: LogPosition | undefined;
  /** The base is a new beginning: of what was stored before nothing counts, whatever its index. */
  readonly isReplaced?: boolean;
  /** In force at the stored log's base from now on. */
  readonly configuration?: Configuration | undefined;
  /** Consecutive; the first one replaces the stored log from its index on. */
  readonly entries?: readonly Entry[];
}

/** What a segment begins with, so that those before it can go. */
export interface SegmentHead {
  readonly identity: WalIdentity;
  readonly hardState: HardState;
  /** In force at the log's base, as far as it is known. */
  readonly configuration: Configuration | undefined;
  /** Where the log ended before this segment. */
  readonly last: LogPosition;
}

const RECORD_IDENTITY = 1;
const RECORD_HARD_STATE = 2;
const RECORD_ENTRY = 3;
const RECORD_BASE = 4;
const RECORD_CONFIGURATION = 5;
const RECORD_GOES_ON_BEHIND = 6;
const RECORD_REPLACED_BY = 7;

/** Of an entry that is missing; no term is so high. */
const UNKNOWN_TERM = term(Number.MAX_SAFE_INTEGER);

export const FRESH_HARD_STATE: HardState = { term: term(0), votedFor: undefined };

/** What the first segment of all begins with; nothing is before it. */
export function writeIdentity(writer: ByteWriter, { clusterId, node }: WalIdentity): void {
  writer.u8(RECORD_IDENTITY).text(clusterId).text(node);
}

export function writeHead(writer: ByteWriter, head: SegmentHead): void {
  const { identity, hardState, configuration, last } = head;
  writeIdentity(writer, identity);
  writeHardState(writer, hardState);
  if (configuration !== undefined) {
    writeConfiguration(writer.u8(RECORD_CONFIGURATION), configuration);
  }
  writer.u8(RECORD_GOES_ON_BEHIND).u53(last.index).u53(last.term);
}

function writeHardState(writer: ByteWriter, hardState: HardState): void {
  writer
    .u8(RECORD_HARD_STATE)
    .u53(hardState.term)
    .text(hardState.votedFor ?? '');
}

export function writeRecords(writer: ByteWriter, batch: readonly WalRecords[]): void {
  for (const { hardState, base, isReplaced, configuration, entries } of batch) {
    if (hardState !== undefined) writeHardState(writer, hardState);
    if (base !== undefined) {
      writer.u8(isReplaced === true ? RECORD_REPLACED_BY : RECORD_BASE);
      writer.u53(base.index).u53(base.term);
    }
    if (configuration !== undefined) {
      writeConfiguration(writer.u8(RECORD_CONFIGURATION), configuration);
    }
    for (const entry of entries ?? []) {
      writer.u8(RECORD_ENTRY);
      writeEntry(writer, entry);
    }
  }
}

/** The log can be read from here on: whose it is, and where it ended before, stands here. */
export function beginsWithHead(payload: Uint8Array): boolean {
  return payload[0] === RECORD_IDENTITY;
}

/** What a batch held that says how long its segment is needed. */
export interface ReplayedBatch {
  /** The highest index of its entries; 0 when it has none. */
  readonly maxIndex: number;
  /** It begins with whose log it is, and where that ended before: nothing before it is needed to read on. */
  readonly hasHead: boolean;
  /** It says where the log begins. */
  readonly hasBase: boolean;
  /** Entries in batches before it count no more. */
  readonly isReplaced: boolean;
}

/** What a log holds, put together batch by batch. */
export class WalContents {
  identity: WalIdentity | undefined;
  hardState: HardState = FRESH_HARD_STATE;
  base: LogPosition = LOG_START;
  configuration: Configuration | undefined;
  entries: Entry[] = [];
  /**
   * Segments before the first one are gone, and no record has said yet that a snapshot holds what they
   * held: up to here it must.
   */
  missingUpTo: LogIndex = logIndex(0);

  get last(): LogPosition {
    return this.entries.at(-1) ?? this.base;
  }

  /** @throws DecodeError when it does not go on with what was replayed before */
  replay(payload: Uint8Array): ReplayedBatch {
    const reader = new ByteReader(payload);
    const found = {
      maxIndex: 0,
      hasHead: beginsWithHead(payload),
      hasBase: false,
      isReplaced: false,
    };
    while (reader.remaining > 0) {
      const kind = reader.u8();
      if (kind === RECORD_BASE || kind === RECORD_REPLACED_BY) found.hasBase = true;
      if (kind === RECORD_REPLACED_BY) Object.assign(found, { isReplaced: true, maxIndex: 0 });
      const index = this.#replayRecord(kind, reader);
      if (index > found.maxIndex) found.maxIndex = index;
    }
    return found;
  }

  /** @returns the index of an entry, or 0 */
  #replayRecord(kind: number, reader: ByteReader): number {
    switch (kind) {
      case RECORD_IDENTITY:
        this.identity = { clusterId: reader.text(), node: nodeId(reader.text()) };
        return 0;
      case RECORD_HARD_STATE: {
        const at = term(reader.u53());
        const vote = reader.text();
        this.hardState = { term: at, votedFor: vote === '' ? undefined : nodeId(vote) };
        return 0;
      }
      case RECORD_ENTRY: {
        const entry = readEntry(reader);
        this.#replayEntry(entry);
        return entry.index;
      }
      case RECORD_BASE:
        this.#replayBase(readPosition(reader));
        return 0;
      case RECORD_REPLACED_BY:
        this.base = readPosition(reader);
        this.entries = [];
        this.missingUpTo = logIndex(0);
        return 0;
      case RECORD_CONFIGURATION:
        this.configuration = readConfiguration(reader);
        return 0;
      case RECORD_GOES_ON_BEHIND:
        this.#goOnBehind(readPosition(reader));
        return 0;
      default:
        throw new DecodeError(`record kind ${kind} is not known`);
    }
  }

  #replayEntry(entry: Entry): void {
    if (entry.index === 0)
      throw new DecodeError('an entry has the index 0, behind which a log begins');
    const at = entry.index - this.base.index - 1;
    if (at < 0 && this.missingUpTo > 0) {
      // It replaced some of what is missing.
      this.missingUpTo = logIndex(entry.index - 1);
      this.base = entry.index === 1 ? LOG_START : { index: this.missingUpTo, term: UNKNOWN_TERM };
      this.entries = [entry];
      return;
    }
    if (at < 0) return;
    if (at > this.entries.length) throw new DecodeError(`entry ${entry.index} leaves a gap`);
    if (at < this.entries.length) this.entries.length = at;
    this.entries.push(entry);
  }

  #replayBase(base: LogPosition): void {
    // Of a compaction before one that took away what stood in front of this segment.
    if (base.index < this.base.index) return;
    const at = base.index - this.base.index;
    const found = at === 0 ? this.base : this.entries[at - 1];
    if (found?.term !== base.term && found?.term !== UNKNOWN_TERM) {
      throw new DecodeError(`the log does not hold entry ${base.index} of term ${base.term}`);
    }
    this.entries = this.entries.slice(at);
    this.base = base;
    this.missingUpTo = logIndex(0);
  }

  /** Follows the identity and the hard state of a head, which say nothing of entries. */
  #goOnBehind(last: LogPosition): void {
    const isFirst = this.base.index === 0 && this.entries.length === 0 && last.index > 0;
    if (isFirst) {
      this.base = last;
      this.missingUpTo = last.index;
    } else if (!this.#endsWith(last)) {
      throw new DecodeError(
        `it goes on behind entry ${last.index} of term ${last.term}, ` +
          `but the log ends with entry ${this.last.index} of term ${this.last.term}`,
      );
    }
  }

  #endsWith({ index, term: at }: LogPosition): boolean {
    const { last } = this;
    return index === last.index && (at === last.term || last.term === UNKNOWN_TERM);
  }
}

function readPosition(reader: ByteReader): LogPosition {
  return { index: logIndex(reader.u53()), term: term(reader.u53()) };
}
