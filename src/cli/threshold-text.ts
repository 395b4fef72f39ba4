import { showMeasured } from '../harness/threshold-result.ts';
import type { RunStatisticsSnapshot, ThresholdResult } from '../statistics/snapshot.ts';

/** Each threshold with its value; or why they were not evaluated. */
export function describeThresholds(
  asked: readonly unknown[],
  result:
    | {
        readonly statistics: RunStatisticsSnapshot | undefined;
        readonly interrupted: boolean;
        readonly endedEarly?: unknown;
      }
    | undefined,
): string {
  if (asked.length === 0) return '';
  const results = result?.statistics?.thresholds ?? [];
  if (results.length === 0) {
    const isEarly = result?.endedEarly !== undefined && result.endedEarly !== null;
    const why = result?.interrupted
      ? 'the run was interrupted'
      : isEarly
        ? 'the run was stopped'
        : 'the run failed';
    return `thresholds  not evaluated: ${why}\n`;
  }
  return results.map(describeThreshold).join('');
}

function describeThreshold(result: ThresholdResult): string {
  const { text, value, shown, kept } = result;
  const measured = value === null ? shown : showMeasured({ ...result, value });
  return `threshold  ${text}: ${measured}, ${kept ? 'kept' : 'BROKEN'}\n`;
}
