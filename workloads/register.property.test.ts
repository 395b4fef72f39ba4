import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../checker/index.ts';
import type { Invocation } from '../src/contracts/client.ts';
import type { Generator, Workload, WorkloadOptions } from '../src/contracts/workload.ts';
import { makeRandom } from '../src/lib/prng.ts';
import { register } from './register.ts';
import { rwRegister } from './rw-register.ts';

const options: WorkloadOptions = { keyOps: 20, concurrency: 10, values: undefined };

/** The operation that client `i` of ten is given: registers never tell anybody to wait. */
function operationOf(generator: Generator, i: number): Invocation {
  const draw = generator.next({ process: i % 10, client: i % 10, nowNs: i });
  if (draw.type !== 'invoke') throw new Error(`expected an operation, was told ${draw.type}`);
  return draw.invocation;
}

function draw(
  count: number,
  seed: string,
  some: WorkloadOptions = options,
  workload: Workload = register,
) {
  const generator = workload.generator(some, makeRandom(seed));
  const operations = Array.from({ length: count }, (_, i) => operationOf(generator, i));
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

test('what a recorded seed drew it draws again', () => {
  const { operations } = draw(7, 'golden');
  expect(operations.map(({ f, key, value }) => `${f} ${key} ${JSON.stringify(value)}`)).toEqual([
    'read k0 null',
    'write k0 0',
    'read k0 null',
    'write k0 1',
    'cas k0 [1,2]',
    'read k0 null',
    'write k1 0',
  ]);
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
        const { key = '' } = operationOf(generator, i);
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
    register.effects?.(
      { f, value: asked },
      { type: 'ok', value: answered, ...(applied === undefined ? {} : { applied }) },
    );
  expect(effect('write', 3, 3)).toEqual([{ type: 'wrote', value: 3 }]);
  expect(effect('read', null, 3)).toEqual([{ type: 'read', value: 3 }]);
  expect(effect('cas', [3, 4], [3, 4])).toEqual([{ type: 'wrote', value: 4 }]);
  expect(effect('cas', [3, 4], [3, 4], false)).toEqual([]);
});

describe('settings', () => {
  test('a read share of its own moves reads, and leaves writes and CAS their ratio', () => {
    const settings = { readShare: 0.9 };
    const { operations } = draw(20_000, 'reads', { ...options, keyOps: 10_000, settings });
    const share = (f: string) => operations.filter((one) => one.f === f).length / 20_000;
    expect(share('read')).toBeCloseTo(0.9, 1);
    expect(share('write') / (1 - share('read'))).toBeCloseTo(0.7, 1);
  });

  test('so many keys are active as asked for', () => {
    for (const keys of [1, 40]) {
      const { operations, finalReads } = draw(200, 'keys', {
        ...options,
        keyOps: 10_000,
        settings: { keys },
      });
      expect(byKey(operations).size).toBeLessThanOrEqual(keys);
      expect(byKey(operations).size).toBeGreaterThan(keys / 4);
      expect(finalReads).toHaveLength(keys);
    }
  });
});

describe('read and write alone', () => {
  test('nothing but reads and writes of unique values, half and half', () => {
    const { operations } = draw(20_000, 'rw', options, rwRegister);
    expect(new Set(operations.map(({ f }) => f))).toEqual(new Set(rwRegister.functions));
    const reads = operations.filter(({ f }) => f === 'read').length;
    expect(reads / operations.length).toBeCloseTo(0.5, 1);
    for (const some of byKey(operations).values()) {
      const values = some.flatMap(stored);
      expect(values).toEqual(values.map((_, i) => i));
    }
  });

  test('what it says that it may change and find is what it draws', () => {
    expect(rwRegister).toMatchObject({ model: 'register', mutations: ['write'] });
    const ok = { type: 'ok', value: 4 } as const;
    expect(rwRegister.effects?.({ f: 'read', value: null }, ok)).toEqual([
      { type: 'read', value: 4 },
    ]);
    expect(rwRegister.effects?.({ f: 'write', value: 4 }, ok)).toEqual([
      { type: 'wrote', value: 4 },
    ]);
  });
});
