import type { Clock } from '../../contracts/clock.ts';
import type { Completion, Invocation } from '../../contracts/client.ts';
import type { Draw, Generator } from '../../contracts/workload.ts';
import { assert, assertNever, InvariantError } from '../../lib/assert.ts';

/** How often everybody may wait for everybody else before that counts as a workload stuck for ever. */
const FRUITLESS_ROUNDS_MAX = 100;

/** An operation handed to a client. */
export interface Handed {
  readonly invocation: Invocation;
  /** The generator held it back until then: it was not meant to start before. */
  readonly heldUntilNs: number | undefined;
}

interface Waiter {
  readonly woken: AbortController;
  readonly orCompletion: boolean;
}

/**
 * Where clients ask for their next operation, and where they stay while the generator tells them to
 * wait. Everybody leaves at once when the generator has nothing more, and on `close`.
 */
export class Desk {
  readonly #generator: Generator;
  readonly #clock: Clock;
  readonly #clients: number;
  readonly #waiters = new Set<Waiter>();
  /** Those among them for whom no time will come. */
  #withoutTime = 0;
  #fruitlessRounds = 0;
  #isClosed = false;

  /** @param parts - `clients`: how many come here */
  constructor(parts: {
    readonly generator: Generator;
    readonly clock: Clock;
    readonly clients: number;
  }) {
    this.#generator = parts.generator;
    this.#clock = parts.clock;
    this.#clients = parts.clients;
  }

  /**
   * The next operation of this client.
   *
   * @returns undefined when there will be none: the generator is exhausted, or the desk has closed
   * @throws InvariantError when all clients wait for completions and nothing is under way
   */
  async ask(client: number, process: number): Promise<Handed | undefined> {
    let heldUntilNs: number | undefined;
    while (!this.#isClosed) {
      const nowNs = this.#clock.now();
      const draw = this.#generator.next({ process, client, nowNs });
      switch (draw.type) {
        case 'invoke':
          this.#fruitlessRounds = 0;
          return { invocation: draw.invocation, heldUntilNs };
        case 'done':
          this.close();
          break;
        case 'wait':
          await this.#wait(draw, nowNs);
          // A timer is late by its own slack, which is nobody's wish.
          heldUntilNs = Math.min(this.#clock.now(), draw.untilNs);
          break;
        default:
          assertNever(draw);
      }
    }
    return undefined;
  }

  completed(process: number, invocation: Invocation, completion: Completion): void {
    this.#generator.completed?.(process, invocation, completion);
    this.#wake(({ orCompletion }) => orCompletion);
  }

  /** Nobody gets anything any more. */
  close(): void {
    this.#isClosed = true;
    this.#wake(() => true);
  }

  async #wait(
    { untilNs, orCompletion }: Extract<Draw, { type: 'wait' }>,
    nowNs: number,
  ): Promise<void> {
    assert(untilNs > nowNs, 'the workload waits for a time that is over');
    assert(orCompletion || untilNs < Infinity, 'the workload waits for nothing');
    const waiter: Waiter = { woken: new AbortController(), orCompletion };
    const { signal } = waiter.woken;
    this.#waiters.add(waiter);
    try {
      if (untilNs < Infinity) await this.#clock.sleep(untilNs - nowNs, signal);
      else await this.#waitWithoutTime(signal);
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  async #waitWithoutTime(signal: AbortSignal): Promise<void> {
    this.#withoutTime++;
    try {
      if (this.#withoutTime === this.#clients) this.#turnOver();
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    } finally {
      this.#withoutTime--;
    }
  }

  /**
   * Nothing is under way and no time will come. What one client was told last may have changed what
   * another is told now (a phase that ended by its time), so everybody asks once more.
   */
  #turnOver(): void {
    if (++this.#fruitlessRounds > FRUITLESS_ROUNDS_MAX) {
      throw new InvariantError('every client waits for a completion, and nothing is under way');
    }
    this.#wake(() => true);
  }

  #wake(isMeant: (waiter: Waiter) => boolean): void {
    for (const waiter of this.#waiters) if (isMeant(waiter)) waiter.woken.abort();
  }
}
