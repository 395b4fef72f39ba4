import type { Configuration } from './configuration.ts';
import type { NodeId } from './types.ts';

/** What a core is told at its start, and never changes. */
export interface CoreConfig {
  readonly id: NodeId;
  /** What the cluster begins with: counts while neither log nor snapshot holds a configuration. */
  readonly configuration: Configuration;
  /** A follower waits a random time from this range, and so does a candidate (§5.2). */
  readonly electionTimeout: { readonly minNs: number; readonly maxNs: number };
  readonly heartbeatIntervalNs: number;
  readonly maxEntriesPerAppend: number;
  /** Bytes of entry data per append; at least one entry goes whatever its size. */
  readonly maxBytesPerAppend: number;
  /** AppendEntries with entries on the way to one follower at a time. */
  readonly maxInflightAppends: number;
  /** Asks whether an election could be won before it begins one, and with it a term. Thesis §9.6. */
  readonly preVote: boolean;
  /**
   * A leader that hears no quorum steps down, and a voter that hears a leader refuses to depose it
   * (§6, thesis §6.2). Without it there are no leases. The same on all nodes.
   */
  readonly checkQuorum: boolean;
  /** Bound of every clock's error of rate, parts per million: leases are shorter by it. Thesis §6.4.1. */
  readonly leaseDriftPpm: number;
  /** New members that have not caught up after it are given up, and the change with them. Thesis §4.2.1. */
  readonly catchUpTimeoutNs: number;
}
