import * as fc from 'fast-check';
import { OUTCOMES } from '../outcome.ts';
import { type FaultStretch, PhaseTracker } from '../phase.ts';
import { type Measurement, RunStatistics } from '../run-statistics.ts';
import type { SeriesBounds } from '../series.ts';

export const START_NS = 1_000_000_000;

/** What happened in a run, in its order. */
export type DrawnEvent =
  | { readonly type: 'operation'; readonly measurement: Measurement }
  | { readonly type: 'began' | 'healed'; readonly fault: number; readonly timeNs: number };

export interface DrawnRun {
  readonly events: readonly DrawnEvent[];
  readonly endNs: number;
}

const MILLISECOND = 1_000_000;

const operation = fc.record({
  type: fc.constant('operation' as const),
  f: fc.constantFrom('read', 'write', 'cas'),
  outcome: fc.constantFrom(...OUTCOMES, 'ok' as const),
  latencyMs: fc.integer({ min: 0, max: 3_000 }),
  stepMs: fc.integer({ min: 0, max: 700 }),
});
const toggle = fc.record({
  type: fc.constant('toggle' as const),
  stepMs: fc.integer({ min: 1, max: 1_500 }),
});

/** Operations of three f's, and faults that begin and heal one after the other between them. */
export const drawnRuns: fc.Arbitrary<DrawnRun> = fc
  .array(fc.oneof({ weight: 6, arbitrary: operation }, { weight: 1, arbitrary: toggle }), {
    maxLength: 50,
    size: 'max',
  })
  .map((steps) => {
    let now = START_NS;
    let toggles = 0;
    const events = steps.map((step): DrawnEvent => {
      // Never two things at one moment: which came first would be a matter of taste.
      now += step.stepMs * MILLISECOND + 1;
      if (step.type === 'toggle') {
        const type = toggles % 2 === 0 ? 'began' : 'healed';
        return { type, fault: Math.floor(toggles++ / 2), timeNs: now };
      }
      const { f, outcome, latencyMs } = step;
      const intendedNs = Math.max(START_NS, now - latencyMs * MILLISECOND);
      const isMutation = f !== 'read';
      return {
        type: 'operation',
        measurement: { f, outcome, isMutation, intendedNs, completedNs: now },
      };
    });
    return { events, endNs: now + 300 * MILLISECOND };
  });

export function operationsOf({ events }: DrawnRun): Measurement[] {
  return events.flatMap((one) => (one.type === 'operation' ? [one.measurement] : []));
}

export function faultsOf({ events }: DrawnRun): FaultStretch[] {
  return events.flatMap((one) => {
    if (one.type !== 'began') return [];
    const { fault, timeNs: beganNs } = one;
    const healed = events.find((other) => other.type === 'healed' && other.fault === fault);
    const healedNs = healed?.type === 'healed' ? healed.timeNs : null;
    return [{ fault, name: nameOf(fault), beganNs, healedNs }];
  });
}

function nameOf(fault: number): string {
  return `kill:${fault}`;
}

/** A recorder that saw the run, or those of its operations that pass. */
export function recorded(
  { events }: DrawnRun,
  options: {
    readonly recoveryNs?: number;
    readonly seriesBounds?: SeriesBounds;
    readonly isSeen?: (measurement: Measurement) => boolean;
  } = {},
): RunStatistics {
  const { isSeen = () => true, recoveryNs, ...bounds } = options;
  const phases = new PhaseTracker(recoveryNs);
  const statistics = new RunStatistics({ startNs: START_NS, phases, ...bounds });
  for (const event of events) {
    if (event.type === 'operation') {
      if (isSeen(event.measurement)) statistics.record(event.measurement);
    } else if (event.type === 'began') {
      phases.began(event.fault, nameOf(event.fault), event.timeNs);
    } else phases.healed(event.fault, event.timeNs);
  }
  return statistics;
}
