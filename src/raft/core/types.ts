import type { Brand } from '../../lib/brand.ts';
import type { Configuration } from './configuration.ts';

/** Election term, from 1; 0 before the first. Raft §5.1. */
export type Term = Brand<number, 'Term'>;
export function term(value: number): Term {
  return value as Term;
}

/** Position in the log, from 1; 0 stands before the first entry. Raft §5.3. */
export type LogIndex = Brand<number, 'LogIndex'>;
export function logIndex(value: number): LogIndex {
  return value as LogIndex;
}

export type NodeId = Brand<string, 'NodeId'>;
export function nodeId(name: string): NodeId {
  return name as NodeId;
}

export interface LogPosition {
  readonly term: Term;
  readonly index: LogIndex;
}

/**
 * A `noop` starts a leader's term (§8); a `command` is the state machine's; a `configuration` says
 * who the members are from this entry on (§6), its data by `encodeConfiguration`.
 */
export type EntryKind = 'noop' | 'command' | 'configuration';

export interface Entry extends LogPosition {
  readonly kind: EntryKind;
  /** Who asked, and which of their requests it is, when the request belongs to a session. */
  readonly client?: { readonly id: number; readonly sequence: number };
  readonly data: Uint8Array;
}

/** What must survive a crash beside the log. Raft, Figure 2: persistent state. */
export interface HardState {
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
}

/** RequestVote (§5.2); with `preVote` only a question: nothing changes when it is granted (thesis §9.6). */
export interface RequestVote {
  readonly type: 'request-vote';
  readonly preVote: boolean;
  /** The candidate's term; for a pre-vote the term that it would start. */
  readonly term: Term;
  readonly lastLog: LogPosition;
  /** The leader asked for this election itself: it is no disturbance. Thesis §3.10. */
  readonly transfer?: true;
}

export interface VoteResponse {
  readonly type: 'vote-response';
  readonly preVote: boolean;
  /** The voter's term; for a granted pre-vote the term that was asked for. */
  readonly term: Term;
  readonly granted: boolean;
}

/** AppendEntries (§5.3). Without entries it is a heartbeat and a probe of the log at `prev`. */
export interface AppendEntries {
  readonly type: 'append-entries';
  readonly term: Term;
  readonly prev: LogPosition;
  readonly entries: readonly Entry[];
  readonly leaderCommit: LogIndex;
  /** The newest ReadIndex round of the leader; the answer carries it back. Thesis §6.4. */
  readonly round: number;
}

export interface AppendResponse {
  readonly type: 'append-response';
  readonly term: Term;
  /** The round of the message that is answered: its sender was still leader for this node. */
  readonly round: number;
  readonly result:
    | {
        readonly success: true;
        /** The log equals the leader's up to here, *and* it is durable here. */
        readonly matchIndex: LogIndex;
      }
    | {
        readonly success: false;
        /** The index that did not match. */
        readonly prevIndex: LogIndex;
        /** The follower's last position that may match: the leader goes on looking from there. */
        readonly hint: LogPosition;
      };
}

/** The leader asks its successor for an election at once. Thesis §3.10. */
export interface TimeoutNow {
  readonly type: 'timeout-now';
  readonly term: Term;
}

/** InstallSnapshot (§7): one piece of a snapshot, for a follower whose next entry is compacted away. */
export interface InstallSnapshot {
  readonly type: 'install-snapshot';
  readonly term: Term;
  /** The last position that the snapshot holds: `lastIncludedIndex`, `lastIncludedTerm`. */
  readonly last: LogPosition;
  /** In force at that position. */
  readonly configuration: Configuration;
  /** Where this piece belongs, in bytes. */
  readonly offset: number;
  readonly data: Uint8Array;
  /** This piece is the last one. */
  readonly done: boolean;
}

