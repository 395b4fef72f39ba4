import { describe, expect, test } from 'vitest';
import {
  checkHistory,
  checkKey,
  JsonlReader,
  MODELS,
  pair,
  type Operation,
} from '../../../checker/index.ts';
import { defined } from '../../lib/assert.ts';
import { generateHistory, type HistoryOptions } from './history.ts';
import { ladder } from './rows.ts';

const UNLIMITED = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };
const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

function operationsOf(options: HistoryOptions): readonly Operation[] {
  const reader = new JsonlReader();
  const text = [...generateHistory(options)].join('');
  const { events, error } = reader.push(new TextEncoder().encode(text));
  expect(error).toBeUndefined();
  const paired = pair(events);
  if (!paired.ok) throw new Error(paired.error.message);
  return paired.history.operations;
}

function isLinearizable(options: HistoryOptions, model: string): boolean | 'unknown' {
  const known = defined(MODELS.get(model), `a model ${model}`);
  return checkKey(operationsOf(options), known, UNLIMITED).valid;
}

describe.each([
  ['unique values', 'cas-register', { object: 'register' }],
  ['unique values, CAS', 'cas-register', { object: 'register', casShare: 0.3 }],
  ['few values, CAS', 'cas-register', { object: 'register', casShare: 0.3, values: 4 }],
  [
    'few values, CAS observed',
    'cas-register',
    { object: 'register', casShare: 0.5, values: 3, isCasObserved: true },
  ],
  ['crashes', 'cas-register', { object: 'register', casShare: 0.3, values: 5, crashRate: 0.05 }],
  ['a queue', 'queue', { object: 'queue' }],
  ['a set', 'set', { object: 'set', readShare: 0.05 }],
  ['a lock', 'mutex', { object: 'lock' }],
] as const)('a generated history with %s', (_, model, shape) => {
  const common = { ...shape, operations: 150, clients: 4 };

  test('is linearizable, and with a violation planted it is not', () => {
    for (const seed of SEEDS) {
      expect({ seed, valid: isLinearizable({ ...common, seed }, model) }).toEqual({
        seed,
        valid: true,
      });
      const planted = { ...common, seed, operations: 400, violationAt: 0.3 };
      expect({ seed, valid: isLinearizable(planted, model) }).toEqual({ seed, valid: false });
    }
  });

  test('is the same for the same seed', () => {
    const text = (seed: number): string => [...generateHistory({ ...common, seed })].join('');
    expect(text(7)).toBe(text(7));
    expect(text(7)).not.toBe(text(8));
  });
});

test('of several keys one is violated', () => {
  const options = { object: 'register', seed: 3, operations: 2000, clients: 3, keys: 5 } as const;
  const operations = operationsOf({ ...options, violationAt: 0.5 });
  const { keys } = checkHistory(operations, defined(MODELS.get('register'), 'it'), UNLIMITED);
  expect(keys.map(({ key, valid }) => `${key} ${valid}`).toSorted()).toEqual([
    'k0 true',
    'k1 true',
    'k2 false',
    'k3 true',
    'k4 true',
  ]);
});

test('crashes happen, and their operations take effect at times', () => {
  const operations = operationsOf({
    object: 'register',
    seed: 1,
    operations: 2000,
    clients: 5,
    crashRate: 0.1,
  });
  const crashed = operations.filter(({ outcome }) => outcome === 'info');
  expect(crashed.length).toBeGreaterThan(100);
  const written = new Set(crashed.filter(({ f }) => f === 'write').map(({ input }) => input));
  const seen = operations.filter(({ f, output }) => f === 'read' && written.has(output));
  expect(seen.length).toBeGreaterThan(20);
});

test('rows of the ladder have names of their own', () => {
  const names = ladder(1).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
