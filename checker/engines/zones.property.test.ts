import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defined } from '../assert.ts';
import { verifyWitness } from '../evidence/verify-witness.ts';
import { pair, type Json, type Operation } from '../history.ts';
import { MODELS } from '../models/index.ts';
import type { Model } from '../models/model.ts';
import { Table } from '../table.ts';
import { isLinearizableByBruteForce } from '../testing/brute-force.ts';
import { generateHistory, mulberry32 } from '../testing/generate.ts';
import type { Decision, Refuted } from './decision.ts';
import { compile } from './problem.ts';
import { Search } from './wgl.ts';
import { zones } from './zones.ts';

/** Per model. */
const RUNS = 8_000;
const UNLIMITED = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };
const NAMES = ['register', 'cas-register', 'kv'] as const;
type Name = (typeof NAMES)[number];

const KV_NAMES: ReadonlyMap<string, string> = new Map([
  ['read', 'get'],
  ['write', 'put'],
]);

const modelNamed = (name: Name): Model => defined(MODELS.get(name), 'a model');

function decide(table: Table, model: Model): Decision | undefined {
  const decision = zones.prepare(table, model)?.(UNLIMITED);
  for (;;) {
    const step = decision?.next();
    if (step === undefined || step.done === true) return step?.value;
  }
}

interface Shape {
  readonly name: Name;
  readonly seed: number;
  readonly operations: number;
  readonly processes: number;
  readonly crashRate: number;
  readonly damages: number;
}

const shapes = (name: Name, least: number, most: number): fc.Arbitrary<Shape> =>
  fc.record({
    name: fc.constant(name),
    seed: fc.integer({ min: 0, max: 1_000_000_000 }),
    operations: fc.integer({ min: least, max: most }),
    processes: fc.integer({ min: 2, max: 5 }),
    crashRate: fc.constantFrom(0, 0.1, 0.4),
    damages: fc.integer({ min: 0, max: 4 }),
  });

/** Clients on a correct register where each mutation has a value of its own; some results then changed. */
function served(shape: Shape): readonly Operation[] {
  const { name, seed, damages } = shape;
  const random = mulberry32(seed);
  const readRate = [0.2, 0.4, 0.6][Math.floor(random() * 3)] ?? 0.5;
  const kind = name === 'register' ? name : 'cas-register';
  const result = pair(generateHistory({ ...shape, model: kind, readRate }));
  if (!result.ok) throw new Error(result.error.message);
  const operations = result.history.operations.map((each) => ({
    ...each,
    f: name === 'kv' ? (KV_NAMES.get(each.f) ?? each.f) : each.f,
  }));
  return damaged(operations, damages, random);
}

function damaged(
  operations: readonly Operation[],
  damages: number,
  random: () => number,
): readonly Operation[] {
  const changed = [...operations];
  const below = (bound: number): number => Math.floor(random() * bound);
  const values: Json[] = [null, 999, ...operations.map((each) => written(each) ?? null)];
  for (let i = 0; i < damages; i++) {
    const at = below(changed.length);
    const operation = changed[at];
    const value = values[below(values.length)] ?? null;
    if (operation?.f === 'cas') changed[at] = { ...operation, input: [value, written(operation)] };
    if (operation?.outcome === 'ok' && /read|get/.test(operation.f)) {
      changed[at] = { ...operation, output: value };
    }
  }
  return changed;
}

