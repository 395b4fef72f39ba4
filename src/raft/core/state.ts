import type { CoreConfig } from './core-config.ts';
import type { Random } from '../../lib/prng.ts';
import { allVoters, type Configuration } from './configuration.ts';
import type { Configurations } from './configurations.ts';
import type { RaftLog } from './log.ts';
import type { Rules } from './rules.ts';
import {
  type ChangeProgress,
  type ConfirmedRead,
  type Entry,
  type EntryKind,
  type Envelope,
  type HardState,
  type InstallSnapshot,
  type LogChange,
  logIndex,
  type LogIndex,
  type LogPosition,
  type Message,
  type NodeId,
  type Rejected,
  type RequestId,
  type Role,
  type Term,
  type TransferEnd,
} from './types.ts';

/** What a leader knows of one follower. Raft, Figure 2: nextIndex and matchIndex. */
export interface Progress {
  readonly peer: NodeId;
  nextIndex: LogIndex;
  matchIndex: LogIndex;
  /**
   * `probe`: where the logs agree is not known; one message at a time, until an answer.
   * `replicate`: known; appends are sent ahead of their answers. `snapshot`: what it lacks is
   * compacted away here; it is sent a snapshot, and heartbeats (§7).
   */
  mode: 'probe' | 'replicate' | 'snapshot';
  /** In `probe` mode: a message is on the way, wait for its answer or the next heartbeat. */
  probeSent: boolean;
  /** Answers to messages of earlier rounds came too late: they do not say where the logs agree now. */
  probeRound: number;
  /** Last index of each append with entries that is on the way, oldest first. */
  readonly inflight: LogIndex[];
  /** The newest ReadIndex round that this follower answered, and that it was sent. */
  acknowledgedRound: number;
  sentRound: number;
  heardNs: number;
  sentNs: number;
  /** Since when the entry by which it left is committed; undefined for members, and before. */
  leftNs: number | undefined;
}

/** New members that learn, until they are so close behind that they may vote. Thesis §4.2.1. */
export interface CatchUp {
  /** Of the change that wants them. */
  readonly id: RequestId;
  /** C_new. */
  readonly voters: readonly NodeId[];
  /** When the leader's patience ends. */
  readonly deadlineNs: number;
  /** From 1. */
  round: number;
  roundBeganNs: number;
  /** What the log ended with when the round began; it ends when all new members have that. */
  targetIndex: LogIndex;
}

/** A read that waits: of a client of this node, or of a follower, which names it so. */
export interface WaitingRead {
  readonly id: RequestId;
  readonly from: NodeId | undefined;
  readonly isLease: boolean;
}

/** Reads that wait for a quorum to answer `round`. */
export interface ReadRound {
  readonly round: number;
  readonly readIndex: LogIndex;
  readonly reads: readonly WaitingRead[];
}

/** What a follower asked its leader, and the reads that it asked it for. */
export interface ReadAsk {
  readonly ask: number;
  readonly isLease: boolean;
  readonly sentNs: number;
  readonly ids: readonly RequestId[];
}

/** Leadership that is being handed over, until somebody is known to lead, or nobody in time. */
export interface Transfer {
  readonly id: RequestId;
  readonly to: NodeId;
  /** In which this node led when it began. */
  readonly term: Term;
  readonly deadlineNs: number;
  /** The target has the whole log, and was asked to stand. */
  isAsked: boolean;
}

/** What a step collects for its Ready. */
export interface Outbox {
  hardStateChanged: boolean;
  entries: Entry[];
  logChange: LogChange['type'] | undefined;
  installed: LogPosition | undefined;
  chunks: { readonly from: NodeId; readonly chunk: InstallSnapshot }[];
  messages: Envelope[];
  messagesAfterSync: Envelope[];
  accepted: (LogPosition & { readonly id: RequestId })[];
  refused: RequestId[];
  reads: ConfirmedRead[];
  refusedReads: RequestId[];
  transfers: TransferEnd[];
  changes: ChangeProgress[];
  rejected: Rejected[];
}

