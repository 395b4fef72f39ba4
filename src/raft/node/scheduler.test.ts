import { expect, test } from 'vitest';
import { makeScheduler } from './scheduler.ts';

/** Counts the turns of the event loop until `run` is called. */
async function turnsOf(waiting: () => number): Promise<number> {
  using scheduler = makeScheduler();
  const { promise, resolve } = Promise.withResolvers<void>();
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  scheduler.soon(resolve, waiting);
  await promise;
  isOver = true;
  return turns;
}

test('a step waits while more requests arrive for it, and not for ever; without any not at all', async () => {
  const alone = await turnsOf(() => 1);
  expect(alone - (await turnsOf(() => 0))).toBe(1);
  let arrived = 0;
  const three = await turnsOf(() => Math.min((arrived += 1), 3));
  arrived = 0;
  const many = await turnsOf(() => (arrived += 1));
  expect(three - alone).toBe(2);
  expect(many - alone).toBe(5);
});

test('a timer that was put off rings once, for what was asked last and not before its time', async () => {
  using scheduler = makeScheduler();
  const rung: string[] = [];
  const { promise, resolve } = Promise.withResolvers<number>();
  const start = scheduler.now();
  scheduler.wakeAt(start + 1e6, () => rung.push('first'));
  scheduler.wakeAt(start + 30e6, () => rung.push('second'));
  scheduler.wakeAt(start + 20e6, () => {
    rung.push('third');
    resolve(scheduler.now());
  });
  expect(await promise).toBeGreaterThanOrEqual(start + 20e6);
  await new Promise((done) => setTimeout(done, 20));
  expect(rung).toEqual(['third']);
});

test('a timer that was taken back never rings, and the next one does', async () => {
  using scheduler = makeScheduler();
  let isRung = false;
  scheduler.wakeAt(scheduler.now() + 1e6, () => (isRung = true));
  scheduler.wakeAt(Infinity, () => (isRung = true));
  await new Promise((done) => setTimeout(done, 10));
  expect(isRung).toBe(false);
  await new Promise<void>((done) => scheduler.wakeAt(scheduler.now() + 1e6, done));
});
