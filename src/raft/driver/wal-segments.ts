import { crc32c } from '../../lib/crc32c.ts';
import { beginsWithHead } from './wal-records.ts';
import { ByteReader, ByteWriter } from '../../lib/bytes.ts';

/** Synced data is damaged, or is not this node's: the node must not start on it. */
export class WalDamage extends Error {
  override readonly name = 'WalDamage';
}

/** "GWAL" */
const MAGIC = 0x4757414c;
const MAGIC_BYTES = Uint8Array.of(0x47, 0x57, 0x41, 0x4c);
const VERSION = 1;
/** The only kind of batch so far: a sequence of records. */
const KIND_RECORDS = 1;
/** magic 4, version 1, kind 1, number 8, payload length 4, payload checksum 4, header checksum 4 */
const HEADER_BYTES = 26;

/** Segments are named by the number of their first batch. */
export function segmentName(firstBatch: number): string {
  return `wal-${String(firstBatch).padStart(16, '0')}.log`;
}

const SEGMENT_NAME = /^wal-(\d{16})\.log$/;

/** The number of a segment's first batch; undefined for the name of anything else. */
export function firstBatchOf(name: string): number | undefined {
  const digits = SEGMENT_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

const LENGTH_AT = 14;
const PAYLOAD_CHECKSUM_AT = 18;
const HEADER_CHECKSUM_AT = 22;

const writer = ByteWriter.shared();

/**
 * The bytes are the caller's for good.
 *
 * @param number - one more than the batch before; from 1
 */
export function encodeBatch(
  number: number,
  writePayload: (writer: ByteWriter) => void,
): Uint8Array {
  writer.begin().u32(MAGIC).u8(VERSION).u8(KIND_RECORDS).u53(number).u32(0).u32(0).u32(0);
  writePayload(writer);
  const written = writer.finish();
  writer.patchU32(LENGTH_AT, written.length - HEADER_BYTES);
  writer.patchU32(PAYLOAD_CHECKSUM_AT, crc32c(written, HEADER_BYTES));
  writer.patchU32(HEADER_CHECKSUM_AT, crc32c(written, 0, HEADER_CHECKSUM_AT));
  return writer.take();
}

/** One write of the log, synced before the next. */
export interface Batch {
  readonly number: number;
  readonly payload: Uint8Array;
  readonly end: number;
}

/** The batch that begins at `at`; undefined when there is none, or it is not whole. */
export function batchAt(bytes: Uint8Array, at: number): Batch | undefined {
  const payloadAt = at + HEADER_BYTES;
  if (payloadAt > bytes.length) return undefined;
  const reader = new ByteReader(bytes, at);
  if (reader.u32() !== MAGIC) return undefined;
  const checksum = new ByteReader(bytes, at + HEADER_CHECKSUM_AT).u32();
  if (crc32c(bytes, at, at + HEADER_CHECKSUM_AT) !== checksum) return undefined;
  const version = reader.u8();
  const kind = reader.u8();
  if (version !== VERSION || kind !== KIND_RECORDS) {
    throw new WalDamage(`a batch of version ${version}, kind ${kind} is not known to this node`);
  }
  const number = reader.u53();
  const end = payloadAt + reader.u32();
  if (end > bytes.length) return undefined;
  if (crc32c(bytes, payloadAt, end) !== reader.u32()) return undefined;
  return { number, payload: bytes.subarray(payloadAt, end), end };
}

/** A file of the log, as it was read. */
export interface SegmentFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A batch of the log, and where it is: for errors, and for those who damage it on purpose. */
export interface StoredBatch extends Batch {
  readonly file: SegmentFile;
  readonly at: number;
}

/** Bytes that are no batch: a write that was interrupted, or a damaged end. */
export interface TornEnd {
  readonly file: string;
  readonly at: number;
  readonly bytes: number;
}

/** What the segments of a directory hold together. */
export interface StoredLog {
  /** Numbered without a gap. */
  readonly batches: readonly StoredBatch[];
  /** The number of the batch that comes next. */
  readonly nextNumber: number;
  /** What stands behind the end and is not the zeros of a prepared segment, by file; empty after a clean stop. */
  readonly torn: readonly TornEnd[];
  /** Files that hold nothing of the log: their first write was interrupted. */
  readonly leftovers: readonly SegmentFile[];
  /**
   * Segments in front of a gap. A removal that was not synced in the end may be undone long after those
   * of later segments: so it is where what follows begins with a head, and a snapshot holds the rest.
   */
  readonly beforeGap: readonly SegmentFile[];
  /** What stands behind the gap; undefined where there is none. */
  readonly gap: string | undefined;
}

/**
 * Reads a log: the batches in their order up to the first that is not whole, which then was never
 * acknowledged; a segment may end with zeros that it was prepared with. A segment takes over from the ones before it at the batch it is named by; what
 * stands there in an older segment is superseded, whole or torn (recovery begins a new segment with
 * a copy of the last batch).
 *
 * @param files - in any order; names that are no segment's are ignored
 * @throws WalDamage when a whole batch that belongs behind the end is there all the same: batches
 *   are written one after the other is synced, and so the one that is missing was acknowledged
 */
export function readLog(files: readonly SegmentFile[]): StoredLog {
  const segments = files
    .map((file) => ({ file, first: firstBatchOf(file.name) ?? 0 }))
    .filter(({ file, first }) => first > 0 && hasBatch(file.bytes))
    .toSorted((a, b) => a.first - b.first);
  const batches: StoredBatch[] = [];
  const ends = new Map<SegmentFile, number>();
  let beforeGap: readonly SegmentFile[] = [];
  let gap: string | undefined;
  let next = segments[0]?.first ?? 1;
  for (const [i, { file, first }] of segments.entries()) {
    if (first !== next) {
      if (!isHead(file, first)) break;
      gap = laterBatch(next, { number: first, file, at: 0 });
      beforeGap = [...ends].flatMap(([one, end]) => (end > 0 ? [one] : []));
      batches.length = 0;
      next = first;
    }
    const limit = segments[i + 1]?.first ?? Infinity;
    let at = 0;
    while (next < limit) {
      const batch = batchAt(file.bytes, at);
      if (batch === undefined || batch.number !== next) break;
      batches.push({ ...batch, file, at });
      at = batch.end;
      next += 1;
    }
    ends.set(file, at);
  }
  const last = batches.at(-1)?.file;
  for (const { file } of segments) refuseLaterBatch(file, ends.get(file) ?? 0, next);
  for (const { name } of files) refuseLaterName(name, next);
  const leftovers = files.filter(
    (file) => firstBatchOf(file.name) !== undefined && !ends.get(file),
  );
  const torn = [...(last === undefined ? [] : [last]), ...leftovers]
    .map((file) => ({ file, at: ends.get(file) ?? 0 }))
    .map(({ file, at }) => ({ file: file.name, at, bytes: writtenBehind(file.bytes, at) }))
    .filter(({ bytes }) => bytes > 0);
  return { batches, nextNumber: next, torn, leftovers, beforeGap, gap };
}

function isHead({ bytes }: SegmentFile, first: number): boolean {
  const batch = batchAt(bytes, 0);
  return batch?.number === first && beginsWithHead(batch.payload);
}

function laterBatch(
  missing: number,
  {
    number,
    file,
    at,
  }: { readonly number: number; readonly file: SegmentFile; readonly at: number },
): string {
  return (
    `batch ${missing} is damaged or missing, but the later batch ${number} is whole ` +
    `(${file.name} at byte ${at}): acknowledged data was lost`
  );
}

/** Zeros at the end are those that a segment is prepared with: nobody wrote there. */
function writtenBehind(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  while (end > from && bytes[end - 1] === 0) end -= 1;
  return end - from;
}

function hasBatch(bytes: Uint8Array): boolean {
  return batchFrom(bytes, 0) !== undefined;
}

/** An older number than `next` is what a recycled or superseded file may hold; it proves nothing. */
function refuseLaterBatch(file: SegmentFile, from: number, next: number): void {
  for (let found = batchFrom(file.bytes, from); found !== undefined;) {
    const { at, batch } = found;
    if (batch.number >= next) {
      throw new WalDamage(laterBatch(next, { number: batch.number, file, at }));
    }
    found = batchFrom(file.bytes, batch.end);
  }
}

/** A segment is begun when all before it is synced: its mere name says so much, whatever it holds. */
function refuseLaterName(name: string, next: number): void {
  const first = firstBatchOf(name) ?? 0;
  if (first <= next) return;
  throw new WalDamage(
    `batch ${next} is missing, but the log had gone on to ${name}: acknowledged data was lost`,
  );
}

/** The first whole batch at `from` or behind. */
function batchFrom(bytes: Uint8Array, from: number): { at: number; batch: Batch } | undefined {
  for (let at = indexOfMagic(bytes, from); at >= 0; at = indexOfMagic(bytes, at + 1)) {
    const batch = batchAt(bytes, at);
    if (batch !== undefined) return { at, batch };
  }
  return undefined;
}

function indexOfMagic(bytes: Uint8Array, from: number): number {
  const [first] = MAGIC_BYTES;
  if (first === undefined) return -1;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (MAGIC_BYTES.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}
