import type { AdminRequest } from '../contracts/cluster.ts';
import { formatDuration } from '../lib/duration.ts';
import type { FaultRecord } from '../rundir/cluster-log.ts';

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

const SEE = 'see the logs of the nodes, and in cluster.jsonl what they said';
const MORE_TIME = 'leave more time (--nemesis-interval)';

/**
 * Of a change of the members: what is missing for the evidence that it was made, and that those who were
 * added take part. Undefined when nothing is.
 *
 * @param isScheduled - it repeats what was asked of another cluster: here it may have been so before
 */
export function missingChange(
  { requests = [], members }: Injected,
  isScheduled: boolean,
): string | undefined {
  const undone = notDone(requests);
  if (undone !== undefined) {
    return `the members to become ${listOf(undone.asked)}, but ${told(undone)}: ${SEE}`;
  }
  if (members === undefined)
    return `the members to be changed, but nobody was asked for it: ${SEE}`;
  const { before, asked, after, joined, committed } = members;
  if (after === null || !areSame(after, asked)) {
    const now = after === null ? 'no leader told of members at rest' : `${after.join(', ')} voted`;
    return (
      `${asked.join(', ')} to vote as long as it was in force, but at its end ${now}: ` +
      `the change was answered as done and was not, or somebody else made another one; ${SEE}`
    );
  }
  const isChanged = requests.some(({ asked: one }) => !areSame(before, namesOf(one)));
  if (!isChanged && !isScheduled) {
    return `the members to change, but ${before.join(', ')} voted before it as well: ${SEE}`;
  }
  const behind = joined.filter(
    ({ lastApplied }) => committed !== null && lastApplied !== null && lastApplied < committed,
  );
  if (behind.length === 0) return undefined;
  const states = behind.map(({ node, lastApplied }) => `${node} had applied ${lastApplied}`);
  return (
    `those that were added to apply ${committed}, which was committed when the change was complete, ` +
    `but ${states.join(', ')}: ${MORE_TIME}, and see in their logs whether they are sent the log`
  );
}

/** The same of leadership that was handed over. */
export function missingHandOver(
  { requests = [] }: Injected,
  isScheduled: boolean,
): string | undefined {
  if (requests.length === 0) return `a hand-over to be asked for, but none was: ${SEE}`;
  const undone = notDone(requests);
  if (undone !== undefined) {
    return `${listOf(undone.asked)} to lead when it was asked to, but ${told(undone)}: ${SEE}`;
  }
  const unmoved = requests.find(({ led }) => led === undefined || led.term <= led.termBefore);
  if (unmoved === undefined || isScheduled) return undefined;
  return (
    `${listOf(unmoved.asked)} to lead a higher term than the leader before, but it led term ` +
    `${unmoved.led?.term ?? 'unknown'} already: ${SEE}`
  );
}

function notDone(requests: readonly AdminRequest[]): AdminRequest | undefined {
  return requests.find(({ outcome }) => outcome.type !== 'done');
}

/** `after 10.0 s and 40 attempts the store said: no leader`. */
function told({ outcome, attempts, startedNs, endedNs }: AdminRequest): string {
  const error = outcome.type === 'done' ? '' : outcome.error;
  return (
    `after ${formatDuration(endedNs - startedNs)} and ${attempts} ` +
    `attempt${attempts === 1 ? '' : 's'} that was not so (${error})`
  );
}

function namesOf(asked: AdminRequest['asked']): readonly string[] {
  return [asked].flat().map((name) => (typeof name === 'string' ? name : JSON.stringify(name)));
}

function listOf(asked: AdminRequest['asked']): string {
  return namesOf(asked).join(', ');
}

function areSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((node) => others.includes(node));
}
