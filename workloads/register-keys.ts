import type { Invocation } from '../src/contracts/client.ts';
import type {
  Effect,
  Generator,
  Source,
  Workload,
  WorkloadOptions,
  WorkloadSetting,
} from '../src/contracts/workload.ts';
import { KeyRotation } from '../src/generator/key-rotation.ts';
import { defined } from '../src/lib/assert.ts';
import type { Random } from '../src/lib/prng.ts';

/** Written values of a key that a CAS may still expect. */
const VALUES_REMEMBERED = 8;
/** Keys that are read at the end, unless more are active. */
const FINAL_KEYS = 32;

export const READ_SHARE: WorkloadSetting = {
  name: 'readShare',
  what: 'the share of operations that read',
  fallback: 0.5,
  min: 0.05,
  max: 0.95,
};

export const KEYS: WorkloadSetting = {
  name: 'keys',
  what: 'how many keys are active at a time',
  fallback: 8,
  min: 1,
  max: 256,
  isWhole: true,
};

export const READ = (key: string): Invocation => ({ f: 'read', key, value: null });

/** The values written to one key. */
export class HandedOut {
  readonly #values: number | undefined;
  readonly #random: Random;
  /** Newest last: nobody knows yet which of them were applied. */
  readonly recent: number[] = [];
  #next = 0;

  constructor({ values }: WorkloadOptions, random: Random) {
    this.#values = values;
    this.#random = random;
  }

  /** Unique unless asked otherwise: then a read names the one write that it saw. */
  draw(): number {
    const value =
      this.#values === undefined
        ? this.#next++
        : this.#random.integer(0, Math.max(this.#values, 1) - 1);
    this.recent.push(value);
    if (this.recent.length > VALUES_REMEMBERED) this.recent.shift();
    return value;
  }
}

/**
 * Independent registers, a few active at a time.
 *
 * Active key i has weight 1/(i+1)². With equal weights every key would turn over at one speed. Unequal
 * ones give both kinds of history that find violations: hot keys, where all clients are at the same
 * register at once, and cold keys, which live for seconds and so hold values from before a fault,
 * during it and after it.
 *
 * @param source - the operations of one key
 */
export function registers(
  { keys, options, random }: { keys: number; options: WorkloadOptions; random: Random },
  source: (key: string) => Source,
): Generator {
  const rotation = new KeyRotation(
    {
      weights: Array.from({ length: keys }, (_, i) => 1 / (i + 1) ** 2),
      keyOps: options.keyOps,
      lastKeysMax: Math.max(FINAL_KEYS, keys),
      source,
    },
    random,
  );
  return {
    next: (asked) => rotation.next(asked),
    completed: (...told) => rotation.completed(...told),
    finalReads: () => rotation.lastKeys().map(READ),
    takeFinishedKeys: () => rotation.takeFinishedKeys(),
  };
}

/** A write and an applied CAS leave their new value, a read finds one. */
export const registerEffect: NonNullable<Workload['effect']> = (
  { f, value },
  ok,
): Effect | undefined => {
  switch (f) {
    case 'read':
      return { type: 'read', value: ok.value };
    case 'write':
      return { type: 'wrote', value };
    case 'cas':
      if (ok.applied === false || !Array.isArray(value)) return undefined;
      return { type: 'wrote', value: defined(value[1], 'a CAS has a new value') };
    default:
      return undefined;
  }
};
