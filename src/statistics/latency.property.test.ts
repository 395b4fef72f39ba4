import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LatencyHistogram } from './latency.ts';

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
