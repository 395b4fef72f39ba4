import type { Json } from '../../checker/index.ts';
import type { Link, NodeId } from './names.ts';

/** Killing, stopping and starting a node's process. */
export interface ProcessControl {
  /** The operating system's id of the node's process; undefined while it is down. */
  pid(node: NodeId): number | undefined;
  /** SIGKILL; resolves when the process is gone. */
  kill(node: NodeId): Promise<void>;
  /** Starts a node that is down, with the same data and ports; resolves when its process runs. */
  start(node: NodeId): Promise<void>;
  /**
   * SIGSTOP; resolves when the process is seen to be stopped. Rejects when the node is down. Not
   * counted: one `resume` ends any number of them, and so does `kill`.
   */
  pause(node: NodeId): Promise<void>;
  /** SIGCONT; resolves when it is seen not to be stopped. Does nothing to a node that runs or is down. */
  resume(node: NodeId): Promise<void>;
}

/**
 * How long each chunk of bytes waits on its way: `delayNs` ± up to `jitterNs`, drawn anew for each,
 * order kept. `jitterNs` is at most `delayNs`.
 */
export interface LinkDelay {
  readonly delayNs: number;
  readonly jitterNs: number;
}

/** What a link has done since the cluster came up; every figure only grows. */
export interface LinkTraffic {
  readonly forwardedBytes: number;
  /** Bytes that a cut made wait, delivered later or not. */
  readonly heldBytes: number;
  /** Of the forwarded ones those that a slow link let through after their delay, and not before. */
  readonly delayedBytes: number;
  /** Connections accepted from the node that dials. */
  readonly connections: number;
  /** Connections that `reset` ended. */
  readonly resets: number;
}

/** What may be done to the links between nodes (not to those between clients and nodes). */
export interface LinkControl {
  /**
   * Cuts the links until disposal. While cut nothing crosses: no bytes, no FIN, no RST, no new
   * connection; what was under way is held, and at the heal it is delivered or the connection is
   * reset. Cuts may overlap: a link is open when no cut holds it. Resolves when the cut is in force.
   */
  cut(links: readonly Link[]): Promise<AsyncDisposable>;
  /**
   * Delays what crosses the links, both ways of their connections, FIN and RST too, until disposal.
   * The time counts from the arrival at the link; what still waits at the disposal goes on at once, in
   * order. May overlap: the longest delay counts, and a cut holds what has waited long enough.
   */
  slow(links: readonly Link[], delay: LinkDelay): Promise<AsyncDisposable>;
  /**
   * Ends (RST to both sides, whatever is under way is lost) every connection of the links, now; new
   * ones may be made at once. Those of a link that is cut are ended at its heal, so that nothing
   * crosses the cut.
   *
   * @returns how many were ended now
   */
  reset(links: readonly Link[]): Promise<number>;
  /** `reset`, now and every `everyNs` again until disposal. */
  resetEvery(links: readonly Link[], everyNs: number): Promise<AsyncDisposable>;
  /** Heals every cut, every delay and every repeated reset, whoever made it. */
  healAll(): Promise<void>;
  traffic(link: Link): Promise<LinkTraffic>;
}

/** What one call of a user's own fault script said. */
export interface HookCall {
  /** `start 4711` or `heal`. */
  readonly words: readonly string[];
  /** Undefined when a signal ended it, as at its time limit. */
  readonly code: number | undefined;
  /** Standard output and error, at most 64 KiB. */
  readonly output: string;
  readonly startedNs: number;
  readonly endedNs: number;
}

/** A fault by script that is in force; disposal calls `heal`, and rejects when that fails. */
export interface HookedFault extends AsyncDisposable {
  /** `start`, and after the disposal `heal`. */
  readonly calls: readonly HookCall[];
}

