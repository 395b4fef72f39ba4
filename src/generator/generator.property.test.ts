import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Invocation } from '../contracts/client.ts';
import type { Source } from '../contracts/workload.ts';
import { makeRandom } from '../lib/prng.ts';
import { atMost } from './at-most.ts';
import { each, limit, once, sequence } from './base.ts';
import { KeyRotation } from './key-rotation.ts';
import { mix } from './mix.ts';
import { phases, untilOk } from './phases.ts';
import { reserve } from './reserve.ts';
import { type Done, drive, type Trace } from './testing/drive.ts';
import { stagger, timeLimit } from './timing.ts';

const named = (f: string, value = 0): Invocation => ({ f, value });
const endless = (f: string): Source => each(() => named(f));
const some = (f: string, count: number): Source =>
  once(...Array.from({ length: count }, (_, value) => named(f, value)));
const names = ({ operations }: Trace): string[] => operations.map(({ invocation }) => invocation.f);
const of = ({ operations }: Trace, f: string): Done[] =>
  operations.filter(({ invocation }) => invocation.f === f);

const seeds = fc.record({ seed: fc.string(), clients: fc.integer({ min: 1, max: 8 }) });
const counts = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 5 });

describe('base pieces', () => {
  test('each operation of a list is drawn once, in order, whoever asks', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 40 }), (by, count) => {
        const trace = drive(some('a', count), by);
        expect(trace.isExhausted).toBe(true);
        const values = trace.operations.map(({ invocation }) => invocation.value);
        expect(values).toEqual(Array.from({ length: count }, (_, i) => i));
      }),
    );
  });

  test('a sequence is its sources one after the other', () => {
    fc.assert(
      fc.property(seeds, counts, (by, lengths) => {
        const trace = drive(sequence(...lengths.map((n, i) => some(`${i}`, n))), by);
        const expected = lengths.flatMap((n, i) => Array.from({ length: n }, () => `${i}`));
        expect(names(trace)).toEqual(expected);
      }),
    );
  });

  test('a limit lets through so many, or what there is', () => {
    fc.assert(
      fc.property(seeds, fc.nat({ max: 30 }), fc.nat({ max: 30 }), (by, most, count) => {
        expect(names(drive(limit(most, some('a', count)), by))).toHaveLength(Math.min(most, count));
        expect(names(drive(limit(most, endless('a')), by))).toHaveLength(most);
      }),
    );
  });
});

describe('so many at a time', () => {
  test('no more are under way than allowed, and none is lost, whatever becomes of them', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 4 }), fc.nat({ max: 30 }), (by, most, count) => {
        const outcomes = ['ok', 'fail', 'info'] as const;
        const trace = drive(atMost(most, some('a', count)), {
          ...by,
          outcome: (_, random) => random.pick(outcomes),
        });
        expect(trace.operations).toHaveLength(count);
        for (const { beganNs } of trace.operations) {
          const underWay = trace.operations.filter(
            (one) => one.beganNs <= beganNs && one.endedNs > beganNs,
          );
          expect(underWay.length).toBeLessThanOrEqual(most);
        }
      }),
    );
  });
});

describe('phases', () => {
  test('nothing of a phase begins before everything of the one before has ended', () => {
    fc.assert(
      fc.property(seeds, counts, (by, lengths) => {
        const trace = drive(phases(...lengths.map((n, i) => some(`${i}`, n))), {
          ...by,
          outcome: (_, random) => random.pick(['ok', 'fail', 'info'] as const),
        });
        expect(names(trace)).toHaveLength(lengths.reduce((a, b) => a + b, 0));
        for (const i of lengths.keys()) {
          const endNs = Math.max(0, ...of(trace, `${i}`).map(({ endedNs }) => endedNs));
          const later = trace.operations.filter(({ invocation }) => Number(invocation.f) > i);
          expect(later.filter(({ beganNs }) => beganNs < endNs)).toEqual([]);
        }
      }),
    );
  });

  test('a sequence does not wait: some run of it overlaps where phases do not', () => {
    const trace = drive(sequence(some('a', 9), some('b', 9)), { clients: 4, seed: 'overlap' });
    const endNs = Math.max(...of(trace, 'a').map(({ endedNs }) => endedNs));
    expect(of(trace, 'b').some(({ beganNs }) => beganNs < endNs)).toBe(true);
  });
});

