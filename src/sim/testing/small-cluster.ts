import { MILLISECOND, SECOND } from '../../lib/duration.ts';
import { PAPER_RULES, type Rules } from '../../raft/core/rules.ts';
import type { Disk } from '../../raft/driver/ports.ts';
import { SimCluster } from '../cluster.ts';
import type { Happening, SimObserver } from '../observer.ts';
import type { SimProfile } from '../profile.ts';
import { Simulation } from '../simulation.ts';

const ms = (min: number, max: number) => ({ minNs: min * MILLISECOND, maxNs: max * MILLISECOND });

export const PROFILE: SimProfile = {
  disk: { read: ms(0, 1), sync: ms(1, 5) },
  latency: ms(1, 5),
  clientLatency: ms(1, 2),
  turnNs: 20_000,
  restartNs: ms(100, 1000),
  node: {
    electionTimeout: ms(150, 300),
    heartbeatIntervalNs: 50 * MILLISECOND,
    maxEntriesPerAppend: 16,
    maxBytesPerAppend: 65_536,
    maxInflightAppends: 4,
    requestTimeoutNs: SECOND,
    segmentBytesMax: 4096,
  },
};

export interface SmallCluster {
  readonly sim: Simulation;
  readonly cluster: SimCluster;
  /** Every happening so far, in order. */
  readonly happened: readonly Happening[];
  /** How many of this kind. */
  readonly count: (kind: string) => number;
  /** Lets simulated time pass. */
  readonly pass: (ns: number) => Promise<void>;
  /** Drives the simulation until the work is done. */
  readonly play: <T>(work: () => Promise<T>) => Promise<T>;
}

/** A cluster of which every node has been started. */
export function smallCluster(
  options: {
    readonly seed?: string;
    readonly size?: number;
    readonly profile?: Partial<SimProfile>;
    readonly rules?: Partial<Rules>;
    readonly wrapDisk?: (disk: Disk) => Disk;
    readonly observers?: readonly SimObserver[];
  } = {},
): SmallCluster {
  const { seed = 'small', size = 3, profile, rules, wrapDisk, observers = [] } = options;
  const sim = new Simulation(seed);
  const happened: Happening[] = [];
  const cluster = new SimCluster(sim, {
    size,
    profile: { ...PROFILE, ...profile },
    rules: { ...PAPER_RULES, ...rules },
    wrapDisk,
    observers: [...observers, { happened: (what) => void happened.push(what) }],
  });
  cluster.startAll();
  return {
    sim,
    cluster,
    happened,
    count: (kind) => happened.filter((what) => what.kind === kind).length,
    pass: (ns) => sim.drive(sim.sleep(ns)),
    play: (work) => sim.drive(work()),
  };
}