/** Everything the core remembers; changed only inside a step. */
export interface CoreState {
  readonly config: CoreConfig;
  readonly rules: Rules;
  readonly random: Random;
  readonly log: RaftLog;
  readonly configurations: Configurations;
  nowNs: number;
  hard: HardState;
  role: Role;
  leader: NodeId | undefined;
  commitIndex: LogIndex;
  /** Entries up to here were handed out to be applied. */
  handedOut: LogIndex;
  /** Own entries up to here are on this node's disk. */
  durable: LogIndex;
  /** Writes under way, oldest first; a truncation takes back what they would make durable. */
  readonly writes: { readonly number: number; lastIndex: LogIndex }[];
  lastWrite: number;
  /** Follower: equal to the current leader's log up to here. */
  verified: LogIndex;
  /** Follower: verified entries that are not durable yet; they are acknowledged when they are. */
  owesAcknowledgement: boolean;
  /** The newest round of the current leader that this follower answered. */
  answeredRound: number;
  electionDeadlineNs: number;
  leaderHeardNs: number;
  /** Candidates: who granted. */
  votes: Set<NodeId>;
  /** Candidates: when they asked last. */
  askedNs: number;
  /** Leader: of every member but itself, and for a while of who has left. */
  progress: Map<NodeId, Progress>;
  /** Leader: the configuration that `progress` was made for. */
  followed: Configuration | undefined;
  /** Leader: `progress` has some that are members no more. */
  hasLeavers: boolean;
  /** Leader: a change for which new members catch up. */
  catchUp: CatchUp | undefined;
  /** Leader: it sends nothing before its own entries up to here are durable. */
  silentUntil: LogIndex;
  /** Leader: the latest instant by which a quorum, this node included, was heard, as of this step. */
  quorumHeardNs: number;
  /** Grows over the whole life of this core and is never used twice (etcd#20418). */
  round: number;
  /** The newest round that is to reach everybody soon: reads wait for it, or a lease. */
  wantedRound: number;
  /** When rounds of this leadership were opened, ascending, as far back as it matters. */
  roundTimes: { readonly round: number; readonly openedNs: number }[];
  /** When a lease would have served somebody last: for a while it is kept up for the next. */
  leaseWantedNs: number;
  /** Reads that arrived since the last round was opened, or since the leader was asked last. */
  waitingReads: WaitingRead[];
  rounds: ReadRound[];
  /** Follower: what it asked its leader, oldest first. */
  asks: ReadAsk[];
  lastAsk: number;
  transfer: Transfer | undefined;
  /** The last term in which this node, as its leader, asked a successor to stand. */
  handedOverTerm: Term | undefined;
  /** Candidate: by its leader's wish. Thesis §3.10. */
  isTransferElection: boolean;
  readonly out: Outbox;
}

export function emptyOutbox(): Outbox {
  return {
    hardStateChanged: false,
    entries: [],
    logChange: undefined,
    installed: undefined,
    chunks: [],
    messages: [],
    messagesAfterSync: [],
    accepted: [],
    refused: [],
    reads: [],
    refusedReads: [],
    transfers: [],
    changes: [],
    rejected: [],
  };
}

/** Makes an outbox new; lists that stayed empty are in nobody's hands and stay. */
export function renewOutbox(out: Outbox): void {
  out.hardStateChanged = false;
  if (out.entries.length > 0) out.entries = [];
  out.logChange = undefined;
  out.installed = undefined;
  if (out.chunks.length > 0) out.chunks = [];
  if (out.messages.length > 0) out.messages = [];
  if (out.messagesAfterSync.length > 0) out.messagesAfterSync = [];
  if (out.accepted.length > 0) out.accepted = [];
  if (out.refused.length > 0) out.refused = [];
  if (out.reads.length > 0) out.reads = [];
  if (out.refusedReads.length > 0) out.refusedReads = [];
  if (out.transfers.length > 0) out.transfers = [];
  if (out.changes.length > 0) out.changes = [];
  if (out.rejected.length > 0) out.rejected = [];
}

/**
 * Goes out in place of a list that stayed empty: most do, and that list serves the next step. Not
 * frozen: loops that see frozen arrays now and then are compiled to slower code for all.
 */
export const NOTHING: readonly never[] = [];

export function handOut<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? NOTHING : list;
}

/** The one that counts now: the last in the log, committed or not. Raft §6. */
export function configurationOf(state: CoreState): Configuration {
  return state.configurations.current;
}

