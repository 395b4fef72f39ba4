import { expect, test } from 'vitest';
import { InOrder, sideBySide } from './side-by-side.ts';

test('lines of those that run at once are told whole and in their order', () => {
  const told: string[] = [];
  const lines = new InOrder((line) => told.push(line));
  lines.say(1, 'b1');
  lines.say(0, 'a1');
  lines.say(2, 'c1');
  expect(told).toEqual(['a1']);
  lines.end(1);
  lines.say(0, 'a2');
  expect(told).toEqual(['a1', 'a2']);
  lines.end(0);
  expect(told).toEqual(['a1', 'a2', 'b1', 'c1']);
  lines.say(2, 'c2');
  lines.end(2);
  expect(told).toEqual(['a1', 'a2', 'b1', 'c1', 'c2']);
});

test('so many at once, never more, each once and started in their order', async () => {
  const started: number[] = [];
  let running = 0;
  let most = 0;
  await sideBySide([5, 1, 3, 1, 2, 4], 3, async (turns) => {
    started.push(turns);
    most = Math.max(most, ++running);
    for (let i = 0; i < turns; i++) await Promise.resolve();
    running--;
  });
  expect(started).toEqual([5, 1, 3, 1, 2, 4]);
  expect(most).toBe(3);
  expect(running).toBe(0);
});