describe('until ok', () => {
  test('it goes on while nothing succeeds, and begins nothing after the first success', () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: 0.05, max: 1, noNaN: true }), (by, share) => {
        const trace = drive(untilOk(endless('try')), {
          ...by,
          outcome: (_, random) => (random.float() < share ? 'ok' : 'info'),
        });
        expect(trace.isExhausted).toBe(true);
        const okNs = trace.operations.filter(({ type }) => type === 'ok').map((o) => o.endedNs);
        expect(okNs.length).toBeGreaterThan(0);
        const firstNs = Math.min(...okNs);
        expect(trace.operations.filter(({ beganNs }) => beganNs > firstNs)).toEqual([]);
      }),
    );
  });

  test('the success of an operation that it did not draw is none of its own', () => {
    const source = mix(
      [
        { weight: 1, source: limit(50, untilOk(endless('never'))) },
        { weight: 1, source: limit(50, endless('other')) },
      ],
      makeRandom('other'),
    );
    const trace = drive(source, {
      clients: 4,
      seed: 'x',
      outcome: ({ f }) => (f === 'never' ? 'fail' : 'ok'),
    });
    expect(of(trace, 'never')).toHaveLength(50);
  });
});

describe('timing', () => {
  test('a time limit counts from the first question, and nothing begins after it', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 300 }), (by, limitNs) => {
        const trace = drive(phases(some('before', 3), timeLimit(limitNs, endless('a'))), by);
        expect(trace.isExhausted).toBe(true);
        const began = of(trace, 'a').map(({ beganNs }) => beganNs);
        expect(Math.max(...began) - Math.min(...began)).toBeLessThan(limitNs);
        // Operations take at most 20 ns: the whole time was used.
        expect(Math.max(...began) - Math.min(...began)).toBeGreaterThanOrEqual(limitNs - 21);
      }),
    );
  });

  test('who waits for longer than the limit learns at the limit that it is over', () => {
    const slow = stagger(1e12, endless('a'), makeRandom('slow'));
    const trace = drive(phases(timeLimit(100, slow), some('after', 1)), { clients: 3, seed: 'x' });
    expect(names(trace)).toEqual(['a', 'after']);
    expect(of(trace, 'after')[0]?.beganNs).toBe(100);
  });

  test('staggered operations keep their mean distance, and are 0 to twice of it apart', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 50, max: 5_000 }), (seed, meanNs) => {
        const source = stagger(meanNs, endless('a'), makeRandom(seed));
        // With so many clients somebody is always free.
        const trace = drive(source, { clients: 40, seed, max: 400 });
        const began = trace.operations.map(({ beganNs }) => beganNs);
        const gaps = began.slice(1).map((ns, i) => ns - (began[i] ?? 0));
        expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * meanNs);
        const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
        expect(mean).toBeGreaterThan(0.85 * meanNs);
        expect(mean).toBeLessThan(1.15 * meanNs);
      }),
      { numRuns: 30 },
    );
  });
});

