import { expect, test } from 'vitest';
import { makeRandom } from '../lib/prng.ts';
import { testGreater } from './rank-test.ts';

/** The share of all ways to deal out the values that make `a` at least as great: the definition. */
function exactly(a: readonly number[], b: readonly number[]): number {
  const all = [...a, ...b];
  const u = (left: readonly number[], right: readonly number[]): number => {
    let sum = 0;
    for (const x of left) for (const y of right) sum += x > y ? 1 : x === y ? 0.5 : 0;
    return sum;
  };
  const observed = u(a, b);
  let ways = 0;
  let greater = 0;
  for (let mask = 0; mask < 2 ** all.length; mask++) {
    const isLeft = (i: number): boolean => ((mask >> i) & 1) === 1;
    const left = all.filter((_, i) => isLeft(i));
    if (left.length !== a.length) continue;
    ways += 1;
    if (
      u(
        left,
        all.filter((_, i) => !isLeft(i)),
      ) >= observed
    )
      greater += 1;
  }
  return greater / ways;
}

test('the approximation agrees with the count of all ways, ties or not', () => {
  const random = makeRandom(1);
  for (let round = 0; round < 40; round++) {
    const top = round % 2 === 0 ? 1_000_000 : 8;
    const a = Array.from({ length: 6 }, () => random.integer(0, top) + (round % 3) * (top / 6));
    const b = Array.from({ length: 6 }, () => random.integer(0, top));
    const { pValue, shareGreater } = testGreater(a, b);
    expect(Math.abs(pValue - exactly(a, b)), `round ${round}`).toBeLessThan(0.03);
    expect(shareGreater + testGreater(b, a).shareGreater).toBeCloseTo(1);
  }
});

test('samples of one distribution are seldom called different, shifted ones nearly always', () => {
  const random = makeRandom(2);
  const draw = (shift: number): number[] =>
    Array.from({ length: 30 }, () => random.float() * 1000 + shift);
  const found = (shift: number): number =>
    Array.from({ length: 400 }, () => testGreater(draw(shift), draw(0)).pValue).filter(
      (p) => p < 0.05,
    ).length / 400;
  expect(found(0)).toBeLessThan(0.08);
  expect(found(0)).toBeGreaterThan(0.02);
  expect(found(300)).toBeGreaterThan(0.9);
  expect(found(-300)).toBe(0);
});

test('a known value: ranks 4 to 6 of 6, and values that are all equal', () => {
  const { shareGreater, pValue } = testGreater([4, 5, 6], [1, 2, 3]);
  expect(shareGreater).toBe(1);
  // U = 9, mean 4.5, variance 5.25: z = 4 / 2.2913
  expect(pValue).toBeCloseTo(0.04043, 4);
  expect(testGreater([7, 7], [7, 7, 7])).toEqual({ shareGreater: 0.5, pValue: 1 });
});