export interface SnapshotResponse {
  readonly type: 'snapshot-response';
  readonly term: Term;
  readonly last: LogPosition;
  /** The follower has everything before this byte: the leader goes on from here. */
  readonly nextOffset: number;
  /** It had all of it, and the checksums said that it is not what was written. */
  readonly isDamaged: boolean;
}

/** A follower asks how far it must have applied to answer the reads that wait at it. Thesis §6.4. */
export interface ReadIndexRequest {
  readonly type: 'read-index';
  readonly term: Term;
  /** Names the question for the follower; never used twice, not in another life either. */
  readonly ask: number;
  /** The leader's lease is enough. Thesis §6.4.1. */
  readonly lease: boolean;
}

export interface ReadIndexResponse {
  readonly type: 'read-index-response';
  readonly term: Term;
  readonly ask: number;
  /** Undefined: who was asked does not lead, or leads no more. */
  readonly readIndex: LogIndex | undefined;
  /** No round was asked for it: the leader held its lease. */
  readonly lease: boolean;
}

export type Message =
  | RequestVote
  | VoteResponse
  | AppendEntries
  | AppendResponse
  | TimeoutNow
  | InstallSnapshot
  | SnapshotResponse
  | ReadIndexRequest
  | ReadIndexResponse;

export interface Envelope {
  readonly to: NodeId;
  readonly message: Message;
}

/** Names a proposal or a read between the core and whoever drives it. */
export type RequestId = number;

export type Input =
  /** Time has passed: deadlines may be due. */
  | { readonly type: 'tick' }
  | { readonly type: 'message'; readonly from: NodeId; readonly message: Message }
  | {
      readonly type: 'propose';
      readonly id: RequestId;
      readonly data: Uint8Array;
      readonly client?: { readonly id: number; readonly sequence: number };
    }
  /** On any node that knows a leader. `lease`: the leader's lease is enough, where it holds one. */
  | { readonly type: 'read'; readonly id: RequestId; readonly lease?: true }
  /** Who is to vote from then on; everybody else leaves. Raft §6. */
  | {
      readonly type: 'change-configuration';
      readonly id: RequestId;
      readonly voters: readonly NodeId[];
      readonly addresses: ReadonlyMap<NodeId, string>;
    }
  /** To hand the leadership over; to whoever has most of the log, where nobody is named. Thesis §3.10. */
  | { readonly type: 'transfer'; readonly id: RequestId; readonly to: NodeId | undefined }
  /** Entries up to here are in a durable snapshot of this node: its log need not keep them. Raft §7. */
  | { readonly type: 'compact'; readonly upTo: LogIndex }
  /** A leader's snapshot, of which `Ready.chunks` gave the pieces, is whole and durable here. Raft §7. */
  | {
      readonly type: 'snapshot-received';
      readonly last: LogPosition;
      readonly configuration: Configuration;
    }
  /** What Readys asked to persist, up to the one that gave this number, is durable. */
  | { readonly type: 'synced'; readonly write: number }
  /** What was sent to this peer lately may be lost. */
  | { readonly type: 'disconnected'; readonly peer: NodeId };

/** What became of a request to change the configuration, as far as this node decides it. */
export type ChangeProgress =
  /**
   * Stands in this leader's log as the entry that decides: `C_old,new`, or a configuration of the same
   * voters. Where it is committed the change is made, by whoever leads then; where another entry is
   * committed at its index, never.
   */
  | ({ readonly type: 'appended'; readonly id: RequestId } & LogPosition)
  /** No entry was appended that lets anybody else vote, and none will be. */
  | { readonly type: 'refused'; readonly id: RequestId; readonly why: ChangeRefusal };

export type ChangeRefusal =
  | 'not-leader'
  /** Another change is not committed yet, or new members of one are still catching up. */
  | 'change-under-way'
  /** A leader that has committed nothing in its term does not know what is committed. */
  | 'too-early'
  /** Nobody would vote, or somebody twice. */
  | 'bad-voters'
  /** New members did not catch up in time. */
  | 'behind'
  /** This node leads no more, and new members had not caught up. */
  | 'leadership-lost';

