import type { RunStatisticsSnapshot } from '../statistics/run-statistics.ts';

/** What became of one `--threshold`. */
export interface StoredThreshold {
  /** As it was asked for: `p99(read) < 50ms`. */
  readonly text: string;
  /** Null: there was nothing to measure, which counts as broken. */
  readonly value: number | null;
  /** For people: `p99(read) 41 ms`. */
  readonly shown: string;
  readonly limit: number;
  readonly unit: 'ns' | 'ratio' | 'perSecond' | 'count';
  readonly kept: boolean;
}

/** In the order of the command line; none in directories from before there were thresholds. */
export function thresholdsOf(
  statistics: RunStatisticsSnapshot | undefined,
): readonly StoredThreshold[] {
  return statistics !== undefined && 'thresholds' in statistics
    ? (statistics.thresholds as readonly StoredThreshold[])
    : [];
}

/** `kept    p99(read) < 50ms: p99(read) 41 ms`. */
export function describeThreshold({ text, shown, kept }: StoredThreshold): string {
  return `${kept ? 'kept  ' : 'BROKEN'}  ${text}: ${shown}`;
}
