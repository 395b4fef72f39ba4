import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FaultStretch } from './phase.ts';
import { type Measurement, RunStatistics } from './run-statistics.ts';
import { joined, stretch, type Stretch } from './stretch.ts';
import { drawnRuns, operationsOf, START_NS } from './testing/drawn-run.ts';
import { UnavailabilityWatch } from './unavailability.ts';

const MS = 1_000_000;
const SECOND = 1_000 * MS;

/** The definition, taken literally, for a list of operations. */
function literally(all: readonly Measurement[], endNs: number): Stretch[] {
  const okTimes = all.filter(({ outcome }) => outcome === 'ok').map((one) => one.completedNs);
  const edges = [START_NS, ...okTimes, endNs];
  return edges.slice(1).flatMap((gapEndNs, i) => {
    const gapStartNs = edges[i] ?? START_NS;
    const inside = all
      .filter((one) => one.intendedNs < gapEndNs && one.completedNs > gapStartNs)
      .map((one) => ({
        outcome: one.outcome,
        fromNs: Math.max(one.intendedNs, gapStartNs),
        toNs: Math.min(one.completedNs, gapEndNs),
      }));
    const failed = inside.filter(({ outcome }) => outcome !== 'ok');
    const hull =
      failed.length === 0
        ? []
        : [
            stretch(
              Math.min(...failed.map(({ fromNs }) => fromNs)),
              Math.max(...failed.map(({ toNs }) => toNs)),
            ),
          ];
    const waited = inside.filter(({ outcome }) => outcome === 'ok');
    const apart = joined([
      ...hull,
      ...waited.map(({ fromNs, toNs }) => stretch(fromNs, toNs)),
    ]).filter(({ durationNs }) => durationNs > 0);
    const [first, second] = apart;
    if (first === undefined || second === undefined) return apart;
    const pauseNs = second.startNs - first.endNs;
    return pauseNs < Math.min(first.durationNs, second.durationNs)
      ? [stretch(first.startNs, second.endNs)]
      : apart;
  });
}

test('windows are what the definition says of every list of operations', () => {
  fc.assert(
    fc.property(drawnRuns, (run) => {
      const { endNs } = run;
      const operations = operationsOf(run);
      for (const some of [operations, operations.filter(({ isMutation }) => isMutation)]) {
        const watching = new UnavailabilityWatch(START_NS);
        for (const { outcome, intendedNs, completedNs } of some) {
          watching.record(outcome === 'ok', intendedNs, completedNs);
        }
        const seen = watching.snapshot(endNs, []);
        const expected = literally(some, endNs);
        const windows = expected.filter(({ durationNs }) => durationNs >= 500 * MS);
        const order = (a: Stretch, b: Stretch): number =>
          b.durationNs - a.durationNs || a.startNs - b.startNs;
        expect(seen.longest.durationNs).toBe(
          Math.max(0, ...expected.map(({ durationNs }) => durationNs)),
        );
        expect(seen.count).toBe(windows.length);
        expect(seen.totalNs).toBe(windows.reduce((sum, one) => sum + one.durationNs, 0));
        expect(seen.windows.map(({ fault: _fault, ...one }) => one)).toEqual(
          windows.toSorted(order),
        );
      }
    }),
    { numRuns: 300 },
  );
});

/** Operations by `[outcome, intended, completed]`, in milliseconds. */
function watch(...operations: readonly (readonly ['ok' | 'fail', number, number])[]) {
  const watching = new UnavailabilityWatch(0);
  for (const [outcome, from, to] of operations)
    watching.record(outcome === 'ok', from * MS, to * MS);
  return (endMs: number, faults: readonly FaultStretch[] = []) => {
    const { longest, windows, count } = watching.snapshot(endMs * MS, faults);
    return {
      longestMs: longest.durationNs / MS,
      count,
      windows: windows.map(({ startNs, endNs, fault }) => [startNs / MS, endNs / MS, fault?.when]),
    };
  };
}

test('one operation a second is no unavailability, however long the pauses', () => {
  const seen = watch(['ok', 0, 5], ['ok', 1_000, 1_005], ['ok', 2_000, 2_007])(60_000);
  expect(seen).toEqual({ longestMs: 7, count: 0, windows: [] });
});

