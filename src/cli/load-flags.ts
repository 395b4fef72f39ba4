import type { Workload } from '../contracts/workload.ts';
import type { Load } from '../harness/run-options.ts';
import { formatDuration, MILLISECOND, SECOND } from '../lib/duration.ts';
import { resolveWorkloadSettings } from '../../workloads/index.ts';
import { usageError } from './failure-message.ts';
import { durationFlag, integerFlag, rateFlag } from './flag-values.ts';

const CONCURRENCY_MAX = 10_000;
/** Shorter than that clients have hardly begun. */
const DURATION_NS_MIN = 100 * MILLISECOND;
/** Fewer operations in a whole run could show nothing. */
const OPERATIONS_MIN = 10;
const OPERATION_TIMEOUT_NS_MIN = MILLISECOND;
const OPERATION_TIMEOUT_NS_MAX = 600 * SECOND;
const WORKLOAD_PREFIX = 'workload.';

export interface LoadFlags {
  readonly concurrency: string;
  readonly keyOps: string;
  readonly values?: string;
  readonly rate?: string;
  readonly duration: string;
  readonly set: readonly string[];
}

/**
 * What clients do, every word checked.
 *
 * @throws UserError (`usage`): GONG-E161 a setting that the workload does not take, GONG-E163 a rate at
 *   which next to nothing would be done, GONG-E062 a value of another form
 */
export function loadFlags(flags: LoadFlags, workload: Workload): Load {
  const { concurrency, keyOps, values, rate } = flags;
  const load: Load = {
    concurrency: integerFlag('--concurrency', concurrency, { min: 1, max: CONCURRENCY_MAX }),
    keyOps: integerFlag('--key-ops', keyOps, { min: 1, max: 1_000_000 }),
    values:
      values === undefined ? undefined : integerFlag('--values', values, { min: 1, max: 1e9 }),
    ratePerSecond: rate === undefined ? undefined : rateFlag('--rate', rate),
    settings: resolveWorkloadSettings(workload, ofWorkload(flags.set)),
  };
  const durationNs = runDurationFlag(flags.duration);
  const due = ((load.ratePerSecond ?? Infinity) * durationNs) / SECOND;
  if (due < OPERATIONS_MIN) throw tooSlow(rate ?? '', flags.duration, due);
  return load;
}

/** @returns nanoseconds. @throws UserError (`usage`, GONG-E162): nothing could be done in it */
export function runDurationFlag(text: string): number {
  const ns = durationFlag('--duration', text);
  if (ns >= DURATION_NS_MIN) return ns;
  throw usageError({
    code: 'GONG-E162',
    what: `--duration ${text} is too short`,
    why: `clients do nothing in less than ${formatDuration(DURATION_NS_MIN)} that would prove anything`,
    fix: 'pass --duration 10s, or more',
  });
}

/** @returns nanoseconds. @throws UserError (`usage`, GONG-E164) */
export function operationTimeoutFlag(text: string): number {
  const ns = durationFlag('--operation-timeout', text);
  if (ns >= OPERATION_TIMEOUT_NS_MIN && ns <= OPERATION_TIMEOUT_NS_MAX) return ns;
  const least = formatDuration(OPERATION_TIMEOUT_NS_MIN);
  throw usageError({
    code: 'GONG-E164',
    what: `--operation-timeout ${text} is out of bounds`,
    why: `it takes ${least} to ${formatDuration(OPERATION_TIMEOUT_NS_MAX)}: what takes longer is given up`,
    fix: 'pass --operation-timeout 5s, more than the longest answer that is worth waiting for',
  });
}

/** Those `--set` words that are the workload's, without their prefix; the others are the target's. */
function ofWorkload(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.filter(isOfWorkload).map((pair): [string, string] => {
      const at = pair.indexOf('=');
      return [pair.slice(WORKLOAD_PREFIX.length, at), pair.slice(at + 1)];
    }),
  );
}

export function isOfWorkload(pair: string): boolean {
  return pair.startsWith(WORKLOAD_PREFIX);
}

function tooSlow(rate: string, duration: string, due: number): Error {
  const count = due < 1 ? 'not one operation' : `${Math.floor(due)} operations`;
  return usageError({
    code: 'GONG-E163',
    what: `--rate ${rate} for ${duration} is next to nothing`,
    why: `it makes ${count} in the whole run, which proves nothing`,
    fix: 'pass a higher --rate, a longer --duration, or no --rate for as much as the store takes',
  });
}
