import type { LogPosition, NodeId } from '../../raft/core/types.ts';
import type { Committed } from './committed.ts';
import { named } from './log-view.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * What is committed, and so may be acknowledged, is on the disks of a majority at that moment, and
 * stays there (Raft §5.3, §8; Figure 2: persistent state). By what disks say is synced, not by what
 * nodes believe. A disk that was damaged on purpose counts with what was synced to it: its node does
 * not start on it again, and such nodes are a minority.
 */
export function makeAcknowledgedOnMajority(
  report: Report,
  views: readonly NodeView[],
  committed: Committed,
): {
  /** The view leads, and has committed up to its commit index. */
  committed(view: NodeView): void;
  /** A client was told of everything up to this index. */
  acknowledged(node: NodeId, index: number): void;
  /** A disk holds something else from this index on, or nothing. */
  replaced(view: NodeView, from: number): void;
} {
  const majority = Math.floor(views.length / 2) + 1;
  let acknowledgedIndex = 0;
  const isKept = (position: LogPosition): boolean => {
    let holders = 0;
    for (const { disk } of views) if (disk.holds(position)) holders += 1;
    return holders >= majority;
  };
  const holdersOf = (position: LogPosition): string => {
    const holders = views.filter(({ disk }) => disk.holds(position)).map(({ node }) => node);
    return holders.length === 0 ? 'on no disk' : `only on the disks of ${holders.join(', ')}`;
  };
  return {
    committed({ node, term, log, commitIndex }) {
      const entry = log.at(commitIndex);
      if (entry === undefined || isKept(entry)) return;
      const sentence =
        `${node} committed ${named(entry)} as leader of term ${term}, ` +
        `but it is ${holdersOf(entry)}, of ${views.length}`;
      report('acknowledged-on-majority-of-disks', [node], sentence);
    },
    acknowledged(node, index) {
      if (index <= acknowledgedIndex) return;
      acknowledgedIndex = index;
      const entry = committed.at(index);
      if (entry !== undefined && isKept(entry)) return;
      const sentence =
        entry === undefined
          ? `${node} told a client of what stands up to index ${index}, which nobody committed`
          : `${node} told a client of ${named(entry)}, ` +
            `but it is ${holdersOf(entry)}, of ${views.length}`;
      report('acknowledged-on-majority-of-disks', [node], sentence);
    },
    replaced({ node }, from) {
      // Whoever holds the newest of them holds those before it.
      const newest = committed.at(acknowledgedIndex);
      if (from > acknowledgedIndex || newest === undefined || isKept(newest)) return;
      const lost = firstLost(committed, from, isKept) ?? newest;
      const sentence =
        `${node} replaced its log from index ${from} on, and ${named(lost)}, ` +
        `which a client was told of, is now ${holdersOf(lost)}, of ${views.length}`;
      report('acknowledged-on-majority-of-disks', [node], sentence);
    },
  };
}

function firstLost(
  committed: Committed,
  from: number,
  isKept: (position: LogPosition) => boolean,
): LogPosition | undefined {
  for (let index = from; index <= committed.lastIndex; index++) {
    const entry = committed.at(index);
    if (entry !== undefined && !isKept(entry)) return entry;
  }
  return undefined;
}
