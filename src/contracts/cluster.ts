import type { Link, NodeId } from './names.ts';

/** Killing and starting a node's process. */
export interface ProcessControl {
  /** The operating system's id of the node's process; undefined while it is down. */
  pid(node: NodeId): number | undefined;
  /** SIGKILL; resolves when the process is gone. */
  kill(node: NodeId): Promise<void>;
  /** Starts a node that is down, with the same data and ports; resolves when its process runs. */
  start(node: NodeId): Promise<void>;
}

/** Cutting the links between nodes (not between clients and nodes). */
export interface LinkControl {
  /**
   * Cuts the links until disposal. While cut nothing crosses: no bytes, no FIN, no RST, no new
   * connection; what was under way is held, and at the heal it is delivered or the connection is
   * reset. Cuts may overlap: a link is open when no cut holds it. Resolves when the cut is in force.
   */
  cut(links: readonly Link[]): Promise<AsyncDisposable>;
  /** Heals everything, whoever cut it. */
  healAll(): Promise<void>;
  /** Bytes held back and bytes forwarded on a link since the cluster came up. */
  traffic(link: Link): Promise<{ readonly forwardedBytes: number; readonly heldBytes: number }>;
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
  readonly nodes: readonly NodeId[];
  /** Base URL for clients of this node: `http://127.0.0.1:7101`. */
  url(node: NodeId): string;
  readonly processes?: ProcessControl;
  readonly links?: LinkControl;
  /** Called for every exit that was not asked for, at most once per exit. */
  onUnexpectedExit(listener: (exit: UnexpectedExit) => void): void;
}

export type Capability = 'processes' | 'links';
