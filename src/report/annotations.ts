import { describeEarlyEnd } from './early-end-text.ts';
import { describeExit, describeFaultsInForce } from './fault-text.ts';
import { describeApplied } from './known-failures.ts';
import { shortened } from './markdown.ts';
import type { RunFacts } from './record.ts';
import { describeThreshold, thresholdsOf } from './thresholds.ts';
import { type Culprit, culprits } from './verdict-file.ts';

/** GitHub shows ten of a kind for a step. */
const ERRORS_MAX = 10;
const TEXT_MAX = 2_000;

type Level = 'error' | 'warning';

interface Annotation {
  readonly level: Level;
  readonly title: string;
  readonly message: string;
}

/**
 * Workflow commands that GitHub's runner turns into annotations, each with its newline; empty for a run
 * that passed with nothing to say. A violation names key, operation, node and fault.
 */
export function githubAnnotations(facts: RunFacts): readonly string[] {
  const all = [...violations(facts), ...others(facts)];
  return (['error', 'warning'] as const).flatMap((level) => {
    const ofLevel = all.filter((annotation) => annotation.level === level);
    const shown = ofLevel.length > ERRORS_MAX ? ofLevel.slice(0, ERRORS_MAX - 1) : ofLevel;
    const more = ofLevel.length - shown.length;
    const last = { level, title: 'Gong', message: `… and ${more} more, in summary.md` };
    return [...shown, ...(more > 0 ? [last] : [])].map(command);
  });
}

function violations({ verdict, outcome }: RunFacts): readonly Annotation[] {
  if (verdict === undefined || verdict.valid !== false) return [];
  // Known ones are told by their entries, which say what they cover.
  if (outcome?.expectations?.excuses === true) return [];
  return culprits(verdict).map((culprit): Annotation => ({
    level: 'error',
    title: `Not linearizable: ${culprit.key === null ? 'the object' : `key ${culprit.key}`}`,
    message: describeCulprit(culprit),
  }));
}

function describeCulprit({ key, operation, node, faults, sentence }: Culprit): string {
  return [
    sentence,
    `key: ${key ?? 'the only one'}`,
    `operation: ${operation.description}, line ${operation.id + 1} of history.jsonl`,
    `node: ${node ?? 'not known'}`,
    `fault: ${describeFaultsInForce(faults)}`,
  ].join('\n');
}

function others({ gateFailures, statistics, verdict, exits, outcome }: RunFacts): Annotation[] {
  const annotations: Annotation[] = [];
  const add = (level: Level, title: string, message: string): void => {
    annotations.push({ level, title, message });
  };
  for (const { code, what, why } of outcome?.errors ?? []) add('error', code, `${what}\n${why}`);
  for (const exit of exits) add('error', 'A node ended by itself', describeExit(exit));
  for (const { gate, sentence } of gateFailures) add('error', `Proved nothing: ${gate}`, sentence);
  for (const threshold of thresholdsOf(statistics)) {
    if (!threshold.kept) add('error', 'Threshold broken', describeThreshold(threshold));
  }
  const unknown = verdict?.keys.unknown ?? 0;
  if (unknown > 0) {
    const reasons = [...new Set(verdict?.unknown.map(({ reason }) => reason))].join(', ');
    const keys = `${unknown} ${unknown === 1 ? 'key was' : 'keys were'} not decided`;
    add('error', 'Unknown', `${keys} (${reasons}): a larger --budget may decide them`);
  }
  if (outcome?.interrupted === true) add('warning', 'Interrupted', 'the run did not reach its end');
  if (outcome?.endedEarly?.type === 'disk') {
    add('warning', 'Ended early', describeEarlyEnd(outcome.endedEarly));
  }
  const { entries = [], file = '' } = outcome?.expectations ?? {};
  for (const entry of entries) {
    const isError = entry.outcome === 'expired';
    add(isError ? 'error' : 'warning', 'Known failure', describeApplied(entry, file));
  }
  return annotations;
}

/** `::error title=…::…`, escaped as the runner reads it back. */
function command({ level, title, message }: Annotation): string {
  return `::${level} title=${property(shortened(title))}::${data(shortened(message, TEXT_MAX))}\n`;
}

function data(text: string): string {
  return text.toWellFormed().replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
