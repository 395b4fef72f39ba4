import { defined } from '../../lib/assert.ts';
import { keepLease, openRound, ownLeaseEndNs } from './lease.ts';
import {
  configurationOf,
  type CoreState,
  type ReadAsk,
  refuseRead,
  send,
  type WaitingRead,
} from './state.ts';
import { isHandingOver } from './transfer.ts';
import type {
  Input,
  LogIndex,
  NodeId,
  ReadIndexRequest,
  ReadIndexResponse,
  RequestId,
} from './types.ts';

/** Of a client of this node. Who does not lead asks the leader. */
export function onRead(state: CoreState, { id, lease }: Extract<Input, { type: 'read' }>): void {
  const read: WaitingRead = { id, from: undefined, isLease: lease === true };
  if (state.leader === undefined) refuseRead(state, read);
  else state.waitingReads.push(read);
}

/** A follower asks. It may ask who leads no more, or never did. */
export function onReadIndex(
  state: CoreState,
  from: NodeId,
  { ask, lease }: ReadIndexRequest,
): void {
  const read: WaitingRead = { id: ask, from, isLease: lease };
  if (state.role === 'leader') state.waitingReads.push(read);
  else refuseRead(state, read);
}

/** A leader's reads, when it has committed what it can in this step: by its lease, or by a round. */
export function takeReads(state: CoreState): void {
  if (state.waitingReads.length > 0) {
    const mayConfirm = state.rules.mayOpenReadRound({
      currentTerm: state.hard.term,
      committedTerm: state.log.termAt(state.commitIndex),
    });
    if (mayConfirm) {
      serveByLease(state);
      openReadRound(state);
    }
  }
  keepLease(state);
}

/**
 * SAFETY (thesis §6.4.1): the reads came before this step's look at the clock. Nobody else led then, so
 * that all that was acknowledged before is committed here.
 */
function serveByLease(state: CoreState): void {
  if (!state.waitingReads.some(({ isLease }) => isLease)) return;
  state.leaseWantedNs = state.nowNs;
  const leaseEndNs = ownLeaseEndNs(state);
  const isHeld = state.rules.holdsLease({
    nowNs: state.nowNs,
    leaseEndNs,
    isHandingOver: isHandingOver(state),
  });
  if (!isHeld) return;
  const { waitingReads, commitIndex } = state;
  state.waitingReads = waitingReads.filter(({ isLease }) => !isLease);
  for (const read of waitingReads) {
    if (read.isLease) confirm(state, read, commitIndex, leaseEndNs);
  }
}

/**
 * SAFETY (thesis §6.4): the read index is taken *before* the round that confirms it is sent, and a
 * read that comes later waits for a later round.
 */
function openReadRound(state: CoreState): void {
  if (state.waitingReads.length === 0) return;
  openRound(state);
  state.rounds.push({
    round: state.round,
    readIndex: state.commitIndex,
    reads: state.waitingReads,
  });
  state.waitingReads = [];
}

export function confirmReads(state: CoreState): void {
  while (state.rounds.length > 0) {
    const oldest = defined(state.rounds[0], 'not empty');
    const isConfirmed = state.rules.isReadConfirmed({
      configuration: configurationOf(state),
      round: oldest.round,
      acknowledgedRound: (voter) =>
        voter === state.config.id
          ? state.round
          : (state.progress.get(voter)?.acknowledgedRound ?? 0),
    });
    if (!isConfirmed) return;
    state.rounds.shift();
    for (const read of oldest.reads) confirm(state, read, oldest.readIndex);
  }
}

function confirm(
  state: CoreState,
  { id, from }: WaitingRead,
  readIndex: LogIndex,
  leaseEndNs?: number,
): void {
  const lease = leaseEndNs !== undefined;
  if (from !== undefined) {
    const { term } = state.hard;
    return send(state, from, { type: 'read-index-response', term, ask: id, readIndex, lease });
  }
  state.out.reads.push({ id, readIndex, ...(lease ? { leaseEndNs } : {}) });
}

/**
 * At the end of a step of a node that does not lead: one question for all reads that came since the
 * last, and none while that one is on the way. What comes meanwhile shares the next.
 */
export function askForReadIndex(state: CoreState): void {
  if (state.waitingReads.length === 0 && state.asks.length === 0) return;
  giveUpAsking(state);
  const { leader, waitingReads } = state;
  if (leader === undefined) return;
  for (const isLease of [false, true]) {
    const last = state.asks.findLast((ask) => ask.isLease === isLease);
    const isOnTheWay = last !== undefined && state.nowNs < againNs(state, last);
    const waiting = waitingReads.filter((read) => read.isLease === isLease);
    if (isOnTheWay || (waiting.length === 0 && last === undefined)) continue;
    state.waitingReads = state.waitingReads.filter((read) => read.isLease !== isLease);
    askLeader(state, leader, { isLease, ids: waiting.map(({ id }) => id) });
  }
}

/** A question is never sent twice. Another one, later, answers for those before it as well. */
function askLeader(
  state: CoreState,
  leader: NodeId,
  { isLease, ids }: { readonly isLease: boolean; readonly ids: readonly RequestId[] },
): void {
  const { term } = state.hard;
  state.lastAsk += 1;
  const ask = state.lastAsk;
  state.asks.push({ ask, isLease, sentNs: state.nowNs, ids });
  send(state, leader, { type: 'read-index', term, ask, lease: isLease });
}

/** A leader that has not answered for an election timeout cannot, or all that it said was lost. */
function giveUpAsking(state: CoreState): void {
  const { asks, nowNs, config } = state;
  const isOver = ({ sentNs }: ReadAsk): boolean => nowNs - sentNs >= config.electionTimeout.minNs;
  if (!asks.some(isOver)) return;
  state.asks = asks.filter((ask) => !isOver(ask));
  for (const { ids } of asks.filter(isOver)) state.out.refusedReads.push(...ids);
}

/** Questions and answers may be lost: it asks again. Infinity when nothing was asked. */
export function askReadIndexAgainNs(state: CoreState): number {
  let earliest = Infinity;
  for (const isLease of [false, true]) {
    const last = state.asks.findLast((ask) => ask.isLease === isLease);
    if (last !== undefined) earliest = Math.min(earliest, againNs(state, last));
  }
  return earliest;
}

function againNs(state: CoreState, { sentNs }: ReadAsk): number {
  return sentNs + state.config.heartbeatIntervalNs;
}

/**
 * An answer in the current term. SAFETY (thesis §6.4): all that was acknowledged before the question
 * came is at or before the read index, and so before the reads that it was asked for, and those that
 * asked in vain before.
 */
export function onReadIndexResponse(
  state: CoreState,
  from: NodeId,
  { ask, readIndex }: ReadIndexResponse,
): void {
  const asked = state.asks.find((one) => one.ask === ask);
  if (asked === undefined || state.leader !== from) return;
  const isAnswered = (one: ReadAsk): boolean => one.isLease === asked.isLease && one.ask <= ask;
  const ids = state.asks.filter(isAnswered).flatMap((one) => one.ids);
  state.asks = state.asks.filter((one) => !isAnswered(one));
  if (readIndex === undefined) return void state.out.refusedReads.push(...ids);
  // What was proved equal to this leader's log is committed up to what it says is: no reader has to
  // wait for the next append to learn that.
  state.commitIndex = state.rules.followerCommitIndex({
    commitIndex: state.commitIndex,
    leaderCommit: readIndex,
    verified: state.verified,
  });
  for (const id of ids) state.out.reads.push({ id, readIndex });
}
