import type { EarlyEnd } from '../rundir/cluster-log.ts';
import { assertNever } from '../lib/assert.ts';
import { formatInstant } from '../lib/duration.ts';

/** Why a run ended before its time, one line. */
export function describeEarlyEnd(end: EarlyEnd): string {
  const at = formatInstant(end.atNs);
  switch (end.type) {
    case 'violation':
      return `stopped at ${at}, at the first violation (--stop-on-violation)`;
    case 'disk':
      return (
        `stopped at ${at}: ${formatSize(end.usedBytes)} of ${formatSize(end.maxBytes)} were written, ` +
        'and what was still to come needs the rest (--max-disk)'
      );
    default:
      return assertNever(end);
  }
}

function formatSize(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
