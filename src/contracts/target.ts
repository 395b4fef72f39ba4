import type { Client } from './client.ts';
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
  /** Where this node reaches each other one: through its link, so that the link can be cut. */
  readonly peers: readonly { readonly id: NodeId; readonly host: string; readonly port: number }[];
  /** `--set` values, validated by the target. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface LaunchSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export type Role = 'leader' | 'follower' | 'candidate' | 'pre-candidate';

/** What a node says of itself. */
export interface NodeStatus {
  readonly id: NodeId;
  readonly role: Role;
  readonly term: number;
  readonly leader: NodeId | undefined;
  readonly commitIndex: number;
  readonly lastApplied: number;
  readonly pid: number | undefined;
}

export interface ConnectOptions {
  /** One of the target's `readModes`. */
  readonly readMode: string;
}

/** A system under test: how to launch it, ask it how it is, and talk to it. */
export interface Target {
  readonly name: string;
  /** The first is the default. */
  readonly readModes: readonly string[];
  /**
   * How to start one node.
   *
   * @throws UserError (`usage`) when a setting is unknown or out of bounds
   */
  launch(request: LaunchRequest): LaunchSpec;
  /**
   * Every tunable with its final value, defaults included: for the manifest.
   *
   * @throws UserError (`usage`) when a setting is unknown or out of bounds
   */
  resolveSettings(settings: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
  /** The longest time a healthy cluster may need to notice a dead leader, in nanoseconds. */
  electionTimeoutNsMax(settings: Readonly<Record<string, string>>): number;
  /** Undefined when the node does not answer within `timeoutNs`. Never rejects. */
  probe(url: string, timeoutNs: number): Promise<NodeStatus | undefined>;
  connect(url: string, options: ConnectOptions): Client;
}