describe('mix', () => {
  test('shares follow the weights', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
        (seed, weights) => {
          const shares = weights.map((weight, i) => ({ weight, source: endless(`${i}`) }));
          const trace = drive(mix(shares, makeRandom(seed)), { clients: 3, seed, max: 4_000 });
          const total = weights.reduce((a, b) => a + b, 0);
          for (const [i, weight] of weights.entries()) {
            const share = of(trace, `${i}`).length / 4_000;
            expect(Math.abs(share - weight / total)).toBeLessThan(0.05);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('everything that its sources have is drawn, and then it is exhausted', () => {
    fc.assert(
      fc.property(seeds, counts, (by, lengths) => {
        const shares = lengths.map((n, i) => ({ weight: i + 1, source: some(`${i}`, n) }));
        const trace = drive(mix(shares, makeRandom(by.seed)), by);
        expect(trace.isExhausted).toBe(true);
        expect(lengths.map((_, i) => of(trace, `${i}`).length)).toEqual(lengths);
      }),
    );
  });

  test('a source that waits holds up nobody', () => {
    const shares = [
      { weight: 99, source: stagger(1_000, endless('slow'), makeRandom('a')) },
      { weight: 1, source: endless('fast') },
    ];
    const trace = drive(mix(shares, makeRandom('b')), { clients: 2, seed: 'x', max: 500 });
    expect(of(trace, 'fast').length).toBeGreaterThan(450);
    expect(of(trace, 'slow').length).toBeGreaterThan(1);
  });
});

describe('reserve', () => {
  test('each range of clients does its own, also under the ids that follow unknown outcomes', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: 4 }), fc.nat({ max: 4 }), (seed, a, b) => {
        const concurrency = a + b + 2;
        const ranges = [
          { clients: a, source: endless('a') },
          { clients: b, source: endless('b') },
        ].filter(({ clients }) => clients > 0);
        const trace = drive(reserve(concurrency, ranges, endless('rest')), {
          clients: concurrency,
          seed,
          max: 300,
          outcome: (_, random) => random.pick(['ok', 'info'] as const),
        });
        const expected = (client: number): string =>
          client < a ? 'a' : client < a + b ? 'b' : 'rest';
        for (const { client, invocation } of trace.operations) {
          expect(invocation.f).toBe(expected(client));
        }
        expect(new Set(trace.operations.map(({ client }) => client)).size).toBe(concurrency);
      }),
    );
  });

  test('it is exhausted when every range is, and a finished range waits for the others', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: 20 }), fc.nat({ max: 20 }), (seed, a, rest) => {
        const source = reserve(4, [{ clients: 2, source: some('a', a) }], some('rest', rest));
        const trace = drive(phases(source, some('after', 4)), { clients: 4, seed });
        expect(trace.isExhausted).toBe(true);
        expect(['a', 'rest', 'after'].map((f) => of(trace, f).length)).toEqual([a, rest, 4]);
      }),
    );
  });

  test('ranges that take every client leave nothing for the rest to end', () => {
    const source = reserve(2, [{ clients: 2, source: some('a', 5) }], some('rest', 5));
    expect(names(drive(source, { clients: 2, seed: 'x' }))).toHaveLength(5);
    expect(() => reserve(2, [{ clients: 3, source: endless('a') }], endless('b'))).toThrow('3');
  });
});

describe('key rotation', () => {
  const rotation = (seed: string, change: { keyOps?: number; perKey?: number } = {}) => {
    const { keyOps = 10, perKey = Infinity } = change;
    const source = (key: string): Source =>
      limit(
        perKey,
        each(() => ({ f: 'read', key, value: null })),
      );
    return new KeyRotation(
      { weights: [4, 2, 1], keyOps, lastKeysMax: 6, source },
      makeRandom(seed),
    );
  };
  const keysOf = ({ operations }: Trace): string[] =>
    operations.map(({ invocation }) => invocation.key ?? '');

  test('a key ends after keyOps operations or with its source, whichever is first', () => {
    fc.assert(
      fc.property(
        seeds,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        (by, keyOps, perKey) => {
          const trace = drive(rotation(by.seed, { keyOps, perKey }), { ...by, max: 600 });
          const most = Math.min(keyOps, perKey);
          const perEach = [...Map.groupBy(keysOf(trace), (key) => key).values()];
          expect(Math.max(...perEach.map(({ length }) => length))).toBe(most);
          const ended = perEach.filter(({ length }) => length === most);
          expect(ended.length).toBeGreaterThanOrEqual(perEach.length - 3);
        },
      ),
    );
  });

  test('a finished key is told once and never named again; the last ones stay unfinished', () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const keys = rotation(seed);
        const finished = new Set<string>();
        for (let i = 0; i < 500; i++) {
          const draw = keys.next({ process: 0, client: 0, nowNs: i });
          const key = draw.type === 'invoke' ? draw.invocation.key : undefined;
          expect(key).toMatch(/^k\d+$/);
          expect(finished).not.toContain(key);
          for (const one of keys.takeFinishedKeys()) {
            expect(finished).not.toContain(one);
            finished.add(one);
          }
          const last = keys.lastKeys();
          expect(new Set(last).size).toBe(last.length);
          expect(last.filter((key) => finished.has(key))).toEqual([]);
          expect(last.length).toBeLessThanOrEqual(6);
        }
        expect(finished.size).toBeGreaterThan(20);
      }),
    );
  });

  test('keys for which there is nothing to do end it', () => {
    const empty = rotation('empty', { perKey: 0 });
    expect(drive(empty, { clients: 2, seed: 'x' })).toEqual({ operations: [], isExhausted: true });
  });

  test('completions reach the sources of the keys: each waits for its own first success', () => {
    const source = (key: string): Source =>
      phases(
        untilOk(each(() => ({ f: 'create', key, value: null }))),
        each(() => ({ f: 'read', key, value: null })),
      );
    const keys = new KeyRotation(
      { weights: [1, 1], keyOps: 30, lastKeysMax: 4, source },
      makeRandom('created'),
    );
    const trace = drive(keys, {
      clients: 4,
      seed: 'x',
      max: 300,
      outcome: ({ f }, random) => (f === 'read' || random.float() < 0.4 ? 'ok' : 'fail'),
    });
    for (const [key, mine] of Map.groupBy(trace.operations, ({ invocation }) => invocation.key)) {
      const reads = mine.filter(({ invocation }) => invocation.f === 'read');
      const created = mine.find(
        ({ invocation, type }) => invocation.f === 'create' && type === 'ok',
      );
      if (reads.length === 0) continue;
      expect(reads[0]?.beganNs, key).toBeGreaterThanOrEqual(created?.endedNs ?? Infinity);
    }
    expect(of(trace, 'read').length).toBeGreaterThan(50);
  });
});

