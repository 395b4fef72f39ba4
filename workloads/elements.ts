import type {
  Generator,
  Workload,
  WorkloadOptions,
  WorkloadSetting,
} from '../src/contracts/workload.ts';
import { each, limit } from '../src/generator/base.ts';
import { mix } from '../src/generator/mix.ts';
import type { Random } from '../src/lib/prng.ts';
import { KEYS, onKeys, READ_SHARE } from './keys.ts';
import { READ, readOf } from './register-keys.ts';
import { settingOf } from './settings.ts';

export const ELEMENTS: WorkloadSetting = {
  name: 'elements',
  what: 'how many elements each of them gets, about, before a new one takes its place',
  fallback: 50,
  min: 1,
  max: 10_000,
  isWhole: true,
};

/**
 * Collections that only grow, each element unique in its own. Every read returns all of it, so a
 * collection lives for so many elements and not longer: a history is linear in its reads and elements,
 * not in their product.
 *
 * @param put - what puts an element in
 */
export function growing(put: string, options: WorkloadOptions, random: Random): Generator {
  const readShare = settingOf(options, READ_SHARE);
  const operations = Math.ceil(settingOf(options, ELEMENTS) / (1 - readShare));
  return onKeys({
    keys: settingOf(options, KEYS),
    options,
    random,
    source: (key) => {
      let next = 0;
      return limit(
        operations,
        mix(
          [
            { weight: readShare, source: each(() => READ(key)) },
            { weight: 1 - readShare, source: each(() => ({ f: put, key, value: next++ })) },
          ],
          random,
        ),
      );
    },
    lookAt: readOf,
  });
}

export const GROWING_SETTINGS: readonly WorkloadSetting[] = [READ_SHARE, KEYS, ELEMENTS];

/** An element was put in, or all of them were found. */
export const growingEffects: NonNullable<Workload['effects']> = ({ f, value }, ok) => {
  if (f !== 'read') return [{ type: 'wrote', value }];
  return Array.isArray(ok.value) ? ok.value.map((one) => ({ type: 'read', value: one })) : [];
};
