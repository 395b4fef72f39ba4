import { expect, test } from 'vitest';
import { register } from '../../workloads/register.ts';
import type { Invocation } from '../contracts/client.ts';
import { defined } from '../lib/assert.ts';
import { makeRandom } from '../lib/prng.ts';
import { FinishedKeys } from './finished-keys.ts';

test('a key is told once, when it is left behind and nothing on it is under way', () => {
  const told: string[] = [];
  const options = { keyOps: 10, concurrency: 8, values: undefined };
  const generator = register.generator(options, makeRandom('1'));
  const keys = new FinishedKeys(generator, (key) => void told.push(key));
  const random = makeRandom('2');
  const open: Invocation[] = [];
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  for (let i = 0; i < 5_000; i++) {
    const invocation = keys.generator.next(0);
    const { key = '' } = invocation;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (told.includes(key)) wrong.push(`${key} was drawn`);
    open.push(invocation);
    if (open.length < 8) continue;
    const [ended] = open.splice(random.integer(0, open.length - 1), 1);
    const before = told.length;
    keys.ended(defined(ended, 'one of them'));
    for (const finished of told.slice(before)) {
      if (open.some((each) => each.key === finished)) wrong.push(`${finished} is under way`);
    }
  }
  expect(wrong).toEqual([]);
  expect(new Set(told).size).toBe(told.length);
  expect(told.length).toBeGreaterThan(400);
  expect(told.filter((key) => counts.get(key) !== 10)).toEqual([]);
  const named = keys.generator.finalReads().map(({ key }) => key ?? '');
  expect(named.filter((key) => told.includes(key))).toEqual([]);
  expect(counts.size - told.length).toBeLessThan(50);
});

test('an operation that never ends keeps its key open', () => {
  const told: string[] = [];
  let drawn = 0;
  const keys = new FinishedKeys(
    {
      next: () => ({ f: 'read', key: `k${drawn++}`, value: null }),
      finalReads: () => [],
      takeFinishedKeys: () => (drawn === 2 ? ['k0', 'k1'] : []),
    },
    (key) => void told.push(key),
  );
  const first = keys.generator.next(0);
  const second = keys.generator.next(1);
  expect(told).toEqual([]);
  keys.ended(second);
  expect(told).toEqual(['k1']);
  keys.ended(first);
  expect(told).toEqual(['k1', 'k0']);
});
