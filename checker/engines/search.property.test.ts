import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defined } from '../assert.ts';
import { verifyWitness } from '../evidence/verify-witness.ts';
import { kv } from '../models/kv.ts';
import type { Model } from '../models/model.ts';
import type { Operation } from '../history.ts';
import { Table } from '../table.ts';
import { largerOptions, modelNamed, weakened } from '../testing/agreement.ts';
import { isLinearizableByBruteForce } from '../testing/brute-force.ts';
import { mulberry32 } from '../testing/generate.ts';
import { simulate, type SimulateOptions } from '../testing/simulate.ts';
import type { Decision } from './decision.ts';
import { LooseSearch } from './loosely.ts';
import { compile, rowsOf } from './problem.ts';
import { wgl } from './search.ts';
import { Search } from './wgl.ts';

/** Many at once, and few reads: much is remembered. */
function crowded(model: string): fc.Arbitrary<SimulateOptions> {
  const isRegister = model !== 'queue' && model !== 'multi-register';
  return fc.record({
    model: fc.constant(model),
    seed: fc.integer({ min: 0, max: 1_000_000_000 }),
    operations: isRegister ? fc.integer({ min: 40, max: 80 }) : fc.integer({ min: 8, max: 14 }),
    processes: isRegister ? fc.integer({ min: 8, max: 12 }) : fc.integer({ min: 4, max: 5 }),
    crashRate: fc.constantFrom(0, 0.05),
    values: fc.constantFrom(3, 4, 5),
    readRate: fc.constantFrom(0.1, 0.3),
    isCasObserved: fc.boolean(),
    hasAppends: fc.constant(false),
    changes: fc.constantFrom(0, 1, 2, 4),
  });
}

const STEPS_MAX = 20_000;

function crashing(model: string, operations: number): fc.Arbitrary<SimulateOptions> {
  return fc.record({
    model: fc.constant(model),
    seed: fc.integer({ min: 0, max: 1_000_000_000 }),
    operations: fc.integer({ min: 6, max: operations }),
    processes: fc.integer({ min: 2, max: 5 }),
    crashRate: fc.constantFrom(0.1, 0.2, 0.4),
    values: fc.constantFrom(2, 3, 4),
    readRate: fc.constantFrom(0.3, 0.5, 0.7),
    isCasObserved: fc.boolean(),
    hasAppends: fc.constant(false),
    changes: fc.constantFrom(0, 1, 2, 4),
  });
}

/** Some reads return what a crashed operation made: as often as it can have been made, or more often. */
function reread(operations: readonly Operation[], seed: number): readonly Operation[] {
  const random = mulberry32(seed);
  const pick = <T>(all: readonly T[]): T | undefined => all[Math.floor(random() * all.length)];
  const made = operations
    .filter((each) => each.outcome === 'info')
    .flatMap(({ f, input }) => (f === 'write' || f === 'put' ? [input] : []));
  const value = pick(made);
  if (value === undefined) return operations;
  const chance = pick([0, 0.2, 0.5]) ?? 0;
  return operations.map((each) =>
    (each.f === 'read' || each.f === 'get') && each.outcome === 'ok' && random() < chance
      ? { ...each, output: value }
      : each,
  );
}

const MODELS = ['register', 'cas-register', 'kv', 'queue', 'multi-register'] as const;

