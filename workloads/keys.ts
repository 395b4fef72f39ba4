import type { Invocation } from '../src/contracts/client.ts';
import type {
  Generator,
  Source,
  WorkloadOptions,
  WorkloadSetting,
} from '../src/contracts/workload.ts';
import { KeyRotation } from '../src/generator/key-rotation.ts';
import type { Random } from '../src/lib/prng.ts';

/** Keys that are looked at in the end, unless more are active. */
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

/** What a workload does with its objects. */
export interface OnKeys {
  /** How many objects are active at a time. */
  readonly keys: number;
  readonly options: WorkloadOptions;
  readonly random: Random;
  /** The operations of one object; all of them name it. */
  readonly source: (key: string) => Source;
  /** What every node is asked of it in the end: see `Workload.lookAt`. */
  readonly lookAt: (key: string) => readonly Invocation[];
  /** How many of the last objects are looked at in the end, at least those that are active. */
  readonly finalKeys?: number;
  /** Told of each that will not be named again. */
  readonly finished?: (key: string) => void;
}

/**
 * Independent objects, a few active at a time.
 *
 * Active key i has weight 1/(i+1)². With equal weights every key would turn over at one speed. Unequal
 * ones give both kinds of history that find violations: hot keys, where all clients are at the same
 * object at once, and cold keys, which live for seconds and so hold values from before a fault,
 * during it and after it.
 */
export function onKeys(parts: OnKeys): Generator {
  const { keys, options, random, source, lookAt, finalKeys = FINAL_KEYS, finished } = parts;
  const rotation = new KeyRotation(
    {
      weights: Array.from({ length: keys }, (_, i) => 1 / (i + 1) ** 2),
      keyOps: options.keyOps,
      lastKeysMax: Math.max(finalKeys, keys),
      source,
    },
    random,
  );
  return {
    next: (asked) => rotation.next(asked),
    completed: (...told) => rotation.completed(...told),
    finalReads: () => rotation.lastKeys().flatMap(lookAt),
    takeFinishedKeys: () => {
      const taken = rotation.takeFinishedKeys();
      for (const key of taken) finished?.(key);
      return taken;
    },
  };
}
