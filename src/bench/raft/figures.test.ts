import { expect, test } from 'vitest';
import { figuresOf, isQuiet, type Repetition, spreadOf } from './figures.ts';
import { goalsOf } from './goals.ts';
import type { Measurement } from './load.ts';
import { tableRows } from './table.ts';

function measured(requestsPerSecond: number, rest: Partial<Measurement> = {}): Measurement {
  return {
    requestsPerSecond,
    p50Ms: 1,
    p99Ms: 10,
    serverMicroseconds: 40,
    generatorMicroseconds: 10,
    othersCores: 0.1,
    requestsPerSync: 30,
    failures: 0,
    ...rest,
  };
}

function repetition(gong: number, etcd: number, rest: Partial<Measurement> = {}): Repetition {
  return { gong: measured(gong, rest), etcd: measured(etcd), bare: measured(20_000) };
}

const CELL = { operation: 'write', connections: 64 } as const;

test('a ratio is taken within each repetition, and then the median of them', () => {
  // A machine that slows down for both moves the rates and not the ratio.
  const figures = figuresOf(CELL, [
    repetition(4000, 1000),
    repetition(400, 100),
    repetition(3000, 1000),
  ]);
  expect(figures.throughputToEtcd).toEqual({ median: 4, min: 3, max: 4 });
  expect(figures.gong.requestsPerSecond).toBe(3000);
});

test('what others on the machine disturbed counts only where nothing else is there', () => {
  const noisy = repetition(9000, 1000, { othersCores: 0.5 });
  const quiet = repetition(4000, 1000);
  expect([noisy, quiet].map(isQuiet)).toEqual([false, true]);
  expect(figuresOf(CELL, [noisy, quiet])).toMatchObject({ counted: 1, quiet: 1 });
  expect(figuresOf(CELL, [noisy, quiet]).throughputToEtcd?.max).toBe(4);
  const only = figuresOf(CELL, [noisy]);
  expect(only).toMatchObject({ counted: 1, quiet: 0 });
  expect(tableRows(only)).toContain('64 *');
  expect(tableRows(figuresOf(CELL, [quiet]))).not.toContain('*');
});

test('failed requests add up and never vanish in a median', () => {
  const figures = figuresOf(CELL, [
    repetition(4000, 1000),
    repetition(4000, 1000, { failures: 3 }),
    repetition(4000, 1000),
  ]);
  expect(figures.gong.failures).toBe(3);
});

test('goals are met or missed by the medians; two figures at 64 connections are musts', () => {
  const of = (rest: Partial<Measurement>): unknown =>
    goalsOf(figuresOf(CELL, [repetition(4000, 1000, rest)])).map(({ isMust, isMet }) => [
      isMust ? 'must' : 'target',
      isMet,
    ]);
  expect(of({ p99Ms: 3 })).toEqual([
    ['target', true],
    ['target', true],
    ['must', true],
    ['must', true],
  ]);
  expect(of({ p99Ms: 4, requestsPerSync: 24.9, serverMicroseconds: 45.1 })).toEqual([
    ['target', true],
    ['target', false],
    ['must', false],
    ['must', false],
  ]);
});

test('server CPU is held to its goal where the machine disturbed it least; the median is told, and etcd', () => {
  const goal = (...pairs: (readonly [number, number])[]): readonly unknown[] | undefined => {
    const repetitions = pairs.map(([ours, theirs]) => ({
      ...repetition(4000, 1000, { serverMicroseconds: ours }),
      etcd: measured(1000, { serverMicroseconds: theirs }),
    }));
    const found = goalsOf(figuresOf(CELL, repetitions)).findLast(({ isMust }) => isMust);
    return found && [found.says, found.isMet];
  };
  expect(goal([55, 250], [46, 200], [60, 210])).toEqual([
    'writes at 64: 46.0 (median 55.0) µs of server CPU for a write, the least of 3, ' +
      'etcd 200.0 (median 210.0); at most 45',
    false,
  ]);
  expect(goal([55, 50], [45, 50], [60, 50])?.[1]).toBe(true);
});

test('without etcd there are no ratios to it, and what is left is still held to its goals', () => {
  const alone = figuresOf(CELL, [{ ...repetition(4000, 1000), etcd: undefined }]);
  expect(alone.etcd).toBeUndefined();
  expect(alone.throughputToEtcd).toBeUndefined();
  expect(goalsOf(alone).every(({ isMust }) => isMust)).toBe(true);
  const read = { operation: 'stale read', connections: 64 } as const;
  const [goal] = goalsOf(figuresOf(read, [{ ...repetition(15_000, 1), etcd: undefined }]));
  expect(goal).toMatchObject({ isMet: true });
});

test('the median of an even number lies between the two in the middle; of none there is none', () => {
  expect(spreadOf([1, 4, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(spreadOf([])).toBeUndefined();
});