/** Faults by the user's own script: `SCRIPT start SEED`, later `SCRIPT heal`. */
export interface HookControl {
  /**
   * Resolves when `start` has ended with 0. Disposal calls `heal`.
   *
   * @param script - path of an executable file
   * @throws UserError (`infrastructure`) when it cannot be run, fails, or takes too long; `heal` was called then
   */
  start(script: string, seed: string): Promise<HookedFault>;
  /**
   * Calls `heal` of every script of the run, whether it was started or not.
   *
   * @throws UserError (`infrastructure`) when one fails
   */
  healAll(): Promise<void>;
}

/** Who decides in a cluster, as one of its nodes knows it. */
export interface Members {
  /** Whose votes count; while a change is under way the new ones. */
  readonly voters: readonly NodeId[];
  /** While a change is under way: the voters of the configuration that is left. Else empty. */
  readonly outgoing: readonly NodeId[];
  /** Who is sent everything and has no vote. */
  readonly learners: readonly NodeId[];
  /** False while it may still be taken back: another leader may not know of it. Otherwise it is not. */
  readonly isCommitted?: boolean;
}

/** How a request to change the cluster itself ended. Ambiguity is data here as well. */
export type AdminOutcome =
  | { readonly type: 'done' }
  /** Certainly did not happen. */
  | { readonly type: 'refused'; readonly error: string }
  /** May have happened, may happen later. */
  | { readonly type: 'unknown'; readonly error: string };

/** A request to change the cluster itself, and what came of it. */
export interface AdminRequest {
  /** `["n1","n2","n6"]`: who shall vote; `"n3"`: who shall lead. */
  readonly asked: Json;
  /** Of a hand-over: the term in which the node was seen to lead, and that of whoever led before. */
  readonly led?: { readonly term: number; readonly termBefore: number };
  readonly outcome: AdminOutcome;
  /** How often a node was asked: who is no leader, or has none, refuses. */
  readonly attempts: number;
  readonly startedNs: number;
  readonly endedNs: number;
}

/** A change of the cluster that is no damage: its disposal need not take anything back. */
export interface Steered extends AsyncDisposable {
  readonly requests: readonly AdminRequest[];
}

/** Who the members are, while the cluster serves. */
export interface MembershipControl {
  /** The voters that the cluster began with; the nodes beside them are spare. */
  readonly first: readonly NodeId[];
  /** What this node knows; undefined when it does not tell in time. */
  readonly members: (node: NodeId) => Promise<Members | undefined>;
  /**
   * Has exactly these vote, whoever does now. Asks whoever leads, again while that may help, and
   * resolves when the change is complete or its time is up. Never rejects for what the store did.
   */
  change(voters: readonly NodeId[]): Promise<AdminRequest>;
}

/** Who leads, while the cluster serves. */
export interface LeadershipControl {
  /**
   * Has the leader hand over to this node. Resolves when that leads, or when its time is up. Never
   * rejects for what the store did.
   */
  transfer(to: NodeId): Promise<AdminRequest>;
}

/** A node's process ended though nobody asked it to. */
export interface UnexpectedExit {
  readonly node: NodeId;
  readonly code: number | null;
  readonly signal: string | null;
}

/**
 * A running cluster. Capabilities are optional: a nemesis that needs one that is absent is refused
 * before the run starts. Disposal stops everything and leaves no process behind.
 */
export interface Cluster extends AsyncDisposable {
  /** All of them, members or not. */
  readonly nodes: readonly NodeId[];
  /** Those among them that run from the start and are no members before somebody adds them. */
  readonly spares?: readonly NodeId[];
  /** Base URL for clients of this node: `http://127.0.0.1:7101`. */
  url(node: NodeId): string;
  readonly processes?: ProcessControl;
  readonly links?: LinkControl;
  readonly hooks?: HookControl;
  readonly membership?: MembershipControl;
  readonly leadership?: LeadershipControl;
  /** Called for every exit that was not asked for, at most once per exit. */
  onUnexpectedExit(listener: (exit: UnexpectedExit) => void): void;
}

export type Capability = 'processes' | 'links' | 'hooks' | 'membership' | 'leadership';
