import type { AppendResponse } from '../../raft/core/types.ts';
import { named } from './log-view.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * SAFETY (Raft §5.3, Figure 2): up to what a follower acknowledges its log equals the leader's, on its
 * disk. So it is still when the answer arrives: within a term such entries are never replaced. Leaders
 * count it, and where it is wrong it may take long, and a rare order of events, until that shows.
 *
 * By its last entry: logs that agree there are equal up to it (log matching).
 *
 * @param leader - who received it
 */
export function acknowledgementIsOnDisk(
  report: Report,
  leader: NodeView,
  follower: NodeView | undefined,
  { term, result }: AppendResponse,
): void {
  if (!result.success || leader.role !== 'leader' || leader.term !== term) return;
  // A later leader may have replaced them: the follower has gone on to its term.
  if (follower === undefined || follower.disk.hard.term > term) return;
  const { matchIndex } = result;
  // Compacted away at the leader: it cannot say what it held.
  if (matchIndex < leader.log.base.index) return;
  const onDisk = follower.disk.log.termAt(matchIndex);
  const atLeader = leader.log.termAt(matchIndex);
  if (atLeader !== undefined && follower.disk.holds({ index: matchIndex, term: atLeader })) return;
  const said = (found: number | undefined): string =>
    found === undefined ? 'nothing' : named({ index: matchIndex, term: found as typeof term });
  const sentence =
    `${follower.node} acknowledged index ${matchIndex} to ${leader.node}, leader of term ${term}, which ` +
    `holds ${said(atLeader)} there, but on the disk of ${follower.node} is ${said(onDisk)}`;
  report('acknowledgement-on-disk', [leader.node, follower.node], sentence);
}
