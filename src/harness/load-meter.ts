import type { LoadReport } from '../statistics/load.ts';
import { LatencyHistogram } from '../statistics/latency.ts';
import type { Pace } from './interpreter/pace.ts';
import type { FinishedOperation } from './recorder.ts';

export interface LoadMeterParts {
  readonly concurrency: number;
  /** Of an open loop. */
  readonly ratePerSecond: number | undefined;
  readonly pace: Pace;
  /** When clients began. */
  readonly beganNs: number;
}

/** The share of a core that the calling thread uses, from the making of the meter on. */
interface CpuMeter {
  share(): number;
}

/**
 * Compares the load that was asked for with what the clients started. A machine or a store that gives
 * less must be seen to: its latencies are those of another load.
 */
export class LoadMeter {
  readonly #parts: LoadMeterParts;
  readonly #late = new LatencyHistogram();
  readonly #cpu: CpuMeter;
  #busyNs = 0;
  #ended: { readonly ns: number; readonly due: number | null; readonly cpu: number } | undefined;

  constructor(parts: LoadMeterParts, cpu: CpuMeter = threadCpu()) {
    this.#parts = parts;
    this.#cpu = cpu;
  }

  record({ intendedNs, invokedNs, completedNs }: FinishedOperation): void {
    this.#late.record(invokedNs - intendedNs);
    this.#busyNs += completedNs - invokedNs;
  }

  /** From here on nothing is started; the first call counts. */
  end(nowNs: number): void {
    const { pace } = this.#parts;
    this.#ended ??= { ns: nowNs, due: pace.dueBy(nowNs) ?? null, cpu: this.#cpu.share() };
  }

  /** @param nowNs - when the last operation under way has ended */
  report(nowNs: number): LoadReport {
    this.end(nowNs);
    const { ns = nowNs, due = null, cpu = 0 } = this.#ended ?? {};
    const { concurrency, ratePerSecond, beganNs } = this.#parts;
    const started = this.#late.count;
    const perNs = (value: number, lengthNs: number): number =>
      lengthNs > 0 ? value / lengthNs : 0;
    return {
      askedPerSecond: ratePerSecond ?? null,
      due,
      started,
      startedPerSecond: 1e9 * perNs(started, ns - beganNs),
      neverStarted: Math.max(0, (due ?? started) - started),
      lateNs: {
        p50: this.#late.quantileNs(0.5),
        p99: this.#late.quantileNs(0.99),
        max: this.#late.quantileNs(1),
      },
      clientsBusyShare: Math.min(1, perNs(this.#busyNs, concurrency * (nowNs - beganNs))),
      concurrency,
      generatorCpuShare: cpu,
    };
  }
}

/** Of this thread alone: those that judge in the background do not slow clients on their own cores. */
function threadCpu(): CpuMeter {
  const began = process.threadCpuUsage();
  const beganMs = performance.now();
  return {
    share() {
      const { user, system } = process.threadCpuUsage(began);
      const elapsedMs = performance.now() - beganMs;
      return elapsedMs > 0 ? (user + system) / 1_000 / elapsedMs : 0;
    },
  };
}
