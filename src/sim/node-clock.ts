import { assert } from '../lib/assert.ts';
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
  readonly #drifts = new Set<{ readonly partsPerMillion: number }>();
  #rate = 1;
  readonly #boundPpm: number;

  /**
   * @param originNs - what it shows at the beginning: any origin is right
   * @param boundPpm - it never runs more wrong, whatever drifts add up to; by default there is no bound
   */
  constructor(sim: Simulation, originNs: number, boundPpm: number = Infinity) {
    this.#sim = sim;
    this.#boundPpm = boundPpm;
    this.#localNs = originNs;
  }

  now(): number {
    return this.#at(this.#sim.now());
  }

  /** The first instant of the simulation, not before now, at which this clock shows `localNs` or later. */
  instantOf(localNs: number): number {
    const aheadNs = Math.ceil((localNs - this.#localNs) / this.#rate);
    let atNs = Math.max(this.#sim.now(), this.#simNs + Math.max(0, aheadNs));
    // What was divided and multiplied again may miss by a nanosecond.
    while (this.#at(atNs) < localNs) atNs += 1;
    return atNs;
  }

  /**
   * Drifts add up; the clock never gets slower than a tenth of the simulation's.
   *
   * @param partsPerMillion - how much faster than the simulation's
   * @returns what ends it
   */
  drift(partsPerMillion: number): () => void {
    const drift = { partsPerMillion };
    this.#drifts.add(drift);
    this.#setRate();
    return () => {
      if (this.#drifts.delete(drift)) this.#setRate();
    };
  }

  /** @param aheadNs - not negative: it is monotonic */
  jump(aheadNs: number): void {
    assert(aheadNs >= 0, 'a monotonic clock does not jump back');
    assert(this.#boundPpm === Infinity, 'a clock whose error is bounded does not jump');
    this.#localNs += aheadNs;
  }

  #at(simNs: number): number {
    return Math.floor(this.#localNs + (simNs - this.#simNs) * this.#rate);
  }

  #setRate(): void {
    let sum = 0;
    for (const { partsPerMillion } of this.#drifts) sum += partsPerMillion;
    this.#localNs = this.now();
    this.#simNs = this.#sim.now();
    const bounded = Math.max(-this.#boundPpm, Math.min(this.#boundPpm, sum));
    this.#rate = Math.max(0.1, 1 + bounded / 1e6);
  }
}
