import type { Disk } from './ports.ts';
import {
  firstBatchOf,
  readLog,
  type SegmentFile,
  segmentName,
  type StoredLog,
} from './wal-segments.ts';
import { SPARE } from './wal-spare.ts';

/** Where the next batch goes. */
export interface LogEnd {
  readonly nextNumber: number;
  readonly segment: string;
  readonly segmentBytes: number;
  /** Its name is not durable yet. */
  readonly segmentIsNew: boolean;
}

/** The beginning of a segment that has no name of its own yet. */
const FRESH = 'wal-segment.new';

/**
 * Reads the log of a directory; changes nothing.
 *
 * @throws WalDamage when acknowledged data is damaged; what the disk throws
 */
export async function readDirectory(
  disk: Disk,
): Promise<{ readonly names: readonly string[]; readonly log: StoredLog }> {
  const files: SegmentFile[] = [];
  const names = await disk.list();
  for (const name of names) {
    if (firstBatchOf(name) !== undefined) files.push({ name, bytes: await disk.read(name) });
  }
  return { names, log: readLog(files) };
}

/**
 * Makes sure that what was read is on the disk, and says where the log goes on.
 *
 * SAFETY: what is read may be in the page cache only, and no sync may ever write it: when the sync
 * of the process before failed, the kernel took the pages for clean and dropped the error with it
 * (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020). It is the last batch
 * alone that can be such a ghost, since each is written after the one before it was synced, name
 * of the file included. So the last batch is written again, to a new file, under a new name: the
 * log goes on in a new segment that begins with it. The old file keeps its copy, which is
 * superseded; nothing is cut off or written over, and so a crash at any point leaves all that was
 * there.
 *
 * In modes other than `fsync: always` more than the last batch may be a ghost, and lost in a power
 * failure, which loses acknowledged writes in those modes anyway.
 *
 * @throws what the disk throws; nothing is lost then, and another recovery may follow
 */
export async function renewTail(disk: Disk, log: StoredLog): Promise<LogEnd> {
  const { batches, nextNumber, leftovers, beforeGap } = log;
  // SAFETY: none of their bytes was acknowledged. Should a crash undo a removal, they are leftovers
  // again, wherever the log has gone on to meanwhile.
  for (const { name } of leftovers) await disk.remove(name);
  for (const { name } of beforeGap) await disk.remove(name);
  for (const name of await disk.list()) {
    if (name === FRESH || name === SPARE) await disk.remove(name);
  }
  const last = batches.at(-1);
  if (last === undefined) {
    return { nextNumber, segment: segmentName(nextNumber), segmentBytes: 0, segmentIsNew: true };
  }
  // What a killed process wrote without a sync, in modes other than `always`.
  await disk.sync(last.file.name);
  const segment = segmentName(last.number);
  const bytes = last.file.bytes.subarray(last.at, last.end);
  disk.append(FRESH, bytes);
  await disk.sync(FRESH);
  // SAFETY: the name appears with the batch whole behind it, and so stands for the log's end
  // wherever the crash comes; when it replaces a segment, that one held this batch alone.
  await disk.rename(FRESH, segment);
  await disk.syncDirectory();
  return { nextNumber, segment, segmentBytes: bytes.length, segmentIsNew: false };
}
