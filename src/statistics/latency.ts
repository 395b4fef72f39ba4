import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';

/** Nanoseconds in one unit of the histogram. A microsecond: loopback round trips take tens of them. */
const UNIT_NS = 1_000;
const SIGNIFICANT_DIGITS = 3;

/** Latencies in nanoseconds, each true to three significant digits; all zero when `count` is 0. */
export interface LatencySummary {
  readonly count: number;
  readonly minNs: number;
  readonly meanNs: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p95Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly maxNs: number;
}

/**
 * Latencies in an HDR histogram: constant memory, three significant digits, microsecond resolution.
 * Histograms of several runs merge exactly; quantiles do not average.
 */
export class LatencyHistogram {
  readonly #histogram: Histogram;

  constructor(histogram: Histogram = empty()) {
    this.#histogram = histogram;
  }

  /** Reads what `encode` wrote. */
  static decode(text: string): LatencyHistogram {
    const merged = empty();
    merged.add(decodeFromCompressedBase64(text));
    return new LatencyHistogram(merged);
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** @param latencyNs - not negative; an open loop may see 0 */
  record(latencyNs: number): void {
    this.#histogram.recordValue(Math.round(latencyNs / UNIT_NS));
  }

  /** Adds all of the other's values. */
  merge(other: LatencyHistogram): void {
    this.#histogram.add(other.#histogram);
  }

  /**
   * The smallest recorded latency that at least `fraction` of all do not exceed.
   *
   * @param fraction - 0.99 for p99
   * @returns nanoseconds; 0 when nothing was recorded
   */
  quantileNs(fraction: number): number {
    if (this.count === 0) return 0;
    // The library answers the top of a bucket, which may lie above everything recorded.
    const value = this.#histogram.getValueAtPercentile(fraction * 100);
    return Math.min(value, this.#histogram.maxValue) * UNIT_NS;
  }

  summary(): LatencySummary {
    const { totalCount, minNonZeroValue, maxValue, mean } = this.#histogram;
    const hasZero = totalCount > 0 && this.#histogram.getValueAtPercentile(0) === 0;
    const min = totalCount === 0 || hasZero ? 0 : minNonZeroValue;
    return {
      count: totalCount,
      minNs: min * UNIT_NS,
      meanNs: totalCount === 0 ? 0 : Math.round(mean * UNIT_NS),
      p50Ns: this.quantileNs(0.5),
      p90Ns: this.quantileNs(0.9),
      p95Ns: this.quantileNs(0.95),
      p99Ns: this.quantileNs(0.99),
      p999Ns: this.quantileNs(0.999),
      maxNs: totalCount === 0 ? 0 : maxValue * UNIT_NS,
    };
  }

  /** Compressed base64 of the HDR format, values in microseconds: other HDR tools read it. */
  encode(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }

  reset(): void {
    this.#histogram.reset();
  }
}

function empty(): Histogram {
  return build({
    autoResize: true,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 10_000_000,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
    useWebAssembly: false,
  });
}
