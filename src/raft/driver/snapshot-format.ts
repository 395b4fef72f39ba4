import { crc32c } from '../../lib/crc32c.ts';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import type { Configuration } from '../core/configuration.ts';
import { readConfiguration, writeConfiguration } from '../core/configuration-codec.ts';
import { type LogPosition, logIndex, term } from '../core/types.ts';

/*
 * A snapshot file is a sequence of pieces, each
 *
 *   "GSNP"           4 bytes
 *   kind             1 byte: 1 head, 2 state, 3 end
 *   number           4 bytes: 0 for the first piece, one more for each
 *   payload length   4 bytes
 *   payload checksum 4 bytes, CRC32C
 *   chain            4 bytes, CRC32C of the chain of the piece before (0 for the first) and of all of
 *                    the above
 *   payload
 *
 * one head, any number of states, one end, and nothing behind it. All numbers are big-endian.
 *
 *   head   version (1 byte), cluster id (text), index and term of the last entry that the snapshot
 *          holds (8 bytes each), the configuration in force there
 *   state  rows of the state machine, sessions among them, as `FrozenState.next` gave them
 *   end    bytes of the file before this piece (8 bytes)
 *
 * The chain makes each piece vouch for all before it: pieces of two snapshots, mixed, are no snapshot.
 */
const MAGIC = 0x47534e50;
const VERSION = 1;
const KIND_HEAD = 1;
const KIND_STATE = 2;
const KIND_END = 3;
const PIECE_HEADER_BYTES = 21;
const CHAIN_AT = 17;
/** Far above any piece that is written; a larger claim is damage. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;

/** What a snapshot is of. */
export interface SnapshotHead {
  readonly clusterId: string;
  /** The last position that it holds. */
  readonly last: LogPosition;
  /** In force there. */
  readonly configuration: Configuration;
}

/** Encodes a snapshot, piece by piece. */
export class SnapshotWriter {
  #number = 0;
  #chain = 0;
  /** Bytes of all pieces so far. */
  bytes = 0;

  head({ clusterId, last, configuration }: SnapshotHead): Uint8Array {
    const writer = new ByteWriter();
    writer.u8(VERSION).text(clusterId).u53(last.index).u53(last.term);
    writeConfiguration(writer, configuration);
    return this.#piece(KIND_HEAD, writer.finish());
  }

  /**
   * What stands in front of these rows: they are not copied, since there are many of them.
   *
   * @param rows - what one call of `FrozenState.next` gave
   */
  state(rows: Uint8Array): Uint8Array {
    return this.#header(KIND_STATE, rows).finish();
  }

  end(): Uint8Array {
    return this.#piece(KIND_END, new ByteWriter().u53(this.bytes).finish());
  }

  #piece(kind: number, payload: Uint8Array): Uint8Array {
    return this.#header(kind, payload).raw(payload).finish();
  }

  #header(kind: number, payload: Uint8Array): ByteWriter {
    const writer = new ByteWriter(PIECE_HEADER_BYTES);
    writer.u32(MAGIC).u8(kind).u32(this.#number).u32(payload.length).u32(crc32c(payload));
    this.#chain = chained(this.#chain, writer.finish());
    this.#number += 1;
    this.bytes += PIECE_HEADER_BYTES + payload.length;
    return writer.u32(this.#chain);
  }
}

function chained(before: number, header: Uint8Array): number {
  return crc32c(new ByteWriter().u32(before).raw(header).finish());
}

/** The bytes are not what was written: the message says where. */
export class SnapshotDamage extends Error {
  override readonly name = 'SnapshotDamage';
}

/** Takes the bytes of a snapshot in any portions, and hands out what they hold as soon as a piece is whole. */
export class SnapshotReader {
  readonly #onHead: (head: SnapshotHead) => void;
  readonly #onState: (rows: Uint8Array) => void;
  #rest: Uint8Array = new Uint8Array(0);
  #number = 0;
  #chain = 0;
  /** Bytes of whole pieces so far. */
  #bytes = 0;
  #isWhole = false;

  /**
   * @param parts.onHead - called first; throws DecodeError to refuse
   * @param parts.onState - rows, valid during the call; throws DecodeError for rows that cannot be
   */
  constructor(parts: {
    readonly onHead: (head: SnapshotHead) => void;
    readonly onState: (rows: Uint8Array) => void;
  }) {
    this.#onHead = parts.onHead;
    this.#onState = parts.onState;
  }

