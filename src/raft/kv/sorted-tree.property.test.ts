import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Cursor, SortedTree } from './sorted-tree.ts';

type Rows = [string, number][];

function rowsOf(cursor: Cursor<number>, max = Infinity): Rows {
  const rows: Rows = [];
  while (rows.length < max && cursor.next()) rows.push([cursor.key, cursor.value]);
  return rows;
}

const sorted = (map: ReadonlyMap<string, number>): Rows =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1));

/** Keys in order, in reverse, and all over the place; stretches of them written or deleted. */
const stretch = fc.record({
  isDelete: fc.boolean(),
  from: fc.nat(3000),
  step: fc.constantFrom(1, -1, 7, 1009),
  count: fc.integer({ min: 1, max: 400 }),
});
const keyOf = (number: number): string => `${((number % 3000) + 3000) % 3000}`;

test('a tree is a map in the order of its keys, and frozen rows stay as they were', () => {
  fc.assert(
    fc.property(fc.array(stretch, { maxLength: 30 }), fc.nat(50), (stretches, read) => {
      const tree = new SortedTree<number>();
      const map = new Map<string, number>();
      const frozen: { cursor: Cursor<number>; expected: Rows; seen: Rows }[] = [];
      let value = 0;
      for (const { isDelete, from, step, count } of stretches) {
        const expected = sorted(map);
        frozen.push({ cursor: tree.freeze(), expected, seen: [] });
        for (let i = 0; i < count; i++) {
          const key = keyOf(from + i * step);
          const wasThere = isDelete ? tree.delete(key) : tree.set(key, value);
          expect(wasThere).toBe(isDelete ? map.delete(key) : undefined);
          if (!isDelete) map.set(key, value++);
          // What was frozen is read in bits, while the tree goes on.
          if (i % 50 === 0) for (const f of frozen) f.seen.push(...rowsOf(f.cursor, read));
        }
        expect(tree.size).toBe(map.size);
      }
      expect(rowsOf(tree.cursor())).toEqual(sorted(map));
      for (let i = 0; i < 3000; i += 97) {
        expect(tree.get(keyOf(i))).toBe(map.get(keyOf(i)));
        const from = keyOf(i);
        const expected = sorted(map).filter(([key]) => key >= from);
        expect(rowsOf(tree.cursor(from), 3)).toEqual(expected.slice(0, 3));
      }
      for (const { cursor, expected, seen } of frozen) {
        expect([...seen, ...rowsOf(cursor)]).toEqual(expected);
      }
    }),
    { numRuns: 100 },
  );
});

test('any texts are keys, the empty one and parts of surrogate pairs too', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 5 })), (keys) => {
      const tree = new SortedTree<number>();
      for (const [i, key] of keys.entries()) tree.set(key, i);
      const map = new Map(keys.map((key, i) => [key, i]));
      expect(rowsOf(tree.cursor())).toEqual(sorted(map));
    }),
  );
});
