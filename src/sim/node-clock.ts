import type { Simulation } from './simulation.ts';

/**
 * The monotonic clock of one machine: runs a little fast or slow, and jumps ahead, never back. It
 * goes on while a node is down: the machine is not.
 */
export class NodeClock {
  readonly #sim: Simulation;
  /** Where both clocks stood when the rate was last changed. */
  #simNs = 0;
  #localNs: number;
  #rate = 1;

  /** @param originNs - what it shows at the beginning: any origin is right */
  constructor(sim: Simulation, originNs: number) {
    this.#sim = sim;
    this.#localNs = originNs;
  }

  now(): number {
    return Math.floor(this.#localNs + (this.#sim.now() - this.#simNs) * this.#rate);
  }

  /** The first instant of the simulation at which this clock shows `localNs` or later. */
  instantOf(localNs: number): number {
    const aheadNs = Math.ceil((localNs - this.#localNs) / this.#rate);
    return Math.max(this.#sim.now(), this.#simNs + Math.max(0, aheadNs));
  }

  /** @param partsPerMillion - how much faster than the simulation's; above -1 000 000 */
  drift(partsPerMillion: number): void {
    this.#localNs = this.now();
    this.#simNs = this.#sim.now();
    this.#rate = 1 + partsPerMillion / 1e6;
  }

  /** @param aheadNs - not negative */
  jump(aheadNs: number): void {
    this.#localNs += aheadNs;
  }
}
