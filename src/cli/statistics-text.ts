import { formatDuration, formatInstant } from '../lib/duration.ts';
import { PHASES, type Phase } from '../statistics/phase.ts';
import type { FunctionSummary, RunStatisticsSnapshot } from '../statistics/snapshot.ts';
import type { UnavailabilitySnapshot, UnavailabilityWindow } from '../statistics/unavailability.ts';

const WINDOWS_SHOWN = 3;
/** So many times as long is worth lines of its own. */
const MUCH = 1.1;

/** What clients measured: totals, a table with a row per f, and when the store was unavailable. */
export function describeStatistics(statistics: RunStatisticsSnapshot): string[] {
  const { operations, okPerSecond, unavailabilityWindows } = statistics;
  const { all, mutations } = unavailabilityWindows;
  return [
    `operations  ${operations.ok} ok, ${operations.fail} fail, ${operations.info} info; ` +
      `${Math.round(okPerSecond)} ok/s`,
    ...latencyTable(statistics),
    ...describeUnavailability('unavailable', all),
    // Where only operations that change the object were refused, the first lines do not show it.
    ...(mutations === null || mutations.longest.durationNs <= MUCH * all.longest.durationNs
      ? []
      : describeUnavailability('  mutations', mutations)),
  ];
}

/** Latencies of ok operations; with faults a second table with those in each phase: 80 columns hold one. */
function latencyTable(statistics: RunStatisticsSnapshot): string[] {
  const phases = statistics.faultStretches.length === 0 ? [] : PHASES;
  const rows = statistics.functions.map((of) => [
    of.f,
    of.okPerSecond < 10 ? of.okPerSecond.toFixed(1) : of.okPerSecond.toFixed(0),
    `${((of.okRatio ?? 0) * 100).toFixed(1)} %`,
    ...latencies(of, statistics),
  ]);
  const inPhases = statistics.functions.map((of) => [
    of.f,
    ...phases.map((phase) => latenciesIn(phase, of, statistics)),
  ]);
  return [
    ...aligned(['', 'ok/s', 'ok', 'p50', 'p99', 'max'], rows),
    ...(phases.length === 0
      ? []
      : aligned(['', ...phases.map((phase) => `${phase} p50, p99`)], inPhases)),
  ];
}

/** The first column to the left, the others to the right; nothing without rows. */
function aligned(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((name, i) =>
    Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const pad = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ');
  return rows.length === 0 ? [] : [header, ...rows].map((row) => `  ${pad(row)}`);
}

function latencies({ f }: FunctionSummary, { rows }: RunStatisticsSnapshot): string[] {
  const latency = rows.find((row) => row.f === f && row.outcome === 'ok')?.latency;
  return latency === undefined
    ? ['-', '-', '-']
    : [latency.p50Ns, latency.p99Ns, latency.maxNs].map(formatDuration);
}

function latenciesIn(
  phase: Phase,
  { f }: FunctionSummary,
  { phases }: RunStatisticsSnapshot,
): string {
  const of = phases.find((row) => row.phase === phase && row.f === f && row.outcome === 'ok');
  if (of === undefined) return '-';
  return `${formatDuration(of.latency.p50Ns)}, ${formatDuration(of.latency.p99Ns)}`;
}

function describeUnavailability(name: string, seen: UnavailabilitySnapshot): string[] {
  const { longest, thresholdNs, count, totalNs, windows } = seen;
  const most = `${name}  ${formatDuration(longest.durationNs)} at most, from ${formatInstant(longest.startNs)}`;
  if (count === 0) return [most];
  const stretches = `${count} stretch${count === 1 ? '' : 'es'} of ${formatDuration(thresholdNs)} or more`;
  return [
    `${most}; ${stretches}, ${formatDuration(totalNs)} in all`,
    ...windows.slice(0, WINDOWS_SHOWN).map(describeWindow),
  ];
}

function describeWindow({ startNs, endNs, durationNs, fault }: UnavailabilityWindow): string {
  const when = `  ${formatDuration(durationNs)}  ${formatInstant(startNs)} to ${formatInstant(endNs)}`;
  if (fault === null) return `${when}, no fault near`;
  const name = `fault ${fault.fault + 1}, ${fault.name}`;
  return `${when}, ${fault.when === 'during' ? 'in' : 'after'} ${name}`;
}
