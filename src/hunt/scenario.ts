import type { ResolvedFault } from '../contracts/nemesis.ts';
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
      readonly resolved?: ResolvedFault;
    }
  /** So many random nodes lose what they did not sync, and start again at the end. */
  | { readonly type: 'power-failure'; readonly nodes: number };

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
}

/**
 * Everything that a simulated run depends on; plain JSON. The same scenario gives the same run, event
 * by event. `seed` names every stream of random numbers; each purpose draws from a stream of its own,
 * so that a scenario with one fault less is the same run but for that fault.
 */
export interface Scenario {
  readonly seed: string;
  readonly nodes: number;
  /** For how long clients and faults go on, simulated. */
  readonly durationNs: number;
  readonly profile: SimProfile;
  readonly load: ScenarioLoad;
  /** In any order; they may overlap. */
  readonly faults: readonly ScheduledFault[];
}
