import type { Clock } from '../../contracts/clock.ts';
import { SECOND } from '../../lib/duration.ts';

/** Decides when the next operation starts. */
export interface Pace {
  /**
   * Resolves when a free client may start its next operation, or early when `signal` aborts.
   *
   * @returns when the operation was meant to start: latency counts from there
   */
  turn(signal: AbortSignal): Promise<number>;
}

/** Each client starts its next operation when the last is done: the rate follows the store. */
export function closedLoop(clock: Clock): Pace {
  return { turn: async () => clock.now() };
}

/**
 * Operations are due at a constant rate, whatever the store does. When every client is busy they start
 * late, and the waiting counts (else a slow store would hide its own queue: coordinated omission).
 *
 * @param ratePerSecond - of all clients together, above 0
 */
export function openLoop(clock: Clock, ratePerSecond: number): Pace {
  const intervalNs = SECOND / ratePerSecond;
  const beganNs = clock.now();
  let due = 0;
  return {
    async turn(signal) {
      // A product, not a sum: rounding must not change the rate.
      const intendedNs = Math.round(beganNs + due++ * intervalNs);
      const waitNs = intendedNs - clock.now();
      if (waitNs > 0) await clock.sleep(waitNs, signal);
      return intendedNs;
    },
  };
}
