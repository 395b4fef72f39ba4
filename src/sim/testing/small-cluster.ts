import { PAPER_RULES, type Rules } from '../../raft/core/rules.ts';
import type { Disk } from '../../raft/driver/ports.ts';
import { SimCluster } from '../cluster.ts';
import type { Happening, SimObserver } from '../observer.ts';
import type { SimProfile } from '../profile.ts';
import { Simulation } from '../simulation.ts';
import { PLAIN_PROFILE } from './plain-profile.ts';

/** Small segments: the log goes on in another file again and again. */
export const PROFILE: SimProfile = {
  ...PLAIN_PROFILE,
  node: { ...PLAIN_PROFILE.node, segmentBytesMax: 4096 },
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
    readonly spares?: number;
    readonly profile?: Partial<SimProfile>;
    readonly rules?: Partial<Rules>;
    readonly wrapDisk?: (disk: Disk) => Disk;
    readonly observers?: readonly SimObserver[];
  } = {},
): SmallCluster {
  const { seed = 'small', size = 3, spares, profile, rules, wrapDisk, observers = [] } = options;
  const sim = new Simulation(seed);
  const happened: Happening[] = [];
  const cluster = new SimCluster(sim, {
    size,
    spares,
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