describe.each(MODELS)('%s', (name) => {
  const model = modelNamed(name);

  test('what is forgotten costs time, never truth', () => {
    const seen = { valid: 0, invalid: 0, forgotten: 0 };
    fc.assert(
      fc.property(crowded(name), (options) => {
        const table = Table.of(simulate(options));
        const problem = compile(table, model);
        const remembering = new Search(problem).advance(STEPS_MAX);
        if (remembering === undefined) return;
        const expected = remembering.type === 'linearizable';
        const search = new Search(compile(table, model), { memoryBytesMax: 0 });
        const result = search.advance(STEPS_MAX);
        if (result === undefined) return;
        seen[expected ? 'valid' : 'invalid']++;
        if (search.forgotten > 0) seen.forgotten++;
        expect(result.type).toBe(expected ? 'linearizable' : 'not-linearizable');
        if (result.type !== 'linearizable') return;
        const witness = rowsOf(problem, result.order).map((row) => table.id(row));
        expect(verifyWitness(table, model, witness)).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
    expect(seen.valid).toBeGreaterThan(50);
    expect(seen.invalid).toBeGreaterThan(50);
    expect(seen.forgotten).toBeGreaterThan(4);
  });

  test('where a search stands, all that completed before has a place in its longest order', () => {
    let cut = 0;
    fc.assert(
      fc.property(largerOptions(name), fc.nat(60), (options, steps) => {
        const operations = simulate(options);
        const table = Table.of(operations);
        const problem = compile(table, model);
        const search = new Search(problem);
        if (search.advance(steps)?.type === 'linearizable') return;
        const { deepest } = search;
        if (deepest === undefined) return;
        cut++;
        const rank = problem.return[deepest.blocked] as number;
        const prefix = upTo(table, rank, (each) => model.isReadOnly(each));
        const ids = rowsOf(problem, deepest.order).map((row) => table.id(row));
        // In the order there may be reads that were open there: they are none of the prefix's business.
        const known = new Set(prefix.map(({ id }) => id));
        const witness = ids.filter((id) => known.has(id));
        expect(verifyWitness(Table.of(prefix), model, witness)).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
    expect(cut).toBeGreaterThan(200);
  });
});

/** By the search, without a limit. */
function decideAlone(table: Table, model: Model): Decision {
  const limit = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };
  const work = defined(wgl.prepare(table, model), 'it applies to everything')(limit);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** What completed before a rank, and what may have happened by then. */
function upTo(
  table: Table,
  rank: number,
  isReadOnly: (operation: Operation) => boolean,
): readonly Operation[] {
  const before = table
    .operations()
    .filter((_, row) => (table.invoke[row] as number) < rank)
    .filter((each, row) => (table.return[row] as number) < rank || !isReadOnly(each));
  return before.map((each) => {
    const row = table.rowOf(each.id);
    return row !== undefined && (table.return[row] as number) < rank
      ? each
      : { ...each, outcome: 'info', output: null, return: Infinity, applied: true };
  });
}

describe.each(['register', 'cas-register', 'kv'] as const)('%s', (name) => {
  test('counting crashed operations loosely first changes no verdict', () => {
    const model = modelNamed(name);
    const seen = { valid: 0, invalid: 0, refined: 0, alone: 0 };
    fc.assert(
      fc.property(fc.oneof(crashing(name, 14), crashing(name, 120)), (options) => {
        const operations = reread(simulate(options), options.seed);
        const table = Table.of(operations);
        const problem = compile(table, model);
        if (problem.values === undefined) return;
        const exact = new Search(problem).advance(STEPS_MAX);
        if (exact === undefined) return;
        const expected =
          operations.length <= 14
            ? isLinearizableByBruteForce(operations, name)
            : exact.type === 'linearizable';
        const search = new LooseSearch(problem, 2 ** 24);
        let result = search.advance(1_000);
        while (result === undefined) result = search.advance(1_000);
        seen[expected ? 'valid' : 'invalid']++;
        if (search.rounds > 1) seen.refined++;
        if (search.rounds > 3) seen.alone++;
        expect(result.type).toBe(expected ? 'linearizable' : 'not-linearizable');
        if (result.type !== 'linearizable') return;
        const witness = rowsOf(problem, result.order).map((row) => table.id(row));
        expect(verifyWitness(table, model, witness)).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
    expect(seen.valid).toBeGreaterThan(200);
    expect(seen.invalid).toBeGreaterThan(200);
    expect(seen.refined).toBeGreaterThan(30);
    // Of a register's crashed writes each makes a state of its own: there is nothing to take apart.
    expect(seen.alone).toBeGreaterThan(name === 'register' ? -1 : 0);
  });
});

test('a read of what nobody wrote refutes by itself', () => {
  let refuted = 0;
  fc.assert(
    fc.property(crashing('cas-register', 14), (drawn) => {
      const model = modelNamed('cas-register');
      const operations = [...simulate({ ...drawn, changes: 0 })];
      const at = operations.findIndex((each) => each.f === 'read' && each.outcome === 'ok');
      const read = operations[at];
      if (read === undefined) return;
      operations[at] = { ...read, output: 77 };
      const table = Table.of(operations);
      expect(decideAlone(table, model)).toMatchObject({
        type: 'not-linearizable',
        conflict: [at],
        byRank: table.return[at],
      });
      const rest = weakened(table, model, (row) => row === at);
      expect(isLinearizableByBruteForce(rest, 'cas-register')).toBe(false);
      refuted++;
    }),
    { numRuns: 200 },
  );
  expect(refuted).toBeGreaterThan(100);
});

test('many appends at once that nobody read in another order take few steps', () => {
  const parts = Array.from({ length: 12 }, (_, i) => `${i} `);
  const common = { key: undefined, outcome: 'ok', applied: true, node: undefined } as const;
  const times = { invokeTime: 0, returnTime: 0, servedBy: undefined };
  const operations = [
    ...parts.map((part, i): Operation => ({
      ...common,
      ...times,
      id: i,
      process: i,
      f: 'append',
      input: part,
      output: part,
      invoke: i,
      return: 20 + i,
    })),
    {
      ...common,
      ...times,
      id: 40,
      process: 0,
      f: 'get',
      input: null,
      output: parts.toReversed().join(''),
      invoke: 40,
      return: 41,
    },
  ] satisfies Operation[];
  const search = new Search(compile(Table.of(operations), kv));
  expect(search.advance(Infinity)?.type).toBe('linearizable');
  // Orders of 12: 479,001,600. Sets of those that were appended too early: 4,096.
  expect(search.steps).toBeLessThan(50_000);
});
