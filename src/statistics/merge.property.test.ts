import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LatencyHistogram } from './latency.ts';
import { mergeStatistics } from './merge.ts';
import { type Measurement, RunStatistics, type RunStatisticsSnapshot } from './run-statistics.ts';
import { drawnRuns, operationsOf, recorded } from './testing/drawn-run.ts';

const MS = 1_000_000;

/** What merging promises to get exactly right. */
function exact(snapshot: RunStatisticsSnapshot) {
  const {
    unavailability: _longest,
    mutationUnavailability: _longestOfMutations,
    unavailabilityWindows: _windows,
    ...rest
  } = snapshot;
  return {
    ...rest,
    functions: rest.functions.map(({ unavailability: _longestOfOne, ...one }) => one),
    rows: rest.rows.map(comparable),
    phases: rest.phases.map(comparable),
  };
}

/**
 * What was written down and read again knows its extremes as their buckets, three digits: so both sides
 * are compared after that.
 */
function comparable<T extends { histogram: string; latency: object }>(row: T) {
  const { histogram, latency: _, ...rest } = row;
  return { ...rest, latency: LatencyHistogram.decode(histogram).summary() };
}

test('merging what two recorders saw is what one would have seen', () => {
  const runs = fc.tuple(drawnRuns, fc.infiniteStream(fc.boolean()), fc.constantFrom(4, 3_600));
  fc.assert(
    fc.property(runs, ([run, sides, intervalsMax]) => {
      const isLeft = operationsOf(run).map(() => sides.next().value === true);
      const left = new Set(operationsOf(run).filter((_, i) => isLeft[i]));
      const { endNs } = run;
      const part = (isSeen: (one: Measurement) => boolean): RunStatisticsSnapshot =>
        recorded(run, { isSeen, seriesBounds: { intervalNs: 1e9, intervalsMax } }).snapshot(endNs);
      const a = part((one) => left.has(one));
      const b = part((one) => !left.has(one));
      const merged = mergeStatistics(a, JSON.parse(JSON.stringify(b)) as RunStatisticsSnapshot);
      expect(exact(merged)).toEqual(exact(part(() => true)));
      expect(mergeStatistics(b, a).series).toEqual(merged.series);
    }),
    { numRuns: 15 },
  );
});

test('no operation of either completed ok inside of a merged window', () => {
  fc.assert(
    fc.property(drawnRuns, fc.boolean(), (run, isByName) => {
      const isLeft = (one: Measurement): boolean =>
        isByName ? one.f === 'read' : one.completedNs % 2 === 0;
      const a = recorded(run, { isSeen: isLeft }).snapshot(run.endNs);
      const b = recorded(run, { isSeen: (one) => !isLeft(one) }).snapshot(run.endNs);
      const { windows } = mergeStatistics(a, b).unavailabilityWindows.all;
      const ok = operationsOf(run).filter(({ outcome }) => outcome === 'ok');
      for (const { startNs, endNs } of windows) {
        const inside = ok.filter((one) => startNs < one.completedNs && one.completedNs < endNs);
        expect(inside).toEqual([]);
      }
    }),
    { numRuns: 15 },
  );
});

/** Clients that always wait: each operation begins when the one before it has ended. */
const closedLoops = fc.array(
  fc.array(fc.record({ ms: fc.integer({ min: 1, max: 2_500 }), isOk: fc.boolean() }), {
    minLength: 1,
    maxLength: 20,
  }),
  { minLength: 1, maxLength: 3 },
);

function closedLoop(
  clients: readonly (readonly { readonly ms: number; readonly isOk: boolean }[])[],
  endNs: number,
): Measurement[] {
  return clients.flatMap((operations) => {
    let now = 0;
    const all = operations.map(({ ms, isOk }): Measurement => {
      const intendedNs = now;
      now += ms * MS;
      const outcome = isOk ? 'ok' : 'info';
      return { f: 'write', outcome, isMutation: true, intendedNs, completedNs: now };
    });
    const last = { f: 'write', outcome: 'info', isMutation: true, intendedNs: now } as const;
    return [...all, { ...last, completedNs: endNs }];
  });
}

function snapshotOf(operations: readonly Measurement[], endNs: number): RunStatisticsSnapshot {
  const statistics = new RunStatistics({ startNs: 0 });
  for (const one of operations.toSorted((a, b) => a.completedNs - b.completedNs)) {
    statistics.record(one);
  }
  return statistics.snapshot(endNs);
}

test('of recorders whose clients were always waiting, merged windows are all that there are', () => {
  fc.assert(
    fc.property(closedLoops, closedLoops, (left, right) => {
      const endNs = 60_000 * MS;
      const [a, b] = [closedLoop(left, endNs), closedLoop(right, endNs)];
      const whole = snapshotOf([...a, ...b], endNs);
      const merged = mergeStatistics(snapshotOf(a, endNs), snapshotOf(b, endNs));
      expect(merged.unavailabilityWindows).toEqual(whole.unavailabilityWindows);
      expect(merged.unavailability).toEqual(whole.unavailability);
    }),
    { numRuns: 15 },
  );
});

test('where only one recorder had clients, its windows stay as they are', () => {
  const ok = (fromMs: number, toMs: number): Measurement => ({
    f: 'read',
    outcome: 'ok',
    isMutation: false,
    intendedNs: fromMs * MS,
    completedNs: toMs * MS,
  });
  const first = new RunStatistics({ startNs: 0 });
  first.record(ok(0, 2_000));
  const second = new RunStatistics({ startNs: 5_000 * MS });
  second.record({ ...ok(5_000, 8_000), f: 'write', isMutation: true });
  const merged = mergeStatistics(first.snapshot(2_000 * MS), second.snapshot(8_000 * MS));
  const { all, mutations } = merged.unavailabilityWindows;
  expect(all.windows.map(({ startNs, endNs }) => [startNs / MS, endNs / MS])).toEqual([
    [5_000, 8_000],
    [0, 2_000],
  ]);
  expect([mutations?.count, merged.unavailability.durationNs / MS]).toEqual([1, 3_000]);
});
