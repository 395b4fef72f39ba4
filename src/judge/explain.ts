import type { Json } from '../../checker/index.ts';
import { formatDuration, formatInstant } from '../lib/duration.ts';
import { onOneLine } from '../lib/one-line.ts';
import type { FaultWindow } from './faults.ts';
import {
  failuresInOrder,
  type JudgeVerdict,
  type ReportedFailure,
  type ReportedOperation,
  type UndecidedReason,
} from './verdict.ts';

/** A screen holds no more. */
const FAILURES_MAX = 3;
const CONCURRENT_MAX = 8;
const COUNTEREXAMPLE_MAX = 12;
const STALE_READS_MAX = 3;

/** The verdict for people: one screen of plain text, a newline at its end. */
export function explain(verdict: JudgeVerdict): string {
  const lines = [headline(verdict), counts(verdict)];
  const { total, worst } = verdict.stale;
  if (worst !== null) {
    lines.push('', total === 1 ? 'the stale read:' : `the worst of ${total} stale reads:`);
    lines.push(
      worst.sentence,
      ...worst.duringFaults.map((fault) => explainFault(fault, worst.read)),
    );
  }
  for (const failure of failuresInOrder(verdict).slice(0, FAILURES_MAX)) {
    lines.push('', ...explainFailure(failure));
  }
  const more = verdict.keys.invalid - FAILURES_MAX;
  if (more > 0) lines.push('', `… and ${counted(more, 'more key', 'more keys')} that failed`);
  if (verdict.unknown.length > 0) lines.push('', ...explainUnknown(verdict));
  // Keys and reasons come from the history as they are.
  return `${lines.map(onOneLine).join('\n')}\n`;
}

function counted(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}

function headline(verdict: JudgeVerdict): string {
  if (verdict.valid === false) return 'NOT LINEARIZABLE';
  if (verdict.valid === 'unknown') return 'UNKNOWN: not everything could be decided';
  return verdict.completed === 0 ? 'NOTHING PROVED: no operation completed' : 'LINEARIZABLE';
}

function counts(verdict: JudgeVerdict): string {
  const { keys } = verdict;
  const parts = [
    `model ${verdict.model}`,
    `${counted(verdict.completed, 'operation', 'operations')} completed, ` +
      `${verdict.crashed} with unknown outcome`,
    `${counted(keys.total, 'key', 'keys')}: ${keys.valid} valid, ` +
      `${keys.invalid} invalid, ${keys.unknown} unknown`,
    `decided in ${formatDuration(verdict.elapsedNs)}`,
  ];
  const engines = Object.entries(verdict.engines);
  if (engines.length > 0) {
    const all = engines.map(([name, count]) => (engines.length > 1 ? `${name} (${count})` : name));
    parts.push(`by ${all.join(', ')}`);
  }
  const unverified = keys.valid - verdict.witnessesVerified;
  if (unverified > 0) parts.push(`${counted(unverified, 'witness', 'witnesses')} not replayed`);
  if (verdict.torn) parts.push('the last line was torn');
  return `  ${parts.join(' · ')}`;
}

/** One failed key: what could not be placed, what ran at the same time, what was stale, which fault. */
export function explainFailure(failure: ReportedFailure): readonly string[] {
  const { stuck, couldNotPlace } = failure;
  const lines = [
    failure.sentence,
    ...explainCounterexample(failure),
    `  could not be placed: ${line(couldNotPlace)}`,
  ];
  if (!stuck.isExact) {
    lines.push('    (the budget ended before the first such operation was known for certain)');
  }
  if (stuck.note !== null) lines.push(`    ${stuck.note}`);
  if (stuck.placed > 0) {
    const rejected = stuck.rejection === null ? '' : `: ${stuck.rejection}`;
    const before = counted(stuck.placed, 'operation', 'operations');
    lines.push(`    after a legal order of ${before} before it${rejected}`);
  }
  if (stuck.states.length > 1) {
    lines.push(`    other orders end with ${stuck.states.slice(1).map(shown).join(', ')}`);
  }
  const last = stuck.lastPlaced.slice(-3);
  if (last.length > 0)
    lines.push('  that order ends with:', ...last.map((each) => `    ${line(each)}`));
  if (stuck.concurrent.length > 0) lines.push('  concurrent with it:');
  for (const { operation, isPlaced, rejection } of stuck.concurrent.slice(0, CONCURRENT_MAX)) {
    const why = isPlaced ? ' [placed before]' : rejection === null ? '' : ` [${rejection}]`;
    lines.push(`    ${line(operation)}${why}`);
  }
  const hidden = stuck.concurrent.length - CONCURRENT_MAX;
  if (hidden > 0) lines.push(`    … and ${hidden} more`);
  lines.push(
    ...explainStale(failure),
    ...failure.duringFaults.map((fault) => explainFault(fault, couldNotPlace)),
  );
  return lines;
}

