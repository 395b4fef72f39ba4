import { expect, test } from 'vitest';
import { longestGapMs } from './writer.ts';

test('the longest gap lies between two acknowledgements that follow each other in time', () => {
  expect(longestGapMs([])).toBe(0);
  expect(longestGapMs([5])).toBe(0);
  expect(longestGapMs([10, 12, 50, 13, 51])).toBe(37);
});
