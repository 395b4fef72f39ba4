import type { SnapshotSettings } from '../raft/driver/snapshots.ts';
import type { DiskProfile } from './disk.ts';

/** A uniform draw of nanoseconds. */
export interface RangeNs {
  readonly minNs: number;
  readonly maxNs: number;
}

/** How the machines and the network of a run are while no fault is on: drawn once per seed. */
export interface SimProfile {
  readonly disk: DiskProfile;
  /** One way between nodes, each message anew; the order on a connection is kept. */
  readonly latency: RangeNs;
  /** What kernels take for a connection that delivers nothing, before it counts as stalled; by default 64 KiB. */
  readonly bufferBytes?: number;
  /** Each node's clock runs so much too fast or too slow at most, parts per million; by default right. */
  readonly driftPpmMax?: number;
  /**
   * No clock is ever more wrong, whatever drifts add up to, and none jumps; parts per million. By
   * default there is no bound.
   */
  readonly clockBoundPpm?: number;
  /** One way between clients and nodes. */
  readonly clientLatency: RangeNs;
  /** How long a node takes before it handles what arrived: what arrives meanwhile is one turn. */
  readonly turnNs: number;
  /** Until a killed or failed process runs again, where nobody starts it earlier. */
  readonly restartNs: RangeNs;
  readonly node: NodeProfile;
}

/** The tunables of every node. */
export interface NodeProfile {
  readonly electionTimeout: RangeNs;
  readonly heartbeatIntervalNs: number;
  readonly maxEntriesPerAppend: number;
  readonly maxBytesPerAppend: number;
  readonly maxInflightAppends: number;
  readonly requestTimeoutNs: number;
  /** For a change of the membership; half of it is for new members to catch up. By default 40 election timeouts. */
  readonly changeTimeoutNs?: number;
  readonly segmentBytesMax: number;
  /** Of sessions that clients open; by default 60 s. */
  readonly sessionExpiryNs?: number;
  /** How long proposals wait for company; by default not at all. */
  readonly batchDelayNs?: number;
  /** By default none is taken. */
  readonly snapshots?: SnapshotSettings;
  /** By default on. */
  readonly preVote?: boolean;
  /** By default on. */
  readonly checkQuorum?: boolean;
  /** Parts per million that nodes believe no clock to be more wrong by; by default 0. */
  readonly leaseDriftPpm?: number;
}