  /** @throws SnapshotDamage: nothing more can be read then */
  push(bytes: Uint8Array): void {
    let all = bytes;
    if (this.#rest.length > 0) {
      all = new Uint8Array(this.#rest.length + bytes.length);
      all.set(this.#rest);
      all.set(bytes, this.#rest.length);
    }
    let at = 0;
    while (all.length - at >= PIECE_HEADER_BYTES) {
      const end = this.#piece(all, at);
      if (end === undefined) break;
      this.#bytes += end - at;
      at = end;
    }
    if (this.#isWhole && at < all.length) this.#damaged('bytes follow the end');
    // A copy, so that the portion can go; `slice` of a Buffer would be a view.
    this.#rest = new Uint8Array(all.subarray(at));
  }

  /** All bytes were given. @throws SnapshotDamage when the end is missing */
  finish(): void {
    if (!this.#isWhole) this.#damaged('it ends before its end');
  }

  /** @returns where the piece ends; undefined while it is not whole */
  #piece(bytes: Uint8Array, at: number): number | undefined {
    const header = new ByteReader(bytes.subarray(at, at + PIECE_HEADER_BYTES));
    const isMagic = header.u32() === MAGIC;
    const kind = header.u8();
    const number = header.u32();
    const length = header.u32();
    const checksum = header.u32();
    const chain = chained(this.#chain, bytes.subarray(at, at + CHAIN_AT));
    const isExpected = isMagic && number === this.#number && header.u32() === chain;
    if (!isExpected || length > PAYLOAD_BYTES_MAX) this.#damaged('no piece begins here');
    const from = at + PIECE_HEADER_BYTES;
    const end = from + length;
    if (end > bytes.length) return undefined;
    if (crc32c(bytes, from, end) !== checksum) this.#damaged('the checksum of this piece is wrong');
    try {
      this.#read(kind, bytes.subarray(from, end));
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      // The checksum was right: it was written so, by another version or by a bug.
      this.#damaged(cause.message, cause);
    }
    this.#number += 1;
    this.#chain = chain;
    return end;
  }

  #read(kind: number, payload: Uint8Array): void {
    if (this.#isWhole) throw new DecodeError('a piece follows the end');
    if ((kind === KIND_HEAD) !== (this.#number === 0)) {
      throw new DecodeError(`a piece of kind ${kind} is number ${this.#number}`);
    }
    switch (kind) {
      case KIND_HEAD:
        return this.#onHead(readHead(payload));
      case KIND_STATE:
        return this.#onState(payload);
      case KIND_END: {
        const reader = new ByteReader(payload);
        const bytes = reader.u53();
        reader.end();
        if (bytes !== this.#bytes) throw new DecodeError(`it was written behind ${bytes} bytes`);
        this.#isWhole = true;
        return;
      }
      default:
        throw new DecodeError(`pieces of kind ${kind} are not known`);
    }
  }

  #damaged(what: string, cause?: unknown): never {
    throw new SnapshotDamage(`at byte ${this.#bytes}: ${what}`, { cause });
  }
}

function readHead(payload: Uint8Array): SnapshotHead {
  const reader = new ByteReader(payload);
  const version = reader.u8();
  if (version !== VERSION) throw new DecodeError(`snapshot version ${version} is not known`);
  const clusterId = reader.text();
  const last = { index: logIndex(reader.u53()), term: term(reader.u53()) };
  const configuration = readConfiguration(reader);
  reader.end();
  return { clusterId, last, configuration };
}

const SNAPSHOT_NAME = /^snapshot-(\d{16})-(\d{16})\.snap$/;

/** A snapshot's file is named by the last position that it holds. */
export function snapshotName({ index, term: at }: LogPosition): string {
  const digits = (value: number): string => String(value).padStart(16, '0');
  return `snapshot-${digits(index)}-${digits(at)}.snap`;
}

/** Undefined for the name of anything else. */
export function positionOf(name: string): LogPosition | undefined {
  const match = SNAPSHOT_NAME.exec(name);
  if (match === null) return undefined;
  return { index: logIndex(Number(match[1])), term: term(Number(match[2])) };
}

/** A snapshot that is being written, taken or received: `rename` makes it one. */
export function partName(what: 'taken' | 'received' | 'renewed', number: number): string {
  return `snapshot-${what}-${number}.part`;
}

export function isPart(name: string): boolean {
  return name.startsWith('snapshot-') && name.endsWith('.part');
}
