import type { Random } from '../lib/prng.ts';
import { batchAt, readLog, type SegmentFile, WalDamage } from '../raft/driver/wal-segments.ts';
import type { SimDisk } from './disk.ts';

/** Where a bit changed. */
export interface FlippedBit {
  readonly file: string;
  readonly offset: number;
}

/**
 * Flips one bit of a batch of the write-ahead log that is synced and has a synced batch behind it:
 * a flip in the last one cannot be told from a torn tail, and one in a batch of which there is
 * another copy does no harm.
 *
 * @returns undefined when there is no such batch, or the log is damaged already
 */
export function flipBit(disk: SimDisk, random: Random): FlippedBit | undefined {
  const files = disk.settledFiles();
  if (files === undefined) return undefined;
  const batches = damageable(files);
  if (batches.length === 0) return undefined;
  const { file, at, end } = random.pick(batches);
  const offset = random.integer(at, end - 1);
  disk.flip(file.name, offset, 1 << random.integer(0, 7));
  return { file: file.name, offset };
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
