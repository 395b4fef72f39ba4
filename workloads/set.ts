import type { Workload } from '../src/contracts/workload.ts';
import { growing, GROWING_SETTINGS, growingEffects } from './elements.ts';
import { readOf } from './register-keys.ts';

/** Sets that are added to. */
export const set: Workload = {
  name: 'set',
  about: 'additions to sets, and reads of all that is inside',
  finds: 'elements that are lost or come from nowhere, stale reads',
  model: 'set',
  functions: ['read', 'add'],
  mutations: ['add'],
  settings: GROWING_SETTINGS,
  effects: growingEffects,
  lookAt: readOf,
  generator: (options, random) => growing('add', options, random),
};
