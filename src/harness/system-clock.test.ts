import { expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { systemClock } from './system-clock.ts';

test('time begins at zero and never runs backwards', () => {
  const clock = systemClock();
  const times = Array.from({ length: 1_000 }, () => clock.now());
  expect(times[0]).toBeGreaterThanOrEqual(0);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test('a sleep lasts at least as long as asked for', async () => {
  const clock = systemClock();
  await clock.sleep(3.4 * MILLISECOND);
  expect(clock.now()).toBeGreaterThanOrEqual(3.4 * MILLISECOND);
});

test('an abort ends a sleep, before it and during it', async () => {
  const clock = systemClock();
  const abort = new AbortController();
  const sleeping = clock.sleep(3_600 * SECOND, abort.signal);
  abort.abort();
  await sleeping;
  await clock.sleep(3_600 * SECOND, abort.signal);
  expect(clock.now()).toBeLessThan(3_600 * SECOND);
});
