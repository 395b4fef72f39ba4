import { setImmediate as immediate, setTimeout as timeout } from 'node:timers/promises';
import type { Clock } from '../../contracts/clock.ts';

/** Turns of the event loop without anybody asleep, after which the work must be at a file. */
const IDLE_TURNS_MAX = 20_000;
/** Milliseconds that a file may take on a busy machine before the work counts as stuck. */
const FILE_WAITS_MAX = 4_000;

interface Sleeper {
  readonly untilNs: number;
  readonly wake: () => void;
}

/** A clock for tests: it stands still until everybody waits, then jumps to the next who wakes. */
export class SimulatedClock implements Clock {
  #nowNs = 0;
  /** By time of waking; of equal ones, first come first. */
  readonly #sleepers: Sleeper[] = [];

  now(): number {
    return this.#nowNs;
  }

  async sleep(ns: number, signal?: AbortSignal): Promise<void> {
    if (ns <= 0 || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const sleeper = { untilNs: this.#nowNs + ns, wake };
      const abort = (): void => {
        this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
        resolve();
      };
      signal?.addEventListener('abort', abort, { once: true });
      const after = this.#sleepers.findIndex((one) => one.untilNs > sleeper.untilNs);
      this.#sleepers.splice(after < 0 ? this.#sleepers.length : after, 0, sleeper);
    });
  }

  /** Lets time pass until the work is done. */
  async drive<T>(work: Promise<T>): Promise<T> {
    const state = { isDone: false };
    const end = (): void => {
      state.isDone = true;
    };
    work.then(end, end);
    for (let idle = 0; idle < IDLE_TURNS_MAX + FILE_WAITS_MAX; idle++) {
      await (idle < IDLE_TURNS_MAX ? immediate() : timeout(1));
      if (state.isDone) return work;
      const next = this.#sleepers.shift();
      if (next === undefined) continue;
      idle = 0;
      this.#nowNs = next.untilNs;
      next.wake();
    }
    throw new Error('the work waits for something that will not come');
  }
}
