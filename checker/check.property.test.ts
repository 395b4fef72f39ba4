import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkKey, findStaleReads, inferModel, MODELS, pair, verifyWitness } from './index.ts';
import type { HistoryEvent, KeyVerdict, Operation } from './index.ts';
import { compile } from './engines/problem.ts';
import { Search } from './engines/wgl.ts';
import { isLinearizableByBruteForce } from './testing/brute-force.ts';
import { defined } from './assert.ts';
import { Table } from './table.ts';
import { generateHistory, mulberry32, type GenerateOptions } from './testing/generate.ts';

const RUNS = 4_000;
const DAMAGED = { read: true, get: true, cas: true };
const UNLIMITED = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };

function operationsOf(events: readonly HistoryEvent[]): readonly Operation[] {
  const result = pair(events);
  if (!result.ok) throw new Error(`line ${result.error.line}: ${result.error.message}`);
  return result.history.operations;
}

/**
 * A generated history with some results replaced by what another operation returned: about
 * half of them are no longer linearizable, and in no particular way.
 */
function damaged(options: GenerateOptions, changes: number): readonly Operation[] {
  const operations = [...operationsOf(generateHistory(options))];
  const random = mulberry32(options.seed + 1);
  for (let i = 0; i < changes; i++) {
    const certain = operations.filter((each) => each.outcome === 'ok' && each.f in DAMAGED);
    const chosen = certain[Math.floor(random() * certain.length)];
    const at = operations.findIndex((each) => each === chosen);
    const other = operations[Math.floor(random() * operations.length)];
    if (chosen === undefined || other === undefined) continue;
    if (chosen.f === 'read' || chosen.f === 'get') {
      const isRead = other.f === 'read' || other.f === 'get';
      const seen = isRead ? other.output : other.f === 'cas' ? null : other.input;
      operations[at] = { ...chosen, output: seen };
    } else if (chosen.f === 'cas') {
      operations[at] = { ...chosen, applied: !chosen.applied };
    }
  }
  return operations;
}

/** Longer, few values, many CAS: where a reduction that is nearly right goes wrong. */
function longHistory(model: GenerateOptions['model']): fc.Arbitrary<readonly Operation[]> {
  return fc
    .record({
      seed: fc.integer({ min: 0, max: 1_000_000_000 }),
      operations: fc.integer({ min: 20, max: 50 }),
      processes: fc.integer({ min: 3, max: 6 }),
      crashRate: fc.constantFrom(0, 0.05, 0.1),
      values: fc.constantFrom(2, 3, 4, 100),
      readRate: fc.constantFrom(0, 0.1, 0.3),
      isCasObserved: fc.boolean(),
      hasAppends: fc.boolean(),
      changes: fc.integer({ min: 0, max: 2 }),
    })
    .map(({ changes, ...options }) => damaged({ ...options, model }, changes));
}

function smallHistory(model: GenerateOptions['model']): fc.Arbitrary<readonly Operation[]> {
  return fc
    .record({
      seed: fc.integer({ min: 0, max: 1_000_000_000 }),
      operations: fc.integer({ min: 4, max: 8 }),
      processes: fc.integer({ min: 1, max: 4 }),
      crashRate: fc.constantFrom(0, 0.1, 0.3),
      values: fc.constantFrom(2, 3, 100),
      readRate: fc.constantFrom(0.3, 0.6),
      isCasObserved: fc.boolean(),
      hasAppends: fc.boolean(),
      changes: fc.integer({ min: 0, max: 8 }),
    })
    .map(({ changes, ...options }) => damaged({ ...options, model }, changes));
}

