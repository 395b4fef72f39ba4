import { hasQuorum, isVoter } from './configuration.ts';
import { becomeLeader } from './leader.ts';
import { mayStand } from './membership.ts';
import {
  becomeFollower,
  configurationOf,
  type CoreState,
  otherVoters,
  refuseReads,
  resetElectionTimer,
  send,
  sendAfterSync,
  setHardState,
} from './state.ts';
import { type NodeId, type RequestVote, term, type VoteResponse } from './types.ts';

/**
 * The election timer ran out. Who may not stand goes on waiting: a learner, and who has left and knows
 * it (§6).
 */
export function onElectionTimeout(state: CoreState): void {
  if (!mayStand(state)) {
    becomeFollower(state, state.hard.term, undefined);
    return resetElectionTimer(state);
  }
  if (state.config.preVote) startPreVote(state);
  else startElection(state, { isTransfer: false });
}

/** The leader wants this node to lead. Thesis §3.10: it stands at once, and needs not ask first. */
export function onTimeoutNow(state: CoreState, from: NodeId): void {
  // Too late: it follows another leader, or none, or stands already.
  if (state.role !== 'follower' || state.leader !== from) return;
  if (!isVoter(configurationOf(state), state.config.id)) return;
  startElection(state, { isTransfer: true });
}

/** Asks first whether an election could be won. Thesis §9.6. */
function startPreVote(state: CoreState): void {
  refuseReads(state);
  state.role = 'pre-candidate';
  state.leader = undefined;
  state.votes = new Set([state.config.id]);
  state.owesAcknowledgement = false;
  resetElectionTimer(state);
  if (isElected(state)) return startElection(state, { isTransfer: false });
  askForVotes(state);
}

/** Raft §5.2: a new term, a vote for itself, and RequestVote to all. */
function startElection(state: CoreState, { isTransfer }: { readonly isTransfer: boolean }): void {
  refuseReads(state);
  setHardState(state, { term: term(state.hard.term + 1), votedFor: state.config.id });
  state.role = 'candidate';
  state.leader = undefined;
  state.owesAcknowledgement = false;
  state.isTransferElection = isTransfer;
  state.votes = new Set([state.config.id]);
  resetElectionTimer(state);
  if (isElected(state)) return becomeLeader(state);
  askForVotes(state);
}

/** Asks, in parallel, everybody who has not granted it; §5.2. */
export function askForVotes(state: CoreState): void {
  state.askedNs = state.nowNs;
  const preVote = state.role === 'pre-candidate';
  const at = preVote ? term(state.hard.term + 1) : state.hard.term;
  for (const peer of otherVoters(state)) {
    if (state.votes.has(peer)) continue;
    const message: RequestVote = {
      type: 'request-vote',
      preVote,
      term: at,
      lastLog: state.log.last,
      ...(!preVote && state.isTransferElection ? { transfer: true } : {}),
    };
    if (preVote) send(state, peer, message);
    // SAFETY (Raft §5.2): the vote for itself is durable before anybody can answer this.
    else sendAfterSync(state, peer, message);
  }
}

/** When a candidate asks again: requests and votes may be lost, and are retried (§5.1). */
export function askAgainNs(state: CoreState): number {
  const isAsking = state.role === 'pre-candidate' || state.role === 'candidate';
  return isAsking ? state.askedNs + state.config.heartbeatIntervalNs : Infinity;
}

/** Not for messages of an older term. */
export function onRequestVote(state: CoreState, from: NodeId, message: RequestVote): void {
  if (isDisturbance(state, message)) return refuseVote(state, from, message);
  if (message.preVote) {
    // Granting changes neither term nor vote nor the election timer: it is only an answer.
    const granted = state.rules.mayGrantPreVote({
      ownTerm: state.hard.term,
      ownLog: state.log.last,
      candidateTerm: message.term,
      candidateLog: message.lastLog,
    });
    if (!granted) return refuseVote(state, from, message);
    return send(state, from, {
      type: 'vote-response',
      preVote: true,
      term: message.term,
      granted: true,
    });
  }
  if (message.term > state.hard.term) becomeFollower(state, message.term, undefined);
  const granted = state.rules.mayGrantVote({
    own: state.hard,
    ownLog: state.log.last,
    candidate: from,
    candidateTerm: message.term,
    candidateLog: message.lastLog,
  });
  if (!granted) return refuseVote(state, from, message);
  setHardState(state, { term: state.hard.term, votedFor: from });
  resetElectionTimer(state);
  // SAFETY (Raft §5.2, Figure 2): the term and the vote are on disk before the answer leaves.
  sendAfterSync(state, from, {
    type: 'vote-response',
    preVote: false,
    term: state.hard.term,
    granted: true,
  });
}

/** Also the answer to a request of an older term, which must learn the current one. */
export function refuseVote(state: CoreState, from: NodeId, message: RequestVote): void {
  sendAfterSync(state, from, {
    type: 'vote-response',
    preVote: message.preVote,
    term: state.hard.term,
    granted: false,
  });
}

/** Not for answers of an older term, nor for refusals of a newer one. */
export function onVoteResponse(state: CoreState, from: NodeId, message: VoteResponse): void {
  if (!message.granted) return;
  if (message.preVote) {
    if (state.role !== 'pre-candidate' || message.term !== state.hard.term + 1) return;
    state.votes.add(from);
    if (isElected(state)) startElection(state, { isTransfer: false });
    return;
  }
  if (state.role !== 'candidate' || message.term !== state.hard.term) return;
  state.votes.add(from);
  if (isElected(state)) becomeLeader(state);
}

function isElected(state: CoreState): boolean {
  return hasQuorum(configurationOf(state), (voter) => state.votes.has(voter));
}

function isDisturbance(state: CoreState, message: RequestVote): boolean {
  if (!state.config.checkQuorum) return false;
  return state.rules.refusesDisturbance({
    isTransfer: message.transfer === true && !message.preVote,
    nowNs: state.nowNs,
    // A leader hears itself; when it has lost its quorum it steps down by CheckQuorum.
    leaderHeardNs: state.role === 'leader' ? state.nowNs : state.leaderHeardNs,
    electionTimeoutNsMin: state.config.electionTimeout.minNs,
  });
}