/** Anything at all: random intervals, functions and values, each written at most once. */
function scattered({ name, seed, operations: count, crashRate }: Shape): readonly Operation[] {
  const random = mulberry32(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const [read, write] = name === 'kv' ? ['get', 'put'] : ['read', 'write'];
  // Short or long intervals: each begins at its own time and lasts a while.
  const span = [6, 20, 60][below(3)] ?? 6;
  const ends = Array.from({ length: count }, (_, i) => {
    const start = i * 3 + random();
    return [start, random() < crashRate ? Infinity : start + random() * span] as const;
  });
  const times = ends.flat().toSorted((a, b) => a - b);
  const kinds = ends.map(() => below(name === 'register' ? 2 : 3));
  const written = [null, ...kinds.flatMap((kind, i) => (kind === 0 ? [] : [i + 1]))];
  const value = (): Json => written[below(written.length)] ?? null;
  return ends.map(([start, end], i): Operation => {
    const kind = defined(kinds[i], 'one each');
    const isCertain = end < Infinity;
    const f = [read, write, 'cas'][kind] ?? 'cas';
    const input = kind === 0 ? null : kind === 1 ? i + 1 : [value(), i + 1];
    const output = !isCertain ? null : kind === 0 ? value() : input;
    const invoke = times.indexOf(start);
    const returned = isCertain ? times.indexOf(end) : Infinity;
    return {
      id: invoke,
      process: i,
      f,
      key: undefined,
      input,
      output,
      outcome: isCertain ? 'ok' : 'info',
      applied: true,
      invoke,
      return: returned,
      invokeTime: invoke,
      returnTime: returned,
      node: undefined,
      servedBy: undefined,
    };
  });
}

function isRead(operation: Operation): boolean {
  return operation.f === 'read' || operation.f === 'get' || !operation.applied;
}

function written({ f, input }: Operation): Json {
  return f === 'cas' ? ((input as readonly Json[])[1] ?? null) : input;
}

/** The history up to an event: what completes later is pending, which for a read means absent. */
function upTo(operations: readonly Operation[], end: number): readonly Operation[] {
  return operations
    .filter((each) => each.invoke <= end && (each.return <= end || !isRead(each)))
    .map((each) =>
      each.return <= end ? each : { ...each, outcome: 'info', output: null, return: Infinity },
    );
}

interface Examined {
  readonly isLinearizable: boolean;
  /** How many operations the conflict names. */
  readonly conflict: number;
  readonly mistake: string | undefined;
}

/** What is wrong with a decision and what it says of itself, by trying every order. */
function examine(operations: readonly Operation[], model: Model): Examined {
  const table = Table.of(operations);
  const decision = decide(table, model);
  const isLinearizable = isLinearizableByBruteForce(operations);
  const result = (mistake: string | undefined, conflict = 0): Examined => ({
    isLinearizable,
    conflict,
    mistake,
  });
  if (decision === undefined || decision.type === 'unknown') return result('not decided');
  if (decision.type === 'linearizable') {
    if (!isLinearizable) return result('there is no order');
    const ids = decision.order.map((row) => table.id(row));
    return result(verifyWitness(table, model, ids));
  }
  if (isLinearizable) return result('there is an order');
  const conflict = decision.conflict ?? [];
  return result(refutationMistake(operations, model, decision), conflict.length);
}

function refutationMistake(
  operations: readonly Operation[],
  model: Model,
  refuted: Refuted,
): string | undefined {
  const table = Table.of(operations);
  const byRank = defined(refuted.byRank, 'a completion');
  const row = (table.events[byRank] as number) >>> 1;
  const { return: end } = table.operation(row);
  if (table.return[row] !== byRank) return 'no completion';
  if (isLinearizableByBruteForce(upTo(operations, end))) return 'refuted too early';
  const before = upTo(operations, end - 1);
  if (!isLinearizableByBruteForce(before)) return 'refuted too late';
  const order = defined(refuted.orderBefore, 'the completion is the first')();
  const problem = verifyWitness(
    before,
    model,
    order.map((each) => table.id(each)),
  );
  if (problem !== undefined) return `the order before: ${problem}`;
  const { conflict } = refuted;
  if (conflict === undefined || conflict.length > 4) return 'no conflict of few';
  if (conflict.some((each) => (table.return[each] as number) > byRank)) return 'a late conflict';
  return isLinearizableByBruteForce(weakened(table, conflict).operations())
    ? 'the conflict proves nothing'
    : undefined;
}

/** All but some mutations may have happened, or not; all but some reads have not. */
function weakened(table: Table, strong: readonly number[]): Table {
  const rows = Array.from({ length: table.size }, (_, row) => row);
  return table.select(
    rows.filter((row) => strong.includes(row) || !isRead(table.operation(row))),
    (row) => !strong.includes(row),
  );
}

describe.each(NAMES)('%s', (name) => {
  const model = modelNamed(name);

  test('agrees with trying every order, and proves what it says', () => {
    const seen = { valid: 0, invalid: 0, crashed: 0, cas: 0, byZones: 0 };
    fc.assert(
      fc.property(shapes(name, 3, 8), fc.boolean(), (shape, isServed) => {
        const operations = isServed ? served(shape) : scattered(shape);
        const result = examine(operations, model);
        expect(result.mistake).toBeUndefined();
        seen[result.isLinearizable ? 'valid' : 'invalid']++;
        if (result.conflict > 2) seen.byZones++;
        if (operations.some((each) => each.outcome === 'info')) seen.crashed++;
        if (operations.some((each) => each.f === 'cas')) seen.cas++;
      }),
      { numRuns: RUNS },
    );
    expect(seen.valid).toBeGreaterThan(RUNS / 5);
    expect(seen.invalid).toBeGreaterThan(RUNS / 5);
    expect(seen.crashed).toBeGreaterThan(RUNS / 5);
    expect(seen.byZones).toBeGreaterThan(RUNS / 400);
    expect(seen.cas).toBeGreaterThan(name === 'register' ? -1 : RUNS / 2);
  });

  test('agrees with the search on longer histories, and its conflicts refute by the search', () => {
    const seen = { valid: 0, invalid: 0 };
    fc.assert(
      fc.property(shapes(name, 20, 140), (shape) => {
        const damages = Math.max(0, shape.damages - 1);
        const table = Table.of(served({ ...shape, damages }));
        const decision = defined(decide(table, model), 'the engine applies');
        expect(longMistake(table, model, decision)).toBeUndefined();
        seen[decision.type === 'linearizable' ? 'valid' : 'invalid']++;
      }),
      { numRuns: 1_000 },
    );
    expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(180);
  });
});

test.each(['cas-register', 'kv'] as const)(
  '%s: where values repeat and cas observe others, what is said is right, by trying every order',
  (name) => {
    const model = modelNamed(name);
    const seen = { whole: 0, refuted: 0, missed: 0, left: 0 };
    fc.assert(
      fc.property(shapes(name, 4, 8), fc.integer({ min: 4, max: 9 }), (shape, values) => {
        const options = { ...shape, model: name, values, isCasObserved: true, readRate: 0.5 };
        const result = pair(generateHistory(options));
        if (!result.ok) throw new Error(result.error.message);
        const random = mulberry32(shape.seed);
        const operations = damaged(result.history.operations, shape.damages, random);
        const table = Table.of(operations);
        const decision = decide(table, model);
        const isPart = decision?.type === 'not-linearizable' && !decision.orderBefore;
        const mistake =
          decision === undefined
            ? undefined
            : isPart
              ? partialMistake(operations, decision)
              : examine(operations, model).mistake;
        expect(mistake).toBeUndefined();
        if (decision !== undefined) seen[isPart ? 'refuted' : 'whole']++;
        else seen[isLinearizableByBruteForce(operations) ? 'left' : 'missed']++;
      }),
      { numRuns: RUNS },
    );
    expect(seen.whole).toBeGreaterThan(1_000);
    expect(seen.left).toBeGreaterThan(500);
    // Most of what is not linearizable is refuted without what was left out.
    expect(seen.refuted).toBeGreaterThan(seen.missed);
    expect(seen.refuted).toBeGreaterThan(500);
  },
);

function partialMistake(operations: readonly Operation[], refuted: Refuted): string | undefined {
  const table = Table.of(operations);
  const { byRank = 0, conflict } = refuted;
  const { return: end } = table.operation((table.events[byRank] as number) >>> 1);
  if (isLinearizableByBruteForce(upTo(operations, end))) return 'refuted too early';
  if (conflict === undefined) return undefined;
  if (conflict.some((each) => (table.return[each] as number) > byRank)) return 'a late conflict';
  return isLinearizableByBruteForce(weakened(table, conflict).operations())
    ? 'the conflict proves nothing'
    : undefined;
}

/** What is wrong with a decision, by the search. */
function longMistake(table: Table, model: Model, decision: Decision): string | undefined {
  const isLinearizable = (part: Table): boolean =>
    new Search(compile(part, model)).advance(Infinity)?.type === 'linearizable';
  if (decision.type === 'unknown') return 'not decided';
  if (isLinearizable(table) !== (decision.type === 'linearizable')) return 'a wrong verdict';
  if (decision.type === 'linearizable') {
    const ids = decision.order.map((row) => table.id(row));
    return verifyWitness(table, model, ids);
  }
  return isLinearizable(weakened(table, decision.conflict ?? []))
    ? 'the conflict proves nothing'
    : undefined;
}
