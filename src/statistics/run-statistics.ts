import { LongestGap, type Stretch } from './gap.ts';
import { LatencyHistogram, type LatencySummary } from './latency.ts';

export type Outcome = 'ok' | 'fail' | 'info';

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

export type OutcomeCounts = Readonly<Record<Outcome, number>>;

/** One kind of operation with one outcome. */
export interface LatencyRow {
  readonly f: string;
  readonly outcome: Outcome;
  readonly perSecond: number;
  readonly latency: LatencySummary;
  /** The whole histogram, as `LatencyHistogram.encode` writes it: for merging runs. */
  readonly histogram: string;
}

/** `stats.json`. Everything that the clients of one run measured, final reads left out. */
export interface RunStatisticsSnapshot {
  readonly startNs: number;
  readonly endNs: number;
  readonly operations: OutcomeCounts;
  readonly okPerSecond: number;
  readonly rows: readonly LatencyRow[];
  /** Longest stretch in which no operation completed ok. */
  readonly unavailability: Stretch;
  /** The same, of operations that change the object; absent when the workload has none. */
  readonly mutationUnavailability: Stretch | null;
}

/** Counts and times operations as they complete; memory does not grow with their number. */
export class RunStatistics {
  readonly #startNs: number;
  readonly #histograms = new Map<string, Map<Outcome, LatencyHistogram>>();
  readonly #counts: Record<Outcome, number> = { ok: 0, fail: 0, info: 0 };
  readonly #gap: LongestGap;
  readonly #mutationGap: LongestGap;
  #hasMutations = false;

  /** @param startNs - when clients began */
  constructor(startNs: number) {
    this.#startNs = startNs;
    this.#gap = new LongestGap(startNs);
    this.#mutationGap = new LongestGap(startNs);
  }

  record(measurement: Measurement): void {
    const { f, outcome, isMutation, intendedNs, completedNs } = measurement;
    this.#histogram(f, outcome).record(completedNs - intendedNs);
    this.#counts[outcome]++;
    if (isMutation) this.#hasMutations = true;
    if (outcome !== 'ok') return;
    this.#gap.mark(completedNs);
    if (isMutation) this.#mutationGap.mark(completedNs);
  }

  get counts(): OutcomeCounts {
    return { ...this.#counts };
  }

  /** How many operations of `f` ended so. */
  count(f: string, outcome: Outcome): number {
    return this.#histograms.get(f)?.get(outcome)?.count ?? 0;
  }

  /** @param endNs - when clients stopped: rates and the last gap end there */
  snapshot(endNs: number): RunStatisticsSnapshot {
    const seconds = (endNs - this.#startNs) / 1e9;
    const perSecond = (count: number): number => (seconds > 0 ? count / seconds : 0);
    const rows: LatencyRow[] = [];
    for (const [f, outcomes] of this.#histograms) {
      for (const [outcome, histogram] of outcomes) {
        rows.push({
          f,
          outcome,
          perSecond: perSecond(histogram.count),
          latency: histogram.summary(),
          histogram: histogram.encode(),
        });
      }
    }
    rows.sort((a, b) => compare(a.f, b.f) || ORDER[a.outcome] - ORDER[b.outcome]);
    return {
      startNs: this.#startNs,
      endNs,
      operations: this.counts,
      okPerSecond: perSecond(this.#counts.ok),
      rows,
      unavailability: this.#gap.longest(endNs),
      mutationUnavailability: this.#hasMutations ? this.#mutationGap.longest(endNs) : null,
    };
  }

  #histogram(f: string, outcome: Outcome): LatencyHistogram {
    let outcomes = this.#histograms.get(f);
    if (outcomes === undefined) this.#histograms.set(f, (outcomes = new Map()));
    let histogram = outcomes.get(outcome);
    if (histogram === undefined) outcomes.set(outcome, (histogram = new LatencyHistogram()));
    return histogram;
  }
}

const ORDER: Readonly<Record<Outcome, number>> = { ok: 0, fail: 1, info: 2 };

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
