import type { Json } from '../../checker/index.ts';
import type { Client, Invocation, Served } from './client.ts';
import type { AdminOutcome, Members } from './cluster.ts';
import type { NodeId } from './names.ts';

/** How one node of a target is to be started, and where it will be reached. */
export interface LaunchRequest {
  readonly node: NodeId;
  /** The same for all nodes of one cluster, different between clusters. */
  readonly clusterId: string;
  /** A directory of this node's own that survives its restarts. */
  readonly dataDir: string;
  readonly host: string;
  readonly clientPort: number;
  readonly peerPort: number;
  /**
   * Where this node reaches each other one: through its link, so that the link can be cut. A store
   * whose nodes talk past these ports cannot be partitioned, and the run will say so.
   */
  readonly peers: readonly { readonly id: NodeId; readonly host: string; readonly port: number }[];
  /**
   * The first configuration. A node that does not stand in it starts empty, belongs to nobody, and waits
   * until it is added.
   */
  readonly initial: readonly NodeId[];
  /** `--set` values, validated by the target. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * A command for one node. Its output goes to `logs/<node>.log`; its standard input closes when it is
 * to end at the latest. It must start again from the same `dataDir` after SIGKILL. It leads a process
 * group, and signals go to all of that: what it starts in a group of its own is out of Gong's reach.
 */
export interface LaunchSpec {
  /** Looked up in PATH, or a path as seen from where gong was started. */
  readonly command: string;
  readonly args: readonly string[];
  /** Added to gong's own environment. */
  readonly env: Readonly<Record<string, string>>;
}

export type Role = 'leader' | 'follower' | 'candidate' | 'pre-candidate';

/** What a node says of itself. `{}` says that it serves, and is all that many a store can tell. */
export interface NodeStatus {
  /** The node's own name for itself, where it has one. */
  readonly id?: string | undefined;
  /** This and `term` are needed of a target that has a leader. */
  readonly role?: Role | undefined;
  /** Grows with every change of leader: term, ballot, view, epoch. */
  readonly term?: number | undefined;
  /** Whom it takes for the leader, by its own names. */
  readonly leader?: string | undefined;
  readonly commitIndex?: number | undefined;
  readonly lastApplied?: number | undefined;
  readonly pid?: number | undefined;
}

/** Why a node gave no status: shown when the cluster does not come up. */
export interface ProbeFailure {
  readonly failure: string;
}

export interface ConnectOptions {
  /** One of the target's `readModes`. */
  readonly readMode: string;
  /**
   * Name of the checker's model that the operations are of: an `add` to a `set` may be another request
   * than one to a `counter`.
   */
  readonly model: string;
  /** The client is to hold a session, and to repeat in it what was not answered: see `Workload`. */
  readonly inSessions: boolean;
}

export interface PromiseContext {
  readonly readMode: string;
  /** As resolved by `resolveSettings`. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * What a target promises under a setting, and so what may judge it. A run of a weaker promise is
 * judged all the same, and a violation is one; but the run says that this setting allows it.
 */
export type ConsistencyPromise = (
  | { readonly consistency: 'linearizable' }
  /** `note` completes the sentence "with this setting …": `a node answers reads from what it has`. */
  | { readonly consistency: 'weaker'; readonly note: string }
) & {
  /** Models of the checker that describe it; by default every one whose operations its clients know. */
  readonly models?: readonly string[] | undefined;
};

/**
 * How a cluster is changed while it serves. Nodes are asked one at a time, each at its own URL; they know
 * each other by the names under which they were launched, and by the peers that they were launched with.
 */
export interface TargetAdmin {
  /** What this node knows; undefined when it does not tell within `timeoutNs`. Never rejects for what a node did. */
  members?(url: string, timeoutNs: number): Promise<Members | undefined>;
  /**
   * Asks this node that exactly these vote. Done: the change is complete, or complete but for what the
   * cluster finishes by itself. Who cannot do it refuses; without an answer it is unknown.
   */
  changeMembers?(url: string, voters: readonly NodeId[], timeoutNs: number): Promise<AdminOutcome>;
  /** Asks this node, who leads, to hand over. */
  transferLeadership?(url: string, to: NodeId, timeoutNs: number): Promise<AdminOutcome>;
}

/** A system under test: how to launch it, ask it how it is, and talk to it. */
export interface Target {
  readonly name: string;
  /** The first is the default. */
  readonly readModes: readonly string[];
  /** Every `f` that its clients know: a workload that needs another is refused. */
  readonly functions: readonly string[];
  /**
   * True when its nodes elect a leader and `probe` tells role and term. Otherwise the cluster is up
   * when every node answers its probe, and faults that hit the leader are refused.
   */
  readonly hasLeader?: boolean;
  /** True when its clients can do what `ConnectOptions.inSessions` asks. */
  readonly hasSessions?: boolean;
  promises(context: PromiseContext): ConsistencyPromise;
  /**
   * How to start one node. Absent: Gong cannot start it, and `--endpoints` says where it runs.
   *
   * @throws UserError (`usage`) when a setting is unknown or out of bounds
   */
  launch?(request: LaunchRequest): LaunchSpec;
  /**
   * Every tunable with its final value, defaults included: for the manifest.
   *
   * @throws UserError (`usage`) when a setting is unknown or out of bounds
   */
  resolveSettings(settings: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
  /** The longest time a healthy cluster may need to notice a dead leader, in nanoseconds. */
  electionTimeoutNsMax?(settings: Readonly<Record<string, string>>): number;
  /** Undefined when the node does not answer within `timeoutNs`. Never rejects for what a node did. */
  probe(url: string, timeoutNs: number): Promise<NodeStatus | ProbeFailure | undefined>;
  connect(url: string, options: ConnectOptions): Client;
  /** Absent: its membership and leadership cannot be changed. */
  readonly admin?: TargetAdmin;
}

/** A target that Gong can start. */
export type LaunchableTarget = Required<Pick<Target, 'launch'>>;

/**
 * What a target file (`--target ./my-target.ts`) exports under the name `target`, or as its default.
 * Gong makes a `Target` of it and contains what goes wrong in it: whatever it throws, however long it
 * takes, the run ends with a verdict or an error that names the file, and never blames the store.
 */
export interface TargetDefinition {
  /** By default the file's name without its suffix. */
  readonly name?: string;
  /**
   * Every `f` that `invoke` knows. The workload `register` needs `read`, `write` and `cas`;
   * `gong workloads` lists what others need.
   */
  readonly functions: readonly string[];
  /** What `--read-mode` may say, the default first. By default there is one, `default`. */
  readonly readModes?: readonly string[];
  /** See `Target.hasLeader`. By default false. */
  readonly hasLeader?: boolean;
  /** What the store promises, under each of its settings: see `ConsistencyPromise`. */
  promises(context: PromiseContext): ConsistencyPromise;
  /** The command for one node, for `--cluster local`. Without it a run needs `--endpoints`. */
  launch?(request: LaunchRequest): LaunchDefinition;
  /** Checks `--set` values and adds defaults; what it throws is shown. Without it there are none. */
  resolveSettings?(settings: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
  /** See `Target.electionTimeoutNsMax`. By default 5 s are allowed. */
  electionTimeoutNsMax?(settings: Readonly<Record<string, string>>): number;
  /**
   * Asks a node whether it serves. `{}` is enough of an answer; undefined, a rejection, or nothing
   * within `timeoutNs` nanoseconds: it does not.
   */
  probe(url: string, timeoutNs: number): Promise<NodeStatus | undefined>;
  /**
   * A client of the node at `url`: one connection, for one operation at a time. When a promise is
   * given and rejects, nothing was sent for certain, and the operation is recorded as `fail`.
   */
  connect(url: string, options: ConnectOptions): ClientDefinition | Promise<ClientDefinition>;
  /**
   * How its members and its leader are changed, as far as they can be: `members` and `changeMembers` for
   * `--nemesis membership`, `transferLeadership` for `transfer`. A rejection is an unknown outcome, unless
   * it is a `NeverSentError`. Of use with `launch` only, and with `hasLeader`: the leader is asked.
   */
  readonly admin?: TargetAdmin;
}

/** `LaunchSpec`, without what need not be said. */
export interface LaunchDefinition {
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** One client of a target file. */
export interface ClientDefinition {
  /**
   * Does one operation, once: a client that repeats a request by itself makes two operations of one.
   *
   * - `{ type: 'ok', value }`: it happened. `value` is what a read returned, as it was written (a number
   *   stays a number), and null for what is absent. Left out, it is what was asked: as for a write.
   *   A `cas` says `applied: true` or `applied: false`.
   * - `{ type: 'fail', error }`: it certainly did not happen, and never will. Needs proof.
   * - `{ type: 'info', error }`: it may have happened, or may happen later. A rejection is that, too,
   *   unless it is a `NeverSentError`. After it the client is closed and another one is connected.
   *
   * @param invocation - `f` is one of the target's `functions`; `key` names the register, `value` is
   *   what to write, or for `cas` the pair `[from, to]`
   * @param deadlineNs - how long it may take, in nanoseconds from now. Half a second later Gong gives
   *   up the client, and records `info`
   */
  invoke(invocation: Invocation, deadlineNs: number): Promise<Answer>;
  /** Closes the connection. */
  close?(): void | Promise<void>;
}

/** How an operation of a target file's client ended. */
export type Answer =
  | ({ readonly type: 'ok'; readonly value?: Json; readonly applied?: boolean } & Served)
  | ({ readonly type: 'fail'; readonly error: string } & Served)
  | ({ readonly type: 'info'; readonly error: string } & Served);