describe.each(['register', 'cas-register', 'kv'] as const)('%s', (name) => {
  const model = defined(MODELS.get(name), 'a model');
  test('the search agrees with trying every order, with and without looking ahead', () => {
    const seen = { valid: 0, invalid: 0, crashed: 0, observed: 0 };
    fc.assert(
      fc.property(smallHistory(name), (operations) => {
        const expected = isLinearizableByBruteForce(operations);
        seen[expected ? 'valid' : 'invalid']++;
        if (operations.some((each) => each.outcome === 'info')) seen.crashed++;
        if (operations.some((each) => !each.applied)) seen.observed++;
        const found = [true, false].map((isLookingAhead) => {
          const search = new Search(compile(Table.of(operations), model), { isLookingAhead });
          return search.advance(Infinity)?.type === 'linearizable';
        });
        expect(found).toEqual([expected, expected]);
      }),
      { numRuns: RUNS },
    );
    expect(seen.valid).toBeGreaterThan(RUNS / 5);
    expect(seen.invalid).toBeGreaterThan(RUNS / 5);
    expect(seen.crashed).toBeGreaterThan(RUNS / 5);
    expect(seen.observed).toBeGreaterThan(name === 'register' ? -1 : RUNS / 20);
  });

  test('the search agrees with trying every order on longer histories', () => {
    const seen = { valid: 0, invalid: 0 };
    fc.assert(
      fc.property(longHistory(name), (operations) => {
        const expected = isLinearizableByBruteForce(operations);
        seen[expected ? 'valid' : 'invalid']++;
        expect(new Search(compile(Table.of(operations), model)).advance(Infinity)?.type).toBe(
          expected ? 'linearizable' : 'not-linearizable',
        );
      }),
      { numRuns: RUNS / 10 },
    );
    expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(RUNS / 100);
  });

  test('a witness replays; the operation that could not be placed ends the first bad prefix', () => {
    fc.assert(
      fc.property(smallHistory(name), (operations) => {
        const verdict = checkKey(operations, model, UNLIMITED);
        expect(evidenceIsWrong(operations, verdict)).toBeUndefined();
      }),
      { numRuns: RUNS / 2 },
    );
  });

  test('where a stale read is named no order is legal', () => {
    let named = 0;
    fc.assert(
      fc.property(fc.oneof(smallHistory(name), longHistory(name)), (operations) => {
        if (findStaleReads(operations, model).length === 0) return;
        named++;
        expect(isLinearizableByBruteForce(operations)).toBe(false);
      }),
      { numRuns: RUNS / 2 },
    );
    // What is appended depends on the state: of such keys nothing is claimed.
    expect(named).toBeGreaterThan(name === 'kv' ? RUNS / 400 : RUNS / 40);
  });

  test('a stale read that is named is the one that was planted', () => {
    let found = 0;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), (seed) => {
        const plant = { kind: 'stale-read', at: 0.5 } as const;
        const operations = operationsOf(
          generateHistory({
            seed,
            model: name,
            operations: 14,
            processes: 3,
            crashRate: 0.1,
            plant,
          }),
        );
        const stale = findStaleReads(operations, model);
        if (stale.length === 0) return;
        found++;
        expect(stale).toHaveLength(1);
        expect(checkKey(operations, model, UNLIMITED).valid).toBe(false);
        const without = operations.filter((each) => each !== stale[0]?.read);
        expect(checkKey(without, model, UNLIMITED).valid).toBe(true);
      }),
      { numRuns: 1_000 },
    );
    // After a delete, absent is no longer a value of its own: fewer kv reads can be proved stale.
    expect(found).toBeGreaterThan(name === 'kv' ? 100 : 200);
  });
});

/** What is wrong with a verdict's evidence, by brute force. */
function evidenceIsWrong(
  operations: readonly Operation[],
  verdict: KeyVerdict,
): string | undefined {
  const model = defined(MODELS.get(modelOf(operations)), 'a model');
  if (verdict.valid === 'unknown') return 'unknown without a limit';
  if (verdict.valid) return verifyWitness(operations, model, verdict.witness);
  const { operation, isExact } = verdict.stuck;
  if (!isExact) return 'not exact without a limit';
  if (isLinearizableByBruteForce(prefix(operations, operation.return, true))) return 'too late';
  return isLinearizableByBruteForce(prefix(operations, operation.return, false))
    ? undefined
    : 'not the first';
}

function modelOf(operations: readonly Operation[]): string {
  return inferModel(new Set(operations.map((each) => each.f)))?.name ?? 'kv';
}

/** History up to a completion, that one included or left pending: written anew, not the checker's. */
function prefix(
  operations: readonly Operation[],
  end: number,
  isIncluded: boolean,
): readonly Operation[] {
  return operations
    .filter((each) => each.invoke < end)
    .flatMap((each): Operation[] => {
      if (each.return < end || (isIncluded && each.return === end)) return [each];
      // What was only an observation is left out; what may take effect is pending.
      if (!each.applied || each.f === 'read' || each.f === 'get') return [];
      return [{ ...each, outcome: 'info', output: null, return: Infinity }];
    });
}
