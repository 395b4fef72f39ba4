import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MinimumHeap } from './minimum-heap.ts';
import { MinimumTree } from './minimum-tree.ts';
import { Numbering } from './numbering.ts';
import { PointSet } from './point-set.ts';
import { SpanTree } from './span-tree.ts';

const small = fc.integer({ min: 0, max: 70 });

test('a heap gives back what it got, the least first', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 60 }), (items) => {
      const heap = new MinimumHeap(items.length);
      for (const item of items) heap.push(item);
      const popped = items.map(() => heap.pop());
      expect(popped).toEqual(items.toSorted((a, b) => a - b));
      expect(heap.size).toBe(0);
    }),
  );
});

test('ids get their numbers in order, dense or sparse, and none twice', () => {
  const dense = fc.array(fc.integer({ min: -20, max: 60 }), { maxLength: 50 });
  const sparse = fc.array(fc.integer(), { maxLength: 50 });
  fc.assert(
    fc.property(fc.oneof(dense, sparse), fc.array(fc.integer()), (ids, others) => {
      const numbers = new Numbering({
        count: ids.length,
        least: Math.min(...ids, 0x7fff_ffff),
        greatest: Math.max(...ids, -0x8000_0000),
      });
      const known: number[] = [];
      for (const id of ids) {
        expect(numbers.add(id)).toBe(!known.includes(id));
        if (!known.includes(id)) known.push(id);
      }
      expect(numbers.size).toBe(known.length);
      for (const id of [...ids, ...others]) expect(numbers.find(id)).toBe(known.indexOf(id));
    }),
  );
});

/** Very great numbers stand for what was taken out. */
function bounded(number: number): number {
  return number > 1_000_000 ? Infinity : number;
}

test('a tree of minima agrees with an array', () => {
  const change = fc.tuple(small, small, fc.integer({ min: -3, max: 3 }), fc.boolean());
  const numbers = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 70 });
  fc.assert(
    fc.property(numbers, fc.array(change, { maxLength: 40 }), (initial, changes) => {
      const tree = new MinimumTree(Int32Array.from(initial));
      const array = [...initial];
      for (const [one, other, amount, takesOut] of changes) {
        const begin = Math.min(one, other, array.length - 1);
        const end = Math.min(Math.max(one, other), array.length);
        if (takesOut) {
          tree.takeOut(begin);
          array[begin] = Infinity;
        } else {
          tree.add(begin, end, amount);
          for (let i = begin; i < end; i++) array[i] = (array[i] ?? 0) + amount;
        }
        const least = Math.min(...array);
        expect(bounded(tree.least)).toBe(least);
        const first = least === Infinity ? 0 : tree.indexOfLeast();
        expect(first).toBe(least === Infinity ? 0 : array.indexOf(least));
        const beyond = Math.min(end + 1, array.length);
        expect(bounded(tree.leastIn(begin, beyond))).toBe(Math.min(...array.slice(begin, beyond)));
      }
    }),
  );
});

test('a set of points finds the next one below', () => {
  const point = fc.integer({ min: 0, max: 39_999 });
  fc.assert(
    fc.property(
      fc.array(point),
      fc.array(fc.integer({ min: 0, max: 40_000 })),
      (points, bounds) => {
        const set = new PointSet(40_000);
        for (const each of points) set.add(each);
        for (const bound of [...bounds, ...points, 0, 40_000]) {
          expect(set.below(bound)).toBe(Math.max(-1, ...points.filter((each) => each < bound)));
        }
      },
    ),
  );
});

test('spans are taken where they cover a point, each once', () => {
  const span = fc.tuple(small, fc.integer({ min: 1, max: 30 }));
  fc.assert(
    fc.property(fc.array(span, { maxLength: 30 }), fc.array(small), (spans, points) => {
      const ends = new Int32Array(71);
      for (const [begin, length] of spans) ends[begin] = begin + length;
      const tree = new SpanTree(ends.slice());
      for (const point of points) {
        const expected: number[] = [];
        for (const [begin, end] of ends.entries()) {
          if (begin > point || end <= point) continue;
          expected.push(begin);
          ends[begin] = 0;
        }
        const taken: number[] = [];
        for (let next = tree.takeCovering(point); next >= 0; next = tree.takeCovering(point)) {
          taken.push(next);
        }
        expect(taken.toSorted((a, b) => a - b)).toEqual(expected);
      }
    }),
  );
});
