import { defined } from '../../lib/assert.ts';
import { confirmReads, takeReads } from './reads.ts';
import { hasQuorum, isMember, members, quorumValue } from './configuration.ts';
import { manageConfiguration, mustLeave } from './membership.ts';
import { askSuccessor } from './transfer.ts';
import {
  appendOwn,
  becomeFollower,
  configurationOf,
  type CoreState,
  type Progress,
  send,
} from './state.ts';
import { type AppendResponse, type LogIndex, logIndex, type NodeId } from './types.ts';

/** Raft §5.2, §5.3: nextIndex begins behind the leader's last entry; a no-op opens the term (§8). */
export function becomeLeader(state: CoreState): void {
  state.role = 'leader';
  state.leader = state.config.id;
  state.owesAcknowledgement = false;
  state.progress = new Map();
  state.wantedRound = 0;
  state.roundTimes = [];
  followMembers(state);
  const { index } = appendOwn(state, { kind: 'noop', data: new Uint8Array(0) });
  // SAFETY (Raft §5.2): a sole voter leads before its term is on its disk. Should it lose the term in a
  // crash it would lead in it once more, so no learner may hear of it before.
  const isAlone = hasQuorum(configurationOf(state), (voter) => voter === state.config.id);
  state.silentUntil = isAlone ? index : logIndex(0);
}

function makeProgress(state: CoreState, peer: NodeId): Progress {
  return {
    peer,
    nextIndex: logIndex(state.log.lastIndex + 1),
    matchIndex: logIndex(0),
    mode: 'probe',
    probeSent: false,
    probeRound: 0,
    inflight: [],
    acknowledgedRound: 0,
    sentRound: 0,
    heardNs: state.nowNs,
    sentNs: -Infinity,
    leftNs: undefined,
  };
}

/**
 * Has a progress for everybody who is a member now. Who has left is sent the log a little longer: it
 * does not disturb once it has the entry by which it left (§6).
 */
function followMembers(state: CoreState): void {
  const { progress, config } = state;
  const configuration = configurationOf(state);
  if (state.followed !== configuration) {
    state.followed = configuration;
    for (const member of members(configuration)) {
      if (member === config.id || progress.has(member)) continue;
      progress.set(member, makeProgress(state, member));
    }
    state.hasLeavers = true;
  }
  if (state.hasLeavers) forgetLeavers(state);
}

function forgetLeavers(state: CoreState): void {
  const { progress, config, nowNs } = state;
  const { current, currentIndex } = state.configurations;
  state.hasLeavers = false;
  for (const one of progress.values()) {
    const isGone = !isMember(current, one.peer);
    if (!isGone || currentIndex > state.commitIndex) one.leftNs = undefined;
    else one.leftNs ??= nowNs;
    if (nowNs - (one.leftNs ?? nowNs) >= config.electionTimeout.minNs) progress.delete(one.peer);
    else if (isGone) state.hasLeavers = true;
  }
}

/** An answer in the current term. Raft §5.3. */
export function onAppendResponse(state: CoreState, from: NodeId, message: AppendResponse): void {
  const progress = state.progress.get(from);
  if (state.role !== 'leader' || progress === undefined) return;
  progress.heardNs = state.nowNs;
  if (message.round > progress.acknowledgedRound) progress.acknowledgedRound = message.round;
  const { result } = message;
  // Of the appends that are sent ahead many may be refused, each for the same gap: it is closed once.
  const isLate = message.round < progress.probeRound;
  if (result.success) {
    // Nobody's log can equal this one beyond its end. It is claimed only by a follower of two
    // leaders in one term (§5.2), which a planted defect makes: this node goes on.
    const match = logIndex(Math.min(result.matchIndex, state.log.lastIndex));
    if (match > progress.matchIndex) progress.matchIndex = match;
    forgetAcknowledged(progress);
    if (progress.nextIndex <= progress.matchIndex) {
      progress.nextIndex = logIndex(progress.matchIndex + 1);
    }
    if (progress.mode === 'snapshot') {
      if (progress.matchIndex >= state.log.base.index) probe(state, progress);
      return;
    }
    if (isLate) return;
    progress.mode = 'replicate';
    progress.probeSent = false;
    return;
  }
  // Heartbeats are refused while the snapshot is on its way.
  if (isLate || progress.mode === 'snapshot') return;
  if (progress.mode === 'replicate' && result.prevIndex <= progress.matchIndex) {
    // Late, or the follower has lost what it acknowledged (its disk does not sync): a probe tells.
    progress.nextIndex = logIndex(progress.matchIndex + 1);
    return probe(state, progress);
  }
  if (progress.mode === 'probe' && result.prevIndex !== progress.nextIndex - 1) return;
  if (mustSendSnapshot(state, result)) {
    progress.matchIndex = logIndex(Math.min(progress.matchIndex, result.hint.index));
    probe(state, progress);
    progress.mode = 'snapshot';
    // Heartbeats ask for the base from now on: who has it has installed the snapshot.
    progress.nextIndex = state.log.firstIndex;
    return;
  }
  const match = state.log.lastPossibleMatch(result.hint);
  // Below what was acknowledged only after such a loss; to believe less is always safe.
  progress.matchIndex = logIndex(Math.min(progress.matchIndex, match.index));
  progress.nextIndex = logIndex(match.index + 1);
  probe(state, progress);
}

/**
 * Whoever lacks the entry at the base lacks what is compacted away (§7). So does a follower whose hint
 * lies before it: its entries behind the hint are of later terms than the leader's there (§5.3).
 */
