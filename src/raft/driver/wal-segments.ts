import { crc32c } from '../../lib/crc32c.ts';
import { ByteReader, ByteWriter } from '../../lib/bytes.ts';
import type { Disk } from './ports.ts';

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

interface Batch {
  readonly number: number;
  readonly payload: Uint8Array;
  readonly end: number;
}

/** The batch that begins at `at`; undefined when there is none, or it is not whole. */
function batchAt(bytes: Uint8Array, at: number): Batch | undefined {
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

/** Where the next batch goes. */
export interface LogEnd {
  readonly nextNumber: number;
  readonly segment: string;
  readonly segmentBytes: number;
  /** Its name is not durable yet. */
  readonly segmentIsNew: boolean;
}

export interface StoredBatch {
  readonly payload: Uint8Array;
  /** Where it stands, for errors. */
  readonly file: string;
  readonly at: number;
}

export interface Segments {
  /** In order. */
  readonly batches: readonly StoredBatch[];
  /** Bytes cut off the end: a write that a crash interrupted. */
  readonly tornBytes: number;
  readonly end: LogEnd;
}

/**
 * Reads all segments in order up to the first batch that is not whole. Behind it there may be
 * nothing valid and later: then it is a tail that was never synced, and is cut off.
 *
 * @throws WalDamage when a valid later batch stands behind the damage
 */
export async function readSegments(disk: Disk): Promise<Segments> {
  const names = (await disk.list()).filter((name) => SEGMENT_NAME.test(name)).toSorted();
  const files: { readonly name: string; readonly bytes: Uint8Array }[] = [];
  for (const name of names) files.push({ name, bytes: await disk.read(name) });

  const batches: StoredBatch[] = [];
  let next = files[0] === undefined ? 1 : Number(SEGMENT_NAME.exec(files[0].name)?.[1] ?? 1);
  let end = { segment: segmentName(next), segmentBytes: 0, segmentIsNew: true };
  let tornBytes = 0;
  for (const [position, { name, bytes }] of files.entries()) {
    let at = 0;
    for (;;) {
      const batch = batchAt(bytes, at);
      if (batch === undefined || batch.number !== next) break;
      batches.push({ payload: batch.payload, file: name, at });
      next += 1;
      at = batch.end;
    }
    // An empty new segment whose first batch never came leaves the end in the one before it.
    if (at > 0) end = { segment: name, segmentBytes: at, segmentIsNew: false };
    if (at === bytes.length && position < files.length - 1) continue;
    refuseLaterBatch(files.slice(position), at, next);
    tornBytes = await cutTail(disk, files.slice(position), at);
    break;
  }
  // SAFETY: what a killed process wrote may be in the page cache only; it counts as durable from here on.
  if (end.segmentBytes > 0) {
    await disk.sync(end.segment);
    await disk.syncDirectory();
  }
  return { batches, tornBytes, end: { ...end, nextNumber: next } };
}

function refuseLaterBatch(
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  from: number,
  expected: number,
): void {
  const damaged = files[0]?.name ?? '';
  for (const [position, { name, bytes }] of files.entries()) {
    const start = position === 0 ? from : 0;
    for (let at = indexOfMagic(bytes, start); at >= 0; at = indexOfMagic(bytes, at + 1)) {
      const batch = batchAt(bytes, at);
      // An older number is what a recycled file may hold; it proves nothing.
      if (batch === undefined || batch.number < expected) continue;
      throw new WalDamage(
        `batch ${expected} is damaged or missing (${damaged} at byte ${from}), but the later ` +
          `batch ${batch.number} is whole (${name} at byte ${at}): acknowledged data was lost`,
      );
    }
  }
}

function indexOfMagic(bytes: Uint8Array, from: number): number {
  const [first] = MAGIC_BYTES;
  if (first === undefined) return -1;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (MAGIC_BYTES.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}

async function cutTail(
  disk: Disk,
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  at: number,
): Promise<number> {
  let torn = 0;
  for (const [position, { name, bytes }] of files.entries()) {
    const keep = position === 0 ? at : 0;
    if (bytes.length > keep) {
      await disk.truncate(name, keep);
      await disk.sync(name);
      torn += bytes.length - keep;
    }
    // Without a batch of its own it would be taken for the beginning of the log.
    if (keep === 0) await disk.remove(name);
  }
  if (torn > 0) await disk.syncDirectory();
  return torn;
}
