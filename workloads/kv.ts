import type { Json } from '../checker/index.ts';
import type { Invocation } from '../src/contracts/client.ts';
import type {
  Effect,
  Source,
  Workload,
  WorkloadOptions,
  WorkloadSetting,
} from '../src/contracts/workload.ts';
import { atMost } from '../src/generator/at-most.ts';
import { each, limit } from '../src/generator/base.ts';
import { mix } from '../src/generator/mix.ts';
import { defined } from '../src/lib/assert.ts';
import type { Random } from '../src/lib/prng.ts';
import { KEYS, onKeys, READ_SHARE } from './keys.ts';
import { HandedOut } from './register-keys.ts';
import { settingOf } from './settings.ts';

/** Of what does not read, on most keys: what each leaves does not depend on what was there. */
const OVERWRITING = { put: 0.6, cas: 0.3, delete: 0.1 };
/** The same on keys that are appended to. */
const APPENDING = { put: 0.3, append: 0.5, cas: 0.1, delete: 0.1 };
/**
 * Which of several appends that overlap or were not answered a text holds, and in which order, multiplies:
 * a key that is appended to lives for so many operations, and few clients are at it at a time.
 */
const APPENDED_OPS_MAX = 40;
const APPENDED_CLIENTS_MAX = 5;

const APPENDED_SHARE: WorkloadSetting = {
  name: 'appendedShare',
  what: 'the share of keys that are appended to; they live for 40 operations at most',
  fallback: 0.6,
  min: 0.05,
  max: 0.95,
};

/** Values of a key seen of late, which a CAS may expect. */
const SEEN_REMEMBERED = 4;

const GET = (key: string): Invocation => ({ f: 'get', key, value: null });

/** Single keys with all that a key-value store does to them. Values are texts: these can be appended to. */
export const kv: Workload = {
  name: 'kv',
  about: 'texts that are put, got, deleted, compared and set, and appended to',
  finds:
    'stale reads, writes and deletions that are lost or come back, appends that are lost or doubled',
  model: 'kv',
  functions: ['get', 'put', 'delete', 'cas', 'append'],
  mutations: ['put', 'delete', 'cas', 'append'],
  settings: [READ_SHARE, KEYS, APPENDED_SHARE],
  effects: ({ f, value }, ok): readonly Effect[] => {
    switch (f) {
      case 'get':
        return [{ type: 'read', value: ok.value }];
      case 'put':
        return [{ type: 'wrote', value }];
      case 'cas':
        if (ok.applied === false || !Array.isArray(value)) return [];
        return [{ type: 'wrote', value: defined(value[1], 'a CAS has a new value') }];
      default:
        // What an append leaves, and which deletion a reader sees, nobody can tell.
        return [];
    }
  },
  lookAt: (key) => [GET(key)],
  generator(options, random) {
    const readShare = settingOf(options, READ_SHARE);
    const appendedShare = settingOf(options, APPENDED_SHARE);
    return onKeys({
      keys: settingOf(options, KEYS),
      options,
      random,
      source: (key) => {
        const isAppended = random.float() < appendedShare;
        const all = operations(key, { readShare, isAppended, options, random });
        if (!isAppended) return all;
        return limit(APPENDED_OPS_MAX, atMost(APPENDED_CLIENTS_MAX, all));
      },
      lookAt: (key) => [GET(key)],
    });
  },
};

function operations(
  key: string,
  parts: {
    readonly readShare: number;
    readonly isAppended: boolean;
    readonly options: WorkloadOptions;
    readonly random: Random;
  },
): Source {
  const { readShare, isAppended, options, random } = parts;
  const numbers = new HandedOut(options, random);
  /** A letter says which function wrote it, a blank ends it. */
  const text = (letter: string): string => `${letter}${numbers.draw()} `;
  // With appends nobody can foresee a value: a CAS expects one that was there a moment ago.
  const seen: Json[] = [null];
  const draws: Readonly<Record<keyof typeof APPENDING, () => Invocation>> = {
    put: () => ({ f: 'put', key, value: text('p') }),
    append: () => ({ f: 'append', key, value: text('a') }),
    cas: () => ({ f: 'cas', key, value: [seen.at(-1) ?? null, text('c')] }),
    delete: () => ({ f: 'delete', key, value: null }),
  };
  const shares = Object.entries(isAppended ? APPENDING : OVERWRITING).map(([f, share]) => ({
    weight: (1 - readShare) * share,
    source: each(draws[f as keyof typeof APPENDING]),
  }));
  return {
    ...mix([{ weight: readShare, source: each(() => GET(key)) }, ...shares], random),
    completed(_, invocation, completion) {
      if (invocation.key !== key || completion.type !== 'ok') return;
      if (invocation.f === 'get') seen.push(completion.value);
      if (invocation.f === 'put') seen.push(invocation.value);
      if (seen.length > SEEN_REMEMBERED) seen.shift();
    },
  };
}