test('one refusal among them is none, ten in a row are nine seconds of it', () => {
  const refused = Array.from({ length: 10 }, (_, i) => {
    const atMs = (i + 1) * 1_000;
    return ['fail', atMs, atMs + 2] as const;
  });
  expect(watch(['ok', 0, 5], ...refused.slice(0, 1), ['ok', 2_000, 2_005])(2_005).count).toBe(0);
  expect(watch(['ok', 0, 5], ...refused, ['ok', 11_000, 11_005])(11_005).windows).toEqual([
    [1_000, 10_002, undefined],
  ]);
});

test('who waits in vain and tries again is not served by the moment between the two', () => {
  const seen = watch(['ok', 0, 5], ['fail', 6, 1_506], ['ok', 1_507, 2_900])(2_900);
  expect(seen).toEqual({ longestMs: 2_894, count: 1, windows: [[6, 2_900, undefined]] });
  // A pause as long as what was waited after it says more than that nobody was served.
  const asked = watch(['ok', 0, 5], ['fail', 6, 1_506], ['ok', 2_000, 2_400])(2_400);
  expect(asked.windows).toEqual([[6, 1_506, undefined]]);
});

test('an operation that waited all through shows it, though a younger one was answered first', () => {
  expect(watch(['ok', 0, 5], ['ok', 2_999, 3_000], ['ok', 10, 3_001])(3_001).windows).toEqual([
    [10, 3_000, undefined],
  ]);
});

test('a store that does not come back is unavailable until clients stop trying', () => {
  const seen = watch(['ok', 0, 5], ['fail', 6, 1_506], ['fail', 1_506, 3_006])(3_100);
  expect(seen.windows).toEqual([[6, 3_006, undefined]]);
});

test('a window names the fault that was in force, or one that had just healed', () => {
  const fault = (fault: number, from: number, to: number | null): FaultStretch => ({
    fault,
    name: 'kill:leader',
    beganNs: from * MS,
    healedNs: to === null ? null : to * MS,
  });
  const seen = watch(['ok', 0, 5], ['ok', 5, 2_000]);
  const when = (...faults: FaultStretch[]) => seen(2_000, faults).windows[0]?.[2];
  expect(when()).toBeUndefined();
  expect(when(fault(0, 1, 3))).toBe('after');
  expect(when(fault(0, 1, 3), fault(1, 1_500, null))).toBe('during');
  expect(when(fault(0, 2_000, null))).toBeUndefined();
  const late = new UnavailabilityWatch(0);
  late.record(true, 20 * SECOND, 21 * SECOND);
  expect(late.snapshot(21 * SECOND, [fault(0, 0, 9_999)]).windows[0]?.fault).toBeNull();
  expect(late.snapshot(21 * SECOND, [fault(3, 0, 10_000)]).windows[0]?.fault).toEqual({
    fault: 3,
    name: 'kill:leader',
    when: 'after',
  });
});

test('of very many windows all are counted and the longest hundred kept', () => {
  const watching = new UnavailabilityWatch(0);
  let now = 0;
  let totalNs = 0;
  for (let i = 0; i < 1_000; i++) {
    const ns = 600 * MS + ((i * 7_919) % 1_000) * MS;
    watching.record(true, now, now + ns);
    now += ns;
    totalNs += ns;
  }
  const seen = watching.snapshot(now, []);
  expect([seen.count, seen.totalNs, seen.windows.length]).toEqual([1_000, totalNs, 100]);
  expect(seen.windows.map(({ durationNs }) => durationNs / MS)).toEqual(
    Array.from({ length: 100 }, (_, i) => 1_599 - i),
  );
});

test('mutations are watched apart, and each f for itself', () => {
  const statistics = new RunStatistics({ startNs: 0 });
  const ok = (f: string, from: number, to: number): void => {
    const times = { intendedNs: from * MS, completedNs: to * MS };
    statistics.record({ f, outcome: 'ok', isMutation: f !== 'read', ...times });
  };
  ok('read', 0, 5);
  ok('read', 5, 800);
  ok('cas', 5, 900);
  ok('write', 5, 1_900);
  const { functions, unavailability, mutationUnavailability } = statistics.snapshot(2_000 * MS);
  expect(functions.map((one) => [one.f, one.unavailability.longest.durationNs / MS])).toEqual([
    ['cas', 895],
    ['read', 795],
    ['write', 1_895],
  ]);
  expect(unavailability.durationNs / MS).toBe(1_000);
  expect(mutationUnavailability?.durationNs).toBe(1_000 * MS);
});
