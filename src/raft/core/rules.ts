import { type Configuration, hasQuorum, isJoint, quorumIndex } from './configuration.ts';
import type { HardState, LogIndex, LogPosition, NodeId, Term } from './types.ts';

/**
 * The safety rules of Raft, each one small function. The core takes them as an object, so that the
 * suite can replace one (a *defect*) and show that it finds out what breaks.
 */
export interface Rules {
  readonly rememberedHardState: typeof rememberedHardState;
  readonly mayGrantVote: typeof mayGrantVote;
  readonly mayGrantPreVote: typeof mayGrantPreVote;
  readonly refusesDisturbance: typeof refusesDisturbance;
  readonly logMatches: typeof logMatches;
  readonly mustTruncate: typeof mustTruncate;
  readonly acknowledgedIndex: typeof acknowledgedIndex;
  readonly leaderMatchIndex: typeof leaderMatchIndex;
  readonly followerCommitIndex: typeof followerCommitIndex;
  readonly leaderCommitIndex: typeof leaderCommitIndex;
  readonly mayOpenReadRound: typeof mayOpenReadRound;
  readonly isReadConfirmed: typeof isReadConfirmed;
  readonly mayServeRead: typeof mayServeRead;
  readonly leaseEndNs: typeof leaseEndNs;
  readonly holdsLease: typeof holdsLease;
  readonly mustStepDown: typeof mustStepDown;
  readonly mayBeginChange: typeof mayBeginChange;
  readonly mayEndJoint: typeof mayEndJoint;
  readonly mustLeave: typeof mustLeave;
  readonly mustInstall: typeof mustInstall;
  readonly keepsEntriesBehind: typeof keepsEntriesBehind;
  readonly mayStand: typeof mayStand;
}

/**
 * What a node knows of its term and vote when it starts: all that its disk holds, or it could vote
 * a second time in the term. Raft §5.2, Figure 2 (persistent state).
 */
export function rememberedHardState(stored: HardState): HardState {
  return stored;
}

/** True when `a` may win `b`'s vote. Raft §5.4.1. */
export function isUpToDate(a: LogPosition, b: LogPosition): boolean {
  return a.term === b.term ? a.index >= b.index : a.term > b.term;
}

/**
 * One vote per term, first come first served (§5.2), and only for a log that holds everything that
 * can be committed (§5.4.1).
 *
 * @param own - already in the candidate's term
 */
export function mayGrantVote(question: {
  readonly own: HardState;
  readonly ownLog: LogPosition;
  readonly candidate: NodeId;
  readonly candidateTerm: Term;
  readonly candidateLog: LogPosition;
}): boolean {
  const { own, candidate } = question;
  if (question.candidateTerm !== own.term) return false;
  if (own.votedFor !== undefined && own.votedFor !== candidate) return false;
  return isUpToDate(question.candidateLog, question.ownLog);
}

/** Would this node vote for it, if it asked in that term? Thesis §9.6. */
export function mayGrantPreVote(question: {
  readonly ownTerm: Term;
  readonly ownLog: LogPosition;
  readonly candidateTerm: Term;
  readonly candidateLog: LogPosition;
}): boolean {
  return (
    question.candidateTerm > question.ownTerm && isUpToDate(question.candidateLog, question.ownLog)
  );
}

/**
 * Votes and pre-votes are refused, without taking over the term, while a leader was heard within
 * the minimum election timeout: a node that was cut off cannot depose a working leader. §6. Whoever
 * that leader itself has asked to stand is no disturbance (thesis §3.10).
 */
export function refusesDisturbance(state: {
  readonly isTransfer: boolean;
  readonly nowNs: number;
  readonly leaderHeardNs: number;
  readonly electionTimeoutNsMin: number;
}): boolean {
  if (state.isTransfer) return false;
  return state.nowNs - state.leaderHeardNs < state.electionTimeoutNsMin;
}

/** The consistency check of AppendEntries. Raft §5.3. */
export function logMatches(prev: LogPosition, ownTermAtPrev: Term | undefined): boolean {
  return ownTermAtPrev === prev.term;
}

