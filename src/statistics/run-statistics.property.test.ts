import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { OUTCOMES } from './outcome.ts';
import { type Phase, phaseLengths, PHASES, PhaseTracker } from './phase.ts';
import { RunStatistics } from './run-statistics.ts';
import { drawnRuns, faultsOf, operationsOf, recorded, START_NS } from './testing/drawn-run.ts';

const RECOVERY_NS = 900_000_000;

test('counts, rates and shares agree with a pass over all operations', () => {
  fc.assert(
    fc.property(drawnRuns, (run) => {
      const statistics = recorded(run);
      const snapshot = statistics.snapshot(run.endNs);
      const all = operationsOf(run);
      const ok = all.filter((one) => one.outcome === 'ok');
      expect(snapshot.operations.ok).toBe(ok.length);
      expect(snapshot.okPerSecond).toBeCloseTo(ok.length / ((run.endNs - START_NS) / 1e9), 6);
      expect(snapshot.okRatio).toBe(all.length === 0 ? null : ok.length / all.length);
      expect(snapshot.rows.map(({ latency }) => latency.count)).toEqual(
        ['cas', 'read', 'write'].flatMap((f) =>
          OUTCOMES.map((outcome) => statistics.count(f, outcome)).filter((count) => count > 0),
        ),
      );
      for (const { f, outcome, latency } of snapshot.rows) {
        const same = all.filter((one) => one.f === f && one.outcome === outcome);
        expect(latency.count).toBe(same.length);
      }
      for (const { f, operations, okRatio } of snapshot.functions) {
        const same = all.filter((one) => one.f === f);
        expect(operations.ok + operations.fail + operations.info).toBe(same.length);
        expect(okRatio).toBe(operations.ok / same.length);
      }
    }),
    { numRuns: 25 },
  );
});

test('an operation belongs to the worst phase that it touches', () => {
  fc.assert(
    fc.property(drawnRuns, (run) => {
      const statistics = recorded(run, { recoveryNs: RECOVERY_NS });
      const faults = faultsOf(run);
      const phaseOf = (intendedNs: number, completedNs: number): Phase => {
        const isTouched = (beganNs: number, endNs: number): boolean =>
          beganNs < completedNs && intendedNs < endNs;
        if (faults.some((one) => isTouched(one.beganNs, one.healedNs ?? Infinity))) return 'fault';
        const isRecovering = faults.some(({ healedNs }) =>
          healedNs === null ? false : isTouched(healedNs, healedNs + RECOVERY_NS),
        );
        return isRecovering ? 'recovery' : 'steady';
      };
      const { phases } = statistics.snapshot(run.endNs);
      let rows = 0;
      for (const f of ['cas', 'read', 'write']) {
        for (const outcome of OUTCOMES) {
          const same = operationsOf(run).filter((one) => one.f === f && one.outcome === outcome);
          for (const phase of PHASES) {
            const expected = same.filter(
              (one) => phaseOf(one.intendedNs, one.completedNs) === phase,
            ).length;
            expect(statistics.count(f, outcome, phase)).toBe(expected);
            if (expected > 0) rows++;
          }
        }
      }
      expect(phases.length).toBe(rows);
    }),
    { numRuns: 25 },
  );
});

test('the phases of an f and outcome add up to its row', () => {
  fc.assert(
    fc.property(drawnRuns, (run) => {
      const { rows, phases } = recorded(run).snapshot(run.endNs);
      for (const { f, outcome, latency } of rows) {
        const parts = phases.filter((row) => row.f === f && row.outcome === outcome);
        expect(parts.reduce((sum, row) => sum + row.latency.count, 0)).toBe(latency.count);
        expect(Math.max(...parts.map((row) => row.latency.maxNs))).toBe(latency.maxNs);
      }
    }),
    { numRuns: 25 },
  );
});

test('the rate of a phase counts its own time only', () => {
  const phases = new PhaseTracker(1e9);
  const statistics = new RunStatistics({ startNs: 0, phases });
  const ok = (completedNs: number): void => {
    const intendedNs = completedNs - 1_000;
    statistics.record({ f: 'read', outcome: 'ok', isMutation: false, intendedNs, completedNs });
  };
  for (const at of [1, 2, 3, 4]) ok(at * 1e9);
  phases.began(0, 'kill:one', 4e9 + 1);
  ok(5e9);
  phases.healed(0, 6e9 + 1);
  ok(6.5e9);
  const { rows, phases: byPhase, phaseNs } = statistics.snapshot(10e9);
  expect(statistics.phaseNs(10e9)).toEqual(phaseNs);
  expect(phaseNs).toEqual({ steady: 7e9, fault: 2e9, recovery: 1e9 });
  expect(rows.map(({ perSecond }) => perSecond)).toEqual([0.6]);
  expect(byPhase.map(({ phase, perSecond }) => [phase, perSecond])).toEqual([
    ['steady', 4 / 7],
    ['fault', 0.5],
    ['recovery', 1],
  ]);
});

test('phases share the time of the run: each moment has the phase that it is in', () => {
  fc.assert(
    fc.property(drawnRuns, fc.integer({ min: 0, max: 3_000_000_000 }), (run, recoveryNs) => {
      const faults = faultsOf(run);
      const { endNs } = run;
      const edges = faults.flatMap(({ beganNs, healedNs }) =>
        healedNs === null ? [beganNs] : [beganNs, healedNs, healedNs + recoveryNs],
      );
      const points = [START_NS, ...edges.filter((edge) => edge < endNs), endNs].toSorted(
        (a, b) => a - b,
      );
      const expected: Record<Phase, number> = { steady: 0, fault: 0, recovery: 0 };
      for (const [i, fromNs] of points.entries()) {
        const toNs = points[i + 1] ?? fromNs;
        const middle = (fromNs + toNs) / 2;
        const isIn = (beganNs: number, healedNs: number): boolean =>
          beganNs <= middle && middle < healedNs;
        const isFault = faults.some((one) => isIn(one.beganNs, one.healedNs ?? Infinity));
        const isRecovery = faults.some(
          ({ healedNs }) => healedNs !== null && isIn(healedNs, healedNs + recoveryNs),
        );
        expected[isFault ? 'fault' : isRecovery ? 'recovery' : 'steady'] += toNs - fromNs;
      }
      expect(phaseLengths(faults, { startNs: START_NS, endNs, recoveryNs })).toEqual(expected);
    }),
    { numRuns: 25 },
  );
});

test('of faults that overlap, the phase ends with the heal of the last', () => {
  const phases = new PhaseTracker(10);
  phases.began(0, 'kill:one', 100);
  phases.began(1, 'pause:one', 150);
  phases.healed(0, 200);
  expect(phases.phaseOf(205)).toBe('fault');
  phases.healed(1, 300);
  phases.healed(1, 400);
  expect([299, 300, 309, 310].map((ns) => phases.phaseOf(ns))).toEqual([
    'fault',
    'recovery',
    'recovery',
    'steady',
  ]);
  const bounds = { startNs: 0, endNs: 1_000, recoveryNs: 10 };
  expect(phaseLengths(phases.stretches, bounds)).toEqual({
    steady: 790,
    fault: 200,
    recovery: 10,
  });
});

test('a run in which nothing completed has no rows, no share and no unavailability', () => {
  const snapshot = new RunStatistics({ startNs: 5 }).snapshot(5);
  expect(snapshot).toMatchObject({
    okPerSecond: 0,
    okRatio: null,
    rows: [],
    phases: [],
    functions: [],
    unavailability: { durationNs: 0 },
    mutationUnavailability: null,
  });
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
});
