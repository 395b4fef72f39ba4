import { expect, test } from 'vitest';
import { SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import { NodeClock } from './node-clock.ts';
import { Simulation } from './simulation.ts';

test('a clock that drifts gains what its rate says, and drifts add up until they end', async () => {
  const sim = new Simulation('drift');
  const clock = new NodeClock(sim, 5 * SECOND);
  const pass = (ns: number) => sim.drive(sim.sleep(ns));
  await pass(SECOND);
  expect(clock.now()).toBe(6 * SECOND);
  const first = clock.drift(1000);
  const second = clock.drift(-400);
  await pass(10 * SECOND);
  expect(clock.now()).toBe(16 * SECOND + 6_000_000);
  first();
  first();
  await pass(10 * SECOND);
  expect(clock.now()).toBe(26 * SECOND + 2_000_000);
  second();
  await pass(SECOND);
  expect(clock.now()).toBe(27 * SECOND + 2_000_000);
});

test('a clock never goes back, and always comes to the instant that it names, whatever happens to it', async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = makeRandom(`clock/${seed}`);
    const sim = new Simulation(String(seed));
    const clock = new NodeClock(sim, random.integer(0, 1e12));
    let shownNs = clock.now();
    for (let step = 0; step < 100; step++) {
      const what = random.integer(0, 3);
      if (what === 0) clock.jump(random.integer(0, SECOND));
      if (what === 1) clock.drift(random.integer(-600_000, 600_000));
      const dueNs = clock.now() + random.integer(0, SECOND);
      const atNs = clock.instantOf(dueNs);
      await sim.drive(sim.sleep(atNs - sim.now()));
      expect(sim.now(), `seed ${seed}`).toBe(atNs);
      expect(clock.now(), `seed ${seed}`).toBeGreaterThanOrEqual(Math.max(dueNs, shownNs));
      shownNs = clock.now();
    }
  }
});

test('a clock does not jump back', () => {
  const clock = new NodeClock(new Simulation('back'), 0);
  expect(() => clock.jump(-1)).toThrow('does not jump back');
});

test('a clock with a bound is never more wrong, whatever drifts add up to, and does not jump', async () => {
  const sim = new Simulation('bound');
  const clock = new NodeClock(sim, 0, 1000);
  clock.drift(-700);
  clock.drift(-700);
  await sim.drive(sim.sleep(SECOND));
  expect(clock.now()).toBe(SECOND - SECOND / 1000);
  expect(() => clock.jump(1)).toThrow('does not jump');
});
