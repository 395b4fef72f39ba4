import { expect, test } from 'vitest';
import { describeEarlyEnd } from './early-end-text.ts';

test('a run that ended before its time says when, and at the word of which option', () => {
  const violation = { key: 'k1', sentence: 'a stale read', time: 2e9 };
  expect(describeEarlyEnd({ type: 'violation', atNs: 2.5e9, violation })).toBe(
    'stopped at 2.500 s, at the first violation (--stop-on-violation)',
  );
  const bytes = { usedBytes: 90 * 1024 ** 2, maxBytes: 100 * 1024 ** 2 };
  expect(describeEarlyEnd({ type: 'disk', atNs: 61e9, ...bytes })).toBe(
    'stopped at 61.000 s: 90.0 MiB of 100.0 MiB were written, and what was still to come needs the ' +
      'rest (--max-disk)',
  );
});
