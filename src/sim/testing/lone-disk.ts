import { SimDisk, type DiskProfile } from '../disk.ts';
import type { DiskEvent } from '../disk-events.ts';
import { Simulation } from '../simulation.ts';

const PROFILE: DiskProfile = {
  read: { minNs: 10, maxNs: 100 },
  sync: { minNs: 1000, maxNs: 9000 },
  write: { minNs: 0, maxNs: 50 },
};

/** A disk in a simulation of its own, and all that happens on it. */
export class LoneDisk {
  readonly sim: Simulation;
  readonly disk: SimDisk;
  readonly events: DiskEvent[] = [];
  /** Sees each event as it happens. */
  tap: (event: DiskEvent) => void = () => {};

  constructor(seed: string | number) {
    this.sim = new Simulation(String(seed));
    this.disk = new SimDisk(
      {
        now: () => this.sim.now(),
        after: (ns, run) => this.sim.after(ns, run),
        settles: () => this.sim.settles(),
        random: this.sim.random('disk'),
        observer: (event) => {
          this.events.push(event);
          this.tap(event);
        },
      },
      PROFILE,
    );
  }

  /** Lets time pass until the work is done. */
  drive<T>(work: () => Promise<T>): Promise<T> {
    return this.sim.drive(work());
  }
}
