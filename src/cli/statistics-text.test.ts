import { expect, test } from 'vitest';
import { evaluateThreshold } from '../harness/threshold-result.ts';
import { parseThreshold, type Threshold } from '../harness/threshold.ts';
import { PhaseTracker } from '../statistics/phase.ts';
import { RunStatistics, type RunStatisticsSnapshot } from '../statistics/run-statistics.ts';
import { describeStatistics } from './statistics-text.ts';
import { describeThresholds } from './threshold-text.ts';

const MS = 1_000_000;

function measured(hasFault: boolean): RunStatisticsSnapshot {
  const phases = new PhaseTracker(500 * MS);
  const statistics = new RunStatistics({ startNs: 0, phases });
  const ok = (f: string, fromMs: number, toMs: number): void => {
    const times = { intendedNs: fromMs * MS, completedNs: toMs * MS };
    statistics.record({ f, outcome: 'ok', isMutation: f !== 'read', ...times });
  };
  ok('read', 10, 20);
  ok('write', 10, 30);
  if (hasFault) phases.began(2, 'kill:leader', 100 * MS);
  ok('write', 50, 1_700);
  if (hasFault) phases.healed(2, 1_800 * MS);
  ok('read', 2_000, 2_004);
  return statistics.snapshot(4_000 * MS);
}

test('a run with faults shows latencies by phase, and names the fault of a window', () => {
  const lines = describeStatistics(measured(true));
  expect(lines[0]).toBe('operations  4 ok, 0 fail, 0 info; 1 ok/s');
  expect(lines[1]).toMatch(/^ +ok\/s +ok +p50 +p99 +max$/);
  expect(lines[2]).toMatch(/^ {2}read +0\.5 +100\.0 % /);
  expect(lines[4]).toMatch(/^ +steady p50, p99 +fault p50, p99 +recovery p50, p99$/);
  expect(lines[5]).toMatch(/^ {2}read +10\.0 ms, 10\.0 ms +- +4\.00 ms, 4\.00 ms$/);
  expect(lines[6]).toMatch(/^ {2}write +20\.0 ms, 20\.0 ms +1\.65 s, 1\.65 s +-$/);
  expect(Math.max(...lines.slice(0, 7).map((line) => line.length))).toBeLessThan(80);
  expect(lines.slice(7)).toEqual([
    'unavailable  1.65 s at most, from 0.050 s; 1 stretch of 500 ms or more, 1.65 s in all',
    '  1.65 s  0.050 s to 1.700 s, in fault 3, kill:leader',
  ]);
});

test('a run without faults shows no phases', () => {
  const lines = describeStatistics(measured(false));
  expect(lines[1]).not.toContain('steady');
  expect(lines.at(-1)).toBe('  1.65 s  0.050 s to 1.700 s, no fault near');
});

test('where nothing was measured there is no table', () => {
  expect(describeStatistics(new RunStatistics({ startNs: 0 }).snapshot(1e9))).toEqual([
    'operations  0 ok, 0 fail, 0 info; 0 ok/s',
    'unavailable  0 ns at most, from 0.000 s',
  ]);
});

function asked(...texts: readonly string[]): Threshold[] {
  return texts.map((text) => {
    const parsed = parseThreshold(text, ['read', 'write']);
    if (!parsed.ok) throw new Error(parsed.problem.expected);
    return parsed.threshold;
  });
}

test('each threshold is shown with its value, kept or broken', () => {
  const thresholds = asked('max(read) < 50ms', 'unavailable < 1s', 'p50(write, recovery) < 1s');
  const statistics = measured(true);
  const results = thresholds.map((one) => evaluateThreshold(one, statistics));
  const measuredSo = { ...statistics, thresholds: results };
  expect(describeThresholds(thresholds, { interrupted: false, statistics: measuredSo })).toBe(
    'threshold  max(read) < 50ms: 10.0 ms, kept\n' +
      'threshold  unavailable < 1s: 1.65 s, BROKEN\n' +
      'threshold  p50(write, recovery) < 1s: no write ended ok in the phase recovery, BROKEN\n',
  );
});

test('thresholds that were not evaluated are not passed over', () => {
  const thresholds = asked('max(read) < 50ms');
  expect(describeThresholds(thresholds, { interrupted: true, statistics: measured(true) })).toBe(
    'thresholds  not evaluated: the run was interrupted\n',
  );
  expect(describeThresholds(thresholds, undefined)).toContain('not evaluated: the run failed');
  expect(describeThresholds([], undefined)).toBe('');
});