function explainCounterexample({
  counterexample,
  couldNotPlace,
}: ReportedFailure): readonly string[] {
  if (!counterexample) return [];
  const { isMinimal, before, operations } = counterexample;
  // Where there are too many, those that prove it.
  const proof = operations.filter(({ isWeak }) => !isWeak);
  const shownParts = (operations.length > COUNTEREXAMPLE_MAX ? proof : operations).slice(
    -COUNTEREXAMPLE_MAX,
  );
  const lines = shownParts.map((part) => {
    if (part.isOwn) return `    ${part.description} [what came before, summed up]`;
    if (part.isWeak) return `    ${line(part)} [at any time after, or never]`;
    return `    ${line(part)}${part.id === couldNotPlace.id ? ' [fits nowhere]' : ''}`;
  });
  const hidden = operations.length - shownParts.length;
  const count = proof.length;
  return [
    ...(before === null ? [] : [`  all that happened before had left ${before}; then`]),
    count === 1
      ? '  it fits no order, whatever happened to all others:'
      : `  no order of these ${count} is legal, whatever happened to all others` +
        `${isMinimal ? '; were the outcome of any one unknown, one would be' : ''}:`,
    ...lines,
    ...(hidden > 0 ? [`    … and ${hidden} more`] : []),
  ];
}

function explainStale(failure: ReportedFailure): readonly string[] {
  if (failure.staleReadsTotal === 0) return [];
  const shownReads = failure.staleReads.slice(0, STALE_READS_MAX).map((stale) => {
    const late = stale.staleByNs >= 0 ? `, ${formatDuration(stale.staleByNs)} late` : '';
    return `    ${line(stale.read)}: overwritten by ${line(stale.overwrittenBy)}${late}`;
  });
  return [`  stale reads of this key, by proof: ${failure.staleReadsTotal}`, ...shownReads];
}

function explainFault(fault: FaultWindow, operation: ReportedOperation): string {
  const shape = fault.shape === null ? '' : `:${fault.shape}`;
  const victims = fault.victims.length === 0 ? '' : ` of ${fault.victims.join(', ')}`;
  const until = fault.healTime === null ? 'the end' : formatInstant(fault.healTime);
  const server = operation.servedBy ?? operation.node;
  const isVictim = server !== null && fault.victims.includes(server);
  return (
    `  fault in force: ${fault.kind}${shape}${victims}, ` +
    `${formatInstant(fault.startTime)} to ${until}${isVictim ? `; ${server} served it` : ''}`
  );
}

const WHY: Readonly<Record<UndecidedReason, string>> = {
  time: 'the time budget ran out',
  memory: 'the memory budget ran out',
  interrupted: 'interrupted',
  engine: 'the engine that was asked for cannot decide such a history',
  witness: 'the order that was found does not replay: a bug in Gong',
};

/** Keys that are told of, for each reason. */
const UNKNOWN_MAX = 5;

function explainUnknown(verdict: JudgeVerdict): readonly string[] {
  const reasons = Map.groupBy(verdict.unknown, ({ reason }) => reason);
  return [...reasons].flatMap(([reason, keys]) => {
    const shownKeys = keys.slice(0, UNKNOWN_MAX);
    const names = shownKeys.map(({ key }) => key ?? '(no key)').join(', ');
    const more = keys.length > UNKNOWN_MAX ? `, … (${keys.length})` : '';
    const progress = shownKeys.flatMap(({ key, engine, completionsProven, completions }) =>
      engine === null || reason === 'witness' || reason === 'engine'
        ? []
        : [
            `  ${key ?? '(no key)'}: ${engine} proved the first ${completionsProven} of ` +
              `${completions} completions linearizable`,
          ],
    );
    return [`not decided (${WHY[reason]}): ${names}${more}`, ...progress];
  });
}

function line(operation: ReportedOperation): string {
  const until =
    operation.returnTime === null ? 'never completed' : `to ${formatInstant(operation.returnTime)}`;
  const node = operation.node === null ? '' : ` on ${operation.node}`;
  const isForwarded = operation.servedBy !== null && operation.servedBy !== operation.node;
  const served = isForwarded ? ` (served by ${operation.servedBy})` : '';
  return (
    `${operation.description}, process ${operation.process}${node}${served}, ` +
    `${formatInstant(operation.invokeTime)} ${until}, line ${operation.id + 1}`
  );
}

function shown(state: Json): string {
  const text = state === null ? 'absent' : JSON.stringify(state);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
