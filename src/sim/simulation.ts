import type { Clock } from '../contracts/clock.ts';
import { assert, InvariantError } from '../lib/assert.ts';
import { makeRandom, type Random } from '../lib/prng.ts';
import { type Action, EventQueue } from './event-queue.ts';

/**
 * How many turns of the queue of promises follow an event that settled one. Nothing depends on its
 * being enough: a continuation that needs more of them runs a little later, and always at the same
 * place. It is enough for every chain there is.
 */
const PROMISE_TURNS = 24;
/** Turns before an empty queue counts as the end of everything. */
const LAST_TURNS = 2000;
const SETTLED = Promise.resolve();
/** Between two breaths: some hundredths of a second of work. */
const BREATH_EVENTS = 8192;

export interface DriveOptions {
  /** A bound for a run that goes on for ever. */
  readonly eventsMax?: number;
  /**
   * Called every few thousand events: whoever holds the thread may let others have it (a signal that
   * waits, a timer), or end the run by throwing. The run is the same with it and without it.
   */
  readonly breathe?: (() => Promise<void>) | undefined;
}

/**
 * Simulated time: one queue of events, one seed. Time stands still while anything runs, and jumps to
 * the next event. The only source of time, order and randomness in a simulated run, and so the same
 * seed gives the same run.
 */
export class Simulation implements Clock {
  readonly seed: string;
  readonly #random: Random;
  readonly #queue = new EventQueue();
  #nowNs = 0;
  #events = 0;
  #hasSettled = false;
  #failure: Error | undefined;

  constructor(seed: string) {
    this.seed = seed;
    this.#random = makeRandom(seed);
  }

  /** Nanoseconds since the run began. */
  now(): number {
    return this.#nowNs;
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events;
  }

  /** A stream of random numbers of its own: what others draw does not move it. */
  random(label: string): Random {
    return this.#random.fork(label);
  }

  /** @param atNs - not before now */
  at(atNs: number, action: Action): void {
    assert(atNs >= this.#nowNs, 'nothing happens in the past');
    this.#queue.add(atNs, action);
  }

  after(ns: number, action: Action): void {
    this.#queue.add(this.#nowNs + ns, action);
  }

  /** Says that this event settles a promise: its continuations run before the next event. */
  settles(): void {
    this.#hasSettled = true;
  }

  /** Nothing happens after this event: `drive` throws. The first one counts. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  async sleep(ns: number, signal?: AbortSignal): Promise<void> {
    if (ns <= 0 || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        this.settles();
        resolve();
      };
      signal?.addEventListener('abort', wake, { once: true });
      this.after(ns, wake);
    });
  }

  /**
   * Lets time pass until the work is done.
   *
   * @throws what the work throws, what `fail` was given, what `breathe` throws; InvariantError when nothing
   *   will happen any more, or too much did
   */
  async drive<T>(
    work: Promise<T>,
    { eventsMax = Infinity, breathe }: DriveOptions = {},
  ): Promise<T> {
    const state = { isDone: false };
    const end = (): void => {
      state.isDone = true;
    };
    work.then(end, end);
    this.#hasSettled = true;
    for (;;) {
      if (this.#hasSettled) {
        this.#hasSettled = false;
        for (let turn = 0; turn < PROMISE_TURNS; turn++) await SETTLED;
      }
      if (this.#events % BREATH_EVENTS === BREATH_EVENTS - 1) {
        // A turn of the real event loop runs promises to their end. So they run to their end here in
        // every run: whether anybody breathes must not show in the order of what follows.
        for (let turn = 0; turn < LAST_TURNS; turn++) await SETTLED;
        await breathe?.();
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (state.isDone) return work;
      if (this.#queue.size === 0) {
        for (let turn = 0; turn < LAST_TURNS; turn++) await SETTLED;
        if (state.isDone) return work;
        if (this.#queue.size === 0) throw new InvariantError('nothing will happen any more');
      }
      if (this.#events >= eventsMax) throw new InvariantError(`${eventsMax} events did not do`);
      this.#nowNs = this.#queue.nextNs;
      this.#events += 1;
      this.#queue.take()();
    }
  }
}
