import {
  type Configuration,
  hasQuorum,
  isJoint,
  isSameSet,
  isVoter,
} from '../../raft/core/configuration.ts';
import { decodeConfiguration } from '../../raft/core/configuration-codec.ts';
import type { Ready } from '../../raft/core/types.ts';
import type { NodeView } from './node-view.ts';
import * as say from '../trace-words.ts';
import type { Report } from './report.ts';

/**
 * A leader begins a change from a configuration that is committed, when it has committed an entry of its
 * own term; and of two configurations that follow each other in a log any two quorums share a server:
 * from C_old to C_old,new, and when that is committed to C_new (Raft §6). To end a change, who was elected
 * by both majorities need not have committed anything itself: had C_new been committed, one of the voters
 * would have had it.
 *
 * @param view - as it was before the step
 */
export function oneChangeAtATime(report: Report, view: NodeView, ready: Ready): void {
  if (ready.role !== 'leader') return;
  const { node, log } = view;
  let { index, configuration: before } = log.configurationAt(Infinity);
  for (const entry of ready.entries) {
    if (entry.kind !== 'configuration') continue;
    const after = decodeConfiguration(entry.data);
    const inStep = ready.entries.find((one) => one.index === ready.commitIndex)?.term;
    const committedTerm = inStep ?? log.termAt(ready.commitIndex);
    const change = `${node}, leader of term ${ready.term}, went on from ${say.configuration(before)} to ${say.configuration(after)}`;
    if (!isNextOf(before, after)) {
      report('one-change-at-a-time', [node], `${change}, which may decide without each other`);
    } else if (index > ready.commitIndex) {
      const sentence = `${change}, though the entry ${index} before is not committed`;
      report('one-change-at-a-time', [node], sentence);
    } else if (!isJoint(before) && committedTerm !== ready.term) {
      const sentence = `${change}, though it has committed nothing in its term`;
      report('one-change-at-a-time', [node], sentence);
    }
    before = after;
    index = entry.index;
  }
}

function isNextOf(before: Configuration, after: Configuration): boolean {
  if (isJoint(before)) return !isJoint(after) && isSameSet(before.voters, after.voters);
  return isSameSet(before.voters, isJoint(after) ? after.outgoing : after.voters);
}

/**
 * Who leads has the votes of a quorum of the configuration that is in force in its log (Raft §5.2, §6),
 * and they are on disks. A voter that has gone on to a later term may have given its vote.
 *
 * @param view - as it is since it was elected
 */
export function electedByQuorum(report: Report, view: NodeView, views: readonly NodeView[]): void {
  const { node, term, log } = view;
  const { configuration } = log;
  const mayHaveVoted = (voter: string): boolean => {
    if (voter === node) return true;
    const hard = views.find((one) => one.node === voter)?.disk.hard;
    if (hard === undefined || hard.term > term) return true;
    return hard.term === term && hard.votedFor === node;
  };
  if (hasQuorum(configuration, mayHaveVoted)) return;
  const sentence =
    `${node} leads in term ${term} without the votes of a quorum of ${say.configuration(configuration)}, ` +
    `the configuration in its log`;
  report('elected-by-quorum', [node], sentence);
}

/**
 * A leader that is no part of the configuration that it has committed leads no more (Raft §6).
 *
 * @param view - as it was before the step
 */
export function whoLeftLeadsNoMore(report: Report, view: NodeView, ready: Ready): void {
  const { node, role, term, log, commitIndex } = view;
  if (role !== 'leader' || ready.role !== 'leader' || ready.term !== term) return;
  const { index, configuration } = log.configurationAt(Infinity);
  if (index > commitIndex || isVoter(configuration, node)) return;
  const sentence =
    `${node} leads on in term ${term}, though it committed at index ${index} that ` +
    `${say.configuration(configuration)} vote, and it does not`;
  report('who-left-leads-no-more', [node], sentence);
}
