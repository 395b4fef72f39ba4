import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json } from '../checker/index.ts';
import type { Invocation } from '../src/contracts/client.ts';
import type { WorkloadOptions } from '../src/contracts/workload.ts';
import { makeRandom } from '../src/lib/prng.ts';
import { register } from './register.ts';

const options: WorkloadOptions = { keyOps: 20, concurrency: 10, values: undefined };

function draw(count: number, seed: string, some: WorkloadOptions = options) {
  const generator = register.generator(some, makeRandom(seed));
  const operations = Array.from({ length: count }, (_, i) => generator.next(i % 10));
  return { operations, finalReads: generator.finalReads() };
}

function byKey(operations: readonly Invocation[]): Map<string, Invocation[]> {
  return Map.groupBy(operations, ({ key }) => key ?? '');
}

/** Values that an operation asks to be stored. */
function stored({ f, value }: Invocation): number[] {
  if (f === 'write') return [Number(value)];
  return f === 'cas' && Array.isArray(value) ? [Number(value[1])] : [];
}

/** The value that a CAS expects. */
function expected({ f, value }: Invocation): number[] {
  return f === 'cas' && Array.isArray(value) ? [Number(value[0])] : [];
}

test('the same seed and the same calls give the same operations', () => {
  fc.assert(
    fc.property(fc.string(), (seed) => {
      expect(draw(300, seed)).toEqual(draw(300, seed));
    }),
    { numRuns: 20 },
  );
});

test('no key gets more than keyOps operations, and retired keys do not come back', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 50 }), (seed, keyOps) => {
      const { operations } = draw(1_000, seed, { ...options, keyOps });
      for (const some of byKey(operations).values()) {
        expect(some.length).toBeLessThanOrEqual(keyOps);
      }
      const active = new Set<string>();
      for (const { key } of operations) active.add(key ?? '');
      expect(active.size).toBeGreaterThanOrEqual(Math.floor(1_000 / keyOps));
    }),
    { numRuns: 30 },
  );
});

test('stored values are unique per key, and a CAS expects one that was handed out', () => {
  fc.assert(
    fc.property(fc.string(), (seed) => {
      for (const some of byKey(draw(1_000, seed).operations).values()) {
        const handedOut = new Set<number>();
        for (const operation of some) {
          expect(expected(operation).filter((value) => !handedOut.has(value))).toEqual([]);
          for (const value of stored(operation)) {
            expect(handedOut).not.toContain(value);
            handedOut.add(value);
          }
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('with a bound on values every stored value is below it', () => {
  const { operations } = draw(2_000, 'bounded', { ...options, values: 3 });
  expect(new Set(operations.flatMap(stored))).toEqual(new Set([0, 1, 2]));
});

test('half of the operations read, and on a register without concurrency most CAS succeed', () => {
  const { operations } = draw(20_000, 'mix', { ...options, keyOps: 200 });
  const share = (f: string) => operations.filter((one) => one.f === f).length / operations.length;
  expect(share('read')).toBeCloseTo(0.5, 1);
  expect(share('write')).toBeCloseTo(0.35, 1);
  expect(share('cas')).toBeCloseTo(0.15, 1);
  let [tried, applied] = [0, 0];
  for (const some of byKey(operations).values()) {
    let value: unknown = null;
    for (const operation of some) {
      if (operation.f === 'write') value = operation.value;
      if (operation.f !== 'cas' || !Array.isArray(operation.value)) continue;
      tried++;
      if (value !== operation.value[0]) continue;
      applied++;
      value = operation.value[1];
    }
  }
  expect(applied / tried).toBeGreaterThan(0.5);
  expect(applied).toBeLessThan(tried);
});

test('hot keys turn over while a cold one lives on', () => {
  const { operations } = draw(5_000, 'weights', { ...options, keyOps: 200 });
  const lives = [...byKey(operations).keys()].map((key) => {
    const at = operations.flatMap((one, i) => (one.key === key ? [i] : []));
    return (at.at(-1) ?? 0) - (at[0] ?? 0);
  });
  expect(Math.max(...lives)).toBeGreaterThan(10 * Math.min(...lives));
});

test('final reads ask for each active key, once, and for at most 32 keys', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 0, max: 2_000 }), (seed, count) => {
      const { operations, finalReads } = draw(count, seed);
      const keys = finalReads.map(({ key }) => key);
      expect(finalReads.every(({ f, value }) => f === 'read' && value === null)).toBe(true);
      expect(new Set(keys).size).toBe(keys.length);
      expect(keys.length).toBeLessThanOrEqual(32);
      const active = [...byKey(operations)].filter(([, some]) => some.length < options.keyOps);
      expect(keys).toEqual(expect.arrayContaining(active.map(([key]) => key)));
    }),
    { numRuns: 30 },
  );
});

test('a finished key is told once, never named again, and the others are few', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 50 }), (seed, keyOps) => {
      const generator = register.generator({ ...options, keyOps }, makeRandom(seed));
      const finished = new Set<string>();
      const named = new Set<string>();
      for (let i = 0; i < 2_000; i++) {
        const { key = '' } = generator.next(i % 10);
        expect(finished).not.toContain(key);
        named.add(key);
        for (const one of generator.takeFinishedKeys()) {
          expect(finished).not.toContain(one);
          finished.add(one);
        }
      }
      const last = new Set(generator.finalReads().map(({ key }) => key ?? ''));
      expect(finished.isDisjointFrom(last)).toBe(true);
      expect(named.difference(finished).size).toBeLessThanOrEqual(40);
    }),
    { numRuns: 30 },
  );
});

test('a write and an applied CAS leave their new value, and a read finds one', () => {
  const effect = (f: string, asked: Json, answered: Json, applied?: boolean) =>
    register.effect?.(
      { f, value: asked },
      { type: 'ok', value: answered, ...(applied === undefined ? {} : { applied }) },
    );
  expect(effect('write', 3, 3)).toEqual({ type: 'wrote', value: 3 });
  expect(effect('read', null, 3)).toEqual({ type: 'read', value: 3 });
  expect(effect('cas', [3, 4], [3, 4])).toEqual({ type: 'wrote', value: 4 });
  expect(effect('cas', [3, 4], [3, 4], false)).toBeUndefined();
});
