import { describe, expect, test } from 'vitest';
import { checkKey } from '../check.ts';
import { defined } from '../assert.ts';
import { pair, type HistoryEvent, type Operation } from '../history.ts';
import { MODELS } from '../models/index.ts';
import type { Model } from '../models/model.ts';
import { casRegister, register } from '../models/register.ts';
import { isLinearizableByBruteForce } from '../testing/brute-force.ts';
import { generateHistory, mulberry32 } from '../testing/generate.ts';
import { Table } from '../table.ts';
import { generateLagging } from '../testing/lagging.ts';
import { simulate, type SimulateOptions } from '../testing/simulate.ts';
import { historyOf, weaken } from '../testing/weaken.ts';
import type { Counterexample } from '../verdict.ts';
import { behindCut, overlappingCut } from './behind-cut.ts';
import { EffectStates } from './effect-states.ts';
import { Effort } from './effort.ts';
import { traceCuts } from './trace-cuts.ts';

const UNLIMITED = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };
/** Trying every order is for few operations. */
const BRUTE_FORCE_MAX = 9;

function operationsOf(events: readonly HistoryEvent[]): readonly Operation[] {
  const paired = pair(events);
  if (!paired.ok) throw new Error(paired.error.message);
  return paired.history.operations;
}

/** By the general search, and for few operations by brute force, too. */
function isLegal(operations: readonly Operation[], model: Model): boolean {
  const bySearch = checkKey(operations, model, UNLIMITED, { engine: 'wgl' }).valid;
  const isSmall = operations.length <= BRUTE_FORCE_MAX;
  expect(bySearch).toBe(
    isSmall ? isLinearizableByBruteForce(operations, model.name) : bySearch === true,
  );
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

/** All of the history, with everything weakened but what is strong in the counterexample. */
function isProofOf(
  { operations }: Counterexample,
  history: readonly Operation[],
  model: Model,
): boolean {
  const strong = new Set(
    operations.filter(({ isWeak }) => !isWeak).map((each) => each.operation.id),
  );
  const weakened = history.flatMap((operation) =>
    strong.has(operation.id) || operation.outcome === 'info'
      ? [operation]
      : weaken(operation, model),
  );
  return checkKey(weakened, model, UNLIMITED).valid === false;
}

/** Objects of which almost every order is another state: a search tries them all. */
const HAS_MANY_STATES = ['append-list', 'queue', 'stack', 'multi-register', 'txn-kv'];

function optionsOf(model: string, seed: number): SimulateOptions {
  const random = mulberry32(seed);
  return {
    seed,
    model,
    operations: 5 + Math.floor(random() * (HAS_MANY_STATES.includes(model) ? 7 : 25)),
    processes: 2 + Math.floor(random() * 3),
    crashRate: random() < 0.5 ? 0.1 : 0,
    ...(random() < 0.5 ? { values: 3 } : undefined),
    isCasObserved: random() < 0.5,
    hasAppends: random() < 0.3,
  };
}

describe.each([...MODELS.values()].map((model) => [model.name, model] as const))(
  '%s',
  (name, model) => {
    test('a counterexample is illegal, legal as soon as one operation is weakened, and proves the history', () => {
      let found = 0;
      let proofs = 0;
      let cut = 0;
      for (let seed = 1; found < 60; seed++) {
        expect(seed, 'enough of them are invalid').toBeLessThan(2_000);
        const operations = simulate({ ...optionsOf(name, seed), changes: 1 + (seed % 3) });
        const verdict = checkKey(operations, model, UNLIMITED);
        if (verdict.valid !== false) continue;
        found++;
        const counterexample = defined(verdict.counterexample, `a counterexample, seed ${seed}`);
        expectMinimal(counterexample, model);
        // Where it begins in the middle, the cut is part of the proof: cuts are tried by themselves.
        if (counterexample.before !== undefined) cut++;
        else if (isProofOf(counterexample, operations, model)) proofs++;
      }
      expect(proofs + cut).toBe(found);
    });

    test('what remains of a valid history when some of it is weakened is valid', () => {
      let weakened = 0;
      for (let seed = 1; seed <= 100; seed++) {
        const random = mulberry32(seed);
        const operations = simulate(optionsOf(name, seed));
        const rest = operations.flatMap((operation) => {
          if (operation.outcome === 'info' || random() < 0.6) return [operation];
          weakened++;
          return weaken(operation, model);
        });
        expect(isLegal(rest, model)).toBe(true);
      }
      expect(weakened).toBeGreaterThan(200);
    });

    test('what stands behind a cut of a valid history is valid', () => {
      let cuts = 0;
      let overlapping = 0;
      for (let seed = 1; seed <= 200; seed++) {
        const table = Table.of(simulate(optionsOf(name, seed)));
        const random = mulberry32(seed);
        const last = Math.floor(table.events.length * random());
        const first = seed % 2 === 0 ? 0 : Math.floor(last * random());
        const effort = Effort.of(UNLIMITED, 1e6);
        const states = new EffectStates(table, model);
        for (const found of drained(traceCuts(table, states, { first, last }, effort))) {
          for (const begin of [behindCut, overlappingCut]) {
            const rest = begin(found, table, model, table.events.length - 1);
            if (rest === undefined) continue;
            if (begin === behindCut) cuts++;
            else overlapping++;
            const operations = rest.table
              .operations()
              .flatMap((operation, row) =>
                rest.isWeak(row) ? weaken(operation, model) : [operation],
              );
            expect(isLegal(operations, model), `seed ${seed}, rank ${found.rank}`).toBe(true);
          }
        }
      }
      // A state that takes more than one operation to reach cannot be summed up in one.
      expect(cuts).toBeGreaterThan(HAS_NO_SUM.includes(name) ? 5 : 40);
      expect(overlapping).toBeGreaterThan(model.assign === undefined ? -1 : 5);
    });
  },
);

/** Objects whose state grows. */
const HAS_NO_SUM = [
  'counter',
  'grow-counter',
  'set',
  'append-list',
  'queue',
  'stack',
  'unordered-queue',
  'multi-register',
];

function drained<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

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
