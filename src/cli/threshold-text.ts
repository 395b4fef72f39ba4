import { showMeasured } from '../harness/threshold-result.ts';
import type { RunStatisticsSnapshot, ThresholdResult } from '../statistics/snapshot.ts';

/** Each threshold with its value; or why they were not evaluated. */
export function describeThresholds(
  asked: readonly unknown[],
  result:
    | { readonly statistics: RunStatisticsSnapshot | undefined; readonly interrupted: boolean }
    | undefined,
): string {
  if (asked.length === 0) return '';
  const results = result?.statistics?.thresholds ?? [];
  if (results.length === 0) {
    const why = result?.interrupted === true ? 'the run was interrupted' : 'the run failed';
    return `thresholds  not evaluated: ${why}\n`;
  }
  return results.map(describeThreshold).join('');
}

function describeThreshold(result: ThresholdResult): string {
  const { text, value, shown, kept } = result;
  const measured = value === null ? shown : showMeasured({ ...result, value });
  return `threshold  ${text}: ${measured}, ${kept ? 'kept' : 'BROKEN'}\n`;
}
