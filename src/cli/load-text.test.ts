import { expect, test } from 'vitest';
import type { LoadReport } from '../statistics/load.ts';
import { describeLoad, noteOfLoad } from './load-text.ts';

const OPEN: LoadReport = {
  askedPerSecond: 5_000,
  due: 50_000,
  started: 49_990,
  startedPerSecond: 4_999,
  neverStarted: 10,
  lateNs: { p50: 800_000, p99: 1_200_000, max: 1_400_000 },
  clientsBusyShare: 0.3,
  concurrency: 64,
  generatorCpuShare: 0.41,
};
const CLOSED: LoadReport = {
  ...OPEN,
  askedPerSecond: null,
  due: null,
  neverStarted: 0,
  lateNs: { p50: 0, p99: 0, max: 0 },
};

test('a load that was made is one line with its rate, lateness and cost', () => {
  expect(describeLoad(OPEN)).toEqual([
    'load  4999/s started, p50 800 µs and at most 1.40 ms late; this process used 41 % of a core',
  ]);
  expect(describeLoad(CLOSED)).toEqual(['load  4999/s started; this process used 41 % of a core']);
});

test('a rate that was not reached is said, with what the clients did meanwhile', () => {
  const short = { ...OPEN, started: 31_200, startedPerSecond: 3_120, neverStarted: 18_800 };
  expect(describeLoad({ ...short, clientsBusyShare: 0.99 })[1]).toBe(
    '  asked for 5000/s, 3120/s were started: the clients were all busy (99 % of the time): ' +
      'more of them may help (--concurrency, now 64), if the store can do more; ' +
      '18800 operations were due and never started, and no latency has them',
  );
  expect(describeLoad({ ...short, clientsBusyShare: 0.5 })[1]).toContain('busy 50 % of the time;');
  const slow = { ...short, generatorCpuShare: 0.97 };
  expect(describeLoad(slow)[0]).toContain('97 % of a core');
  expect(describeLoad(slow)[2]).toContain('the load generator was the limit');
});

test('a closed loop that uses its whole core is told to be the limit itself', () => {
  expect(describeLoad({ ...CLOSED, generatorCpuShare: 0.95 })[1]).toContain('was the limit');
});

test('one client is told that it tests little', () => {
  expect(noteOfLoad({ concurrency: 1 })).toContain('never overlap');
  expect(noteOfLoad({ concurrency: 2 })).toBeUndefined();
});
