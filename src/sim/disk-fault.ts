import { assertNever } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { SimCluster } from './cluster.ts';
import { flipBits, flipSnapshotBit } from './disk-flip.ts';
import type { SimNode } from './node.ts';
import type { RangeNs } from './profile.ts';
import { type Victims, victimsOf } from './victims.ts';

/** Disks go wrong, until the fault ends. */
export interface DiskFault {
  readonly type: 'disk';
  readonly victims: Victims;
  readonly trouble: DiskTrouble;
}

/**
 * `restart`: the process ends at once, and starts again, before another snapshot takes the place of the
 * damaged one. `read`: when a victim reads one, as it does to send it, in that one.
 */
export type FlipTime = 'now' | 'restart' | 'read';

export type DiskTrouble =
  /** Every call takes so much longer. */
  | { readonly type: 'slow'; readonly addNs: RangeNs }
  /** So many bytes fit yet. */
  | { readonly type: 'full'; readonly freeBytes: number }
  /** The next sync fails, and drops what it covered. */
  | { readonly type: 'failed-sync' }
  /** Each read fails with this probability. */
  | { readonly type: 'read-errors'; readonly probability: number }
  /**
   * A bit changes, for good, in each of so many batches in front of the last synced one: what the node
   * finds at its next start, and refuses. No more disks than a minority of the cluster are ever
   * damaged; where that is reached, nothing happens.
   */
  | { readonly type: 'bit-flips'; readonly count: number }
  /**
   * A bit changes, for good, in a snapshot: what the node finds at its next start, or whoever is sent it.
   * No more disks than a minority, as above.
   */
  | {
      readonly type: 'snapshot-flip';
      readonly when: FlipTime;
    };

export async function injectDiskFault(
  cluster: SimCluster,
  { victims, trouble }: DiskFault,
  random: Random,
): Promise<AsyncDisposable> {
  const ends = victimsOf(cluster, victims, random).map((victim) =>
    begin(cluster, cluster.node(victim), trouble, random.fork(victim)),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      for (const end of ends) end();
    },
  };
}

/** @returns what ends it */
function begin(
  cluster: SimCluster,
  node: SimNode,
  trouble: DiskTrouble,
  random: Random,
): () => void {
  const { disk } = node;
  switch (trouble.type) {
    case 'slow':
      return disk.slow(trouble.addNs);
    case 'full':
      return disk.full(trouble.freeBytes);
    case 'failed-sync':
      return disk.failNextSync();
    case 'read-errors':
      return disk.readErrors(trouble.probability);
    case 'bit-flips':
      flip(cluster, node, trouble.count, random);
      return () => {};
    case 'snapshot-flip':
      if (trouble.when !== 'read') {
        flipSnapshot(cluster, node, { when: trouble.when }, random);
        return () => {};
      }
      return flipWhenRead(cluster, node, random);
    default:
      return assertNever(trouble);
  }
}

function flip(cluster: SimCluster, { node, disk }: SimNode, count: number, random: Random): void {
  if (!cluster.mayDamage(node)) return;
  if (flipBits(disk, random, count).length > 0) cluster.damaged.add(node);
}

/** Once. */
function flipWhenRead(cluster: SimCluster, node: SimNode, random: Random): () => void {
  const stop = cluster.onSnapshotRead((reader, file) => {
    if (reader !== node.node) return;
    if (flipSnapshot(cluster, node, { when: 'read', file }, random)) stop();
  });
  return stop;
}

/** @returns false when nothing was flipped: the cluster must not bear more, or there is nothing to flip */
function flipSnapshot(
  cluster: SimCluster,
  node: SimNode,
  { when, file }: { readonly when: FlipTime; readonly file?: string },
  random: Random,
): boolean {
  if (!cluster.mayDamage(node.node) || !flipSnapshotBit(node.disk, random, file)) return false;
  cluster.damaged.add(node.node);
  if (when !== 'restart' || !node.isUp()) return true;
  node.stop({ type: 'killed' });
  node.start();
  return true;
}