/** What to do about the stored log as a whole, before `entries`. Raft §7. */
export interface LogChange {
  /**
   * `compacted`: what is up to the base need not be kept. `replaced`: nothing that was stored before
   * counts any more, whatever its index; all that the log holds is in `entries`.
   */
  readonly type: 'compacted' | 'replaced';
  readonly base: LogPosition;
  /** In force at the base. */
  readonly configuration: Configuration;
}

/** A follower whose next entry is compacted away here. */
export interface SnapshotNeed {
  readonly to: NodeId;
  /** It has everything up to here: an older snapshot brings it nothing. */
  readonly matchIndex: LogIndex;
}

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/** A read that may be answered as soon as `readIndex` is applied. */
export interface ConfirmedRead {
  readonly id: RequestId;
  readonly readIndex: LogIndex;
  /** By this node's own lease, which ends then: to be looked at again right before the answer. */
  readonly leaseEndNs?: number;
}

/** What came of a transfer of leadership. */
export type TransferEnd = {
  readonly id: RequestId;
} & (
  | { readonly type: 'done'; readonly leader: NodeId }
  /** The target does not lead, and will not because of this. */
  | { readonly type: 'refused'; readonly why: string }
  /** The target was asked to stand, and nothing was heard of it. */
  | { readonly type: 'unknown'; readonly why: string }
);

/** A message that cannot be true, given what is committed here; it had no effect on the log. */
export interface Rejected {
  readonly from: NodeId;
  readonly reason: string;
}

/**
 * What the shell has to do after a step: send `messages` and start to persist, in any order, then apply
 * `committed`, and answer; send `messagesAfterSync` once everything persisted so far is durable.
 */
export interface Ready {
  readonly hardState: HardState | undefined;
  /** To be persisted; the first one may lie inside the log and then replaces all from there. */
  readonly entries: readonly Entry[];
  /** To be persisted in front of `entries`, together with them. */
  readonly logChange?: LogChange | undefined;
  /** Names this write of `entries`, for `synced`; undefined when there are none. */
  readonly write: number | undefined;
  readonly messages: readonly Envelope[];
  readonly messagesAfterSync: readonly Envelope[];
  readonly committed: readonly Entry[];
  /** The state of this snapshot, which was received, takes the place of the state machine's, before `committed`. */
  readonly installed?: LogPosition | undefined;
  /** Pieces of the leader's snapshot, to be stored and answered. */
  readonly chunks: readonly { readonly from: NodeId; readonly chunk: InstallSnapshot }[];
  /** Leader: to whom a snapshot is to be sent; nobody else needs one any more. */
  readonly needSnapshot: readonly SnapshotNeed[];
  /** Proposals that stand in this leader's log now. Whether they commit is another matter. */
  readonly accepted: readonly (LogPosition & { readonly id: RequestId })[];
  /** Proposals that were not appended anywhere: certainly without effect. */
  readonly refused: readonly RequestId[];
  readonly reads: readonly ConfirmedRead[];
  /** Reads that found no leader, or whose leader was lost before it answered. */
  readonly refusedReads: readonly RequestId[];
  /** Transfers of leadership that ended. */
  readonly transfers: readonly TransferEnd[];
  /** To whom this node hands its leadership over: it takes no proposals until it is known who leads. */
  readonly transferee: NodeId | undefined;
  /** Of requests to change the configuration, in order. */
  readonly changes: readonly ChangeProgress[];
  /** In force: the last one in the log, committed or not. Another object when it is another one. */
  readonly configuration: Configuration;
  /** Of its entry; the log's base when it is older. */
  readonly configurationIndex: LogIndex;
  /** Empty among nodes that do not lie. */
  readonly rejected: readonly Rejected[];
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId | undefined;
  readonly commitIndex: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  /** When `tick` is due next, on the clock of `now`. */
  readonly deadlineNs: number;
}
