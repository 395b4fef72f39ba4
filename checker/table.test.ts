import { expect, test } from 'vitest';
import { defined } from './assert.ts';
import { pair, type Operation } from './history.ts';
import { columnsFrom, NEVER, snapshotOf, Table } from './table.ts';
import { generateHistory, mulberry32 } from './testing/generate.ts';

const operations = operationsOf(60);

function operationsOf(count: number): readonly Operation[] {
  const options = { seed: 1, model: 'register', processes: 5, crashRate: 0.1 } as const;
  const result = pair(generateHistory({ ...options, operations: count }));
  if (!result.ok) throw new Error(result.error.message);
  return result.history.operations;
}

test('ranks number the events in order, whether positions lie close together or far apart', () => {
  const expected = operations
    .flatMap(({ invoke, return: returned }, row) => [
      { at: invoke, event: 2 * row },
      { at: returned, event: 2 * row + 1 },
    ])
    .filter(({ at }) => at < Infinity)
    .toSorted((a, b) => a.at - b.at)
    .map(({ event }) => event);
  expect(expected.length).toBeLessThan(2 * operations.length);
  for (const scale of [1, 3, 1_000]) {
    const table = Table.of(
      operations.map((each) => ({
        ...each,
        invoke: each.invoke * scale + 7,
        return: each.return * scale + 7,
      })),
    );
    expect([...table.events]).toEqual(expected);
    expect(table.completed).toBe(expected.length - operations.length);
    for (let row = 0; row < table.size; row++) {
      expect(table.invoke[row]).toBe(expected.indexOf(2 * row));
      const returned = expected.indexOf(2 * row + 1);
      expect(table.return[row]).toBe(returned < 0 ? NEVER : returned);
    }
  }
  expect(Table.of([]).events).toHaveLength(0);
});

test('operations in another order than that of their invocations, or that end before they began, are no table', () => {
  const first = defined(operations[0], 'an operation');
  for (const scale of [1, 1_000]) {
    const spread = operations.map((each) => ({
      ...each,
      invoke: each.invoke * scale,
      return: each.return * scale,
    }));
    expect(() => Table.of(spread)).not.toThrow();
    expect(() => Table.of(spread.toReversed())).toThrow();
    const early = { ...first, invoke: 50 * scale, return: 10 * scale };
    expect(() => Table.of([early])).toThrow();
  }
});

test('a row is found by its id from wherever the search begins, and nothing else is', () => {
  const all = Table.of(operations);
  const sparse = Array.from({ length: 60 }, (_, row) => row).filter((row) => row % 7 < 3);
  for (const table of [all, all.select(sparse), all.select([]), all.select([5])]) {
    const rows = new Map(Array.from({ length: table.size }, (_, row) => [table.id(row), row]));
    for (let id = -2; id < 130; id++) {
      for (let near = 0; near <= table.size; near++) {
        expect(table.rowOf(id, near)).toBe(rows.get(id));
      }
    }
  }
  expect(all.rowOf(all.id(59))).toBe(59);
});

test('what is selected keeps its ids, and what is weakened is an operation of unknown outcome', () => {
  const answered = operations.map((each) =>
    each.outcome === 'ok' ? { ...each, servedBy: `n${each.id % 3}` } : each,
  );
  const all = Table.of(answered);
  for (let seed = 0; seed < 50; seed++) {
    const random = mulberry32(seed);
    const rows = answered.map((_, row) => row).filter(() => random() < 0.6);
    const weak = new Set(rows.filter(() => random() < 0.4));
    const expected = rows.map((row): Operation => {
      const operation = defined(answered[row], 'an operation');
      if (!weak.has(row)) return operation;
      const unknown = {
        outcome: 'info',
        output: null,
        applied: true,
        servedBy: undefined,
      } as const;
      return { ...operation, ...unknown, return: Infinity, returnTime: Infinity };
    });
    const selected = all.select(rows, (row) => weak.has(row));
    expect(selected.operations()).toEqual(expected);
    expect([...selected.events]).toEqual([...Table.of(expected).events]);
    for (const [row, { id, outcome }] of expected.entries()) {
      expect(selected.id(row)).toBe(id);
      expect(selected.isCompleted(row)).toBe(outcome === 'ok');
    }
  }
  // The original is as it was.
  expect(all.operations()).toEqual(answered);
});

test('operations of the own making may come first, at negative positions, near or far', () => {
  const first = defined(operations[0], 'an operation');
  for (const scale of [1, 1_000]) {
    const at = (operation: Operation, invoke: number, end: number): Operation => {
      const [invokeAt, returnAt] = [invoke * scale, end * scale];
      return { ...operation, id: invokeAt, invoke: invokeAt, return: returnAt };
    };
    const own = [at(first, -5, -2), at(first, -4, -3), at(first, -1, Infinity)];
    const rest = operations.map((each) => at(each, each.invoke, each.return));
    const table = Table.of([...own, ...rest]);
    expect([...table.events.subarray(0, 5)]).toEqual([0, 2, 3, 1, 4]);
    const later = Array.from(Table.of(rest).events, (event) => event + 6);
    expect([...table.events.subarray(5)]).toEqual(later);
    expect(own.map(({ id }) => table.rowOf(id))).toEqual([0, 1, 2]);
  }
});

test('columns posted to another thread are the same history there', () => {
  const { columns } = Table.of(operations);
  const there = columnsFrom(structuredClone(snapshotOf(columns)));
  expect(new Table(there).operations()).toEqual(operations);
  expect(there.values.id('a new value')).toBeLessThan(-1);
});