/** A way to build a source: built anew for every run of it. */
interface Recipe {
  readonly text: string;
  /** Whether something is cut off, so that not every operation is drawn. */
  readonly cuts: boolean;
  readonly operations: number;
  readonly build: (clients: number) => Source;
}

const recipes = fc.letrec<{ tree: Recipe }>((tie) => {
  const children = fc.array(tie('tree'), { minLength: 1, maxLength: 3 });
  const several = (name: string, build: (parts: readonly Recipe[], clients: number) => Source) =>
    children.map((parts): Recipe => ({
      text: `${name}(${parts.map(({ text }) => text).join(', ')})`,
      cuts: parts.some(({ cuts }) => cuts),
      operations: parts.reduce((sum, { operations }) => sum + operations, 0),
      build: (clients) => build(parts, clients),
    }));
  const all = (parts: readonly Recipe[], clients: number): Source[] =>
    parts.map((part) => part.build(clients));
  const one = (name: string, cuts: boolean, build: (source: Source, n: number) => Source) =>
    fc.tuple(tie('tree'), fc.integer({ min: 0, max: 40 })).map(([part, n]): Recipe => ({
      text: `${name}(${n}, ${part.text})`,
      cuts: cuts || part.cuts,
      operations: part.operations,
      build: (clients) => build(part.build(clients), n),
    }));
  const leaf = fc.integer({ min: 0, max: 6 }).map((n): Recipe => ({
    text: `once(${n})`,
    cuts: false,
    operations: n,
    build: () => some('a', n),
  }));
  return {
    tree: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      leaf,
      several('sequence', (parts, clients) => sequence(...all(parts, clients))),
      several('phases', (parts, clients) => phases(...all(parts, clients))),
      several('mix', (parts, clients) =>
        mix(
          all(parts, clients).map((source, i) => ({ weight: i + 1, source })),
          makeRandom('mix'),
        ),
      ),
      several('reserve', (parts, clients) => {
        // One client keeps the rest, with whatever finds no client of its own.
        const own = parts.slice(0, clients - 1);
        const rest = clients - own.length;
        return reserve(
          clients,
          own.map((part) => ({ clients: 1, source: part.build(1) })),
          sequence(...all(parts.slice(own.length), rest)),
        );
      }),
      one('limit', true, (source, n) => limit(n, source)),
      one('timeLimit', true, (source, n) => timeLimit(n + 1, source)),
      one('untilOk', true, untilOk),
      one('stagger', false, (source, n) => stagger(n, source, makeRandom('stagger'))),
    ),
  };
});

describe('composition', () => {
  const setting = fc.record({
    recipe: recipes.tree,
    seed: fc.string(),
    clients: fc.integer({ min: 3, max: 8 }),
  });

  test('whatever is composed ends, and draws everything that nothing cuts off', () => {
    fc.assert(
      fc.property(setting, ({ recipe, seed, clients }) => {
        const trace = drive(recipe.build(clients), {
          clients,
          seed,
          outcome: (_, random) => random.pick(['ok', 'fail', 'info'] as const),
        });
        expect(trace.isExhausted).toBe(true);
        const least = recipe.cuts ? 0 : recipe.operations;
        expect(trace.operations.length).toBeGreaterThanOrEqual(least);
        expect(trace.operations.length).toBeLessThanOrEqual(recipe.operations);
      }),
      { numRuns: 500 },
    );
  });

  test('the same seed and the same calls give the same answers', () => {
    fc.assert(
      fc.property(setting, ({ recipe, seed, clients }) => {
        const once = () => drive(recipe.build(clients), { clients, seed });
        expect(once()).toEqual(once());
      }),
    );
  });
});
