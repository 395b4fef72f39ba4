import type {
  HardState,
  Input,
  LogPosition,
  NodeId,
  Ready,
  RequestVote,
  VoteResponse,
} from '../../raft/core/types.ts';
import type { WalRecords } from '../../raft/driver/wal.ts';
import { named } from './log-view.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

const nobody = 'nobody';

/**
 * A term that was written is never followed by a lower one (Raft §5.1), and a vote is kept for its
 * term, through restarts (§5.2).
 *
 * @param last - what was written last, or found at the start
 * @returns what was written last now
 */
export function hardStateKept(
  report: Report,
  node: NodeId,
  last: HardState,
  records: readonly WalRecords[],
): HardState {
  let before = last;
  for (const { hardState } of records) {
    if (hardState === undefined) continue;
    if (hardState.term < before.term) {
      const sentence = `${node} wrote term ${hardState.term} to its disk behind term ${before.term}`;
      report('disk-term-never-back', [node], sentence);
    } else if (
      hardState.term === before.term &&
      before.votedFor !== undefined &&
      hardState.votedFor !== before.votedFor
    ) {
      const { votedFor = nobody } = hardState;
      const sentence =
        `${node} voted for ${before.votedFor} in term ${before.term}, ` +
        `and then for ${votedFor} in the same term`;
      report('vote-kept', [node], sentence);
    }
    before = hardState;
  }
  return before;
}

/**
 * SAFETY (Raft §5.2, Figure 2): a vote is on the voter's disk before it leaves, so whoever receives
 * it finds it there, unless the voter has gone on to a later term.
 */
export function voteIsOnDisk(
  report: Report,
  candidate: NodeId,
  voter: NodeView | undefined,
  message: VoteResponse,
): void {
  if (message.preVote || !message.granted) return;
  if (voter === undefined) return;
  const { term, votedFor } = voter.disk.hard;
  if (term > message.term || (term === message.term && votedFor === candidate)) return;
  const sentence =
    `${candidate} received the vote of ${voter.node} in term ${message.term}, but on the disk of ` +
    `${voter.node} is term ${term} with a vote for ${votedFor ?? nobody}`;
  report('vote-kept', [voter.node, candidate], sentence);
}

/**
 * SAFETY (Raft §5.2, Figure 2): a candidate's vote for itself is on its disk before anybody hears of it,
 * or it could win the term, forget it, and vote for another one in it.
 */
export function ownVoteIsOnDisk(
  report: Report,
  candidate: NodeView | undefined,
  message: RequestVote,
): void {
  if (message.preVote || candidate === undefined) return;
  const { node, disk } = candidate;
  const { term, votedFor } = disk.hard;
  if (term > message.term || (term === message.term && votedFor === node)) return;
  const sentence =
    `${node} asked for votes in term ${message.term}, but on its disk is term ${term} with a vote ` +
    `for ${votedFor ?? nobody}`;
  report('vote-kept', [node], sentence);
}

/** By §5.4.1; not by the node's own rule, which may be what is wrong. */
export function wouldVoteFor(candidate: LogPosition, voter: LogPosition): boolean {
  if (candidate.term !== voter.term) return candidate.term > voter.term;
  return candidate.index >= voter.index;
}

/**
 * A vote goes to a log that holds all that the voter's holds, or newer (Raft §5.4.1).
 *
 * @param before - where the voter's log ended before the step
 * @param voter - as it is after the step, in which it may have heard the winner of the term as well
 */
export function voteIsForCompleteLog(
  report: Report,
  before: LogPosition,
  { node, log }: NodeView,
  inputs: readonly Input[],
  ready: Ready,
): void {
  for (const input of inputs) {
    if (input.type !== 'message' || input.message.type !== 'request-vote') continue;
    const { preVote, term, lastLog } = input.message;
    if (preVote || wouldVoteFor(lastLog, before) || wouldVoteFor(lastLog, log.last)) continue;
    const isGranted = [...ready.messagesAfterSync, ...ready.messages].some(
      ({ to, message }) =>
        to === input.from &&
        message.type === 'vote-response' &&
        !message.preVote &&
        message.granted &&
        message.term === term,
    );
    if (!isGranted) continue;
    const sentence =
      `${node} voted in term ${term} for ${input.from}, whose log ends with ${named(lastLog)}, ` +
      `though its own ends with ${named(before)}`;
    report('vote-for-complete-log', [input.from, node], sentence);
  }
}
