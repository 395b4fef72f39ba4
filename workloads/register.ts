import type { Invocation } from '../src/contracts/client.ts';
import type { Generator, Workload, WorkloadOptions } from '../src/contracts/workload.ts';
import { each } from '../src/generator/base.ts';
import { mix } from '../src/generator/mix.ts';
import { defined } from '../src/lib/assert.ts';
import type { Random } from '../src/lib/prng.ts';
import { KEYS, READ_SHARE } from './keys.ts';
import { HandedOut, READ, readOf, registerEffects, registers } from './register-keys.ts';
import { settingOf } from './settings.ts';

/** Of what does not read: the rest are CAS. */
const WRITE_SHARE = 0.7;
/** How often a CAS expects the value handed out last, and not an older one. */
const LATEST_SHARE = 0.8;

/** Independent registers with read, write and compare-and-set. */
export const register: Workload = {
  name: 'register',
  about: 'reads, writes and compare-and-set of single values',
  finds:
    'stale reads, lost writes, a compare-and-set that takes effect twice or against another value',
  model: 'cas-register',
  functions: ['read', 'write', 'cas'],
  mutations: ['write', 'cas'],
  settings: [READ_SHARE, KEYS],
  effects: registerEffects,
  lookAt: readOf,
  generator: registerOperations,
};

/** The operations of the workload. */
export function registerOperations(options: WorkloadOptions, random: Random): Generator {
  const readShare = settingOf(options, READ_SHARE);
  return registers({ keys: settingOf(options, KEYS), options, random }, (key) => {
    const values = new HandedOut(options, random);
    const write = (): Invocation => ({ f: 'write', key, value: values.draw() });
    return mix(
      [
        { weight: readShare, source: each(() => READ(key)) },
        { weight: (1 - readShare) * WRITE_SHARE, source: each(write) },
        {
          weight: (1 - readShare) * (1 - WRITE_SHARE),
          // Without a value that was handed out no CAS could succeed.
          source: each(() => (values.recent.length === 0 ? write() : cas(key, values, random))),
        },
      ],
      random,
    );
  });
}

function cas(key: string, values: HandedOut, random: Random): Invocation {
  const latest = defined(values.recent.at(-1), 'a value was handed out');
  const from = random.float() < LATEST_SHARE ? latest : random.pick(values.recent);
  return { f: 'cas', key, value: [from, values.draw()] };
}
