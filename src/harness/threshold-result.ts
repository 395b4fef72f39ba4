import { assertNever } from '../lib/assert.ts';
import { formatDuration } from '../lib/duration.ts';
import { LatencyHistogram, type LatencySummary } from '../statistics/latency.ts';
import type { Phase } from '../statistics/phase.ts';
import type { RunStatisticsSnapshot, ThresholdResult } from '../statistics/snapshot.ts';
import type { UnavailabilitySnapshot } from '../statistics/unavailability.ts';
import {
  type Comparator,
  EVERY_F,
  type LatencyStatistic,
  type Metric,
  type Threshold,
} from './threshold.ts';

/** A value, or why there is none. */
type Measured = number | { readonly why: string };

/** Compares what a run measured with what it must keep. Where there is nothing to measure, it is broken. */
export function evaluateThreshold(
  threshold: Threshold,
  statistics: RunStatisticsSnapshot,
): ThresholdResult {
  const { text, metric, comparator, limit, unit } = threshold;
  const measured = measure(metric, statistics);
  if (typeof measured !== 'number') {
    return { text, value: null, shown: measured.why, limit, unit, kept: false };
  }
  const kept = holds(measured, comparator, limit);
  const shown = `${nameOf(metric)} ${showMeasured({ value: measured, limit, unit })}`;
  return { text, value: measured, shown, limit, unit, kept };
}

/** The value alone, for people. One that rounds to its limit is shown in full. */
export function showMeasured({
  value,
  limit,
  unit,
}: Pick<ThresholdResult, 'limit' | 'unit'> & { readonly value: number }): string {
  switch (unit) {
    case 'ns': {
      const isClose = value !== limit && formatDuration(value) === formatDuration(limit);
      return isClose ? `${value / 1e6} ms` : formatDuration(value);
    }
    case 'ratio':
      return `${closeTo(value * 100, limit * 100, 2)} %`;
    case 'perSecond':
      return `${closeTo(value, limit, value < 10 ? 2 : 0)}/s`;
    case 'count':
      return String(value);
    default:
      return assertNever(unit);
  }
}

function closeTo(value: number, limit: number, digits: number): string {
  const short = value.toFixed(digits);
  return value !== limit && Number(short) === limit ? String(value) : short;
}

function holds(value: number, comparator: Comparator, limit: number): boolean {
  switch (comparator) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    default:
      return assertNever(comparator);
  }
}

function nameOf(metric: Metric): string {
  const name = metric.type === 'latency' ? metric.statistic : metric.type;
  const phase = metric.type === 'unavailable' ? undefined : metric.phase;
  if (phase !== undefined) return `${name}(${metric.f}, ${phase})`;
  return metric.f === EVERY_F ? name : `${name}(${metric.f})`;
}

function measure(metric: Metric, statistics: RunStatisticsSnapshot): Measured {
  switch (metric.type) {
    case 'latency':
      return measureLatency(metric.statistic, metric, statistics);
    case 'unavailable':
      return measureUnavailable(metric.f, statistics);
    case 'ok': {
      const { ok, all } = countsOf(metric, statistics);
      return all === 0 ? nothing('completed', metric, statistics) : ok / all;
    }
    case 'rate': {
      const { ok, all } = countsOf(metric, statistics);
      const { startNs, endNs, phaseNs } = statistics;
      const ns = metric.phase === undefined ? endNs - startNs : phaseNs[metric.phase];
      return all === 0 || ns <= 0 ? nothing('completed', metric, statistics) : ok / (ns / 1e9);
    }
    default:
      return assertNever(metric);
  }
}

interface Of {
  readonly f: string;
  readonly phase?: Phase;
}

const FIELDS: Readonly<Record<LatencyStatistic, keyof LatencySummary>> = {
  p50: 'p50Ns',
  p90: 'p90Ns',
  p95: 'p95Ns',
  p99: 'p99Ns',
  p999: 'p999Ns',
  max: 'maxNs',
  mean: 'meanNs',
};

function measureLatency(
  statistic: LatencyStatistic,
  of: Of,
  statistics: RunStatisticsSnapshot,
): Measured {
  const rows = rowsOf(of, statistics).filter(({ outcome }) => outcome === 'ok');
  const [first, ...others] = rows;
  if (first === undefined) return nothing('ended ok', of, statistics);
  if (others.length === 0) return first.latency[FIELDS[statistic]];
  // Quantiles do not average: those of several rows come from their histograms together.
  const together = new LatencyHistogram();
  for (const { histogram } of rows) together.merge(LatencyHistogram.decode(histogram));
  // What was written down knows its extremes as their buckets, whose tops may lie above all of them.
  const maxNs = Math.max(...rows.map(({ latency }) => latency.maxNs));
  return Math.min(together.summary()[FIELDS[statistic]], maxNs);
}

function measureUnavailable(f: string, statistics: RunStatisticsSnapshot): Measured {
  const { functions, unavailabilityWindows: windows } = statistics;
  let seen: UnavailabilitySnapshot | null | undefined;
  if (f === EVERY_F) seen = functions.length === 0 ? undefined : windows.all;
  else seen = functions.find((one) => one.f === f)?.unavailability;
  if (f === 'mutations') seen ??= windows.mutations;
  return seen?.longest.durationNs ?? nothing('completed', { f }, statistics);
}

/** Of one phase, or of all phases together. */
function rowsOf({ f, phase }: Of, { rows, phases }: RunStatisticsSnapshot) {
  const all = phase === undefined ? rows : phases.filter((row) => row.phase === phase);
  return all.filter((row) => f === EVERY_F || row.f === f);
}

function countsOf(of: Of, statistics: RunStatisticsSnapshot) {
  let [ok, all] = [0, 0];
  for (const { outcome, latency } of rowsOf(of, statistics)) {
    all += latency.count;
    if (outcome === 'ok') ok += latency.count;
  }
  return { ok, all };
}

function nothing(what: string, { f, phase }: Of, { phaseNs }: RunStatisticsSnapshot): Measured {
  if (phase !== undefined && phaseNs[phase] <= 0) {
    return { why: `the run spent no time in the phase ${phase}` };
  }
  const name = f === EVERY_F ? 'operation' : f;
  return { why: `no ${name} ${what}${phase === undefined ? '' : ` in the phase ${phase}`}` };
}
