import type { Workload } from '../src/contracts/workload.ts';
import { each } from '../src/generator/base.ts';
import { mix } from '../src/generator/mix.ts';
import { KEYS, READ_SHARE } from './keys.ts';
import { HandedOut, READ, readOf, registerEffects, registers } from './register-keys.ts';
import { settingOf } from './settings.ts';

/** Independent registers with read and write alone: for stores without compare-and-set. */
export const rwRegister: Workload = {
  name: 'rw-register',
  about: 'reads and writes of single values, for stores without compare-and-set',
  finds: 'stale reads, lost writes',
  model: 'register',
  functions: ['read', 'write'],
  mutations: ['write'],
  settings: [READ_SHARE, KEYS],
  effects: registerEffects,
  lookAt: readOf,
  generator(options, random) {
    const readShare = settingOf(options, READ_SHARE);
    return registers({ keys: settingOf(options, KEYS), options, random }, (key) => {
      const values = new HandedOut(options, random);
      return mix(
        [
          { weight: readShare, source: each(() => READ(key)) },
          {
            weight: 1 - readShare,
            source: each(() => ({ f: 'write', key, value: values.draw() })),
          },
        ],
        random,
      );
    });
  },
};
