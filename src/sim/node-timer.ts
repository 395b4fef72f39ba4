import type { NodeClock } from './node-clock.ts';
import type { Simulation } from './simulation.ts';

/** The timer of one life of a node, on its own clock. */
export class NodeTimer {
  readonly #sim: Simulation;
  readonly #clock: NodeClock;
  /** False while the process is stopped or gone. */
  readonly #mayRing: () => boolean;
  readonly #ring: (run: () => void) => void;
  #dueNs = Infinity;
  #run: () => void = () => {};
  /** The earliest event of the simulation that will look at it. */
  #looksAtNs = Infinity;

  constructor(parts: {
    readonly sim: Simulation;
    readonly clock: NodeClock;
    readonly mayRing: () => boolean;
    readonly ring: (run: () => void) => void;
  }) {
    this.#sim = parts.sim;
    this.#clock = parts.clock;
    this.#mayRing = parts.mayRing;
    this.#ring = parts.ring;
  }

  /** @param dueNs - on the node's clock; Infinity: never */
  set(dueNs: number, run: () => void): void {
    this.#dueNs = dueNs;
    this.#run = run;
    this.look();
  }

  /**
   * Makes sure that an event looks at it in time; one that comes too early looks again. To be called
   * when the clock has changed, and when it may ring again.
   */
  look(): void {
    if (this.#dueNs === Infinity) return;
    const atNs = this.#clock.instantOf(this.#dueNs);
    if (this.#looksAtNs <= atNs) return;
    this.#looksAtNs = atNs;
    this.#sim.at(atNs, () => {
      if (this.#looksAtNs === atNs) this.#looksAtNs = Infinity;
      if (this.#dueNs === Infinity || !this.#mayRing()) return;
      if (this.#clock.now() < this.#dueNs) return this.look();
      this.#dueNs = Infinity;
      this.#ring(this.#run);
    });
  }
}
