import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeCounts,
  encodeCounts,
  LatencyCells,
  mergeCounts,
  quantileNs,
} from './latency-cells.ts';
import { FunctionSeries, intervalFor, SERIES_BOUNDS } from './series.ts';
import { drawnRuns, operationsOf, recorded, START_NS } from './testing/drawn-run.ts';

const latencies = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 2_000_000 }), fc.integer({ min: 0, max: 4e12 })),
  { minLength: 1, maxLength: 200 },
);

function cellsOf(values: readonly number[]) {
  const cells = new LatencyCells();
  for (const value of values) cells.record(value);
  return cells;
}

test('quantiles agree with sorting to two digits, and never lie above the largest', () => {
  fc.assert(
    fc.property(latencies, fc.constantFrom(0.5, 0.99, 1), (values, fraction) => {
      const sorted = values.toSorted((a, b) => a - b);
      const expected = sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? 0;
      const maxNs = sorted.at(-1) ?? 0;
      const actual = quantileNs(cellsOf(values).sparse(), fraction, maxNs);
      expect(actual).toBeLessThanOrEqual(maxNs);
      expect(Math.abs(actual - expected)).toBeLessThanOrEqual(expected * 0.008 + 1_000);
    }),
  );
});

test('merging counts is counting everything, also through their text', () => {
  fc.assert(
    fc.property(latencies, latencies, (a, b) => {
      const [left, right] = [cellsOf(a).sparse(), cellsOf(b).sparse()];
      const whole = cellsOf([...a, ...b]).sparse();
      expect(mergeCounts(left, right)).toEqual(whole);
      expect(mergeCounts(right, left)).toEqual(whole);
      expect(decodeCounts(encodeCounts(whole))).toEqual(whole);
    }),
  );
});

test('cells that were reset remember nothing', () => {
  const cells = cellsOf([1e6, 5e9]);
  cells.reset();
  expect(cells.sparse()).toHaveLength(0);
  cells.record(2e6);
  expect(cells.sparse()).toEqual(cellsOf([2e6]).sparse());
});

test.each([3, 4, 9, 3_600])(
  'of at most %d intervals each holds what completed in it, and only doubling makes them so few',
  (intervalsMax) => {
    fc.assert(
      fc.property(drawnRuns, (run) => {
        const seriesBounds = { intervalNs: 1_000_000_000, intervalsMax };
        const { series } = recorded(run, { seriesBounds }).snapshot(run.endNs);
        const { intervalNs, points } = series;
        const starts = [...new Set(points.map(({ startNs }) => startNs))];
        expect(starts.length).toBeLessThanOrEqual(intervalsMax);
        const doublings = Math.log2(intervalNs / 1e9);
        expect(Number.isInteger(doublings)).toBe(true);
        const spanned = (ns: number): number =>
          Math.floor(run.endNs / ns) - Math.floor(START_NS / ns) + 1;
        expect(intervalNs === 1e9 || spanned(intervalNs / 2) > intervalsMax).toBe(true);
        const all = operationsOf(run);
        const functions = new Set(all.map(({ f }) => f));
        expect(points.length).toBe(functions.size * (all.length === 0 ? 0 : spanned(intervalNs)));
        for (const point of points) {
          const inside = all.filter(
            ({ f, completedNs }) =>
              f === point.f && Math.floor(completedNs / intervalNs) * intervalNs === point.startNs,
          );
          const ok = inside.filter(({ outcome }) => outcome === 'ok');
          const of = (outcome: string): number =>
            inside.filter((one) => one.outcome === outcome).length;
          expect([point.ok, point.fail, point.info]).toEqual([of('ok'), of('fail'), of('info')]);
          const latencies = ok.map((one) => one.completedNs - one.intendedNs);
          expect(point.maxNs).toBe(Math.max(0, ...latencies));
          expect(decodeCounts(point.histogram)).toEqual(cellsOf(latencies).sparse());
        }
      }),
      { numRuns: 15 },
    );
  },
);

test('a run of a month fits into an hour of seconds, and loses nothing', () => {
  const series = new FunctionSeries();
  const endNs = 30 * 24 * 3_600e9;
  const operations = 50_000;
  for (let i = 1; i <= operations; i++) series.record('ok', (endNs / operations) * i, i * 1_000);
  const intervalNs = intervalFor({ startNs: 0, endNs });
  const cells = series.cells(intervalNs);
  expect(cells.length).toBeLessThanOrEqual(SERIES_BOUNDS.intervalsMax);
  expect(cells.reduce((sum, cell) => sum + cell.ok, 0)).toBe(operations);
});
