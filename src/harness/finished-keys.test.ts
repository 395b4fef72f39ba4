import { expect, test } from 'vitest';
import { register } from '../../workloads/register.ts';
import type { Invocation } from '../contracts/client.ts';
import { defined } from '../lib/assert.ts';
import { makeRandom } from '../lib/prng.ts';
import { FinishedKeys } from './finished-keys.ts';

const ASKED = { process: 0, client: 0, nowNs: 0 };

function draw({ generator }: FinishedKeys): Invocation {
  const drawn = generator.next(ASKED);
  if (drawn.type !== 'invoke') throw new Error(`it draws ${drawn.type}`);
  return drawn.invocation;
}

function end({ generator }: FinishedKeys, invocation: Invocation): void {
  generator.completed?.(0, invocation, { type: 'info', error: 'no answer in time' });
}

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
    const invocation = draw(keys);
    const { key = '' } = invocation;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (told.includes(key)) wrong.push(`${key} was drawn`);
    open.push(invocation);
    if (open.length < 8) continue;
    const [ended] = open.splice(random.integer(0, open.length - 1), 1);
    const before = told.length;
    end(keys, defined(ended, 'one of them'));
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
  const finished = ['k0', 'k1'];
  let drawn = 0;
  const keys = new FinishedKeys(
    {
      next: () => ({
        type: 'invoke',
        invocation: { f: 'read', key: `k${drawn++}`, value: null },
      }),
      finalReads: () => [],
      takeFinishedKeys: () => (drawn === 2 ? finished.splice(0) : []),
    },
    (key) => void told.push(key),
  );
  const first = draw(keys);
  const second = draw(keys);
  expect(told).toEqual([]);
  end(keys, second);
  expect(told).toEqual(['k1']);
  end(keys, first);
  expect(told).toEqual(['k1', 'k0']);
});
