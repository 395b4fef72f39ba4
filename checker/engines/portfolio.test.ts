import { describe, expect, test } from 'vitest';
import type { Operation } from '../history.ts';
import { queue } from '../models/queue.ts';
import { casRegister } from '../models/register.ts';
import { Table } from '../table.ts';
import type { Budget } from '../verdict.ts';
import { ENGINES, decideTable } from './auto.ts';
import type { Decision, Engine } from './decision.ts';
import { decideInTurns, type Decided } from './portfolio.ts';
import type { Slice } from './run.ts';
import { luckySlices } from './search.ts';

const WIDTH = 14;
const UNLIMITED = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };

/** A clock that goes on by one with every look. */
function ticking(deadlineNs: number): Budget {
  let looks = 0;
  return { now: () => ++looks, deadlineNs, memoryBytesMax: 2 ** 24 };
}

/** Runs to the end. @returns how many slices it took, too */
function drain(work: Generator<Slice, Decided>): { readonly decided: Decided; slices: number } {
  for (let slices = 0; ; slices++) {
    const step = work.next();
    if (step.done === true) return { decided: step.value, slices };
  }
}

/** Another engine, that says this after so many slices. */
function rival(decision: Decision, slices: number, asked: { budget?: Budget } = {}): Engine {
  return {
    name: 'frontier',
    prepare: () =>
      function* (budget) {
        asked.budget = budget;
        for (let i = 0; i < slices; i++) yield 'running';
        return decision;
      },
  };
}

const COMMON = {
  key: undefined,
  node: undefined,
  servedBy: undefined,
  invokeTime: 0,
  returnTime: 0,
  outcome: 'ok',
  applied: true,
} as const;

/** Many enqueues at once, and then one dequeues what nobody enqueued: each of the orders is a state. */
const HARD = Table.of([
  ...Array.from({ length: WIDTH }, (_, i): Operation => {
    const at = { id: i, process: i, invoke: i, return: WIDTH + i };
    return { ...COMMON, ...at, f: 'enqueue', input: i, output: i };
  }),
  {
    ...COMMON,
    id: 2 * WIDTH,
    process: 0,
    invoke: 2 * WIDTH,
    return: 2 * WIDTH + 1,
    f: 'dequeue',
    input: null,
    output: 77,
  },
]);

function register(rows: readonly (readonly [string, number | null])[]): Table {
  const operations = rows.map(([f, value], i): Operation => {
    const at = { id: 2 * i, process: 0, invoke: 2 * i, return: 2 * i + 1 };
    return { ...COMMON, ...at, f, input: f === 'read' ? null : value, output: value };
  });
  return Table.of(operations);
}

const REFUTED = {
  type: 'not-linearizable',
  byRank: undefined,
  conflict: undefined,
  cuts: [],
} as const;

describe('in turns', () => {
  test('what the search finds in its lucky steps nobody else is asked', () => {
    const never: Engine = {
      name: 'frontier',
      prepare: () => {
        throw new Error('not asked');
      },
    };
    const table = register([
      ['write', 1],
      ['read', 1],
    ]);
    const { decided } = drain(decideInTurns(table, casRegister, UNLIMITED, [never]));
    expect(decided).toMatchObject({ type: 'linearizable', engine: 'wgl' });
  });

  test('what the search does not find in its lucky steps another may decide', () => {
    const asked: { budget?: Budget } = {};
    const limit = { ...UNLIMITED, memoryBytesMax: 2 ** 26 };
    const work = decideInTurns(HARD, queue, limit, [rival(REFUTED, 3, asked)]);
    const { decided, slices } = drain(work);
    expect(decided).toEqual({ ...REFUTED, engine: 'frontier' });
    expect(slices).toBe(luckySlices(HARD.size) + 3);
    expect(asked.budget?.memoryBytesMax).toBe(2 ** 25);
  });

  test('both go on in turn when neither decides, and the search outlives one that gives up', () => {
    const gaveUp = { type: 'unknown', reason: 'memory', provenRank: 1 } as const;
    const budget = ticking(luckySlices(HARD.size) + 60);
    const { decided, slices } = drain(decideInTurns(HARD, queue, budget, [rival(gaveUp, 20)]));
    expect(decided).toMatchObject({ type: 'unknown', reason: 'time', engine: 'wgl' });
    // The rival does not look at the clock.
    expect(slices).toBeGreaterThan(luckySlices(HARD.size) + 20);
    expect(slices).toBeLessThan(luckySlices(HARD.size) + 60 + 21);
  });

  test('the largest proven prefix is told, with who proved it', () => {
    const further = { type: 'unknown', reason: 'memory', provenRank: 1_000 } as const;
    const budget = ticking(luckySlices(HARD.size) + 10);
    const { decided } = drain(decideInTurns(HARD, queue, budget, [rival(further, 2)]));
    expect(decided).toMatchObject({ reason: 'time', provenRank: 1_000, engine: 'frontier' });
  });

  test('a budget that ends during the lucky steps ends all', () => {
    const { decided, slices } = drain(decideInTurns(HARD, queue, ticking(2), [rival(REFUTED, 0)]));
    expect(decided).toMatchObject({ type: 'unknown', reason: 'time', engine: 'wgl' });
    expect(slices).toBe(1);
  });

  test('memory is the reason only where even the least does not fit', () => {
    const none = { ...UNLIMITED, memoryBytesMax: 100 };
    expect(drain(decideInTurns(HARD, queue, none, [])).decided).toMatchObject({
      type: 'unknown',
      reason: 'memory',
    });
    const little = { ...ticking(200), memoryBytesMax: 100_000 };
    expect(drain(decideInTurns(HARD, queue, little, [])).decided).toMatchObject({
      type: 'unknown',
      reason: 'time',
    });
  });
});

describe('forced', () => {
  const table = register([
    ['write', 1],
    ['read', 2],
  ]);

  test.each(['wgl', 'frontier'] as const)('%s decides alone', (engine) => {
    const { decided } = drain(decideTable(table, casRegister, UNLIMITED, engine));
    expect(decided).toMatchObject({ type: 'not-linearizable', engine });
  });

  test.each(['queue', 'stack', 'lock'] as const)(
    '%s, which does not apply, leaves it unknown',
    (engine) => {
      const { decided } = drain(decideTable(table, casRegister, UNLIMITED, engine));
      expect(decided).toEqual({ type: 'unknown', reason: 'engine', provenRank: 0, engine });
    },
  );

  test('every engine is known by its name', () => {
    for (const [name, engine] of ENGINES) expect(engine.name).toBe(name);
    expect(ENGINES.has('wgl')).toBe(true);
  });
});
