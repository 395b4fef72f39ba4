import type { Clock } from '../../contracts/clock.ts';
import { SECOND } from '../../lib/duration.ts';

/** Decides when the next operation starts. */
export interface Pace {
  /**
   * Resolves when a free client may start its next operation, or early when `signal` aborts.
   *
   * @returns when the operation was meant to start: latency counts from there; undefined for as soon
   *   as it can
   */
  turn(signal: AbortSignal): Promise<number | undefined>;
  /** The generator let nobody start before this time: what follows is not due before it. */
  heldUntil(ns: number): void;
  /** How many operations were to have started before this time; undefined when none had a time. */
  dueBy(ns: number): number | undefined;
}

/** Each client starts its next operation when the last is done: the rate follows the store. */
export function closedLoop(): Pace {
  return {
    turn: async () => undefined,
    heldUntil: () => undefined,
    dueBy: () => undefined,
  };
}

/**
 * Operations are due at a constant rate, whatever the store does. When every client is busy they start
 * late, and the waiting counts (else a slow store would hide its own queue: coordinated omission). After
 * that they follow as fast as clients become free, in the order in which they were due: none is left
 * out, and none loses the time at which it was meant to start.
 *
 * Starts are as precise as the clock's timers. What falls due between two ticks starts together, so that
 * the rate holds however high it is; the lateness is part of the latency, and of what a run reports.
 *
 * @param ratePerSecond - of all clients together, above 0
 */
export function openLoop(clock: Clock, ratePerSecond: number): Pace {
  const intervalNs = SECOND / ratePerSecond;
  let beganNs = clock.now();
  let due = 0;
  // A product, not a sum: rounding must not change the rate.
  const dueNs = (): number => Math.round(beganNs + due * intervalNs);
  return {
    async turn(signal) {
      const intendedNs = dueNs();
      due++;
      const waitNs = intendedNs - clock.now();
      if (waitNs > 0) await clock.sleep(waitNs, signal);
      return intendedNs;
    },
    heldUntil(ns) {
      beganNs += Math.max(0, ns - dueNs());
    },
    dueBy: (ns) => Math.max(0, Math.ceil((ns - beganNs) / intervalNs)),
  };
}
