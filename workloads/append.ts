import type { Workload } from '../src/contracts/workload.ts';
import { growing, GROWING_SETTINGS, growingEffects } from './elements.ts';
import { readOf } from './register-keys.ts';

/** Lists that are appended to: a read shows the order of all that was written before it. */
export const append: Workload = {
  name: 'append',
  about: 'appends to lists, and reads of all of it in order',
  finds: 'elements that are lost, doubled or out of order, stale reads',
  model: 'append-list',
  functions: ['read', 'append'],
  mutations: ['append'],
  settings: GROWING_SETTINGS,
  effects: growingEffects,
  lookAt: readOf,
  generator: (options, random) => growing('append', options, random),
};
