import { MILLISECOND } from '../lib/duration.ts';
import type { Scenario, ScheduledFault } from './scenario.ts';

/** Since clients began; `toNs` is not part of it. */
export interface Stretch {
  readonly fromNs: number;
  readonly toNs: number;
}

/** The scenario without a stretch of time: what begins and ends in it is gone, all that is later comes earlier. */
export function cutTime(scenario: Scenario, stretch: Stretch): Scenario {
  const { fromNs, toNs } = stretch;
  const lengthNs = toNs - fromNs;
  const moved = (atNs: number): number => {
    if (atNs < fromNs) return atNs;
    return atNs < toNs ? fromNs : atNs - lengthNs;
  };
  const isInside = (atNs: number): boolean => atNs >= fromNs && atNs < toNs;
  const { load } = scenario;
  return {
    ...scenario,
    durationNs: Math.max(MILLISECOND, scenario.durationNs - lengthNs),
    faults: scenario.faults
      .filter((fault) => !(isInside(fault.atNs) && isInside(endNs(fault))))
      .map((fault) => {
        const atNs = moved(fault.atNs);
        return { ...fault, atNs, durationNs: Math.max(1, moved(endNs(fault)) - atNs) };
      }),
    load:
      load.operations === undefined
        ? load
        : {
            ...load,
            operations: load.operations
              .filter(({ atNs }) => !isInside(atNs))
              .map((operation) => ({ ...operation, atNs: moved(operation.atNs) })),
          },
  };
}

/** The scenario with all times of its schedule rounded to so many nanoseconds. */
export function rounded(scenario: Scenario, unitNs: number): Scenario {
  const near = (ns: number): number => Math.round(ns / unitNs) * unitNs;
  const { load } = scenario;
  return {
    ...scenario,
    durationNs: Math.max(unitNs, near(scenario.durationNs)),
    faults: scenario.faults.map((fault) => {
      const atNs = near(fault.atNs);
      return { ...fault, atNs, durationNs: Math.max(unitNs, near(endNs(fault)) - atNs) };
    }),
    load:
      load.operations === undefined
        ? load
        : {
            ...load,
            operations: load.operations.map((one) => ({ ...one, atNs: near(one.atNs) })),
          },
  };
}

/** When something of the schedule begins or ends, each instant once, in order; 0 and the end among them. */
export function edges({ durationNs, faults, load }: Scenario): readonly number[] {
  const times = [
    0,
    durationNs,
    ...faults.flatMap((fault) => [fault.atNs, endNs(fault)]),
    ...(load.operations ?? []).map(({ atNs }) => atNs),
  ];
  return [...new Set(times)].filter((atNs) => atNs <= durationNs).toSorted((a, b) => a - b);
}

function endNs({ atNs, durationNs }: ScheduledFault): number {
  return atNs + durationNs;
}
