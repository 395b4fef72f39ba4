import { LatencyHistogram } from './latency.ts';
import { OUTCOMES, type Outcome, type OutcomeCounts, totalOf } from './outcome.ts';
import { type Phase, type PhaseLengths, PHASES } from './phase.ts';
import type { FunctionSummary, LatencyRow, PhaseRow } from './snapshot.ts';
import type { UnavailabilitySnapshot } from './unavailability.ts';

/** Histograms by outcome and phase of one f; absent where nothing was recorded. */
export type FunctionHistograms = (outcome: Outcome, phase: Phase) => LatencyHistogram | undefined;

/** Times for rates. */
export interface Span {
  readonly startNs: number;
  readonly endNs: number;
  readonly phaseNs: PhaseLengths;
}

export function perSecond(count: number, ns: number): number {
  return ns > 0 ? count / (ns / 1e9) : 0;
}

export function okRatio(counts: OutcomeCounts): number | null {
  const total = totalOf(counts);
  return total === 0 ? null : counts.ok / total;
}

/** A row per outcome that occurred, and one per outcome and phase; both by outcome, then by phase. */
export function rowsOf(
  f: string,
  histograms: FunctionHistograms,
  { startNs, endNs, phaseNs }: Span,
): { readonly rows: LatencyRow[]; readonly phases: PhaseRow[] } {
  const rows: LatencyRow[] = [];
  const phases: PhaseRow[] = [];
  for (const outcome of OUTCOMES) {
    const all = new LatencyHistogram();
    for (const phase of PHASES) {
      const histogram = histograms(outcome, phase);
      if (histogram === undefined || histogram.count === 0) continue;
      all.merge(histogram);
      phases.push({ phase, ...rowOf(f, outcome, histogram, phaseNs[phase]) });
    }
    if (all.count > 0) rows.push(rowOf(f, outcome, all, endNs - startNs));
  }
  return { rows, phases };
}

function rowOf(f: string, outcome: Outcome, histogram: LatencyHistogram, ns: number): LatencyRow {
  return {
    f,
    outcome,
    perSecond: perSecond(histogram.count, ns),
    latency: histogram.summary(),
    histogram: histogram.encode(),
  };
}

export function functionSummary(
  f: string,
  operations: OutcomeCounts,
  unavailability: UnavailabilitySnapshot,
  { startNs, endNs }: Span,
): FunctionSummary {
  const okPerSecond = perSecond(operations.ok, endNs - startNs);
  return { f, operations, okPerSecond, okRatio: okRatio(operations), unavailability };
}