/**
 * Only a real conflict truncates: the same index with another term (§5.3). An older, shorter
 * AppendEntries that arrives late is a prefix of what is there and must not shorten it.
 */
export function mustTruncate(ownTerm: Term, newTerm: Term): boolean {
  return ownTerm !== newTerm;
}

/** A follower vouches for what equals the leader's log *and* is on its disk. Raft §5.3, Figure 2. */
export function acknowledgedIndex(state: {
  readonly verified: LogIndex;
  readonly durable: LogIndex;
}): LogIndex {
  return state.verified < state.durable ? state.verified : state.durable;
}

/** A leader counts itself, too, only up to what its own disk holds. Raft §5.3, thesis §10.2.1. */
export function leaderMatchIndex(state: {
  readonly lastIndex: LogIndex;
  readonly durable: LogIndex;
}): LogIndex {
  return state.durable;
}

/** Committed here is only what this leader's messages proved equal. Raft §5.3, Figure 2. */
export function followerCommitIndex(state: {
  readonly commitIndex: LogIndex;
  readonly leaderCommit: LogIndex;
  readonly verified: LogIndex;
}): LogIndex {
  const proved = state.leaderCommit < state.verified ? state.leaderCommit : state.verified;
  return proved > state.commitIndex ? proved : state.commitIndex;
}

/**
 * Counting replicas commits only an entry of the leader's own term; what is older is committed with
 * it. Raft §5.4.2, Figure 8.
 */
export function leaderCommitIndex(state: {
  readonly configuration: Configuration;
  readonly matchIndex: (voter: NodeId) => LogIndex;
  readonly commitIndex: LogIndex;
  readonly currentTerm: Term;
  readonly termAt: (index: LogIndex) => Term | undefined;
}): LogIndex {
  const counted = quorumIndex(state.configuration, state.matchIndex);
  if (counted <= state.commitIndex) return state.commitIndex;
  return state.termAt(counted) === state.currentTerm ? counted : state.commitIndex;
}

/** A new leader knows what is committed only after an entry of its own term is. §8, thesis §6.4. */
export function mayOpenReadRound(state: {
  readonly currentTerm: Term;
  readonly committedTerm: Term | undefined;
}): boolean {
  return state.committedTerm === state.currentTerm;
}

/** A quorum answered a message that was sent after the read index was taken. Thesis §6.4. */
export function isReadConfirmed(state: {
  readonly configuration: Configuration;
  readonly round: number;
  readonly acknowledgedRound: (voter: NodeId) => number;
}): boolean {
  return hasQuorum(state.configuration, (voter) => state.acknowledgedRound(voter) >= state.round);
}

/** Confirmed first, then applied up to the read index. Thesis §6.4. */
export function mayServeRead(state: {
  readonly readIndex: LogIndex;
  readonly appliedIndex: LogIndex;
}): boolean {
  return state.appliedIndex >= state.readIndex;
}

/**
 * How long nobody else can be elected: whoever heard this leader refuses votes for a minimum election
 * timeout (`refusesDisturbance`). It is counted from when what a quorum answered was *sent*, and is so
 * much shorter that it is over in time if this node's clock runs slow and all the others fast, each by
 * as much as is allowed. Thesis §6.4.1.
 *
 * @param state.quorumSentNs - by this node's clock; what a quorum answered left then or later
 * @param state.clockDriftPpm - no clock is more wrong than by so many parts per million
 */
export function leaseEndNs(state: {
  readonly quorumSentNs: number;
  readonly electionTimeoutNsMin: number;
  readonly clockDriftPpm: number;
}): number {
  const { clockDriftPpm } = state;
  const share = (1e6 - clockDriftPpm) / (1e6 + clockDriftPpm);
  return state.quorumSentNs + Math.floor(state.electionTimeoutNsMin * share);
}

/**
 * May a read be answered without a round? Asked when it is taken, and again right before the answer.
 * Thesis §6.4.1. Not once a successor is asked to stand: votes for it override what the lease is built
 * on (§3.10), and it may stand late.
 */
