import type { Completion, Invocation } from '../contracts/client.ts';
import type { Asked, Draw, Source } from '../contracts/workload.ts';
import { assert, defined } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import { DONE, earlier } from './draws.ts';
import { pickWeighted, sum } from './weighted.ts';

export interface KeyRotationOptions {
  /** One weight per active key: how often it is drawn, compared with the others. */
  readonly weights: readonly number[];
  /** Operations per key before a new key takes its place, from 1. */
  readonly keyOps: number;
  /** How many of the last keys stay unfinished for final reads; no fewer than are active. */
  readonly lastKeysMax: number;
  /** The operations of one key; all of them name it. */
  readonly source: (key: string) => Source;
}

interface ActiveKey {
  readonly key: string;
  readonly source: Source;
  operationsLeft: number;
}

/**
 * Operations on a few keys at a time. Each key gets so many, or what its source has, then a new one
 * takes its place: deciding one register is exponential in the worst case, so histories are kept short
 * per key, not per run.
 */
export class KeyRotation implements Source {
  readonly #options: KeyRotationOptions;
  readonly #random: Random;
  readonly #totalWeight: number;
  readonly #slots: ActiveKey[];
  /** Whether the sources want completions: they are all of one make. */
  readonly #isListening: boolean;
  /** Keys in the order of their beginnings, the last ones only. */
  readonly #lately: string[] = [];
  #finished: string[] = [];
  #keys = 0;
  #isDone = false;

  constructor(options: KeyRotationOptions, random: Random) {
    assert(options.keyOps >= 1, 'a key gets at least one operation');
    assert(options.lastKeysMax >= options.weights.length, 'every active key is one of the last');
    this.#options = options;
    this.#random = random;
    this.#totalWeight = sum(options.weights);
    this.#slots = options.weights.map(() => this.#newKey());
    this.#isListening = this.#slots.some(({ source }) => source.completed !== undefined);
  }

  next(asked: Asked): Draw {
    const first = pickWeighted(this.#options.weights, this.#totalWeight, this.#random);
    const draw = this.#drawFrom(first, asked);
    if (draw.type !== 'wait') return draw;
    let wait = draw;
    for (let slot = 0; slot < this.#slots.length; slot++) {
      if (slot === first) continue;
      const other = this.#drawFrom(slot, asked);
      if (other.type !== 'wait') return other;
      wait = earlier(wait, other);
    }
    return wait;
  }

  completed(process: number, invocation: Invocation, completion: Completion): void {
    if (!this.#isListening) return;
    for (const { source } of this.#slots) source.completed?.(process, invocation, completion);
  }

  /** Keys whose last value is worth a look at the end: lately retired ones, then the active ones. */
  lastKeys(): readonly string[] {
    const active = this.#slots.map(({ key }) => key);
    // A key that is drawn seldom may have begun long ago: active ones count whatever their age.
    const retired = this.#lately.filter((key) => !active.includes(key));
    const room = this.#options.lastKeysMax - active.length;
    return [...retired.slice(Math.max(0, retired.length - room)), ...active];
  }

  /**
   * Keys that neither `next` nor `lastKeys` will name again, each told once.
   */
  takeFinishedKeys(): readonly string[] {
    const finished = this.#finished;
    this.#finished = [];
    return finished;
  }

  #drawFrom(slot: number, asked: Asked): Draw {
    if (this.#isDone) return DONE;
    let active = defined(this.#slots[slot], 'a slot always holds a key');
    let draw = active.source.next(asked);
    if (draw.type === 'done') {
      active = this.#replace(slot);
      draw = active.source.next(asked);
      // A key for which there is nothing to do at all: new ones would be the same.
      if (draw.type === 'done') this.#isDone = true;
    }
    if (draw.type === 'invoke' && --active.operationsLeft <= 0) this.#replace(slot);
    return draw;
  }

  #replace(slot: number): ActiveKey {
    const { key } = defined(this.#slots[slot], 'a slot always holds a key');
    const next = this.#newKey();
    this.#slots[slot] = next;
    this.#finishUnused([key]);
    return next;
  }

  /** A key in use, or one that `lastKeys` may still name, is not finished. */
  #finishUnused(keys: readonly string[]): void {
    const isUsed = (key: string): boolean =>
      this.#lately.includes(key) || this.#slots.some((slot) => slot.key === key);
    this.#finished.push(...keys.filter((key) => !isUsed(key)));
  }

  #newKey(): ActiveKey {
    const key = `k${this.#keys++}`;
    this.#lately.push(key);
    if (this.#lately.length > this.#options.lastKeysMax) {
      this.#finishUnused(this.#lately.splice(0, 1));
    }
    const { keyOps, source } = this.#options;
    return { key, source: source(key), operationsLeft: keyOps };
  }
}
