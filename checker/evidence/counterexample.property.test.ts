import { describe, expect, test } from 'vitest';
import { checkKey } from '../check.ts';
import { defined } from '../assert.ts';
import { pair, type HistoryEvent, type Operation } from '../history.ts';
import { kv } from '../models/kv.ts';
import type { Model } from '../models/model.ts';
import { casRegister, register } from '../models/register.ts';
import { isLinearizableByBruteForce } from '../testing/brute-force.ts';
import { generateHistory, mulberry32, type GenerateOptions } from '../testing/generate.ts';
import { generateLagging } from '../testing/lagging.ts';
import { historyOf, weaken } from '../testing/weaken.ts';
import type { Counterexample } from '../verdict.ts';

const UNLIMITED = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };
/** Trying every order is for few operations. */
const BRUTE_FORCE_MAX = 14;

function operationsOf(events: readonly HistoryEvent[]): readonly Operation[] {
  const paired = pair(events);
  if (!paired.ok) throw new Error(paired.error.message);
  return paired.history.operations;
}

/** By brute force, or for more operations by the general search. */
function isLegal(operations: readonly Operation[], model: Model): boolean {
  const bySearch = checkKey(operations, model, UNLIMITED, { engine: 'wgl' }).valid;
  const isSmall = operations.length <= BRUTE_FORCE_MAX;
  expect(bySearch).toBe(isSmall ? isLinearizableByBruteForce(operations) : bySearch === true);
  return bySearch === true;
}

/** Checks the definition. @returns the operations of the counterexample */
function expectMinimal(counterexample: Counterexample, model: Model): number {
  expect(counterexample.isMinimal).toBe(true);
  expect(isLegal(historyOf(counterexample, model), model)).toBe(false);
  for (const { operation, isWeak } of counterexample.operations) {
    if (isWeak) continue;
    expect(isLegal(historyOf(counterexample, model, operation.id), model)).toBe(true);
  }
  return counterexample.operations.length;
}

const MODELS_TRIED: readonly (readonly [string, Model, Partial<GenerateOptions>])[] = [
  ['register', register, {}],
  ['register with few values', register, { values: 3 }],
  ['cas-register', casRegister, { isCasObserved: true }],
  ['cas-register with few values', casRegister, { values: 3, isCasObserved: true }],
  ['kv', kv, {}],
  ['kv with appends', kv, { hasAppends: true, values: 3 }],
];

describe.each(MODELS_TRIED)('%s', (_, model, options) => {
  test('a counterexample is illegal, and legal as soon as one completed operation is weakened', () => {
    let found = 0;
    for (let seed = 1; found < 100; seed++) {
      expect(seed, 'enough of them are invalid').toBeLessThan(3_000);
      const random = mulberry32(seed);
      const events = generateHistory({
        seed,
        model: model.name as GenerateOptions['model'],
        operations: 10 + Math.floor(random() * 40),
        processes: 2 + Math.floor(random() * 4),
        crashRate: random() < 0.5 ? 0.1 : 0,
        plant: { kind: random() < 0.5 ? 'stale-read' : 'lost-write', at: 0.5 * random() },
        ...options,
      });
      const verdict = checkKey(operationsOf(events), model, UNLIMITED);
      if (verdict.valid !== false) continue;
      found++;
      expectMinimal(defined(verdict.counterexample, `a counterexample, seed ${seed}`), model);
    }
  });

  test('what remains of a valid history when some of it is weakened is valid', () => {
    let weakened = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const random = mulberry32(seed);
      const events = generateHistory({
        seed,
        model: model.name as GenerateOptions['model'],
        operations: 25,
        processes: 4,
        crashRate: 0.1,
        ...options,
      });
      const operations = operationsOf(events);
      expect(isLegal(operations, model)).toBe(true);
      const rest = operations.flatMap((operation) => {
        if (operation.outcome === 'info' || random() < 0.6) return [operation];
        weakened++;
        return weaken(operation, model);
      });
      expect(isLegal(rest, model)).toBe(true);
    }
    expect(weakened).toBeGreaterThan(500);
  });
});

test('one stale read among unique writes is told by at most twelve operations, however long the history', () => {
  for (const [operations, seeds] of [
    [200, 60],
    [1_000, 20],
    [5_000, 3],
  ] as const) {
    for (let seed = 1; seed <= seeds; seed++) {
      const events = generateHistory({
        seed,
        model: 'register',
        operations,
        processes: 10,
        plant: { kind: 'stale-read', at: 0.7 },
      });
      const verdict = checkKey(operationsOf(events), register, UNLIMITED);
      if (verdict.valid !== false) throw new Error(`seed ${seed} has its violation`);
      const counterexample = defined(verdict.counterexample, 'one');
      expect(expectMinimal(counterexample, register)).toBeLessThanOrEqual(12);
    }
  }
});

test('replicas that lag behind: many stale reads, crashed writes, and still a minimal counterexample', () => {
  let found = 0;
  for (let seed = 1; seed <= 120; seed++) {
    const { events } = generateLagging({
      seed,
      operations: 60,
      processes: 4,
      staleRate: 0.05,
      crashRate: 0.1,
      values: seed % 2 === 0 ? Infinity : 4,
    });
    const verdict = checkKey(operationsOf(events), casRegister, UNLIMITED);
    if (verdict.valid !== false) continue;
    found++;
    expectMinimal(defined(verdict.counterexample, 'one'), casRegister);
  }
  expect(found).toBeGreaterThan(40);
});

test('where the budget ends at once there is no counterexample, and none that is called minimal', () => {
  const events = generateHistory({
    seed: 2,
    model: 'register',
    operations: 300,
    processes: 5,
    plant: { kind: 'stale-read', at: 0.5 },
  });
  let looks = 0;
  const budget = { now: () => looks++, deadlineNs: 2, memoryBytesMax: Infinity };
  const verdict = checkKey(operationsOf(events), register, budget);
  expect(verdict.valid).not.toBe(true);
  expect(verdict).not.toMatchObject({ counterexample: { isMinimal: true } });
});
