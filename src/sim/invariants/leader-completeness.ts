import { hasQuorum, isVoter } from '../../raft/core/configuration.ts';
import type { LogPosition, NodeId } from '../../raft/core/types.ts';
import { wouldVoteFor } from './votes.ts';
import type { EntryTree } from './entry-tree.ts';
import { named } from './log-view.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

interface Leadership {
  readonly node: NodeId;
  readonly term: number;
  /** Where the leader's log ended when it was elected, its first own entry included. */
  readonly last: LogPosition;
}

/**
 * What was committed in a term is in the log of every leader of a later term (Raft §5.4, Figure 3).
 * Asked when a leader is elected, when the leader of an older term commits something late, and of
 * whoever could be elected when a leader commits an entry of an older term (§5.4.2, Figure 8).
 */
export function makeLeaderCompleteness(
  report: Report,
  tree: EntryTree,
  views: readonly NodeView[],
): {
  elected(view: NodeView): void;
  /** The view leads, and has committed up to its commit index. */
  committed(view: NodeView): void;
} {
  /** By term, in the order in which they were seen. */
  const leaderships = new Map<number, Leadership>();
  /** The last position that each term's leader committed. */
  const commits = new Map<number, LogPosition & { readonly node: NodeId }>();
  let newestTerm = 0;
  const lacks = (leader: Leadership, term: number, lost: LogPosition, by: NodeId): void => {
    const sentence =
      `${leader.node} was elected in term ${leader.term} without ${named(lost)}, ` +
      `which ${by} committed in term ${term}`;
    report('leader-completeness', by === leader.node ? [by] : [by, leader.node], sentence);
  };
  return {
    elected({ node, term, log }) {
      const leader: Leadership = { node, term, last: log.last };
      leaderships.set(term, leader);
      newestTerm = Math.max(newestTerm, term);
      for (const [earlier, commit] of commits) {
        if (earlier < term && !log.holds(commit)) lacks(leader, earlier, commit, commit.node);
      }
    },
    committed({ node, term, log, commitIndex }) {
      const entry = log.at(commitIndex);
      if (entry === undefined) return;
      commits.set(term, { index: entry.index, term: entry.term, node });
      if (entry.term < term) mustBeHeldByElectable(report, views, { node, term }, entry);
      if (newestTerm === term) return;
      for (const leader of leaderships.values()) {
        if (leader.term <= term || tree.leadsTo(leader.last, entry)) continue;
        lacks(leader, term, entry, node);
      }
    },
  };
}

/**
 * Who lacks a committed entry must not be able to win an election any more: a majority must hold what
 * is newer than its log. For an entry of the leader's own term that follows from the majority that
 * holds it; one of an older term may be on a majority and lose all the same (Raft §5.4.2, Figure 8).
 */
function mustBeHeldByElectable(
  report: Report,
  views: readonly NodeView[],
  leader: { readonly node: NodeId; readonly term: number },
  committed: LogPosition,
): void {
  for (const { node, disk } of views) {
    if (disk.holds(committed)) continue;
    // It would stand by what its disk holds, its configuration included (§6).
    const { last, configuration } = disk;
    const voters = views
      .filter((voter) => wouldVoteFor(last, voter.disk.last))
      .map((voter) => voter.node);
    if (configuration === undefined || !isVoter(configuration, node)) continue;
    if (!hasQuorum(configuration, (voter) => voters.includes(voter))) continue;
    const names = voters.filter((voter) => isVoter(configuration, voter)).join(', ');
    const sentence =
      `${leader.node}, leader of term ${leader.term}, committed ${named(committed)}, but ${node}, ` +
      `which lacks it and whose log ends with ${named(last)}, could be elected by ${names}`;
    report('leader-completeness', [leader.node, node], sentence);
    return;
  }
}
