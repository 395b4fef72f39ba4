import type { LatencySummary } from './latency.ts';
import type { Outcome, OutcomeCounts } from './outcome.ts';
import type { FaultStretch, Phase, PhaseLengths } from './phase.ts';
import type { SeriesSnapshot } from './series.ts';
import type { Stretch } from './stretch.ts';
import type { UnavailabilitySnapshot } from './unavailability.ts';

export const STATISTICS_SCHEMA = 1;

/** One f as a whole. */
export interface FunctionSummary {
  readonly f: string;
  readonly operations: OutcomeCounts;
  readonly okPerSecond: number;
  /** Share of ok among all that completed, 0 … 1; null when none did. */
  readonly okRatio: number | null;
  /** Of this f alone. */
  readonly unavailability: UnavailabilitySnapshot;
}

/** One f with one outcome. */
export interface LatencyRow {
  readonly f: string;
  readonly outcome: Outcome;
  readonly perSecond: number;
  /** From the intended start, which an open loop may have missed, to the completion. */
  readonly latency: LatencySummary;
  /** The whole histogram, as `LatencyHistogram.encode` writes it: for merging runs. */
  readonly histogram: string;
}

/** One f with one outcome in one phase; `perSecond` of that phase's time. */
export interface PhaseRow extends LatencyRow {
  readonly phase: Phase;
}

/** A threshold that was asked for, and what was measured. */
export interface ThresholdResult {
  /** As the user wrote it: `p99(read) < 50ms`. */
  readonly text: string;
  /** In `unit`; null when there was nothing to measure, which counts as broken. */
  readonly value: number | null;
  /** For people: `p99(read) 41.2 ms`, or a sentence when there was nothing to measure. */
  readonly shown: string;
  readonly limit: number;
  /** Nanoseconds, a share from 0 to 1, operations per second, or a number of them. */
  readonly unit: 'ns' | 'ratio' | 'perSecond' | 'count';
  readonly kept: boolean;
}

/**
 * `stats.json`. Everything that the clients of one run measured, final reads left out. Times are
 * nanoseconds since the run began.
 */
export interface RunStatisticsSnapshot {
  readonly schema: typeof STATISTICS_SCHEMA;
  /** When clients began and stopped. */
  readonly startNs: number;
  readonly endNs: number;
  readonly operations: OutcomeCounts;
  readonly okPerSecond: number;
  /** Share of ok among all that completed, 0 … 1; null when none did. */
  readonly okRatio: number | null;
  readonly functions: readonly FunctionSummary[];
  readonly rows: readonly LatencyRow[];
  /** The same operations, told apart by phase. */
  readonly phases: readonly PhaseRow[];
  /** How much of the time each phase had. */
  readonly phaseNs: PhaseLengths;
  readonly faultStretches: readonly FaultStretch[];
  /** How long after a heal counts as recovery. */
  readonly recoveryNs: number;
  readonly series: SeriesSnapshot;
  /** Longest stretch in which operations waited and none completed ok. */
  readonly unavailability: Stretch;
  /** The same, of operations that change the object; null when none completed. */
  readonly mutationUnavailability: Stretch | null;
  /** All such stretches from half a second on. */
  readonly unavailabilityWindows: {
    readonly all: UnavailabilitySnapshot;
    readonly mutations: UnavailabilitySnapshot | null;
  };
  /** Empty when none were asked for, and when the run was interrupted or failed. */
  readonly thresholds: readonly ThresholdResult[];
}
