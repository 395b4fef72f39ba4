import type { LinkDelay, LinkTraffic } from '../../contracts/cluster.ts';
import type { Link, NodeId } from '../../contracts/names.ts';
import type { LaunchSpec } from '../../contracts/target.ts';

/** What the harness and the supervisor say to each other, over Node's IPC channel. */

/** Everything listens, and is dialled, here: a local cluster never leaves the machine. */
export const HOST = '127.0.0.1';

/** A link's proxy: the port that `from` dials, and the peer port of `to` behind it. */
export interface LinkSpec extends Link {
  readonly port: number;
  readonly targetPort: number;
}

export type Request =
  /** First of all: opens the proxies. */
  | {
      readonly type: 'open';
      readonly links: readonly LinkSpec[];
    }
  | {
      readonly type: 'start';
      readonly node: NodeId;
      readonly spec: LaunchSpec;
      readonly logFile: string;
    }
  | { readonly type: 'kill' | 'pause' | 'resume'; readonly node: NodeId }
  /** `fault` is a number of the harness's choosing, by which it heals later. */
  | { readonly type: 'cut'; readonly fault: number; readonly links: readonly Link[] }
  | {
      readonly type: 'slow';
      readonly fault: number;
      readonly links: readonly Link[];
      readonly delay: LinkDelay;
    }
  | {
      readonly type: 'reset-every';
      readonly fault: number;
      readonly links: readonly Link[];
      readonly everyNs: number;
    }
  | { readonly type: 'heal'; readonly fault: number }
  | { readonly type: 'heal-all' }
  | { readonly type: 'reset'; readonly links: readonly Link[] }
  | { readonly type: 'traffic'; readonly link: Link }
  /** Ends every node, then the proxies; the supervisor exits after its answer. */
  | { readonly type: 'stop'; readonly graceMs: number };

/** What the answer to a request carries. */
export type ResultOf<R extends Request> = R extends { readonly type: 'traffic' }
  ? LinkTraffic
  : R extends { readonly type: 'reset' }
    ? number
    : null;

/** What any answer may carry. */
export type Result = LinkTraffic | number | null;

export interface ToSupervisor {
  readonly id: number;
  readonly request: Request;
}

/** An error on its way over the channel. `errno` and `port` where the operating system said so. */
export interface Failure {
  readonly message: string;
  readonly errno?: string;
  readonly port?: number;
}

/** How a node's process came and went; in the order in which it happened. */
export type NodeEvent =
  | { readonly type: 'spawned'; readonly node: NodeId; readonly pid: number }
  | {
      readonly type: 'exited';
      readonly node: NodeId;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
      /** True when a `kill` or a `stop` asked for it. */
      readonly isExpected: boolean;
    };

export type FromSupervisor =
  /** It listens to requests, and from now on it guards. */
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly id: number; readonly result: Result }
  | { readonly type: 'failed'; readonly id: number; readonly failure: Failure }
  | NodeEvent;
