import { LatencyHistogram } from './latency.ts';
import { addCounts, type Outcome, type OutcomeCounts } from './outcome.ts';
import { type Phase, phaseLengths, type PhaseLengths, PhaseTracker } from './phase.ts';
import { functionSummary, okRatio, perSecond, rowsOf } from './rows.ts';
import {
  FunctionSeries,
  intervalFor,
  type SeriesBounds,
  SERIES_BOUNDS,
  seriesOf,
} from './series.ts';
import { type RunStatisticsSnapshot, STATISTICS_SCHEMA } from './snapshot.ts';
import { UnavailabilityWatch } from './unavailability.ts';

export type { Outcome, OutcomeCounts } from './outcome.ts';
export type { Phase, PhaseLengths } from './phase.ts';
export type { RunStatisticsSnapshot, ThresholdResult } from './snapshot.ts';

/** What is counted of one operation. Times in nanoseconds since the run began. */
export interface Measurement {
  readonly f: string;
  readonly outcome: Outcome;
  /** Whether it may change the object: unavailability is told apart for these. */
  readonly isMutation: boolean;
  /** When it was meant to start: with an open loop earlier than it was sent (coordinated omission). */
  readonly intendedNs: number;
  readonly completedNs: number;
}

export interface StatisticsParts {
  /** When clients began. */
  readonly startNs: number;
  /** Told of faults by whoever injects them; without it there are none. */
  readonly phases?: PhaseTracker;
  readonly seriesBounds?: SeriesBounds;
}

/**
 * Counts and times operations as they complete, in that order; memory grows neither with their number
 * nor with the length of the run.
 */
export class RunStatistics {
  readonly #startNs: number;
  readonly #phases: PhaseTracker;
  readonly #seriesBounds: SeriesBounds;
  readonly #functions = new Map<string, FunctionStatistics>();
  readonly #all: UnavailabilityWatch;
  readonly #mutations: UnavailabilityWatch;

  constructor({ startNs, phases, seriesBounds = SERIES_BOUNDS }: StatisticsParts) {
    this.#startNs = startNs;
    this.#phases = phases ?? new PhaseTracker();
    this.#seriesBounds = seriesBounds;
    this.#all = new UnavailabilityWatch(startNs);
    this.#mutations = new UnavailabilityWatch(startNs);
  }

  record(measurement: Measurement): void {
    const { outcome, isMutation, intendedNs, completedNs } = measurement;
    const isOk = outcome === 'ok';
    const one = this.#functions.get(measurement.f) ?? this.#add(measurement.f);
    one.record(outcome, this.#phases.phaseOf(intendedNs), intendedNs, completedNs);
    this.#all.record(isOk, intendedNs, completedNs);
    if (isMutation) this.#mutations.record(isOk, intendedNs, completedNs);
  }

  get counts(): OutcomeCounts {
    let sum: OutcomeCounts = { ok: 0, fail: 0, info: 0 };
    for (const one of this.#functions.values()) sum = addCounts(sum, one.counts);
    return sum;
  }

  /** How many operations of `f` ended so, in all or in one phase. */
  count(f: string, outcome: Outcome, phase?: Phase): number {
    const one = this.#functions.get(f);
    if (one === undefined) return 0;
    if (phase === undefined) return one.counts[outcome];
    return one.histogram(outcome, phase)?.count ?? 0;
  }

  /** How much of the time until `endNs` each phase had, in nanoseconds. */
  phaseNs(endNs: number): PhaseLengths {
    const { stretches, recoveryNs } = this.#phases;
    return phaseLengths(stretches, { startNs: this.#startNs, endNs, recoveryNs });
  }

  /** @param endNs - when clients stopped: rates and the last stretches end there */
  snapshot(endNs: number): RunStatisticsSnapshot {
    const { stretches, recoveryNs } = this.#phases;
    const startNs = this.#startNs;
    const span = { startNs, endNs, phaseNs: this.phaseNs(endNs) };
    const functions = [...this.#functions.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const rows = functions.map(([f, one]) => rowsOf(f, one.histogram.bind(one), span));
    const intervalNs = intervalFor(span, this.#seriesBounds);
    const cells = functions.map(([f, one]) => [f, one.series.cells(intervalNs)] as const);
    const all = this.#all.snapshot(endNs, stretches);
    const mutations = this.#mutations.isAsked ? this.#mutations.snapshot(endNs, stretches) : null;
    const operations = this.counts;
    return {
      schema: STATISTICS_SCHEMA,
      startNs,
      endNs,
      operations,
      okPerSecond: perSecond(operations.ok, endNs - startNs),
      okRatio: okRatio(operations),
      functions: functions.map(([f, one]) =>
        functionSummary(f, one.counts, one.watch.snapshot(endNs, stretches), span),
      ),
      rows: rows.flatMap((one) => one.rows),
      phases: rows.flatMap((one) => one.phases),
      phaseNs: span.phaseNs,
      faultStretches: [...stretches],
      recoveryNs,
      series: seriesOf(new Map(cells), span, intervalNs),
      unavailability: all.longest,
      mutationUnavailability: mutations?.longest ?? null,
      unavailabilityWindows: { all, mutations },
      thresholds: [],
    };
  }

  #add(f: string): FunctionStatistics {
    const one = new FunctionStatistics(this.#startNs, this.#seriesBounds);
    this.#functions.set(f, one);
    return one;
  }
}

/** One f. */
class FunctionStatistics {
  readonly counts: Record<Outcome, number> = { ok: 0, fail: 0, info: 0 };
  readonly series: FunctionSeries;
  readonly watch: UnavailabilityWatch;
  readonly #histograms: Record<Outcome, Partial<Record<Phase, LatencyHistogram>>>;

  constructor(startNs: number, seriesBounds: SeriesBounds) {
    this.series = new FunctionSeries(seriesBounds);
    this.watch = new UnavailabilityWatch(startNs);
    this.#histograms = { ok: {}, fail: {}, info: {} };
  }

  record(outcome: Outcome, phase: Phase, intendedNs: number, completedNs: number): void {
    const latencyNs = completedNs - intendedNs;
    const of = this.#histograms[outcome];
    (of[phase] ??= new LatencyHistogram()).record(latencyNs);
    this.counts[outcome]++;
    this.series.record(outcome, completedNs, latencyNs);
    this.watch.record(outcome === 'ok', intendedNs, completedNs);
  }

  histogram(outcome: Outcome, phase: Phase): LatencyHistogram | undefined {
    return this.#histograms[outcome][phase];
  }
}