/** The voters but for this node, in both halves of a joint configuration. */
export function otherVoters(state: CoreState): readonly NodeId[] {
  return allVoters(configurationOf(state)).filter((voter) => voter !== state.config.id);
}

/** The only way into the log, this node's own entries or the leader's: configurations count at once. */
export function appendEntries(state: CoreState, entries: readonly Entry[]): void {
  state.log.append(entries);
  state.configurations.appended(entries);
  for (const entry of entries) state.out.entries.push(entry);
}

/** Appends to the leader's own log; §5.3. */
export function appendOwn(
  state: CoreState,
  what: { readonly kind: EntryKind; readonly data: Uint8Array; readonly client?: Entry['client'] },
): Entry {
  const entry: Entry = {
    index: logIndex(state.log.lastIndex + 1),
    term: state.hard.term,
    kind: what.kind,
    data: what.data,
    ...(what.client === undefined ? {} : { client: what.client }),
  };
  appendEntries(state, [entry]);
  return entry;
}

/** The only way out of it at the end. */
export function truncateLog(state: CoreState, from: LogIndex): void {
  state.log.truncate(from);
  state.configurations.truncated(from);
}

/** May leave at once. */
export function send(state: CoreState, to: NodeId, message: Message): void {
  state.out.messages.push({ to, message });
}

/** SAFETY (Raft §5.1, Figure 2): leaves when everything persisted so far is durable. */
export function sendAfterSync(state: CoreState, to: NodeId, message: Message): void {
  state.out.messagesAfterSync.push({ to, message });
}

export function setHardState(state: CoreState, hard: HardState): void {
  if (hard.term === state.hard.term && hard.votedFor === state.hard.votedFor) return;
  state.hard = hard;
  state.out.hardStateChanged = true;
}

/** Another random wait from the configured range, from now. Raft §5.2. */
export function resetElectionTimer(state: CoreState): void {
  const { minNs, maxNs } = state.config.electionTimeout;
  state.electionDeadlineNs = state.nowNs + state.random.integer(minNs, maxNs);
}

/**
 * A follower of `term`, under `leader` if it is known. The vote of an older term is forgotten with
 * its term, never within it.
 */
export function becomeFollower(state: CoreState, at: Term, leader: NodeId | undefined): void {
  // The same leader in a newer term is another leadership: what was equal to its log may not be now.
  const isNewTerm = at > state.hard.term;
  if (isNewTerm) setHardState(state, { term: at, votedFor: undefined });
  const led = state.role === 'leader';
  const changed = isNewTerm || led || state.role !== 'follower' || state.leader !== leader;
  state.role = 'follower';
  state.leader = leader;
  if (!changed) return;
  state.votes = new Set();
  state.verified = state.commitIndex;
  state.owesAcknowledgement = false;
  state.answeredRound = 0;
  refuseReads(state);
  if (led) {
    state.progress = new Map();
    state.followed = undefined;
    // SAFETY (§6): without an entry that changes who votes, nobody else will ever vote for this change.
    if (state.catchUp !== undefined) {
      state.out.changes.push({ type: 'refused', id: state.catchUp.id, why: 'leadership-lost' });
      state.catchUp = undefined;
    }
    // It led until now: it waits for a leader like anybody else.
    resetElectionTimer(state);
  }
}

/** Whoever was to confirm the reads that wait here does not any more. They have no effect. */
export function refuseReads(state: CoreState): void {
  const { asks, rounds, waitingReads } = state;
  if (asks.length > 0) {
    for (const { ids } of asks) state.out.refusedReads.push(...ids);
    state.asks = [];
  }
  if (rounds.length === 0 && waitingReads.length === 0) return;
  for (const read of [...rounds.flatMap(({ reads }) => reads), ...waitingReads]) {
    refuseRead(state, read);
  }
  state.rounds = [];
  state.waitingReads = [];
}

export function refuseRead(state: CoreState, { id, from }: WaitingRead): void {
  if (from === undefined) return void state.out.refusedReads.push(id);
  const { term } = state.hard;
  const refusal = { type: 'read-index-response', term, ask: id, lease: false } as const;
  send(state, from, { ...refusal, readIndex: undefined });
}
