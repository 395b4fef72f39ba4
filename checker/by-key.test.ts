import { expect, test } from 'vitest';
import { groupByKey, rowsByKey, sliceColumns } from './by-key.ts';
import { HistoryScanner } from './format/scan.ts';
import { writeJsonlLine } from './format/jsonl.ts';
import { Table, pickColumns, type Columns } from './table.ts';
import { generateHistory } from './testing/generate.ts';

function scan(options: { keys: number; seed?: number; isShared?: boolean }): Columns {
  const { keys, seed = 1, isShared = false } = options;
  const sizes = { operations: 300, processes: 9, crashRate: 0.1 };
  const events = generateHistory({ seed, model: 'cas-register', keys, ...sizes });
  const scanner = new HistoryScanner({ isShared });
  scanner.push(new TextEncoder().encode(events.map(writeJsonlLine).join('')));
  const result = scanner.finish();
  if (!result.ok) throw new Error(result.error.message);
  return result.history.columns;
}

/** The parts as the columns of each, in both ways. */
function parts(columns: Columns): { picked: readonly Columns[]; sliced: readonly Columns[] } {
  const { columns: grouped, starts } = groupByKey(columns);
  const sliced = Array.from(starts.subarray(1), (end, i) =>
    sliceColumns(grouped, starts[i] as number, end),
  );
  return { picked: rowsByKey(columns).map((rows) => pickColumns(columns, rows)), sliced };
}

test('a part has the operations of one key, in their order; parts follow by first invocation', () => {
  for (let seed = 0; seed < 20; seed++) {
    const columns = scan({ keys: 7, seed });
    const operations = new Table(columns).operations();
    const keys = [...new Set(operations.map(({ key }) => key))];
    expect(keys).toHaveLength(7);
    const expected = keys.map((key) => operations.filter((each) => each.key === key));
    const { picked, sliced } = parts(columns);
    expect(picked.map((part) => new Table(part).operations())).toEqual(expected);
    expect(sliced.map((part) => new Table(part).operations())).toEqual(expected);
    for (const part of sliced) expect(new Table(part).key).toBe(part.keys[part.key[0] as number]);
  }
});

test('operations without a key are one part, beside those of keys', () => {
  const columns = scan({ keys: 2 });
  const key = columns.key.map((number, row) => (row % 5 === 0 ? -1 : number));
  const { picked, sliced } = parts({ ...columns, key });
  expect(sliced.map((part) => new Table(part).key)).toEqual([undefined, 'k0', 'k1']);
  expect(sliced.map((part) => part.invoke)).toEqual(picked.map((part) => part.invoke));
});

test('a history of one object is not copied, and none at all has no parts', () => {
  const one = scan({ keys: 0 });
  expect(groupByKey(one)).toEqual({ columns: one, starts: Int32Array.of(0, one.size) });
  expect(groupByKey(one).columns).toBe(one);
  expect(groupByKey(sliceColumns(one, 0, 0)).starts).toEqual(Int32Array.of(0));
  expect(rowsByKey(sliceColumns(one, 0, 0))).toEqual([]);
});

test('what other threads are to see without a copy stays so', () => {
  for (const isShared of [false, true]) {
    const { columns } = groupByKey(scan({ keys: 3, isShared }));
    const arrays = Object.values(columns).filter((column) => ArrayBuffer.isView(column));
    expect(arrays).toHaveLength(12);
    for (const { buffer } of arrays) expect(buffer instanceof SharedArrayBuffer).toBe(isShared);
  }
});
