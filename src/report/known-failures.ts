import { assertNever } from '../lib/assert.ts';
import type {
  AppliedExpectation,
  AppliedExpectations,
  Expectation,
} from '../rundir/expectations.ts';
import type { StoredFailure } from './verdict-file.ts';

/** True when the entry is about this violation, whatever its day. */
export function isAbout(expectation: Expectation, failure: StoredFailure): boolean {
  const { key, f } = expectation;
  return (
    (key === undefined || key === failure.key) && (f === undefined || f === failure.couldNotPlace.f)
  );
}

/** The entry that excuses a violation; undefined when none does. */
export function excuseOf(
  applied: AppliedExpectations | null | undefined,
  failure: StoredFailure,
): Expectation | undefined {
  return applied?.entries.find(
    ({ expectation, isExpired }) => !isExpired && isAbout(expectation, failure),
  )?.expectation;
}

/** `linearizable of raft/register: the reason`. */
export function describeExpectation({ check, target, workload, ...rest }: Expectation): string {
  const only = [
    rest.key === undefined ? undefined : `key ${rest.key}`,
    rest.f === undefined ? undefined : `f ${rest.f}`,
  ].filter((part) => part !== undefined);
  const scope = only.length === 0 ? '' : ` (${only.join(', ')})`;
  return `${check} of ${target}/${workload}${scope}: ${rest.reason}`;
}

/** One sentence for each entry, in the order of the file, and one for those of other runs. */
export function describeExpectations(applied: AppliedExpectations): readonly string[] {
  const { entries, others, file } = applied;
  const lines = entries.map((entry) => describeApplied(entry, file));
  if (others > 0) {
    lines.push(`${others} more in ${file} for other targets or workloads, not looked at`);
  }
  return lines;
}

export function describeApplied(entry: AppliedExpectation, file: string): string {
  const { expectation, outcome, isExpired, keys } = entry;
  const what = describeExpectation(expectation);
  const { expires } = expectation;
  const keyCount = `${keys} ${keys === 1 ? 'key' : 'keys'}`;
  switch (outcome) {
    case 'seen':
      return `known until ${expires}: ${what} (${keyCount})`;
    case 'expired':
      return `expired on ${expires} and no longer excused: ${what} (${keyCount})`;
    case 'not-seen':
      return (
        `expected violation was not seen: ${what}${isExpired ? ` (expired on ${expires})` : ''}; ` +
        `remove it from ${file}`
      );
    case 'undecided':
      return `not seen, but not everything was decided: ${what}`;
    default:
      return assertNever(outcome);
  }
}
