import { formatInstant } from '../lib/duration.ts';
import {
  instantsText,
  timelineOf,
  type ExplainedCounterexample,
  type ExplainedFailure,
  type ExplainedOperation,
  type ExplainedVerdict,
  type TimedOperation,
} from './explained.ts';
import { describeFaultInForce } from './fault-text.ts';
import { fenced, plain, table } from './markdown.ts';
import { timelineSvg } from './timeline-svg.ts';
import { timelineText } from './timeline-text.ts';

/** Operations that a table holds, and a timeline draws. */
const ROWS_MAX = 24;
const LAST_PLACED_MAX = 5;

/** A failed key, with what was written of it. */
export interface FailureParts {
  readonly failure: ExplainedFailure;
  /** Its histories, as `gong check` reads them: what they hold, and under which name. */
  readonly histories: readonly { readonly what: string; readonly file: string }[];
}

export interface ExplainParts {
  readonly verdict: ExplainedVerdict;
  readonly failures: readonly FailureParts[];
  /** File names of pictures begin with it: `explain` gives `explain-1.svg`. */
  readonly stem: string;
}

/** A file by its name in the directory of the explanation. */
export interface ExplainFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Explains a violation to people, as Markdown that reads anywhere and pictures that it refers to: of each failed
 * key the sentence, the minimal counterexample as a timeline and as a table, where the history stopped being
 * linearizable, and which faults were in force. The same verdict gives the same bytes.
 *
 * @returns the document first
 */
export function explainDocument({ verdict, failures, stem }: ExplainParts): readonly ExplainFile[] {
  const pictures: ExplainFile[] = [];
  const lines = ['# Why this history is not linearizable', '', ...counts(verdict)];
  for (const parts of failures) {
    const name = `${stem}-${pictures.length + 1}.svg`;
    const picture = pictureOf(parts);
    if (picture !== undefined) pictures.push({ name, text: picture });
    lines.push('', ...section(parts, verdict.model, picture === undefined ? undefined : name));
  }
  const more = verdict.keys.invalid - failures.length;
  if (more > 0) lines.push('', `${more} more ${more === 1 ? 'key' : 'keys'} failed.`);
  return [{ name: `${stem}.md`, text: `${lines.join('\n')}\n` }, ...pictures];
}

function counts(verdict: ExplainedVerdict): readonly string[] {
  const { keys, stale } = verdict;
  const failed = `${keys.invalid} of ${keys.total} ${keys.total === 1 ? 'key' : 'keys'}`;
  const lines = [
    `Model ${plain(verdict.model)}: ${failed} failed, of ${verdict.completed} operations that completed and ` +
      `${verdict.crashed} with unknown outcome.`,
  ];
  if (stale.worst !== null) {
    const what = stale.total === 1 ? 'The stale read' : `The worst of ${stale.total} stale reads`;
    lines.push('', `${what}: ${plain(stale.worst.sentence)}.`);
  }
  return lines;
}

function pictureOf({ failure }: FailureParts): string | undefined {
  const drawn = drawnOf(failure.counterexample);
  if (drawn === undefined) return undefined;
  const timeline = timelineOf(drawn, failure.couldNotPlace.id);
  const key = failure.key === null ? '' : `key ${failure.key}: `;
  const count = drawn.length === 1 ? 'this operation fits' : `these ${drawn.length} operations fit`;
  return timelineSvg(timeline, `${key}${count} no order`);
}

/** The strong ones first of all: these are the proof. */
function drawnOf(
  counterexample: ExplainedCounterexample | null | undefined,
): readonly ExplainedOperation[] | undefined {
  if (counterexample === null || counterexample === undefined) return undefined;
  const { operations } = counterexample;
  if (operations.length <= ROWS_MAX) return operations;
  const strong = operations.filter(({ isWeak }) => !isWeak);
  return strong.slice(-ROWS_MAX);
}

function section(
  { failure, histories }: FailureParts,
  model: string,
  picture: string | undefined,
): readonly string[] {
  const lines = [
    failure.key === null ? '## What happened' : `## Key ${plain(failure.key)}`,
    '',
    `${plain(failure.sentence)}.`,
  ];
  const { counterexample } = failure;
  const drawn = drawnOf(counterexample);
  if (counterexample === null || counterexample === undefined || drawn === undefined) {
    lines.push('', 'The budget ended before a minimal counterexample was found.');
  } else {
    lines.push('', ...meaning(counterexample, drawn.length));
    const timeline = timelineOf(drawn, failure.couldNotPlace.id);
    if (picture !== undefined) lines.push('', `![Timeline](${picture})`);
    lines.push('', ...fenced(timelineText(timeline)));
    lines.push('', ...rows(drawn, failure.couldNotPlace));
  }
  lines.push('', ...place(failure));
  for (const fault of failure.duringFaults) {
    lines.push('', `Fault in force: ${plain(describeFaultInForce(fault))}.`);
  }
  if (histories.length > 0) {
    lines.push('', 'To be judged again:', '');
    lines.push(
      ...fenced(
        histories.map(({ file, what }) => `gong check --model ${model} ${file}   # ${what}`),
      ),
    );
  }
  return lines;
}

