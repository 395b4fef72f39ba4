import type { Scheduler } from '../driver/ports.ts';

/**
 * The event loop as a Scheduler.
 *
 * A timer that is due is handed on only after the sockets were read once more: a process that was
 * stopped and continued has its timers due before it has read what arrived meanwhile, and would
 * start an election against a leader that it could hear.
 */
export function makeScheduler(): Scheduler & Disposable {
  const now = (): number => Math.round(performance.now() * 1e6);
  let timer: NodeJS.Timeout | undefined;
  let dueNs = Infinity;
  return {
    now,
    wakeAt(atNs, run) {
      if (atNs === dueNs) return;
      dueNs = atNs;
      clearTimeout(timer);
      if (atNs === Infinity) return;
      const waitMs = Math.min(Math.max(0, Math.ceil((atNs - now()) / 1e6)), 60_000);
      timer = setTimeout(() => {
        dueNs = Infinity;
        setImmediate(run);
      }, waitMs);
    },
    soon(run) {
      setImmediate(run);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
    },
  };
}
