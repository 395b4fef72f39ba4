import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defined } from '../assert.ts';
import { pair, type HistoryEvent, type Operation } from '../history.ts';
import { casRegister } from '../models/register.ts';
import { isLinearizableByBruteForce } from '../testing/brute-force.ts';
import { generateLagging, type LaggingOptions } from '../testing/lagging.ts';
import { findStaleReads } from './stale-read.ts';

function lagging(size: {
  readonly min: number;
  readonly max: number;
}): fc.Arbitrary<LaggingOptions> {
  return fc.record({
    seed: fc.integer({ min: 0, max: 1_000_000_000 }),
    operations: fc.integer(size),
    processes: fc.integer({ min: 2, max: 6 }),
    staleRate: fc.constantFrom(0, 0.1, 0.3, 0.6),
    crashRate: fc.constantFrom(0, 0.1),
    values: fc.constantFrom(30, Infinity),
  });
}

function operationsOf(events: readonly HistoryEvent[]): readonly Operation[] {
  const result = pair(events);
  if (!result.ok) throw new Error(result.error.message);
  return result.history.operations;
}

describe('a register whose reads are answered by replicas that lag, some of them', () => {
  test('every read that is named was stale, and what is named had overwritten what it saw', () => {
    const seen = { named: 0, fresh: 0, stale: 0, late: 0, lateNamed: 0 };
    fc.assert(
      fc.property(lagging({ min: 20, max: 120 }), (options) => {
        const { events, indexOf, seenBy } = generateLagging(options);
        const operations = operationsOf(events);
        const named = findStaleReads(operations, casRegister);
        for (const { read, overwrittenBy } of named) {
          const index = defined(indexOf.get(overwrittenBy.id), 'it took effect');
          expect(index).toBeGreaterThan(defined(seenBy.get(read.id), 'it was answered'));
          expect(overwrittenBy.outcome).toBe('ok');
          expect(overwrittenBy.return).toBeLessThan(read.invoke);
        }
        const isNamed = new Set(named.map(({ read }) => read.id));
        for (const read of operations.filter(
          ({ f, outcome }) => f === 'read' && outcome === 'ok',
        )) {
          const at = defined(seenBy.get(read.id), 'it was answered');
          const missed = operations.filter(
            (each) => (indexOf.get(each.id) ?? 0) > at && each.return < read.invoke,
          ).length;
          seen[missed > 0 ? 'stale' : 'fresh']++;
          if (missed < 4 || options.values < Infinity) continue;
          seen.late++;
          if (isNamed.has(read.id)) seen.lateNamed++;
        }
        seen.named += named.length;
      }),
      { numRuns: 1_000 },
    );
    expect(seen.fresh).toBeGreaterThan(10_000);
    expect(seen.named).toBeGreaterThan(seen.stale / 2);
    expect(seen.lateNamed).toBeGreaterThan(seen.late * 0.9);
  });

  test('each that is named refutes the history by itself: mutations and reads of that value', () => {
    let claims = 0;
    fc.assert(
      fc.property(lagging({ min: 10, max: 25 }), (options) => {
        const operations = operationsOf(generateLagging(options).events);
        for (const { read, value, overwrittenBy } of findStaleReads(operations, casRegister)) {
          claims++;
          const evidence = operations.filter(
            (each) =>
              each === read ||
              each.f !== 'read' ||
              (each.output === value && each.return < overwrittenBy.invoke),
          );
          expect(isLinearizableByBruteForce(evidence)).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
    expect(claims).toBeGreaterThan(200);
  });
});