export function holdsLease(state: {
  readonly nowNs: number;
  readonly leaseEndNs: number;
  readonly isHandingOver: boolean;
}): boolean {
  return !state.isHandingOver && state.nowNs < state.leaseEndNs;
}

/** A leader that has not heard from a quorum for an election timeout steps down. Thesis §6.2. */
export function mustStepDown(state: {
  readonly nowNs: number;
  readonly quorumHeardNs: number;
  readonly electionTimeoutNsMin: number;
}): boolean {
  return state.nowNs - state.quorumHeardNs >= state.electionTimeoutNsMin;
}

/**
 * One change at a time: each begins from a configuration that is committed, so that whoever may lead
 * has it, and two that follow each other share a server in any two quorums (§6). And only after an entry
 * of the leader's own term is committed: before, a configuration that it does not know of may be
 * committed yet (etcd#12359; Ongaro, raft-dev 2015, on single-server changes).
 */
export function mayBeginChange(state: {
  readonly configuration: Configuration;
  readonly configurationIndex: LogIndex;
  readonly commitIndex: LogIndex;
  readonly currentTerm: Term;
  readonly committedTerm: Term | undefined;
}): boolean {
  if (isJoint(state.configuration) || state.configurationIndex > state.commitIndex) return false;
  return state.committedTerm === state.currentTerm;
}

/**
 * C_new may decide alone once C_old,new is committed: then nobody can be elected without a majority of
 * C_new any more. Raft §6, Figure 11.
 */
export function mayEndJoint(state: {
  /** Of C_old,new. */
  readonly configurationIndex: LogIndex;
  readonly commitIndex: LogIndex;
}): boolean {
  return state.configurationIndex <= state.commitIndex;
}

/** A leader that is not part of C_new leads until C_new is committed, and no longer. Raft §6. */
export function mustLeave(state: {
  /** In the configuration in force. */
  readonly isVoter: boolean;
  readonly configurationIndex: LogIndex;
  readonly commitIndex: LogIndex;
}): boolean {
  return !state.isVoter && state.configurationIndex <= state.commitIndex;
}

/** Only a snapshot of more than what is committed here brings anything: state never goes back. §7. */
export function mustInstall(state: {
  readonly last: LogPosition;
  readonly commitIndex: LogIndex;
}): boolean {
  return state.last.index > state.commitIndex;
}

/**
 * Entries behind a snapshot's last one stay when the log holds that one: they follow from it, and may
 * have been acknowledged. Otherwise the whole log goes. Raft §7.
 */
export function keepsEntriesBehind(state: {
  readonly last: LogPosition;
  readonly ownTermAtLast: Term | undefined;
}): boolean {
  return state.ownTermAtLast === state.last.term;
}

/**
 * Voters stand for election, and who has left until it knows that this is committed: its log may be the
 * only one with C_new that voters of C_old,new do not find behind theirs, and then nobody else could be
 * elected. It does not count its own vote. Thesis §4.2.2.
 */
export function mayStand(state: {
  /** In the configuration in force. */
  readonly isVoter: boolean;
  /** In the one before it in the log. */
  readonly wasVoter: boolean;
  readonly configurationIndex: LogIndex;
  readonly commitIndex: LogIndex;
}): boolean {
  if (state.isVoter) return true;
  return state.wasVoter && state.configurationIndex > state.commitIndex;
}

/** Raft as the paper has it. */
export const PAPER_RULES: Rules = {
  rememberedHardState,
  mayGrantVote,
  mayGrantPreVote,
  refusesDisturbance,
  logMatches,
  mustTruncate,
  acknowledgedIndex,
  leaderMatchIndex,
  followerCommitIndex,
  leaderCommitIndex,
  mayOpenReadRound,
  isReadConfirmed,
  mayServeRead,
  leaseEndNs,
  holdsLease,
  mustStepDown,
  mayBeginChange,
  mayEndJoint,
  mustLeave,
  mustInstall,
  keepsEntriesBehind,
  mayStand,
};
