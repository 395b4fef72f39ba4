import type { Workload } from '../src/contracts/workload.ts';
import { each } from '../src/generator/base.ts';
import { mix } from '../src/generator/mix.ts';
import { KEYS, onKeys, READ_SHARE } from './keys.ts';
import { READ, readOf } from './register-keys.ts';
import { settingOf } from './settings.ts';

/**
 * What each counter counts by: one size per key. Then every sum names the step that led to it, and a
 * history is decided in linear time, whatever crashed; of mixed sizes, which of them a sum holds is a
 * subset sum.
 */
const STEPS = [1, 1, 2, 7, -3];

/** Counters, whose increments tell the sum. */
export const counter: Workload = {
  name: 'counter',
  about: 'increments that answer with the sum, and reads of it',
  finds: 'increments that are lost or applied twice, one sum for two of them, stale reads',
  model: 'counter',
  functions: ['read', 'incr'],
  mutations: ['incr'],
  settings: [READ_SHARE, KEYS],
  effects({ f }, { value }) {
    return [{ type: f === 'incr' ? 'wrote' : 'read', value }];
  },
  lookAt: readOf,
  generator(options, random) {
    const readShare = settingOf(options, READ_SHARE);
    return onKeys({
      keys: settingOf(options, KEYS),
      options,
      random,
      source: (key) => {
        const by = random.pick(STEPS);
        return mix(
          [
            { weight: readShare, source: each(() => READ(key)) },
            { weight: 1 - readShare, source: each(() => ({ f: 'incr', key, value: by })) },
          ],
          random,
        );
      },
      lookAt: readOf,
    });
  },
};
