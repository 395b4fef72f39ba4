import type { Clock } from '../contracts/clock.ts';

const MILLISECOND_NS = 1e6;
/** Longest wait that one timer can hold: setTimeout takes 31 bits of milliseconds. */
const TIMER_NS_MAX = 0x7fff_ffff * MILLISECOND_NS;

/**
 * The machine's monotonic clock, counted from now. Its timers tick in milliseconds: on an idle machine a
 * sleep lasts 0 to 1.4 ms longer than asked for, 0.8 in the median. Waiting out the last millisecond
 * in the event loop would be exact and cost up to a whole core, which the store may need.
 */
export function systemClock(): Clock {
  const [seconds, nanos] = process.hrtime();
  const now = (): number => {
    const [s, n] = process.hrtime();
    return (s - seconds) * 1e9 + (n - nanos);
  };
  return {
    now,
    async sleep(ns, signal) {
      const until = now() + ns;
      for (let leftNs = ns; leftNs > 0; leftNs = until - now()) {
        if (signal?.aborted === true) return;
        await timer(Math.min(leftNs, TIMER_NS_MAX), signal);
      }
    },
  };
}

async function timer(ns: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timeout);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    // Rounded up: a timer that fires a fraction early would be set again for the rest.
    const timeout = setTimeout(end, Math.ceil(ns / MILLISECOND_NS));
    signal?.addEventListener('abort', end, { once: true });
  });
}
