import { describe, expect, test } from 'vitest';
import { defined } from '../assert.ts';
import type { Json, Operation } from '../history.ts';
import { MODELS } from '../models/index.ts';
import { Table } from '../table.ts';
import { NEVER } from './problem.ts';
import { zones } from './zones.ts';

const UNLIMITED = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };

interface Drawn {
  readonly f: string;
  readonly input?: Json;
  readonly output?: Json;
  readonly applied?: boolean;
  /** `NEVER`: crashed. */
  readonly at: readonly [number, number];
}

function draw(all: readonly Drawn[]): Table {
  return Table.of(
    all.map(
      ({ f, input = null, output = null, applied = true, at: [invoke, end] }, i): Operation => {
        const isCertain = end < NEVER;
        return {
          id: invoke,
          process: i,
          f,
          key: undefined,
          input,
          output: isCertain ? output : null,
          outcome: isCertain ? 'ok' : 'info',
          applied,
          invoke,
          return: isCertain ? end : Infinity,
          invokeTime: invoke,
          returnTime: isCertain ? end : Infinity,
          node: undefined,
          servedBy: undefined,
        };
      },
    ),
  );
}

function applies(model: string, all: readonly Drawn[]): boolean {
  return zones.prepare(draw(all), defined(MODELS.get(model), 'a model')) !== undefined;
}

describe('zones apply', () => {
  const write = (input: Json, at: Drawn['at']): Drawn => ({ f: 'write', input, at });
  const read = (output: Json, at: Drawn['at']): Drawn => ({ f: 'read', output, at });

  test('to values of any type, written once each', () => {
    const all = [write('a', [0, 1]), write([1, 2], [2, 3]), write({ b: 7 }, [4, 5])];
    expect(applies('register', [...all, read([1, 2], [6, 7])])).toBe(true);
  });

  test('to values that are written twice only where nobody observed them', () => {
    const all = [write(1, [0, 1]), write(2, [2, 3]), write(1, [4, NEVER]), read(2, [6, 7])];
    expect(applies('register', all)).toBe(true);
    expect(applies('register', [...all, read(1, [8, NEVER])])).toBe(true);
    expect(applies('register', [...all, read(1, [8, 9])])).toBe(false);
    const cas: Drawn = { f: 'cas', input: [1, 3], at: [8, 9] };
    expect(applies('cas-register', [...all, cas])).toBe(false);
    expect(applies('cas-register', [...all, { ...cas, input: [2, 3] }])).toBe(true);
  });

  test('not where the initial value comes back and is read, unless the rest is refuted', () => {
    const put: Drawn = { f: 'put', input: 1, at: [0, 1] };
    const deletion: Drawn = { f: 'delete', at: [2, 3] };
    const get: Drawn = { f: 'get', at: [4, 5] };
    expect(applies('kv', [put, get])).toBe(true);
    expect(applies('kv', [put, deletion])).toBe(true);
    expect(applies('kv', [put, deletion, get])).toBe(false);
    expect(applies('kv', [put, deletion, get, { ...get, output: 1, at: [6, 7] }])).toBe(true);
    // A delete that found nothing is a read of absent.
    expect(applies('kv', [put, { ...deletion, applied: false }])).toBe(true);
    expect(applies('kv', [put, deletion, { ...deletion, applied: false, at: [4, 5] }])).toBe(false);
  });

  test('not where a cas observed another value, unless the rest is refuted', () => {
    const cas: Drawn = { f: 'cas', input: [1, 5], applied: false, at: [4, 5] };
    const all = [write(1, [0, 1]), write(2, [2, 3]), cas];
    expect(applies('cas-register', all)).toBe(false);
    expect(applies('cas-register', [...all, read(1, [6, 7])])).toBe(true);
  });

  test('not where an answer stands for two states, or an effect depends on the state', () => {
    const put: Drawn = { f: 'put', input: 'x', at: [0, 1] };
    expect(applies('kv', [put, { f: 'get', output: '', at: [2, 3] }])).toBe(false);
    expect(applies('kv', [put, { f: 'append', input: 'y', at: [2, 3] }])).toBe(false);
  });

  test('not where most values repeat', () => {
    const all = Array.from({ length: 9 }, (_, i) => write(i % 3, [2 * i, 2 * i + 1]));
    expect(applies('register', [...all, read(2, [20, 21])])).toBe(false);
    expect(applies('register', all.slice(0, 6))).toBe(true);
  });
});

describe('a budget that ends', () => {
  const many = draw(
    Array.from({ length: 200_000 }, (_, i) => ({ f: 'write', input: i, at: [2 * i, 2 * i + 1] })),
  );
  const decide = defined(
    zones.prepare(many, defined(MODELS.get('register'), 'a model')),
    'the engine applies',
  );

  test('in time: unknown, and the prefix that was decided is proven', () => {
    let clock = 0;
    const steps = [...runs(decide({ ...UNLIMITED, now: () => ++clock, deadlineNs: 3 }))];
    const last = steps.at(-1);
    expect(last).toMatchObject({ type: 'unknown', reason: 'time' });
    expect(last).toMatchObject({ provenRank: expect.any(Number) });
    expect(steps.length).toBeGreaterThan(2);
    const proven = last !== 'running' && last?.type === 'unknown' ? last.provenRank : 0;
    expect(proven).toBeGreaterThan(100_000);
    expect(proven).toBeLessThan(400_000);
  });

  test('in memory: unknown, before any is taken', () => {
    const steps = [...runs(decide({ ...UNLIMITED, memoryBytesMax: 1_000_000 }))];
    expect(steps).toEqual([{ type: 'unknown', reason: 'memory', provenRank: 0 }]);
  });
});

/** What a generator yields, and then what it returns. */
function* runs<Yielded, Returned>(
  generator: Generator<Yielded, Returned>,
): Generator<Yielded | Returned> {
  yield yield* generator;
}
