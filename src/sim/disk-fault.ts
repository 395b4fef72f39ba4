import { assertNever } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import { batchAt, readLog, type SegmentFile, WalDamage } from '../raft/driver/wal-segments.ts';
import type { SimDisk } from './disk.ts';
import type { RangeNs } from './profile.ts';

/** Something that is wrong with one disk, for schedules: plain JSON. */
export type DiskFault =
  /** Every call takes so much longer. */
  | { readonly kind: 'slow-disk'; readonly addNs: RangeNs }
  /** So many more bytes fit; the append that does not fit writes a prefix and fails. */
  | { readonly kind: 'full-disk'; readonly freeBytes: number }
  /** The next sync fails, and what it covered is lost. */
  | { readonly kind: 'failed-sync' }
  /** Each read of a file fails with this probability. */
  | { readonly kind: 'read-errors'; readonly probability: number }
  /** One bit of acknowledged data changes, for good. */
  | { readonly kind: 'bit-flip' };

export const DISK_FAULT_KINDS: readonly DiskFault['kind'][] = [
  'slow-disk',
  'full-disk',
  'failed-sync',
  'read-errors',
  'bit-flip',
];

/** What a fault did, and how it ends. */
export interface InjectedDiskFault {
  /** Ends it; a flipped bit stays. May be called again. */
  readonly heal: () => void;
  /** Where a bit was flipped: the node must refuse to start on this disk from now on. */
  readonly flipped?: FlippedBit | undefined;
}

export interface FlippedBit {
  readonly file: string;
  readonly offset: number;
}

/** @param random - for what the fault leaves open: which bit */
export function injectDiskFault(
  disk: SimDisk,
  fault: DiskFault,
  random: Random,
): InjectedDiskFault {
  switch (fault.kind) {
    case 'slow-disk':
      return { heal: disk.slow(fault.addNs) };
    case 'full-disk':
      return { heal: disk.full(fault.freeBytes) };
    case 'failed-sync':
      return { heal: disk.failNextSync() };
    case 'read-errors':
      return { heal: disk.readErrors(fault.probability) };
    case 'bit-flip':
      return { heal: () => {}, flipped: flipBit(disk, random) };
    default:
      return assertNever(fault);
  }
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
