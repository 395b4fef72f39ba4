import { isJoint, isMember, isVoter, members } from '../raft/core/configuration.ts';
import { decodeConfiguration } from '../raft/core/configuration-codec.ts';
import type { Input, Ready } from '../raft/core/types.ts';
import type { Counts } from './coverage.ts';
import type { SeenNode } from './coverage-steps.ts';

/** Counts what a step shows of changes of the membership; `seen` is as it was before the step. */
export function countMembership(
  counts: Counts,
  seen: SeenNode,
  inputs: readonly Input[],
  ready: Ready,
): void {
  for (const input of inputs) {
    if (input.type === 'message' && input.message.type === 'request-vote') {
      countStranger(counts, seen, input.from, ready);
    }
  }
  const first = ready.entries[0];
  if (first !== undefined) countConfigurations(counts, seen, first.index, ready);
  if (ready.role === 'leader') countLeader(counts, seen, ready);
  else if (seen.role === 'leader' && hasLeft(seen, ready)) counts['leader-removed-itself'] += 1;
  for (const change of ready.changes) {
    if (change.type === 'refused') {
      counts[change.why === 'behind' ? 'learner-given-up' : 'change-refused'] += 1;
    }
  }
  seen.configuration = ready.configuration;
  seen.configurationIndex = ready.configurationIndex;
}

/** It led until its configuration, of which it is no part, was committed. */
export function hasLeft({ node }: SeenNode, ready: Ready): boolean {
  const { configuration, configurationIndex, commitIndex } = ready;
  return !isVoter(configuration, node) && configurationIndex <= commitIndex;
}

function countStranger(counts: Counts, seen: SeenNode, from: SeenNode['node'], ready: Ready): void {
  const { configuration } = ready;
  if (isMember(configuration, from)) return;
  // Who knows nobody yet cannot say who left.
  if (members(configuration).length > 0) counts['removed-node-asked-for-vote'] += 1;
  const isGranted = ready.messagesAfterSync.some(
    ({ to, message }) =>
      to === from && message.type === 'vote-response' && message.granted && !message.preVote,
  );
  if (isGranted && !isMember(seen.configuration, from)) counts['vote-for-unknown-candidate'] += 1;
}

function countConfigurations(
  counts: Counts,
  seen: SeenNode,
  firstIndex: number,
  { entries, role, configuration }: Ready,
): void {
  if (firstIndex <= seen.configurationIndex) counts['configuration-rolled-back'] += 1;
  if (members(seen.configuration).length === 0 && members(configuration).length > 0) {
    counts['node-joined-empty'] += 1;
  }
  if (role !== 'leader') return;
  let [before, beforeIndex] = [seen.configuration, seen.configurationIndex];
  for (const entry of entries) {
    if (entry.kind !== 'configuration') continue;
    counts['configuration-appended'] += 1;
    const after = decodeConfiguration(entry.data);
    if (after.learners.length > 0) counts['learner-added'] += 1;
    if (isJoint(after) && before.learners.length > 0) counts['learner-caught-up'] += 1;
    const began = seen.terms[beforeIndex] ?? entry.term;
    if (isJoint(before) && began < entry.term) counts['change-finished-by-new-leader'] += 1;
    before = after;
    beforeIndex = entry.index;
  }
}

function countLeader(counts: Counts, seen: SeenNode, ready: Ready): void {
  const isElected = seen.role !== 'leader' || seen.term !== ready.term;
  if (isElected && isJoint(ready.configuration)) counts['elected-while-joint'] += 1;
  if (isElected && !isVoter(ready.configuration, seen.node))
    counts['elected-without-own-vote'] += 1;
  for (const entry of ready.committed) {
    if (entry.kind === 'configuration') {
      const isHalfWay = isJoint(decodeConfiguration(entry.data));
      counts[isHalfWay ? 'joint-committed' : 'configuration-committed'] += 1;
    } else if (!isElected && isJoint(seen.configuration)) {
      counts['committed-by-both-majorities'] += 1;
    }
  }
}
