import type { Json } from '../../checker/index.ts';
import type { SimFault } from '../sim/faults.ts';
import type { SimProfile } from '../sim/profile.ts';

/** A fault of a simulated run: when, for how long, and what. Victims are drawn from its own seed. */
export interface ScheduledFault {
  /** Nanoseconds since clients began. */
  readonly atNs: number;
  readonly durationNs: number;
  readonly seed: string;
  readonly what: FaultKind;
}

export type FaultKind =
  /** One of `nemesis/`, as in a real run. */
  | {
      readonly type: 'nemesis';
      readonly kind: string;
      readonly shape: string;
      /** Absent: the shape says whom it hits, when it comes. Present: these, whoever leads then. */
      readonly pinned?: PinnedFault;
    }
  /** What only a simulation can do. */
  | { readonly type: 'sim'; readonly fault: SimFault };

/** Whom a fault of `nemesis/` hits, and how: what its shape made of it when it came. */
export interface PinnedFault {
  readonly victims: readonly string[];
  readonly value: Json;
}

/** An operation that is asked at its time, through a client of its own. */
export interface ScheduledOperation {
  /** Nanoseconds since clients began. */
  readonly atNs: number;
  /** Whom the client asks. */
  readonly node: string;
  readonly f: string;
  readonly key?: string;
  readonly value: Json;
}

/** What clients do. */
export interface ScenarioLoad {
  readonly workload: string;
  readonly concurrency: number;
  readonly keyOps: number;
  /** Written values: unique per key (null), or so many. */
  readonly values: number | null;
  readonly settings: Readonly<Record<string, number>>;
  /** Of all clients together; null for a closed loop. */
  readonly ratePerSecond: number | null;
  /** In a closed loop: how long a client thinks between two operations, on average. By default not at all. */
  readonly thinkNs?: number;
  readonly deadlineNs: number;
  /** How many reads the leader's lease may serve, 0 to 1; by default none. */
  readonly leaseShare?: number;
  /** In place of what the workload would draw: these, in order of time. Concurrency, rate and settings mean nothing then. */
  readonly operations?: readonly ScheduledOperation[];
}

/**
 * Everything that a simulated run depends on; plain JSON. The same scenario gives the same run, event
 * by event. `seed` names every stream of random numbers; each purpose draws from a stream of its own,
 * so that a scenario with one fault less is the same run but for that fault.
 */
export interface Scenario {
  readonly seed: string;
  /** That the cluster begins with. */
  readonly nodes: number;
  /** So many more start empty, members of nothing. By default none. */
  readonly spares?: number;
  /** For how long clients and faults go on, simulated. */
  readonly durationNs: number;
  readonly profile: SimProfile;
  readonly load: ScenarioLoad;
  /** In any order; they may overlap. */
  readonly faults: readonly ScheduledFault[];
}

/** The names of its nodes: those that it begins with, then spares. */
export function nodesOf({
  nodes,
  spares = 0,
}: Pick<Scenario, 'nodes' | 'spares'>): readonly string[] {
  return Array.from({ length: nodes + spares }, (_, i) => `n${i + 1}`);
}
