import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defined } from '../assert.ts';
import { pair, type HistoryEvent, type Json, type Operation } from '../history.ts';
import { casRegister } from '../models/register.ts';
import { Table } from '../table.ts';
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

  test('what is named is what the definition says, looked up for each read by itself', () => {
    const seen = { named: 0, unnamed: 0 };
    fc.assert(
      fc.property(lagging({ min: 10, max: 80 }), (options) => {
        const operations = operationsOf(generateLagging(options).events);
        const named = findStaleReads(operations, casRegister);
        const expected = operations
          .filter(({ f, outcome }) => f === 'read' && outcome === 'ok')
          .toSorted((a, b) => a.return - b.return)
          .flatMap((read) => {
            const by = overwriting(read, operations);
            return by === undefined ? [] : [[read, by]];
          });
        expect(named.map(({ read, overwrittenBy }) => [read, overwrittenBy])).toEqual(expected);
        for (const { read, value, overwrittenBy, newerValue, staleByNs } of named) {
          expect(value).toEqual(read.output);
          expect(newerValue).toEqual(written(overwrittenBy));
          expect(staleByNs).toBe(read.invokeTime - overwrittenBy.returnTime);
        }
        expect(findStaleReads(Table.of(operations), casRegister)).toEqual(named);
        seen[expected.length > 0 ? 'named' : 'unnamed']++;
      }),
      { numRuns: 1_000 },
    );
    expect(Math.min(seen.named, seen.unnamed)).toBeGreaterThan(150);
  });
});

function written({ f, input }: Operation): Json {
  return f === 'cas' ? ((input as readonly Json[])[1] ?? null) : input;
}

/** By the definition: the first to complete that proves the read's value overwritten before it began. */
function overwriting(read: Operation, operations: readonly Operation[]): Operation | undefined {
  const mutations = operations.filter(({ f }) => f !== 'read');
  const writersOf = (value: Json): readonly Operation[] =>
    mutations.filter((each) => written(each) === value);
  const isUnique = (value: Json): boolean => writersOf(value).length === (value === null ? 0 : 1);
  const value = read.output;
  const [writer] = writersOf(value);
  if (!isUnique(value) || (writer?.invoke ?? -1) > read.return) return undefined;
  const seenAt = operations
    .filter(({ f, outcome, output }) => f === 'read' && outcome === 'ok' && output === value)
    .map((each) => each.return)
    .filter((at) => at > (writer?.invoke ?? -1));
  const begun = value === null ? -1 : Math.min(writer?.return ?? Infinity, ...seenAt);
  /** Whether an acknowledged CAS shows that the value is over: it expects it, or what came of it. */
  const ends = (cas: Operation): boolean => {
    const passed = new Set<Operation>();
    for (let at: Operation | undefined = cas; at?.f === 'cas' && !passed.has(at);) {
      passed.add(at);
      const from: Json = (at.input as readonly Json[])[0] ?? null;
      if (!isUnique(from) || writersOf(from)[0] === cas) return false;
      if (from === value) return true;
      at = writersOf(from)[0];
    }
    return false;
  };
  return mutations
    .filter((each) => each.return < read.invoke && (each.invoke > begun || ends(each)))
    .toSorted((a, b) => a.return - b.return)[0];
}
