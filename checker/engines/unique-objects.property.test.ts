import { describe, expect, test } from 'vitest';
import { assertNever, defined } from '../assert.ts';
import { pair, type HistoryEvent, type Json, type Operation } from '../history.ts';
import { MODELS, verifyWitness } from '../index.ts';
import type { Model } from '../models/model.ts';
import { mulberry32 } from '../testing/generate.ts';
import { objectHistory, type ObjectKind } from '../testing/unique-objects.ts';
import { Table } from '../table.ts';
import type { Budget } from '../verdict.ts';
import { bag } from './bag.ts';
import type { Decision, Engine } from './decision.ts';
import { compile } from './problem.ts';
import { Search } from './wgl.ts';
import { lock } from './lock.ts';
import { queue } from './queue.ts';
import { stack } from './stack.ts';

const UNLIMITED: Budget = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };
const RUNS = 20_500;
const LONGER_RUNS = 800;
/** Configurations after which the search gives up. */
const SEARCH_STEPS = 2_000;

const CASES: readonly (readonly [ObjectKind, string, Engine])[] = [
  ['queue', 'queue', queue],
  ['bag', 'unordered-queue', bag],
  ['stack', 'stack', stack],
  ['mutex', 'mutex', lock],
  ['reentrant-mutex', 'reentrant-mutex', lock],
  ['fenced-lock', 'fenced-lock', lock],
];

function decide(engine: Engine, table: Table, model: Model): Decision | undefined {
  const decision = engine.prepare(table, model)?.(UNLIMITED);
  if (decision === undefined) return undefined;
  for (;;) {
    const step = decision.next();
    if (step.done === true) return step.value;
  }
}

/** All orders, tried; knows nothing of engines and models. */
function isLinearizable(kind: ObjectKind, operations: readonly Operation[]): boolean {
  const dead = new Set<string>();
  const canFinish = (state: Json, open: readonly Operation[]): boolean => {
    if (open.every(({ outcome }) => outcome === 'info')) return true;
    const configuration = JSON.stringify([state, open.map(({ id }) => id)]);
    if (dead.has(configuration)) return false;
    const isAlive = open.some((operation) => {
      if (open.some((other) => other.return < operation.invoke)) return false;
      const rest = open.filter((other) => other !== operation);
      return after(kind, state, operation).some((next) => canFinish(next, rest));
    });
    if (!isAlive) dead.add(configuration);
    return isAlive;
  };
  return canFinish([], operations);
}

/** Every state that the operation can lead to. */
function after(kind: ObjectKind, state: Json, operation: Operation): readonly Json[] {
  const { f, input, output, outcome, process } = operation;
  const elements = state as readonly Json[];
  const [first, second] = elements;
  if (f === 'enqueue' || f === 'push') return [[...elements, input]];
  if (f === 'dequeue' || f === 'pop') {
    if (outcome === 'ok' && output === null) return elements.length === 0 ? [state] : [];
    return elements.flatMap((element, at) => {
      if (outcome === 'ok' && element !== output) return [];
      if (kind === 'queue' && at !== 0) return [];
      if (kind === 'stack' && at !== elements.length - 1) return [];
      return [elements.toSpliced(at, 1)];
    });
  }
  switch (kind) {
    case 'mutex':
      if (f === 'acquire') return first === undefined ? [['held']] : [];
      return first === undefined ? [] : [[]];
    case 'reentrant-mutex':
      if (f === 'acquire') {
        return first === undefined || first === process ? [[...elements, process]] : [];
      }
      return first === process ? [elements.slice(1)] : [];
    case 'fenced-lock': {
      // [last token, owner]
      if (f === 'release') return second === process ? [[defined(first, 'a token')]] : [];
      if (second !== undefined) return [];
      const last = typeof first === 'number' ? first : -1;
      if (outcome === 'info') return [[last, process]];
      return Number(output) > last ? [[Number(output), process]] : [];
    }
    case 'queue':
    case 'bag':
    case 'stack':
      throw new Error(`${kind} has no ${f}`);
    default:
      return assertNever(kind);
  }
}

function smallHistory(kind: ObjectKind, seed: number): readonly Operation[] {
  const random = mulberry32(seed ^ 0x5eed);
  const pick = <T>(...choices: readonly T[]): T =>
    defined(choices[Math.floor(random() * choices.length)], 'a choice');
  return objectHistory({
    seed,
    kind,
    operations: pick(3, 5, 6, 7, 8),
    processes: pick(1, 2, 3, 3, 4),
    crashRate: pick(0, 0, 0, 0.1, 0.3, 0.7),
    damages: pick(0, 0, 1, 1, 2, 3),
    putRate: pick(0.4, 0.5, 0.6, 0.7),
  });
}

/** Longer ones by few processes: a search can follow. */
function longerHistory(kind: ObjectKind, seed: number): readonly Operation[] {
  const random = mulberry32(seed ^ 0x10e6);
  return objectHistory({
    seed: seed + 1_000_000,
    kind,
    operations: 12 + Math.floor(random() * 16),
    processes: 2 + Math.floor(random() * 3),
    crashRate: random() < 0.5 ? 0 : 0.08,
    damages: Math.floor(random() * 3),
    putRate: 0.5 + random() / 10,
  });
}

/** By the general search; undefined when it takes too long. */
function isLinearizableBySearch(table: Table, model: Model): boolean | undefined {
  const result = new Search(compile(table, model)).advance(SEARCH_STEPS);
  return result === undefined ? undefined : result.type === 'linearizable';
}

/** The history up to the completion at this rank, that one included. */
function prefix(table: Table, rank: number): Table {
  const rows = Array.from({ length: table.size }, (_, row) => row).filter(
    (row) => (table.invoke[row] as number) < rank,
  );
  return table.select(rows, (row) => (table.return[row] as number) > rank);
}

