import type { Random } from '../lib/prng.ts';
import {
  batchAt,
  firstBatchOf,
  readLog,
  type SegmentFile,
  WalDamage,
} from '../raft/driver/wal-segments.ts';
import { positionOf } from '../raft/driver/snapshot-format.ts';
import type { SimDisk } from './disk.ts';

/** Where a bit changed. */
export interface FlippedBit {
  readonly file: string;
  readonly offset: number;
}

/**
 * Flips one bit in each of so many batches of the write-ahead log that are synced and have a synced
 * batch behind them: a flip in the last one cannot be told from a torn tail, and one in a batch of
 * which there is another copy does no harm.
 *
 * @returns fewer, or none, when there are not so many such batches, or the log is damaged already
 */
export function flipBits(disk: SimDisk, random: Random, count: number): readonly FlippedBit[] {
  const batches = random.shuffle(damageable(disk.settledFiles(isSegment) ?? [])).slice(0, count);
  return batches.map(({ file, at, end }) => {
    const offset = random.integer(at, end - 1);
    disk.flip(file.name, offset, 1 << random.integer(0, 7));
    return { file: file.name, offset };
  });
}

function isSegment(name: string): boolean {
  return firstBatchOf(name) !== undefined;
}

/**
 * Flips one bit of a snapshot that is on the platter.
 *
 * @param which - of this one, by default of any
 * @returns false when there is none
 */
export function flipSnapshotBit(disk: SimDisk, random: Random, which?: string): boolean {
  const isMeant = (name: string): boolean => positionOf(name) !== undefined;
  const snapshots = (disk.settledFiles(isMeant) ?? []).filter(
    ({ name, bytes }) => bytes.length > 0 && (which === undefined || name === which),
  );
  if (snapshots.length === 0) return false;
  const { name, bytes } = random.pick(snapshots);
  disk.flip(name, random.integer(0, bytes.length - 1), 1 << random.integer(0, 7));
  return true;
}

function damageable(
  files: readonly SegmentFile[],
): { file: SegmentFile; at: number; end: number }[] {
  try {
    const { batches } = readLog(files);
    return batches.slice(0, -1).filter(({ number, at }, i) => {
      const before = batches[i - 1];
      if (at > 0 || before === undefined) return true;
      // A segment that a recovery began: the one before it may hold the same batch.
      return batchAt(before.file.bytes, before.end)?.number !== number;
    });
  } catch (error) {
    if (error instanceof WalDamage) return [];
    throw error;
  }
}
