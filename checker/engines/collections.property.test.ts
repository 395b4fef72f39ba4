import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verifyWitness } from '../evidence/verify-witness.ts';
import type { Json, Operation } from '../history.ts';
import { disagreement, modelNamed, nothingMet, smallOptions } from '../testing/agreement.ts';
import { isLinearizableByBruteForce } from '../testing/brute-force.ts';
import { simulate } from '../testing/simulate.ts';
import { Table } from '../table.ts';
import type { Budget } from '../verdict.ts';
import { counter } from './counter.ts';
import type { Decision, Engine } from './decision.ts';
import { list } from './list.ts';
import { set } from './set.ts';

const UNLIMITED: Budget = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };
const RUNS = 1_500;

/** Undefined when the engine does not apply. */
function decide(
  engine: Engine,
  operations: readonly Operation[] | Table,
  model: string,
  budget: Budget = UNLIMITED,
): Decision | undefined {
  const table = operations instanceof Table ? operations : Table.of(operations);
  const steps = engine.prepare(table, modelNamed(model))?.(budget);
  if (steps === undefined) return undefined;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Operations from a drawing: a letter where one is invoked, its small letter where it completes.
 *
 * @param what - per letter: function, argument, result
 */
function draw(
  drawing: string,
  what: Readonly<Record<string, readonly [string, Json, Json?]>>,
): readonly Operation[] {
  return Array.from(drawing)
    .filter((letter) => letter in what)
    .map((letter, process): Operation => {
      const [f, input, output] = what[letter] ?? ['', null];
      const invoke = drawing.indexOf(letter);
      const end = drawing.indexOf(letter.toLowerCase());
      const outcome = end < 0 ? 'info' : 'ok';
      const at = end < 0 ? Infinity : end;
      const times = { invoke, return: at, invokeTime: invoke, returnTime: at };
      const given = outcome === 'ok' ? (output ?? input) : null;
      const rest = { key: undefined, applied: true, node: undefined, servedBy: undefined };
      return { id: invoke, process, f, input, output: given, outcome, ...times, ...rest };
    });
}

describe.each(['set', 'append-list', 'counter', 'grow-counter'])('%s', (model) => {
  test('a dozen operations are decided as by trying every order, conflicts and ranks included', () => {
    const met = nothingMet();
    // Of a list, each order of what crashed is another state.
    const isOrdered = model === 'append-list';
    const options = fc
      .tuple(smallOptions(model), fc.integer({ min: 8, max: isOrdered ? 10 : 14 }))
      .map(([each, operations]) => ({
        ...each,
        operations,
        processes: each.processes + 1,
        crashRate: (each.crashRate ?? 0) / (isOrdered ? 2 : 1),
      }));
    fc.assert(
      fc.property(options, (each) => {
        expect(disagreement(each, met, 'brute force')).toBeUndefined();
      }),
      { numRuns: RUNS },
    );
    expect(Math.min(met.valid, met.invalid)).toBeGreaterThan(RUNS / 5);
    expect(met.ranks).toBeGreaterThan(RUNS / 10);
    expect(met.conflicts).toBeGreaterThan(model.endsWith('counter') ? -1 : RUNS / 10);
  });
});

test.each<[string, Engine, string, string, Parameters<typeof draw>[1], string]>([
  [
    'a read that misses what was acknowledged before it',
    set,
    'set',
    'AaBbRr',
    { A: ['add', 1], B: ['add', 2], R: ['read', null, [2]] },
    'AR',
  ],
  [
    'a read of what nobody had begun to add',
    set,
    'set',
    'RrAa',
    { A: ['add', 1], R: ['read', null, [1]] },
    'R',
  ],
  [
    'two reads of which neither holds the other',
    set,
    'set',
    'ABRSabrs',
    { A: ['add', 1], B: ['add', 2], R: ['read', null, [1]], S: ['read', null, [2]] },
    'RS',
  ],
  [
    'an add that was acknowledged before another began, of which a read saw only the other',
    set,
    'set',
    'RAaBbr',
    { A: ['add', 1], B: ['add', 2], R: ['read', null, [2]] },
    'AR',
  ],
  [
    'an element that is there twice',
    set,
    'set',
    'AaRr',
    { A: ['add', 1], R: ['read', null, [1, 1]] },
    'R',
  ],
  [
    'reads that disagree about an order',
    list,
    'append-list',
    'ABabRrSs',
    { A: ['append', 1], B: ['append', 2], R: ['read', null, [1, 2]], S: ['read', null, [2, 1]] },
    'RS',
  ],
  [
    'an order that is not that of two appends, one after the other',
    list,
    'append-list',
    'RAaBbr',
    { A: ['append', 1], B: ['append', 2], R: ['read', null, [2, 1]] },
    'AR',
  ],
])('%s refutes by itself', (_, engine, model, drawing, what, conflict) => {
  const operations = draw(drawing, what);
  expect(isLinearizableByBruteForce(operations, model)).toBe(false);
  const decision = decide(engine, operations, model);
  const rows = decision?.type === 'not-linearizable' ? (decision.conflict ?? []) : [];
  const letters = rows
    .map((row) => drawing[operations[row]?.invoke ?? -1])
    .toSorted((a = '', b = '') => (a < b ? -1 : 1));
  expect(letters.join('')).toBe(conflict);
});

test('two pending increments, a read of 1, a whole increment, a read of 1: no order has that', () => {
  const add = ['add', 1] as const;
  const read = ['read', null, 1] as const;
  const operations = draw('ABRrCcSsab', { A: add, B: add, C: add, R: read, S: read });
  expect(isLinearizableByBruteForce(operations, 'counter')).toBe(false);
  expect(decide(counter, operations, 'counter')).toMatchObject({ type: 'not-linearizable' });
});

test('counters whose adds overlap and differ are left to the search', () => {
  const what = { A: ['add', 1], B: ['add', 2], R: ['read', null, 3] } as const;
  expect(decide(counter, draw('AaBbRr', what), 'counter')?.type).toBe('linearizable');
  expect(decide(counter, draw('ABabRr', what), 'counter')).toBeUndefined();
  // A crashed one overlaps all that comes after.
  expect(decide(counter, draw('ABbRr', what), 'counter')).toBeUndefined();
});

test('of adds of one element the first to be invoked may have been the one that crashed', () => {
  const add = ['add', 1] as const;
  const operations = draw('ARrBb', { A: add, B: add, R: ['read', null, [1]] });
  expect(decide(set, operations, 'set')).toMatchObject({ type: 'linearizable' });
});

test.each([
  ['set', set, {}],
  ['set', set, { values: 50 }],
  ['append-list', list, {}],
  ['append-list', list, { values: 3 }],
  ['counter', counter, { values: 2 }],
] as const)(
  '%s: 20 000 operations are decided, and the order replays (%#)',
  (model, engine, few) => {
    const size = { operations: 20_000, processes: 10, readRate: 0.002, crashRate: 0.01, ...few };
    const table = Table.of(simulate({ seed: 7, model, ...size }));
    const decision = decide(engine, table, model);
    const order = decision?.type === 'linearizable' ? decision.order : new Int32Array(0);
    const ids = order.map((row) => table.id(row));
    expect(verifyWitness(table, modelNamed(model), ids)).toBeUndefined();
  },
);

test.each([
  ['set', set],
  ['append-list', list],
  ['counter', counter],
] as const)('%s: where memory does not suffice, or time is up, that is said', (model, engine) => {
  const size = { operations: 36_000, processes: 4, values: model === 'counter' ? 2 : 200_000 };
  const readRate = model === 'counter' ? 0.5 : 0.002;
  const table = Table.of(simulate({ seed: 8, model, readRate, ...size }));
  const small = { ...UNLIMITED, memoryBytesMax: 1_000 };
  expect(decide(engine, table, model, small)).toMatchObject({ type: 'unknown', reason: 'memory' });
  const late = { ...UNLIMITED, deadlineNs: 0 };
  expect(decide(engine, table, model, late)).toMatchObject({ type: 'unknown', reason: 'time' });
});
