import {
  allVoters,
  type Configuration,
  hasQuorum,
  isJoint,
} from '../../raft/core/configuration.ts';
import type { LogPosition, NodeId } from '../../raft/core/types.ts';
import type { Committed } from './committed.ts';
import { named } from './log-view.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * What is committed, and so may be acknowledged, is on the disks of a majority at that moment (while
 * joint of both, §6), and stays there (Raft §5.3, §8; Figure 2: persistent state). By what disks say is
 * synced, not by what nodes believe. A disk that was damaged on purpose counts with what was synced to
 * it: its node does not start on it again, and such nodes are a minority.
 */
export function makeAcknowledgedOnMajority(
  report: Report,
  views: readonly NodeView[],
  committed: Committed,
  first: Configuration,
): {
  /**
   * The view leads, and has committed up to its commit index.
   *
   * @param configuration - in force when it counted: before the step, since what a leader appends in it
   *   comes after, or counts more strictly
   */
  committed(view: NodeView, configuration: Configuration): void;
  /** A client was told of everything up to this index. */
  acknowledged(node: NodeId, index: number): void;
  /** A disk holds something else from this index on, or nothing. */
  replaced(view: NodeView, from: number): void;
} {
  let acknowledgedIndex = 0;
  /**
   * Of who committed the newest entry, when it did: a majority of it holds that entry and all before
   * it, and whatever configuration follows, in the log of any later leader, does not take it away.
   */
  let basis: Configuration = first;
  let basisIndex = 0;
  const byNode = new Map(views.map(({ node, disk }) => [node, disk]));
  const holdsAt = (node: NodeId, position: LogPosition): boolean =>
    byNode.get(node)?.holds(position) === true;
  const isKept = (position: LogPosition, by: Configuration = basis): boolean =>
    hasQuorum(by, (voter) => holdsAt(voter, position));
  const where = (position: LogPosition, by: Configuration = basis): string => {
    const holders = allVoters(by).filter((voter) => holdsAt(voter, position));
    const names =
      holders.length === 0 ? 'on no disk' : `only on the disks of ${holders.join(', ')}`;
    const { voters, outgoing } = by;
    return `${names}, of ${isJoint(by) ? `${outgoing.length} and ${voters.length}` : voters.length}`;
  };
  return {
    committed({ node, term, log, commitIndex }, configuration) {
      if (commitIndex >= basisIndex) {
        basis = configuration;
        basisIndex = commitIndex;
      }
      const entry = log.at(commitIndex);
      if (entry === undefined || isKept(entry, configuration)) return;
      const sentence =
        `${node} committed ${named(entry)} as leader of term ${term}, ` +
        `but it is ${where(entry, configuration)}`;
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
          : `${node} told a client of ${named(entry)}, but it is ${where(entry)}`;
      report('acknowledged-on-majority-of-disks', [node], sentence);
    },
    replaced({ node }, from) {
      // Whoever holds the newest of them holds those before it.
      const newest = committed.at(acknowledgedIndex);
      if (from > acknowledgedIndex || newest === undefined || isKept(newest)) return;
      const lost = firstLost(committed, from, isKept) ?? newest;
      const sentence =
        `${node} replaced its log from index ${from} on, and ${named(lost)}, ` +
        `which a client was told of, is now ${where(lost)}`;
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
