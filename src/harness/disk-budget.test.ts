import { expect, test } from 'vitest';
import { SECOND } from '../lib/duration.ts';
import { untilSpent } from './disk-budget.ts';
import { SimulatedClock } from './testing/simulated-clock.ts';

const MIB = 1024 ** 2;

function scene(perSecond: number) {
  const clock = new SimulatedClock();
  const usedBytes = async (): Promise<number> => 5 * MIB + (clock.now() / SECOND) * perSecond;
  return { clock, usedBytes };
}

test('a budget is spent before the disk use passes it, by what is still to come', async () => {
  const { clock, usedBytes } = scene(3 * MIB);
  const budget = { maxBytes: 100 * MIB, usedBytes };
  const used = await clock.drive(untilSpent(budget, clock, new AbortController().signal));
  expect(used).toBeLessThanOrEqual(100 * MIB - 2 * 3 * MIB);
  expect(used).toBeGreaterThan(100 * MIB - 5 * 3 * MIB);
  expect(used).toBe(await usedBytes());
});

test('a budget that is spent at the beginning is noticed at once', async () => {
  const { clock, usedBytes } = scene(0);
  const budget = { maxBytes: 5 * MIB, usedBytes };
  expect(await untilSpent(budget, clock, new AbortController().signal)).toBe(5 * MIB);
});

test('looking ends with the signal', async () => {
  const { clock, usedBytes } = scene(MIB);
  const stop = new AbortController();
  const spent = untilSpent({ maxBytes: 1024 * MIB, usedBytes }, clock, stop.signal);
  void clock.sleep(3.5 * SECOND).then(() => stop.abort());
  expect(await clock.drive(spent)).toBeUndefined();
  expect(clock.now()).toBe(3.5 * SECOND);
});
