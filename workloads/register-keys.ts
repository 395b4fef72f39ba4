import type { Invocation } from '../src/contracts/client.ts';
import type {
  Effect,
  Generator,
  Source,
  Workload,
  WorkloadOptions,
} from '../src/contracts/workload.ts';
import { defined } from '../src/lib/assert.ts';
import type { Random } from '../src/lib/prng.ts';
import { onKeys } from './keys.ts';

/** Written values of a key that a CAS may still expect. */
const VALUES_REMEMBERED = 8;

export const READ = (key: string): Invocation => ({ f: 'read', key, value: null });

export function readOf(key: string): readonly Invocation[] {
  return [READ(key)];
}

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

/** Independent registers, a few active at a time. @param source - the operations of one key */
export function registers(
  { keys, options, random }: { keys: number; options: WorkloadOptions; random: Random },
  source: (key: string) => Source,
): Generator {
  return onKeys({ keys, options, random, source, lookAt: readOf });
}

/** A write and an applied CAS leave their new value, a read finds one. */
export const registerEffects: NonNullable<Workload['effects']> = (
  { f, value },
  ok,
): readonly Effect[] => {
  switch (f) {
    case 'read':
      return [{ type: 'read', value: ok.value }];
    case 'write':
      return [{ type: 'wrote', value }];
    case 'cas':
      if (ok.applied === false || !Array.isArray(value)) return [];
      return [{ type: 'wrote', value: defined(value[1], 'a CAS has a new value') }];
    default:
      return [];
  }
};
