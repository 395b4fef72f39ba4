import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LongestGap } from './gap.ts';
import { LatencyHistogram } from './latency.ts';
import { type Measurement, RunStatistics } from './run-statistics.ts';

const latencies = fc.array(fc.integer({ min: 1_000, max: 100_000_000_000 }), {
  minLength: 1,
  maxLength: 300,
});

/** Three significant digits, and half a microsecond for what is below the resolution. */
function isClose(actual: number, expected: number): boolean {
  return Math.abs(actual - expected) <= expected * 0.001 + 1_000;
}

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test('quantiles, extremes and mean agree with sorting, to three digits', () => {
  fc.assert(
    fc.property(latencies, (values) => {
      const sorted = values.toSorted((a, b) => a - b);
      const summary = histogramOf(values).summary();
      const naive = (fraction: number): number =>
        sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? 0;
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(summary.count).toBe(values.length);
      for (const [actual, expected] of [
        [summary.p50Ns, naive(0.5)],
        [summary.p90Ns, naive(0.9)],
        [summary.p99Ns, naive(0.99)],
        [summary.p999Ns, naive(0.999)],
        [summary.minNs, sorted[0] ?? 0],
        [summary.maxNs, sorted.at(-1) ?? 0],
        [summary.meanNs, mean],
      ] as const) {
        expect([actual, expected, isClose(actual, expected)]).toEqual([actual, expected, true]);
      }
    }),
  );
});

test('a merged histogram is the histogram of everything, also through its text', () => {
  fc.assert(
    fc.property(latencies, latencies, (a, b) => {
      const merged = histogramOf(a);
      merged.merge(LatencyHistogram.decode(histogramOf(b).encode()));
      const whole = histogramOf([...a, ...b]).summary();
      const actual = merged.summary();
      expect(actual.count).toBe(whole.count);
      for (const name of ['minNs', 'meanNs', 'p50Ns', 'p90Ns', 'p99Ns', 'maxNs'] as const) {
        expect([name, isClose(actual[name], whole[name])]).toEqual([name, true]);
      }
    }),
    { numRuns: 50 },
  );
});

test('an empty histogram answers zero everywhere', () => {
  expect(Object.values(new LatencyHistogram().summary()).every((value) => value === 0)).toBe(true);
});

test('the longest gap is the largest difference of neighbours, both ends included', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000 })), (times) => {
      const marks = times.map((time) => time + 100).toSorted((a, b) => a - b);
      const gap = new LongestGap(100);
      for (const mark of marks) gap.mark(mark);
      const points = [100, ...marks, 10_200];
      const differences = points.slice(1).map((point, i) => point - (points[i] ?? 0));
      const longest = gap.longest(10_200);
      expect(longest.durationNs).toBe(Math.max(...differences));
      expect(longest.endNs - longest.startNs).toBe(longest.durationNs);
    }),
  );
});

const measurements = fc.array(
  fc.record({
    f: fc.constantFrom('read', 'write', 'cas'),
    outcome: fc.constantFrom('ok', 'fail', 'info'),
    latencyNs: fc.integer({ min: 0, max: 2_000_000_000 }),
    stepNs: fc.integer({ min: 0, max: 50_000_000 }),
  }),
);

test('counts, rates and unavailability agree with a pass over all operations', () => {
  fc.assert(
    fc.property(measurements, (drawn) => {
      let now = 1_000_000_000;
      const all: Measurement[] = drawn.map(({ f, outcome, latencyNs, stepNs }) => {
        now += stepNs;
        const completedNs = now;
        const isMutation = f !== 'read';
        return { f, outcome, isMutation, completedNs, intendedNs: completedNs - latencyNs };
      });
      const statistics = new RunStatistics(1_000_000_000);
      for (const measurement of all) statistics.record(measurement);
      const endNs = now + 5_000_000;
      const snapshot = statistics.snapshot(endNs);
      const ok = all.filter((one) => one.outcome === 'ok');
      expect(snapshot.operations.ok).toBe(ok.length);
      expect(snapshot.okPerSecond).toBeCloseTo(ok.length / ((endNs - 1e9) / 1e9), 6);
      for (const row of snapshot.rows) {
        const same = all.filter((one) => one.f === row.f && one.outcome === row.outcome);
        expect(row.latency.count).toBe(same.length);
        expect(statistics.count(row.f, row.outcome)).toBe(same.length);
      }
      const gapOf = (some: readonly Measurement[]): number => {
        const points = [1e9, ...some.map((one) => one.completedNs), endNs];
        return Math.max(...points.slice(1).map((point, i) => point - (points[i] ?? 0)));
      };
      expect(snapshot.unavailability.durationNs).toBe(gapOf(ok));
      const hasMutations = all.some((one) => one.isMutation);
      expect(snapshot.mutationUnavailability?.durationNs).toBe(
        hasMutations ? gapOf(ok.filter((one) => one.isMutation)) : undefined,
      );
    }),
  );
});
