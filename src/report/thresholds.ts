import type { RunStatisticsSnapshot, ThresholdResult } from '../statistics/snapshot.ts';

/** In the order of the command line. */
export function thresholdsOf(
  statistics: RunStatisticsSnapshot | undefined,
): readonly ThresholdResult[] {
  return statistics?.thresholds ?? [];
}

/** `kept    p99(read) < 50ms: p99(read) 41 ms`. */
export function describeThreshold({ text, shown, kept }: ThresholdResult): string {
  return `${kept ? 'kept  ' : 'BROKEN'}  ${text}: ${shown}`;
}
