import { expect, test } from 'vitest';
import { nodeId } from '../contracts/names.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { closedLoop, openLoop } from './interpreter/pace.ts';
import { LoadMeter } from './load-meter.ts';
import type { FinishedOperation } from './recorder.ts';

const clock = { now: () => 0, sleep: async () => undefined };
const cpu = { share: () => 0.25 };

function finished(intendedNs: number, invokedNs: number, completedNs: number): FinishedOperation {
  return {
    process: 0,
    node: nodeId('n1'),
    invocation: { f: 'read', key: 'k', value: null },
    completion: { type: 'ok', value: null },
    intendedNs,
    invokedNs,
    completedNs,
  };
}

test('what was due and what was started are counted up to when clients stopped', () => {
  const pace = openLoop(clock, 10);
  const meter = new LoadMeter({ concurrency: 2, ratePerSecond: 10, pace, beganNs: 0 }, cpu);
  for (let i = 0; i < 6; i++) {
    const intendedNs = i * 100 * MILLISECOND;
    meter.record(finished(intendedNs, intendedNs + 50 * MILLISECOND, intendedNs + SECOND));
  }
  meter.end(SECOND);
  meter.end(2 * SECOND);
  const report = meter.report(3 * SECOND);
  expect(report).toMatchObject({
    askedPerSecond: 10,
    due: 10,
    started: 6,
    startedPerSecond: 6,
    neverStarted: 4,
    generatorCpuShare: 0.25,
  });
  expect(report.lateNs.max).toBe(50 * MILLISECOND);
  // Six operations of 950 ms, two clients, three seconds.
  expect(report.clientsBusyShare).toBeCloseTo((6 * 0.95) / 6, 5);
});

test('in a closed loop nothing is due, late or left out', () => {
  const meter = new LoadMeter(
    { concurrency: 1, ratePerSecond: undefined, pace: closedLoop(), beganNs: 0 },
    cpu,
  );
  meter.record(finished(5, 5, SECOND));
  expect(meter.report(SECOND)).toMatchObject({
    askedPerSecond: null,
    due: null,
    started: 1,
    neverStarted: 0,
    lateNs: { p50: 0, p99: 0, max: 0 },
  });
});

test('by itself it reads how busy this thread is', () => {
  const meter = new LoadMeter({
    concurrency: 1,
    ratePerSecond: undefined,
    pace: closedLoop(),
    beganNs: 0,
  });
  for (let spun = 0, sink = 0; spun < 5e6; spun++) sink += Math.sqrt(spun + sink);
  const { generatorCpuShare } = meter.report(SECOND);
  expect(generatorCpuShare).toBeGreaterThan(0);
  expect(generatorCpuShare).toBeLessThan(1.5);
});
