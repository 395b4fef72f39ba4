import type { Invocation } from '../src/contracts/client.ts';
import type { Source, Workload, WorkloadSetting } from '../src/contracts/workload.ts';
import { each } from '../src/generator/base.ts';
import { mix } from '../src/generator/mix.ts';
import type { Random } from '../src/lib/prng.ts';
import { KEYS, onKeys } from './keys.ts';
import { settingOf } from './settings.ts';

/** Queues that are emptied at the end: each node is asked for all that may be inside. */
const FINAL_QUEUES = 8;
/** Of one queue every node is asked for so many elements at most. */
const FINAL_DEQUEUES_MAX = 40;

const ENQUEUE_SHARE: WorkloadSetting = {
  name: 'enqueueShare',
  what: 'the share of operations that put an element in',
  fallback: 0.5,
  min: 0.1,
  max: 0.9,
};

const DEQUEUE = (key: string): Invocation => ({ f: 'dequeue', key, value: null });

/**
 * FIFO queues of unique elements. What a lost answer took out of a queue, nobody knows: such a dequeue is
 * `info`, and may have taken the oldest element at any time.
 */
export const queue: Workload = {
  name: 'queue',
  about: 'elements put into FIFO queues and taken out, and what is left in the end',
  finds: 'elements that are lost, given to two or out of order',
  model: 'queue',
  functions: ['enqueue', 'dequeue'],
  mutations: ['enqueue', 'dequeue'],
  settings: [ENQUEUE_SHARE, KEYS],
  effects({ f, value }, ok) {
    if (f === 'enqueue') return [{ type: 'wrote', value }];
    return ok.value === null ? [] : [{ type: 'read', value: ok.value }];
  },
  lookAt: (key) => [DEQUEUE(key)],
  generator(options, random) {
    const keys = settingOf(options, KEYS);
    const enqueueShare = settingOf(options, ENQUEUE_SHARE);
    const inside = new Map<string, { most: number }>();
    return onKeys({
      keys,
      options,
      random,
      source: (key) => {
        const its = { most: 0 };
        inside.set(key, its);
        return operations(key, { enqueueShare, its, random });
      },
      // One more than there can be: the last finds it empty.
      lookAt: (key) => {
        const most = Math.min(inside.get(key)?.most ?? 0, FINAL_DEQUEUES_MAX);
        return Array.from({ length: most + 1 }, () => DEQUEUE(key));
      },
      finalKeys: FINAL_QUEUES,
      finished: (key) => inside.delete(key),
    });
  },
};

/** @param parts - `its.most`: how many elements may be inside, kept up to date */
function operations(
  key: string,
  parts: {
    readonly enqueueShare: number;
    readonly its: { most: number };
    readonly random: Random;
  },
): Source {
  const { enqueueShare, its, random } = parts;
  let next = 0;
  const enqueue = (): Invocation => {
    its.most++;
    return { f: 'enqueue', key, value: next++ };
  };
  return {
    ...mix(
      [
        { weight: enqueueShare, source: each(enqueue) },
        { weight: 1 - enqueueShare, source: each(() => DEQUEUE(key)) },
      ],
      random,
    ),
    completed(_, invocation, completion) {
      if (invocation.key !== key) return;
      const isTaken =
        invocation.f === 'dequeue' && completion.type === 'ok' && completion.value !== null;
      const isRefused = invocation.f === 'enqueue' && completion.type === 'fail';
      if (isTaken || isRefused) its.most--;
    },
  };
}
