import type { Completion, Invocation } from '../../contracts/client.ts';
import type { Asked, Draw, Source } from '../../contracts/workload.ts';
import { assert, assertNever } from '../../lib/assert.ts';
import { makeRandom, type Random } from '../../lib/prng.ts';

/** One operation that clients did. */
export interface Done {
  readonly client: number;
  readonly process: number;
  readonly invocation: Invocation;
  readonly beganNs: number;
  readonly endedNs: number;
  readonly type: Completion['type'];
}

export interface Drive {
  readonly clients: number;
  readonly seed: string;
  /** Operations drawn at most: for sources without an end. */
  readonly max?: number;
  readonly outcome?: (invocation: Invocation, random: Random) => Completion['type'];
}

export interface Trace {
  /** In the order in which they began. */
  readonly operations: readonly Done[];
  /** Whether the source said that there is no more. */
  readonly isExhausted: boolean;
}

type State =
  | { readonly type: 'free' }
  | { readonly type: 'busy'; readonly operation: Done }
  | { readonly type: 'waiting'; readonly untilNs: number; readonly orCompletion: boolean };

const FREE: State = { type: 'free' };

/** What clients whose operations take 1 to 20 ns make of a source, in a time of their own. */
export function drive(source: Source, options: Drive): Trace {
  return new Driving(source, options).run();
}

class Driving {
  readonly #source: Source;
  readonly #options: Drive;
  readonly #random: Random;
  readonly #states: State[];
  readonly #processes: number[];
  readonly #operations: Done[] = [];
  #nowNs = 0;

  constructor(source: Source, options: Drive) {
    this.#source = source;
    this.#options = options;
    this.#random = makeRandom(`drive ${options.seed}`);
    this.#states = Array.from({ length: options.clients }, () => FREE);
    this.#processes = this.#states.map((_, client) => client);
  }

  run(): Trace {
    const { max = 10_000 } = this.#options;
    for (let silent = 0; this.#operations.length < max;) {
      const before = this.#operations.length;
      if (this.#askAll() === 'done') return { operations: this.#operations, isExhausted: true };
      const nextNs = Math.min(...this.#states.map(wakesNs));
      if (nextNs < Infinity) {
        this.#nowNs = nextNs;
        this.#complete();
        silent = 0;
        continue;
      }
      // What one was told may have changed what another is told: ask again, but not for ever.
      silent = this.#operations.length > before ? 0 : silent + 1;
      assert(silent < 4, 'every client waits, and nothing is under way');
      for (const client of this.#states.keys()) this.#states[client] = FREE;
    }
    return { operations: this.#operations, isExhausted: false };
  }

  #askAll(): 'done' | 'asked' {
    for (const [client, state] of this.#states.entries()) {
      // Whoever waits may ask early: it must change nothing.
      const isEarly = state.type === 'waiting' && this.#random.float() < 0.3;
      if (state.type !== 'free' && !isEarly) continue;
      const asked = { process: this.#processes[client] ?? -1, client, nowNs: this.#nowNs };
      const draw = this.#source.next(asked);
      if (draw.type === 'done') return 'done';
      this.#states[client] = this.#stateAfter(draw, asked);
    }
    return 'asked';
  }

  #stateAfter(draw: Exclude<Draw, { type: 'done' }>, { process, client, nowNs }: Asked): State {
    if (draw.type === 'wait') {
      assert(draw.untilNs > nowNs, 'a wait ends later than now');
      assert(draw.untilNs < Infinity || draw.orCompletion, 'a wait may end');
      return { ...draw, type: 'waiting' };
    }
    const { outcome = () => 'ok' as const } = this.#options;
    const { invocation } = draw;
    const endedNs = nowNs + this.#random.integer(1, 20);
    const type = outcome(invocation, this.#random);
    const operation = { client, process, invocation, beganNs: nowNs, endedNs, type };
    this.#operations.push(operation);
    return { type: 'busy', operation };
  }

  #complete(): void {
    let hasCompleted = false;
    for (const [client, state] of this.#states.entries()) {
      if (state.type !== 'busy' || state.operation.endedNs > this.#nowNs) continue;
      const { process, invocation, type } = state.operation;
      const completion: Completion =
        type === 'ok' ? { type, value: invocation.value } : { type, error: 'planted' };
      this.#source.completed?.(process, invocation, completion);
      if (type === 'info') this.#processes[client] = process + this.#options.clients;
      this.#states[client] = FREE;
      hasCompleted = true;
    }
    for (const [client, state] of this.#states.entries()) {
      if (state.type !== 'waiting') continue;
      if (state.untilNs <= this.#nowNs || (hasCompleted && state.orCompletion)) {
        this.#states[client] = FREE;
      }
    }
  }
}

function wakesNs(state: State): number {
  switch (state.type) {
    case 'free':
      return Infinity;
    case 'busy':
      return state.operation.endedNs;
    case 'waiting':
      return state.untilNs;
    default:
      return assertNever(state);
  }
}
