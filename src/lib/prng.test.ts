import { expect, test } from 'vitest';
import { makeRandom } from './prng.ts';

test('the same seed gives the same numbers, another seed others', () => {
  const draw = (seed: string) => {
    const random = makeRandom(seed);
    return Array.from({ length: 20 }, () => random.integer(0, 1_000_000));
  };
  expect(draw('a')).toEqual(draw('a'));
  expect(draw('a')).not.toEqual(draw('b'));
});

test('a fork does not move the numbers of its parent', () => {
  const plain = makeRandom(1);
  const forking = makeRandom(1);
  forking.fork('x').float();
  expect(forking.float()).toBe(plain.float());
});

test('integers reach both ends and nothing beyond', () => {
  const random = makeRandom(2);
  const seen = new Set(Array.from({ length: 500 }, () => random.integer(3, 6)));
  expect([...seen].toSorted((a, b) => a - b)).toEqual([3, 4, 5, 6]);
});

test('a shuffle keeps every element', () => {
  const items = Array.from({ length: 50 }, (_, i) => i);
  const shuffled = makeRandom(3).shuffle(items);
  expect(shuffled).not.toEqual(items);
  expect(shuffled.toSorted((a, b) => a - b)).toEqual(items);
});
