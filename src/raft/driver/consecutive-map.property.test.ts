import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConsecutiveMap } from './consecutive-map.ts';

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant('add' as const) },
  { weight: 5, arbitrary: fc.record({ remove: fc.nat(200) }) },
);

test('it is a map whose keys follow each other, whatever is taken out and when', () => {
  fc.assert(
    fc.property(
      fc.nat(2 ** 30),
      fc.array(step, { maxLength: 600, size: 'max' }),
      (first, steps) => {
        const ring = new ConsecutiveMap<string>(first);
        const model = new Map<number, string>();
        let next = first;
        const seen: unknown[] = [];
        const expected: unknown[] = [];
        for (const [i, what] of steps.entries()) {
          if (what === 'add') {
            seen.push(ring.add(`value ${i}`));
            model.set(next, `value ${i}`);
            expected.push(next);
            next += 1;
          } else {
            // Of those that came last, some of them gone already, and some that never came.
            const key = next + 2 - what.remove;
            seen.push(ring.get(key));
            expected.push(model.get(key));
            ring.delete(key);
            model.delete(key);
          }
          seen.push(ring.size, ring.oldest);
          expected.push(model.size, model.values().next().value);
        }
        expect(seen).toEqual(expected);
        expect([...ring.entries()]).toEqual([...model]);
      },
    ),
    { numRuns: 60 },
  );
});

test('who goes through it may take out what comes, and what is to come', () => {
  const ring = new ConsecutiveMap<string>(7);
  for (const value of ['a', 'b', 'c', 'd']) ring.add(value);
  const seen: string[] = [];
  for (const [key, value] of ring.entries()) {
    seen.push(value);
    ring.delete(key);
    if (value === 'b') ring.delete(9);
  }
  expect(seen).toEqual(['a', 'b', 'd']);
  expect(ring.size).toBe(0);
  expect(ring.add('e')).toBe(11);
});
