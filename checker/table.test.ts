import { expect, test } from 'vitest';
import { defined } from './assert.ts';
import { pair } from './history.ts';
import { Table } from './table.ts';
import { generateHistory } from './testing/generate.ts';

test('a row is found by its id from wherever the search begins, and nothing else is', () => {
  const result = pair(
    generateHistory({ seed: 1, model: 'register', operations: 60, processes: 5 }),
  );
  if (!result.ok) throw new Error(result.error.message);
  const all = Table.of(result.history.operations);
  const sparse = Array.from({ length: 60 }, (_, row) => row).filter((row) => row % 7 < 3);
  for (const table of [all, all.select(sparse), all.select([]), all.select([5])]) {
    const rows = new Map(Array.from({ length: table.size }, (_, row) => [table.id(row), row]));
    for (let id = -2; id < 130; id++) {
      for (let near = 0; near <= table.size; near++) {
        expect(table.rowOf(id, near)).toBe(rows.get(id));
      }
    }
  }
  expect(defined(all.rowOf(all.id(59)), 'the last')).toBe(59);
});
