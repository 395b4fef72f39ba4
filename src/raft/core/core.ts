import type { CoreConfig } from './core-config.ts';
import type { Random } from '../../lib/prng.ts';
import { assert, assertNever } from '../../lib/assert.ts';
import type { Configuration } from './configuration.ts';
import { Configurations } from './configurations.ts';
import {
  askAgainNs,
  askForVotes,
  onElectionTimeout,
  onRequestVote,
  onTimeoutNow,
  onVoteResponse,
  refuseVote,
} from './election.ts';
import { acknowledgeDurable, onAppendEntries } from './follower.ts';
import { lead, onAppendResponse, onDisconnected } from './leader.ts';
import { RaftLog } from './log.ts';
import {
  askForReadIndex,
  askReadIndexAgainNs,
  onRead,
  onReadIndex,
  onReadIndexResponse,
} from './reads.ts';
import { mustLeave, onChangeConfiguration } from './membership.ts';
import type { Rules } from './rules.ts';
import {
  compactLog,
  onInstallSnapshot,
  onSnapshotReceived,
  onSnapshotResponse,
  snapshotNeeds,
} from './snapshots.ts';
import {
  appendOwn,
  becomeFollower,
  type CoreState,
  emptyOutbox,
  handOut,
  NOTHING,
  refuseRead,
  renewOutbox,
  resetElectionTimer,
  send,
} from './state.ts';
import { onTransfer, settleTransfer } from './transfer.ts';
import {
  type Entry,
  type HardState,
  type Input,
  type LogChange,
  type LogIndex,
  type LogPosition,
  logIndex,
  type Message,
  type NodeId,
  type Ready,
} from './types.ts';

/** What a node finds on its disk when it starts: all of it is durable. */
export interface Restored {
  readonly hardState: HardState;
  /** What lies before the first entry; `LOG_START` when nothing was compacted. */
  readonly base: LogPosition;
  /** In force at the base; undefined when none was ever stored: it is what the cluster began with. */
  readonly configuration?: Configuration | undefined;
  readonly entries: readonly Entry[];
  /**
   * The state machine begins with the state of a snapshot up to here, which the log holds; the base
   * when it is absent. Raft §7.
   */
  readonly snapshot?: LogPosition | undefined;
}

/** Consensus without I/O. Raft, extended version; thesis §6.4 (reads), §9.6 (PreVote). */
export interface RaftCore {
  /**
   * Takes everything that arrived in one turn and says what to do about it; appends and rounds for
   * all of it go out together. Deterministic: the same config, seed and inputs give the same Ready.
   *
   * @param nowNs - monotonic, any origin
   */
  step(inputs: readonly Input[], nowNs: number): Ready;

  /** In force right behind the entry at `index`, which is neither compacted away nor to come. Raft §6. */
  configurationAt(index: LogIndex): Configuration;
}

/** @param random - draws election timeouts; what it forks names the questions of this life */
export function makeRaftCore(parts: {
  readonly config: CoreConfig;
  readonly rules: Rules;
  readonly random: Random;
  readonly restored: Restored;
  readonly nowNs: number;
}): RaftCore {
  const { config, restored } = parts;
  const log = new RaftLog(restored.base, restored.entries);
  const first = restored.configuration ?? config.configuration;
  const configurations = new Configurations(restored.base, first);
  configurations.appended(restored.entries);
  const stateIndex = (restored.snapshot ?? restored.base).index;
  const isHeld =
    restored.snapshot === undefined || log.termAt(stateIndex) === restored.snapshot.term;
  assert(isHeld, 'the log holds what the state machine begins with');
  const state: CoreState = {
    config,
    rules: parts.rules,
    random: parts.random,
    log,
    configurations,
    nowNs: parts.nowNs,
    hard: parts.rules.rememberedHardState(restored.hardState),
    role: 'follower',
    leader: undefined,
    commitIndex: stateIndex,
    handedOut: stateIndex,
    durable: log.lastIndex,
    writes: [],
    lastWrite: 0,
    verified: stateIndex,
    owesAcknowledgement: false,
    answeredRound: 0,
    electionDeadlineNs: 0,
    // SAFETY (thesis §6.4.1): it may have heard a leader right before it went down, which counts on that
    // for its lease. Nobody is elected within this time after a start in any case.
    leaderHeardNs: parts.nowNs,
    votes: new Set(),
    askedNs: -Infinity,
    progress: new Map(),
    followed: undefined,
    hasLeavers: false,
    catchUp: undefined,
    silentUntil: logIndex(0),
    quorumHeardNs: -Infinity,
    round: 0,
    wantedRound: 0,
    roundTimes: [],
    leaseWantedNs: -Infinity,
    waitingReads: [],
    rounds: [],
    asks: [],
    // Questions differ between the lives of a node, or the late answer to one of an earlier life would
    // pass for the answer to a new one.
    lastAsk: firstAsk(parts.random.fork('read-index')),
    transfer: undefined,
    handedOverTerm: undefined,
    isTransferElection: false,
    out: emptyOutbox(),
  };
  resetElectionTimer(state);
  return {
    step(inputs, nowNs) {
      assert(nowNs >= state.nowNs, 'the clock is monotonic');
      state.nowNs = nowNs;
      renewOutbox(state.out);
      // Before anything else: what would be appended now could only be lost.
      if (state.role === 'leader' && mustLeave(state)) {
        becomeFollower(state, state.hard.term, undefined);
      }
      for (const input of inputs) take(state, input);
      if (state.role === 'leader') lead(state);
      else askForReadIndex(state);
      if (state.transfer !== undefined) settleTransfer(state);
      return takeReady(state);
    },
    configurationAt: (index) => configurations.at(index),
  };
}

