import { expect, test } from 'vitest';
import { defined } from './assert.ts';
import { pair, type Operation } from './history.ts';
import { NEVER, Table } from './table.ts';
import { generateHistory } from './testing/generate.ts';

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
