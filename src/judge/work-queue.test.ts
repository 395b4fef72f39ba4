import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  interrupt,
  isInterrupted,
  operationsLeft,
  shareNs,
  take,
  workQueue,
  type WorkQueue,
} from './work-queue.ts';

const SIZES = [30, 10, 60];
const ORDER = [2, 0, 1];

function queue(isBySize = true): WorkQueue {
  return workQueue(ORDER, (key) => SIZES[key] ?? 0, isBySize);
}

test('every key is taken once, in order, and what is left is known', () => {
  const its = queue();
  const left: number[] = [operationsLeft(its)];
  const taken: (number | undefined)[] = [];
  for (let at = take(its); at !== undefined; at = take(its)) {
    taken.push(its.order[at]);
    left.push(operationsLeft(its));
  }
  expect(taken).toEqual(ORDER);
  expect(left).toEqual([100, 40, 10, 0]);
  expect(take(its)).toBeUndefined();
  expect(operationsLeft(its)).toBe(0);
});

test('another thread takes from the same queue: its memory is not copied when it is posted', () => {
  const its = queue();
  const posted = structuredClone(its);
  expect([take(its), take(posted), take(its), take(posted)]).toEqual([0, 1, 2, undefined]);
});

test('after an interruption nothing is taken', () => {
  const its = queue();
  expect(isInterrupted(its)).toBe(false);
  interrupt(its);
  expect(isInterrupted(its)).toBe(true);
  expect(take(its)).toBeUndefined();
});

describe('shares of time', () => {
  test('half by size, half by number, and all of what is left for the last', () => {
    expect(shareNs(queue(), 0, 600, 1)).toBeCloseTo(600 * (0.6 / 2 + 1 / 6));
    expect(shareNs(queue(), 1, 600, 1)).toBeCloseTo(600 * (0.75 / 2 + 1 / 4));
    expect(shareNs(queue(), 2, 600, 1)).toBeCloseTo(600);
    expect(shareNs(queue(false), 0, 600, 1)).toBeCloseTo(200);
    // Two at once have twice the time together, and none more than there is.
    expect(shareNs(queue(false), 0, 600, 2)).toBeCloseTo(400);
    expect(shareNs(queue(false), 1, 600, 2)).toBeCloseTo(600);
    expect(shareNs(queue(), 0, -5, 2)).toBe(0);
  });

  test('one thread: though every key uses up its share, every key has one', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(sizes, fc.boolean(), (all, isBySize) => {
        const order = all.map((_, key) => key).toSorted((a, b) => (all[b] ?? 0) - (all[a] ?? 0));
        const its = workQueue(order, (key) => all[key] ?? 0, isBySize);
        let left = 1;
        for (const [at] of order.entries()) {
          const share = shareNs(its, at, left, 1);
          // By size a small key's share is half of an equal one at least, and never more than is left.
          expect(share).toBeGreaterThanOrEqual((left / (all.length - at)) * 0.499);
          left -= share;
        }
        expect(left).toBeCloseTo(0);
      }),
    );
  });
});