function mustSendSnapshot(
  { log }: CoreState,
  { prevIndex, hint }: Extract<AppendResponse['result'], { readonly success: false }>,
): boolean {
  const { index } = log.base;
  return index > 0 && (prevIndex <= index || hint.index < index);
}

function forgetAcknowledged({ inflight, matchIndex }: Progress): void {
  for (let oldest = inflight[0]; oldest !== undefined; oldest = inflight[0]) {
    if (oldest > matchIndex) return;
    inflight.shift();
  }
}

/** What was sent to this follower may be lost: find out again what it has. */
export function onDisconnected(state: CoreState, peer: NodeId): void {
  const progress = state.progress.get(peer);
  // Pieces of a snapshot that are lost are sent again by whoever sends them.
  if (progress === undefined || progress.mode === 'snapshot') return;
  progress.nextIndex = logIndex(progress.matchIndex + 1);
  probe(state, progress);
}

function probe(state: CoreState, progress: Progress): void {
  state.round += 1;
  progress.probeRound = state.round;
  progress.mode = 'probe';
  progress.probeSent = false;
  progress.inflight.length = 0;
}

/** At the end of every step: commit, open a read round, send what there is to send. */
export function lead(state: CoreState): void {
  const { rules, config } = state;
  state.quorumHeardNs = quorumHeardNs(state);
  const isStale =
    config.checkQuorum &&
    rules.mustStepDown({
      nowNs: state.nowNs,
      quorumHeardNs: state.quorumHeardNs,
      electionTimeoutNsMin: config.electionTimeout.minNs,
    });
  if (isStale) return becomeFollower(state, state.hard.term, undefined);
  state.commitIndex = rules.leaderCommitIndex({
    configuration: configurationOf(state),
    matchIndex: (voter) => (voter === config.id ? ownMatchIndex(state) : matchIndex(state, voter)),
    commitIndex: state.commitIndex,
    currentTerm: state.hard.term,
    termAt: (index) => state.log.termAt(index),
  });
  manageConfiguration(state);
  followMembers(state);
  const isLeaving = mustLeave(state);
  // They hear of the commit now or from another leader.
  if (isLeaving) for (const one of state.progress.values()) one.sentNs = -Infinity;
  takeReads(state);
  if (state.durable >= state.silentUntil) {
    for (const progress of state.progress.values()) replicate(state, progress);
  }
  if (isLeaving) askSuccessor(state);
  confirmReads(state);
}

function ownMatchIndex(state: CoreState): LogIndex {
  return state.rules.leaderMatchIndex({
    lastIndex: state.log.lastIndex,
    durable: state.durable,
  });
}

function matchIndex(state: CoreState, voter: NodeId): LogIndex {
  return state.progress.get(voter)?.matchIndex ?? logIndex(0);
}

function quorumHeardNs(state: CoreState): number {
  return quorumValue(configurationOf(state), (voter) =>
    voter === state.config.id ? state.nowNs : (state.progress.get(voter)?.heardNs ?? -Infinity),
  );
}

/** Sends what this follower lacks, or a heartbeat where a round or the time asks for one. */
function replicate(state: CoreState, progress: Progress): void {
  const { log, config } = state;
  if (progress.nextIndex <= log.base.index) {
    // Compacted away meanwhile, or its log is not known: whether it has the base is asked first.
    progress.nextIndex = log.firstIndex;
    if (progress.mode !== 'snapshot') probe(state, progress);
  }
  const isDue = state.nowNs - progress.sentNs >= config.heartbeatIntervalNs;
  if (progress.mode === 'probe' && (!progress.probeSent || isDue)) {
    // The first probe takes entries along, since logs mostly agree; a repeated one does not.
    const countMax = progress.probeSent ? 0 : config.maxEntriesPerAppend;
    progress.probeSent = true;
    return sendAppend(state, progress, countMax);
  }
  if (progress.mode === 'replicate') {
    while (
      progress.nextIndex <= log.lastIndex &&
      progress.inflight.length < config.maxInflightAppends &&
      isWorthAnAppend(state, progress)
    ) {
      sendAppend(state, progress, config.maxEntriesPerAppend);
    }
  }
  if (
    progress.sentRound < state.wantedRound ||
    state.nowNs - progress.sentNs >= config.heartbeatIntervalNs
  ) {
    sendAppend(state, progress, 0);
  }
}

/**
 * Nagle's rule (RFC 896): while an append is on the way to this follower, the next one waits until it
 * is full or that one is answered.
 */
function isWorthAnAppend({ log, config }: CoreState, { inflight, nextIndex }: Progress): boolean {
  return inflight.length === 0 || log.lastIndex - nextIndex + 1 >= config.maxEntriesPerAppend;
}

function sendAppend(state: CoreState, progress: Progress, countMax: number): void {
  const { log, config } = state;
  const prevIndex = logIndex(progress.nextIndex - 1);
  const entries = log.slice(progress.nextIndex, countMax, config.maxBytesPerAppend);
  send(state, progress.peer, {
    type: 'append-entries',
    term: state.hard.term,
    prev: {
      index: prevIndex,
      term: defined(log.termAt(prevIndex), () => `entry ${prevIndex} is compacted away`),
    },
    entries,
    leaderCommit: state.commitIndex,
    round: state.round,
  });
  progress.sentNs = state.nowNs;
  progress.sentRound = state.round;
  const last = entries.at(-1);
  if (last !== undefined && progress.mode === 'replicate') {
    progress.inflight.push(last.index);
    progress.nextIndex = logIndex(last.index + 1);
  }
}