/** What a counterexample claims. */
function meaning(
  { isMinimal, before, operations }: ExplainedCounterexample,
  drawn: number,
): readonly string[] {
  const weak = operations.filter(({ isWeak }) => isWeak).length;
  const strong = operations.length - weak;
  const own = operations.some(({ isOwn }) => isOwn);
  const sentences = [
    before === null
      ? undefined
      : `Whatever the order of all that had happened before, it had left ${plain(before)}.`,
    strong === 1
      ? 'This operation fits into no order, whatever happened to all others.'
      : `No order of these ${strong} operations is legal, whatever happened to all others.`,
    isMinimal && strong > 1
      ? 'It is minimal: were the outcome of any one of them unknown, there would be an order.'
      : undefined,
    isMinimal ? undefined : 'The budget ended before it was known to be minimal.',
    weak > 0
      ? `The outcome of ${weak} more is left open (dashed): once, at any time after the invocation, or never.`
      : undefined,
    own
      ? 'What came before (grey) is none of the history: Gong sums up with it what had happened.'
      : undefined,
    drawn < operations.length
      ? drawn === strong
        ? 'These are not shown: there are too many.'
        : `The last ${drawn} are shown.`
      : undefined,
  ];
  return [sentences.filter((sentence) => sentence !== undefined).join(' ')];
}

function rows(
  operations: readonly ExplainedOperation[],
  culprit: TimedOperation,
): readonly string[] {
  const instants = instantsText(
    operations.flatMap(({ invokeTime, returnTime }) => [invokeTime, returnTime ?? invokeTime]),
  );
  return table(
    ['operation', '#', 'process', 'node', 'from', 'to', 'line', 'counts as'],
    operations.map((operation, i) => {
      const { id, process, description, isWeak, isOwn } = operation;
      const isOpen = isWeak || operation.returnTime === null;
      const counted = isWeak ? 'left open' : id === culprit.id ? 'done, fits nowhere' : 'done';
      return [
        description,
        String(i + 1),
        isOwn ? '' : String(process),
        isOwn ? '' : nodeOf(operation),
        isOwn ? '' : (instants[2 * i] ?? ''),
        isOwn ? (instants[2 * i] ?? '') : isOpen ? '…' : (instants[2 * i + 1] ?? ''),
        isOwn ? '' : String(id + 1),
        isOwn ? 'what came before' : counted,
      ];
    }),
  );
}

function nodeOf({ node, servedBy }: TimedOperation): string {
  if (servedBy === null || servedBy === node) return node ?? '';
  return `${node ?? ''} (served by ${servedBy})`;
}

/** Where the history stopped being linearizable. */
function place({ couldNotPlace, stuck }: ExplainedFailure): readonly string[] {
  const where = stuck.isExact
    ? 'All that completed before is linearizable; with this operation no order is left:'
    : 'By this operation the history is not linearizable; the budget ended before the first such one was known:';
  const lines = [where, '', `- ${plain(line(couldNotPlace))}`];
  if (stuck.note !== null) lines.push(`- ${plain(stuck.note)}`);
  if (stuck.placed > 0) {
    const rejected = stuck.rejection === null ? '' : `: ${plain(stuck.rejection)}`;
    lines.push(`- after a legal order of ${stuck.placed} operations before it${rejected}`);
  }
  const last = stuck.lastPlaced.slice(-LAST_PLACED_MAX);
  if (last.length > 0) {
    lines.push('', 'That order ends with:', '', ...last.map((each) => `- ${plain(line(each))}`));
  }
  return lines;
}

function line(operation: TimedOperation): string {
  const { description, process, invokeTime, returnTime, id } = operation;
  const until = returnTime === null ? 'never completed' : `to ${formatInstant(returnTime)}`;
  const node = nodeOf(operation);
  return (
    `${description}, process ${process}${node === '' ? '' : ` on ${node}`}, ` +
    `${formatInstant(invokeTime)} ${until}, line ${id + 1}`
  );
}
