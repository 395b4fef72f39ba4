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
  /** New members that have not caught up after it are given up, and the change with them. Thesis §4.2.1. */
  readonly catchUpTimeoutNs: number;
}
