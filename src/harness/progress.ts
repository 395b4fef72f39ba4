import type { Clock } from '../contracts/clock.ts';
import { LatencyHistogram } from '../statistics/latency.ts';
import type { OutcomeCounts, Phase } from '../statistics/run-statistics.ts';
import type { ActiveFault } from './nemesis-runner.ts';
import type { Observer } from './observer.ts';
import type { FinishedOperation } from './recorder.ts';

/** How the run is going: for a line on the terminal. Times in nanoseconds. */
export interface Progress {
  /** Since clients began. */
  readonly elapsedNs: number;
  /** As planned; a fault that is held longer makes it more. */
  readonly totalNs: number;
  /** Of the last interval: ok operations per second, and latencies of the ok ones; 0 without any. */
  readonly okPerSecond: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  /** Since clients began. */
  readonly counts: OutcomeCounts;
  /** Steady, in a fault, or recovering from one. */
  readonly phase: Phase;
  readonly activeFault: ActiveFault | undefined;
  readonly leader: string | undefined;
  /** Highest term seen. */
  readonly term: number;
  /** How far judging in the background has come, since clients began; absent when nobody judges. */
  readonly judgedNs?: number;
}

export interface ProgressParts {
  readonly clock: Clock;
  readonly beganNs: number;
  readonly totalNs: number;
  readonly counts: () => OutcomeCounts;
  readonly phase: () => Phase;
  readonly activeFault: () => ActiveFault | undefined;
  readonly observer: Observer;
}

/** Measures one interval after the other. */
export class ProgressMeter {
  readonly #parts: ProgressParts;
  readonly #interval = new LatencyHistogram();
  #intervalBeganNs: number;

  constructor(parts: ProgressParts) {
    this.#parts = parts;
    this.#intervalBeganNs = parts.beganNs;
  }

  record({ completion, intendedNs, completedNs }: FinishedOperation): void {
    if (completion.type === 'ok') this.#interval.record(completedNs - intendedNs);
  }

  /** Ends the interval. */
  take(): Progress {
    const { clock, beganNs, totalNs, counts, phase, activeFault, observer } = this.#parts;
    const nowNs = clock.now();
    const seconds = (nowNs - this.#intervalBeganNs) / 1e9;
    const progress: Progress = {
      elapsedNs: nowNs - beganNs,
      totalNs,
      okPerSecond: seconds > 0 ? this.#interval.count / seconds : 0,
      p50Ns: this.#interval.quantileNs(0.5),
      p99Ns: this.#interval.quantileNs(0.99),
      counts: counts(),
      phase: phase(),
      activeFault: activeFault(),
      leader: observer.view().leader,
      term: observer.termMax,
    };
    this.#interval.reset();
    this.#intervalBeganNs = nowNs;
    return progress;
  }
}
