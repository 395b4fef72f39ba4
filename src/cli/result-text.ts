import {
  describeEarlyEnd,
  describeExit,
  describeExpectations,
  describeFault,
  type RunFacts,
} from '../report/index.ts';
import type { AppliedExpectations } from '../rundir/expectations.ts';
import { describeLoad } from './load-text.ts';
import { describeStatistics } from './statistics-text.ts';

/** What a run measured and which faults bit; the verdict stands elsewhere. */
export function describeResult(facts: RunFacts): string {
  const { statistics, load, outcome } = facts;
  const lines: string[] = [];
  if (outcome?.endedEarly) lines.push(describeEarlyEnd(outcome.endedEarly));
  if (statistics !== undefined) lines.push(...describeStatistics(statistics));
  if (load !== undefined) lines.push(...describeLoad(load));
  lines.push(...facts.faults.map(describeFault), ...facts.exits.map(describeExit));
  const { silentNodes = [], gatesKept = [] } = outcome ?? {};
  if (silentNodes.length > 0) {
    lines.push(`final reads were not all answered by ${silentNodes.join(', ')}`);
  }
  if (gatesKept.length > 0) lines.push(`gates  ${gatesKept.length} kept`);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** What stands below the verdict: gates that failed, and what was known before. */
export function describeDoubts({ gateFailures, outcome }: RunFacts): string {
  const failed = gateFailures.map(
    ({ gate, sentence }) => `PROVED NOTHING  ${gate}\n  ${sentence}\n`,
  );
  return failed.join('') + describeKnown(outcome?.expectations ?? undefined);
}

/** One line for each known failure; empty without `--expect`. */
export function describeKnown(applied: AppliedExpectations | undefined): string {
  if (applied === undefined) return '';
  const lines = describeExpectations(applied).map((line) => `KNOWN FAILURES  ${line}\n`);
  const excused = 'KNOWN FAILURES  every violation is a known one: it does not fail this run\n';
  return lines.join('') + (applied.excuses ? excused : '');
}
