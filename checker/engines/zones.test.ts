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

  test('to values of any type, written once each', () => {
    const all = [write('a', [0, 1]), write([1, 2], [2, 3]), write({ b: 7 }, [4, 5])];
    expect(applies('register', all)).toBe(true);
    expect(applies('register', [...all, write({ b: 7 }, [6, 7])])).toBe(false);
  });

  test('not where a crashed write repeats a value, or a cas makes one that was written', () => {
    expect(applies('register', [write(1, [0, 1]), write(1, [2, NEVER])])).toBe(false);
    const cas: Drawn = { f: 'cas', input: [1, 2], at: [4, 5] };
    expect(applies('cas-register', [write(1, [0, 1]), cas])).toBe(true);
    expect(applies('cas-register', [write(1, [0, 1]), write(2, [2, 3]), cas])).toBe(false);
  });

  test('not where the initial value comes back', () => {
    const put: Drawn = { f: 'put', input: 1, at: [0, 1] };
    expect(applies('kv', [put])).toBe(true);
    expect(applies('kv', [put, { f: 'delete', at: [2, 3] }])).toBe(false);
    // A delete that found nothing is a read of absent.
    expect(applies('kv', [put, { f: 'delete', applied: false, at: [2, 3] }])).toBe(true);
  });

  test('not where an answer stands for two states, or an effect depends on the state', () => {
    const put: Drawn = { f: 'put', input: 'x', at: [0, 1] };
    expect(applies('kv', [put, { f: 'get', output: '', at: [2, 3] }])).toBe(false);
    expect(applies('kv', [put, { f: 'append', input: 'y', at: [2, 3] }])).toBe(false);
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