function firstAsk(random: Random): number {
  return random.integer(0, 2 ** 20) * 2 ** 32 + random.integer(0, 2 ** 32 - 1);
}

function take(state: CoreState, input: Input): void {
  switch (input.type) {
    case 'tick':
      if (state.role === 'leader') return;
      if (state.nowNs >= state.electionDeadlineNs) return onElectionTimeout(state);
      if (state.nowNs >= askAgainNs(state)) askForVotes(state);
      return;
    case 'message':
      return onMessage(state, input.from, input.message);
    case 'propose': {
      // While it hands over nothing new comes between its successor and the end of the log (thesis §3.10).
      if (state.role !== 'leader' || state.transfer !== undefined) {
        state.out.refused.push(input.id);
        return;
      }
      const entry = appendOwn(state, { kind: 'command', ...input });
      state.out.accepted.push({ id: input.id, index: entry.index, term: entry.term });
      return;
    }
    case 'read':
      return onRead(state, input);
    case 'transfer':
      return onTransfer(state, input);
    case 'change-configuration':
      return onChangeConfiguration(state, input);
    case 'compact':
      assert(input.upTo <= state.handedOut, 'only what was applied is in a snapshot');
      return compactLog(state, input.upTo);
    case 'snapshot-received':
      return onSnapshotReceived(state, input);
    case 'synced':
      onSynced(state, input.write);
      acknowledgeDurable(state);
      return;
    case 'disconnected':
      onDisconnected(state, input.peer);
      return;
    default:
      assertNever(input);
  }
}

function onSynced(state: CoreState, upTo: number): void {
  const { writes } = state;
  for (let oldest = writes[0]; oldest !== undefined; oldest = writes[0]) {
    if (oldest.number > upTo) return;
    if (oldest.lastIndex > state.durable) state.durable = oldest.lastIndex;
    writes.shift();
  }
}

function onMessage(state: CoreState, from: NodeId, message: Message): void {
  // Whoever asks is heard: a node need not know yet that another one belongs to its cluster (§6).
  if (from === state.config.id) return;
  if (message.term < state.hard.term) return answerOlderTerm(state, from, message);
  switch (message.type) {
    case 'request-vote':
      return onRequestVote(state, from, message);
    case 'vote-response':
      // A granted pre-vote names the term that was asked about; nobody is in it yet.
      if (message.term > state.hard.term && !(message.preVote && message.granted)) {
        return becomeFollower(state, message.term, undefined);
      }
      return onVoteResponse(state, from, message);
    case 'append-entries':
      return onAppendEntries(state, from, message);
    case 'append-response':
      if (message.term > state.hard.term) return becomeFollower(state, message.term, undefined);
      return onAppendResponse(state, from, message);
    case 'timeout-now':
      if (message.term > state.hard.term) return becomeFollower(state, message.term, undefined);
      return onTimeoutNow(state, from);
    case 'read-index':
      if (message.term > state.hard.term) becomeFollower(state, message.term, undefined);
      return onReadIndex(state, from, message);
    case 'read-index-response':
      if (message.term > state.hard.term) return becomeFollower(state, message.term, undefined);
      return onReadIndexResponse(state, from, message);
    case 'install-snapshot':
      return onInstallSnapshot(state, from, message);
    case 'snapshot-response':
      if (message.term > state.hard.term) return becomeFollower(state, message.term, undefined);
      return onSnapshotResponse(state, from);
    default:
      return assertNever(message);
  }
}

