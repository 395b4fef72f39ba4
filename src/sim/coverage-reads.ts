import type { Input, Ready } from '../raft/core/types.ts';
import type { Counts } from './coverage.ts';
import type { SeenNode } from './coverage-steps.ts';

/**
 * Counts questions for a read index, answers to them, and reads by a lease.
 *
 * @returns how many reads more a leader has to confirm by a round
 */
export function countReadIndex(counts: Counts, inputs: readonly Input[], ready: Ready): number {
  const { role, reads, messages, commitIndex } = ready;
  let taken = 0;
  let wantLease = 0;
  let proved = 0;
  for (const input of inputs) {
    if (input.type === 'read') {
      taken += 1;
      if (input.lease === true) wantLease += 1;
    } else if (input.type === 'message') {
      const { message } = input;
      if (message.type === 'read-index') {
        taken += 1;
        if (message.lease) wantLease += 1;
      } else if (message.type === 'append-entries') proved = Math.max(proved, message.leaderCommit);
    }
  }
  if (role !== 'leader' && reads.length > 0) {
    counts['follower-read-served'] += reads.length;
    if (reads.length > 1) counts['read-index-batched'] += 1;
    if (ready.committed.length > 0 && proved < commitIndex) counts['follower-read-committed'] += 1;
  }
  let byLease = reads.filter(({ leaseEndNs }) => leaseEndNs !== undefined).length;
  counts['lease-read-served'] += byLease;
  for (const { message } of messages) {
    if (message.type === 'read-index') counts['read-index-asked'] += 1;
    if (message.type !== 'read-index-response') continue;
    if (message.readIndex === undefined) counts['read-index-refused'] += 1;
    if (!message.lease) continue;
    byLease += 1;
    counts['lease-read-at-follower'] += 1;
  }
  if (role === 'leader' && wantLease > byLease) {
    const isGivenUp = ready.transferee !== undefined;
    counts[isGivenUp ? 'lease-given-up' : 'lease-lapsed-fell-back'] += 1;
  }
  return taken - byLease;
}

/** Counts transfers of leadership: how they end, and what they bring about. */
export function countTransfers(
  counts: Counts,
  seen: SeenNode,
  inputs: readonly Input[],
  ready: Ready,
): void {
  const { transfers, transferee, refused, messagesAfterSync } = ready;
  for (const end of transfers) {
    if (end.type === 'done') counts['transfer-completed'] += end.leader === seen.node ? 0 : 1;
    else counts[seen.transferee === undefined ? 'transfer-refused' : 'transfer-aborted'] += 1;
  }
  if (transferee !== undefined) counts['refused-while-transferring'] += refused.length;
  const isAsked = inputs.some(
    (input) => input.type === 'message' && input.message.type === 'timeout-now',
  );
  const stands = messagesAfterSync.some(
    ({ message }) => message.type === 'request-vote' && message.transfer === true,
  );
  if (stands) seen.transferTerm = ready.term;
  else if (isAsked) counts['timeout-now-late'] += 1;
}
