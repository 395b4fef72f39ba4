import { styleText } from 'node:util';
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

/** Standard output, or what stands for it. */
export type OutputStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

/** Words that a line begins with, and how they look. Nothing else is coloured. */
const LOOKS: readonly (readonly [RegExp, Parameters<typeof styleText>[0]])[] = [
  [/^LINEARIZABLE$/, ['bold', 'green']],
  [/^NOT LINEARIZABLE$/, ['bold', 'red']],
  [/^UNKNOWN\b/, ['bold', 'yellow']],
  [/^NOTHING PROVED\b/, ['bold', 'yellow']],
  [/^PROVED NOTHING\b/, ['bold', 'yellow']],
  [/^KNOWN FAILURES\b/, 'yellow'],
  [/^threshold {2}.*, BROKEN$/, 'red'],
];

/**
 * The text as it goes to a stream: on a terminal broken between words at its width, and coloured where
 * `NO_COLOR` does not forbid it; elsewhere as it is.
 */
export function coloured(text: string, stream: OutputStream): string {
  const isTerminal = stream.isTTY === true;
  const lines = text.split('\n');
  const broken = isTerminal ? lines.flatMap((line) => brokenAt(line, stream.columns ?? 80)) : lines;
  return broken
    .map((line) => {
      for (const [words, look] of LOOKS) {
        if (words.test(line)) {
          return line.replace(words, (found) => styleText(look, found, { stream }));
        }
      }
      return line;
    })
    .join('\n');
}

/** A line in several: those that follow are indented by two more than the first. */
function brokenAt(line: string, columns: number): readonly string[] {
  if (line.length <= columns) return [line];
  const indent = /^ */.exec(line)?.[0] ?? '';
  const lines: string[] = [];
  let current = indent;
  for (const word of line.slice(indent.length).split(/(?<=\S) /)) {
    const isStart = current.trim() === '';
    const next = isStart ? `${current}${word}` : `${current} ${word}`;
    if (!isStart && next.length > columns) {
      lines.push(current);
      current = `${indent}  ${word.trimStart()}`;
    } else current = next;
  }
  return [...lines, current];
}