/**
 * A request of an older term is answered with the current one, never dropped: with PreVote and
 * CheckQuorum on, a node with a higher term would otherwise be shut out for ever.
 */
function answerOlderTerm(state: CoreState, from: NodeId, message: Message): void {
  switch (message.type) {
    case 'request-vote':
      return refuseVote(state, from, message);
    case 'append-entries':
      return send(state, from, {
        type: 'append-response',
        term: state.hard.term,
        round: 0,
        result: { success: false, prevIndex: message.prev.index, hint: state.log.base },
      });
    case 'install-snapshot':
      return send(state, from, {
        type: 'snapshot-response',
        term: state.hard.term,
        last: message.last,
        nextOffset: 0,
        isDamaged: false,
      });
    case 'read-index':
      return refuseRead(state, { id: message.ask, from, isLease: message.lease });
    case 'vote-response':
    case 'append-response':
    case 'timeout-now':
    case 'snapshot-response':
    case 'read-index-response':
      return;
    default:
      return assertNever(message);
  }
}

function takeReady(state: CoreState): Ready {
  const { out, log } = state;
  const committed =
    state.commitIndex > state.handedOut
      ? log.slice(logIndex(state.handedOut + 1), state.commitIndex - state.handedOut)
      : NOTHING;
  state.handedOut = logIndex(state.handedOut + committed.length);
  // What stands behind a snapshot is written again: then the disk has it whatever it had before.
  if (out.logChange === 'replaced') out.entries = log.slice(log.firstIndex, Infinity).slice();
  const hasWrite = out.entries.length > 0 || out.logChange === 'replaced';
  if (hasWrite) {
    state.lastWrite += 1;
    state.writes.push({
      number: state.lastWrite,
      lastIndex: out.entries.at(-1)?.index ?? log.base.index,
    });
  }
  return {
    hardState: out.hardStateChanged ? state.hard : undefined,
    entries: handOut(out.entries),
    logChange: logChange(state),
    write: hasWrite ? state.lastWrite : undefined,
    messages: handOut(out.messages),
    messagesAfterSync: handOut(out.messagesAfterSync),
    committed,
    installed: out.installed,
    chunks: handOut(out.chunks),
    needSnapshot: snapshotNeeds(state.progress.values()) ?? NOTHING,
    accepted: handOut(out.accepted),
    refused: handOut(out.refused),
    reads: handOut(out.reads),
    refusedReads: handOut(out.refusedReads),
    transfers: handOut(out.transfers),
    transferee: state.transfer?.to,
    changes: handOut(out.changes),
    configuration: state.configurations.current,
    configurationIndex: state.configurations.currentIndex,
    rejected: handOut(out.rejected),
    role: state.role,
    term: state.hard.term,
    leader: state.leader,
    commitIndex: state.commitIndex,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    deadlineNs: deadlineNs(state),
  };
}

function logChange({ out, log, configurations }: CoreState): LogChange | undefined {
  if (out.logChange === undefined) return undefined;
  const { base } = log;
  return { type: out.logChange, base, configuration: configurations.at(base.index) };
}

function deadlineNs(state: CoreState): number {
  const transferNs = state.transfer?.deadlineNs ?? Infinity;
  if (state.role !== 'leader') {
    const againNs = Math.min(askAgainNs(state), askReadIndexAgainNs(state));
    return Math.min(state.electionDeadlineNs, againNs, transferNs);
  }
  if (mustLeave(state)) return state.nowNs;
  const { checkQuorum, electionTimeout, heartbeatIntervalNs } = state.config;
  const stepDownNs = checkQuorum ? state.quorumHeardNs + electionTimeout.minNs : Infinity;
  // Who leads on behind it does so by a planted defect: nothing more is due then.
  let deadline = Math.min(stepDownNs > state.nowNs ? stepDownNs : Infinity, transferNs);
  for (const { sentNs } of state.progress.values()) {
    deadline = Math.min(deadline, sentNs + heartbeatIntervalNs);
  }
  return deadline;
}