/** Whether a history has a legal order; undefined when that is not known. */
type Judge = (table: Table) => boolean | undefined;

/** What is wrong with a decision; undefined when all it claims is true. */
function wrong(
  judge: Judge,
  model: Model,
  table: Table,
  decision: Decision,
  expected: boolean,
): string | undefined {
  if (decision.type === 'unknown') return 'unknown without a limit';
  if ((decision.type === 'linearizable') !== expected) return `said ${decision.type}`;
  if (decision.type === 'linearizable') {
    return verifyWitness(
      table,
      model,
      decision.order.map((row) => table.id(row)),
    );
  }
  const { conflict, byRank } = decision;
  if (conflict !== undefined) {
    if (conflict.some((row) => !table.isCompleted(row))) return 'its conflict is not certain';
    if (judge(weaken(table, new Set(conflict), model)) === true) {
      return `its conflict ${conflict.join(' ')} does not refute`;
    }
  }
  if (byRank === undefined) return undefined;
  if (((table.events[byRank] ?? 0) & 1) === 0) return 'its rank is no completion';
  return judge(prefix(table, byRank)) === true ? `rank ${byRank} is too early` : undefined;
}

/** Some operations as they are, the others weakened. */
function weaken(table: Table, strong: ReadonlySet<number>, model: Model): Table {
  const rows = Array.from({ length: table.size }, (_, row) => row);
  const kept = rows.filter((row) => strong.has(row) || !model.isReadOnly(table.operation(row)));
  return table.select(kept, (row) => !strong.has(row));
}

describe.each(CASES)('%s', (kind, modelName, engine) => {
  const model = defined(MODELS.get(modelName), 'a model');

  test('agrees with trying every order; orders replay, conflicts and ranks refute', () => {
    const seen = { valid: 0, invalid: 0, crashed: 0, undecided: 0 };
    const judge: Judge = (table) => isLinearizable(kind, table.operations());
    for (let seed = 0; seed < RUNS; seed++) {
      const operations = smallHistory(kind, seed);
      const table = Table.of(operations);
      const decision = decide(engine, table, model);
      if (decision === undefined) {
        seen.undecided++;
        continue;
      }
      const expected = isLinearizable(kind, operations);
      seen[expected ? 'valid' : 'invalid']++;
      if (operations.some(({ outcome }) => outcome === 'info')) seen.crashed++;
      const text = wrong(judge, model, table, decision, expected);
      expect(text, `seed ${seed}: ${JSON.stringify(operations.map(brief))}`).toBeUndefined();
    }
    expect(seen.valid).toBeGreaterThan(RUNS / 5);
    expect(seen.invalid).toBeGreaterThan(RUNS / 5);
    expect(seen.crashed).toBeGreaterThan(RUNS / 10);
    expect(seen.undecided).toBeLessThan(kind === 'stack' ? RUNS / 100 : 1);
  }, 600_000);

  test('agrees with the search on longer histories', () => {
    const seen = { valid: 0, invalid: 0, tooLong: 0 };
    const judge: Judge = (table) => isLinearizableBySearch(table, model);
    for (let seed = 0; seed < LONGER_RUNS; seed++) {
      const operations = longerHistory(kind, seed);
      const table = Table.of(operations);
      const decision = decide(engine, table, model);
      const expected = judge(table);
      if (decision === undefined || expected === undefined) {
        seen.tooLong++;
        continue;
      }
      seen[expected ? 'valid' : 'invalid']++;
      const text = wrong(judge, model, table, decision, expected);
      expect(text, `seed ${seed}: ${JSON.stringify(operations.map(brief))}`).toBeUndefined();
    }
    expect(seen.valid).toBeGreaterThan(LONGER_RUNS / 5);
    expect(seen.invalid).toBeGreaterThan(LONGER_RUNS / 5);
    expect(seen.tooLong).toBeLessThan(LONGER_RUNS / 20);
  }, 600_000);
});

test('one crashed dequeue takes not both what is overtaken and what would be inside', () => {
  // [f, value]; a crashed one has no result. One after the other.
  const calls = [
    ['enqueue', 1, 'ok'],
    ['dequeue', null, 'info'],
    ['dequeue', null, 'ok'],
    ['enqueue', 2, 'ok'],
    ['enqueue', 3, 'ok'],
    ['dequeue', 3, 'ok'],
  ] as const;
  const events = calls.flatMap(([f, value, type], process): Omit<HistoryEvent, 'index'>[] => [
    { type: 'invoke', process, f, value: f === 'enqueue' ? value : null, time: 0 },
    { type, process, f, value, time: 0 },
  ]);
  const model = defined(MODELS.get('queue'), 'a model');
  const typeOf = (some: readonly Omit<HistoryEvent, 'index'>[]): string | undefined => {
    const paired = pair(some.map((event, index) => ({ ...event, index })));
    if (!paired.ok) throw new Error(paired.error.message);
    return decide(queue, Table.of(paired.history.operations), model)?.type;
  };
  expect(typeOf(events)).toBe('not-linearizable');
  // One crashed dequeue is enough where only one of them is in the way.
  expect(typeOf(events.filter(({ process }) => process !== 3))).toBe('linearizable');
  expect(typeOf(events.filter(({ process }) => process !== 0))).toBe('linearizable');
  // Both are overtaken, whether it was found empty or not.
  expect(typeOf(events.filter(({ process }) => process !== 2))).toBe('not-linearizable');
});

function brief({ id, process, f, input, output, return: end }: Operation): Json {
  return [id, end === Infinity ? 'info' : end, process, f, input, output];
}
