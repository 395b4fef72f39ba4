import { LatencyHistogram } from './latency.ts';
import { addCounts, type Outcome, type OutcomeCounts } from './outcome.ts';
import { type FaultStretch, type Phase, phaseLengths } from './phase.ts';
import { functionSummary, okRatio, perSecond, rowsOf, type Span } from './rows.ts';
import { mergeSeries } from './series.ts';
import { type FunctionSummary, type RunStatisticsSnapshot, STATISTICS_SCHEMA } from './snapshot.ts';
import { mergeUnavailability, type UnavailabilitySnapshot } from './unavailability.ts';

type Part = RunStatisticsSnapshot;

/**
 * What one recorder would have measured that had seen the operations of both: parts of one run, with
 * one clock, one plan of faults and one time of recovery. Counts, rates, histograms, phases and series
 * are exact; of unavailability see `mergeUnavailability`. Thresholds are to be evaluated anew.
 */
export function mergeStatistics(a: Part, b: Part): RunStatisticsSnapshot {
  const startNs = Math.min(a.startNs, b.startNs);
  const endNs = Math.max(a.endNs, b.endNs);
  const { recoveryNs } = a;
  const faultStretches = mergeFaults(a.faultStretches, b.faultStretches);
  const phaseNs = phaseLengths(faultStretches, { startNs, endNs, recoveryNs });
  const span: Span = { startNs, endNs, phaseNs };
  const functions = [...new Set([...a.functions, ...b.functions].map(({ f }) => f))].toSorted();
  const rows = functions.map((f) =>
    rowsOf(f, (outcome, phase) => mergedHistogram([a, b], { f, outcome, phase }), span),
  );
  const unavailable = (of: (part: Part) => UnavailabilitySnapshot | null | undefined) =>
    mergedUnavailability(a, b, of, faultStretches);
  const summaryOf = (f: string): FunctionSummary => {
    const find = (part: Part) => part.functions.find((one) => one.f === f);
    const counts = [a, b].map((part) => find(part)?.operations ?? NONE).reduce(addCounts, NONE);
    return functionSummary(
      f,
      counts,
      unavailable((part) => find(part)?.unavailability),
      span,
    );
  };
  const operations = addCounts(a.operations, b.operations);
  const all = unavailable((part) => part.unavailabilityWindows.all);
  const hasMutations = [a, b].some((part) => part.unavailabilityWindows.mutations !== null);
  const mutations = hasMutations
    ? unavailable((part) => part.unavailabilityWindows.mutations)
    : null;
  return {
    schema: STATISTICS_SCHEMA,
    startNs,
    endNs,
    operations,
    okPerSecond: perSecond(operations.ok, endNs - startNs),
    okRatio: okRatio(operations),
    functions: functions.map(summaryOf),
    rows: rows.flatMap((one) => one.rows),
    phases: rows.flatMap((one) => one.phases),
    phaseNs,
    faultStretches,
    recoveryNs,
    series: mergeSeries([a.series, b.series], span),
    unavailability: all.longest,
    mutationUnavailability: mutations?.longest ?? null,
    unavailabilityWindows: { all, mutations },
    thresholds: [],
  };
}

const NONE: OutcomeCounts = { ok: 0, fail: 0, info: 0 };

/** Each fault once, though both were told of it. */
function mergeFaults(a: readonly FaultStretch[], b: readonly FaultStretch[]): FaultStretch[] {
  const isSame = (one: FaultStretch, other: FaultStretch): boolean =>
    one.fault === other.fault && one.beganNs === other.beganNs && one.healedNs === other.healedNs;
  const added = b.filter((one) => !a.some((other) => isSame(one, other)));
  return [...a, ...added].toSorted((one, other) => one.beganNs - other.beganNs);
}

function mergedHistogram(
  parts: readonly Part[],
  of: { readonly f: string; readonly outcome: Outcome; readonly phase: Phase },
): LatencyHistogram {
  const merged = new LatencyHistogram();
  for (const { phases } of parts) {
    for (const row of phases) {
      const isSame = row.f === of.f && row.outcome === of.outcome && row.phase === of.phase;
      if (isSame) merged.merge(LatencyHistogram.decode(row.histogram));
    }
  }
  return merged;
}

/** A part that never asked for it has nothing to say about its availability. */
function mergedUnavailability(
  a: Part,
  b: Part,
  of: (part: Part) => UnavailabilitySnapshot | null | undefined,
  faults: readonly FaultStretch[],
): UnavailabilitySnapshot {
  const parts = [a, b].flatMap((part) => {
    const seen = of(part);
    const { startNs, endNs } = part;
    return seen === null || seen === undefined ? [] : [{ seen, startNs, endNs }];
  });
  return mergeUnavailability(parts, faults);
}
