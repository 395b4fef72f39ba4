import { formatDuration, formatInstant } from '../lib/duration.ts';
import type { LatencyRow } from '../statistics/snapshot.ts';
import { describeEarlyEnd } from './early-end-text.ts';
import { meaningOfExit } from './exit-text.ts';
import { describeExit, describeFault, describeFaultsInForce } from './fault-text.ts';
import { describeExpectations } from './known-failures.ts';
import { fenced, plain, table } from './markdown.ts';
import { opsCsvNote } from './ops-csv-bound.ts';
import type { RunRecord } from './record.ts';
import { commandOf, optionOf } from './command-line.ts';
import { describeThreshold, thresholdsOf } from './thresholds.ts';
import { culprits, verdictHeadline } from './verdict-file.ts';

/** GitHub takes 1 MiB for a step: far less is read by anybody. */
const FAILURES_MAX = 10;
const FAULTS_MAX = 100;
const GATES_MAX = 50;
const ROWS_MAX = 50;

/**
 * `summary.md`: the result on a page, as Markdown (GitHub's job summary) that reads well in a terminal
 * too. Bounded, whatever the store answered.
 */
export function summaryMarkdown(record: RunRecord): string {
  const sections = [
    headline(record),
    failures(record),
    expectations(record),
    gates(record),
    problems(record),
    measured(record),
    thresholds(record),
    faults(record),
    again(record),
    missing(record),
  ].filter((lines) => lines.length > 0);
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function headline(record: RunRecord): readonly string[] {
  const { verdict, outcome, manifest } = record;
  const said = verdict === undefined ? 'NO VERDICT' : verdictHeadline(verdict);
  const known = outcome?.expectations?.excuses === true ? ', as known' : '';
  const exit =
    outcome === undefined
      ? 'it did not reach its end'
      : `exit ${outcome.exit}, ${meaningOfExit(outcome.exit)}`;
  const lines = [`# Gong: ${plain(said)}${known} (${exit})`];
  if (manifest !== undefined) {
    const { target, nodes, workload, seed, config, startedAt, gong, node } = manifest;
    const option = (name: string): string => plain(optionOf(config, name));
    lines.push(
      '',
      `${plain(workload)} on ${nodes} ${plain(target)} nodes for ${option('duration')}, ` +
        `reads ${option('readMode')}, nemesis ${option('nemesis')}, seed ${plain(seed)}.`,
      `Begun ${plain(startedAt)}; Gong ${plain(gong)}, Node ${plain(node)}.`,
    );
  }
  if (verdict !== undefined) {
    const { keys, completed, crashed, model } = verdict;
    lines.push(
      `Model ${plain(model)}: ${completed} operations completed, ${crashed} with unknown outcome; ` +
        `${keys.total} ${keys.total === 1 ? 'key' : 'keys'}: ${keys.valid} valid, ` +
        `${keys.invalid} invalid, ${keys.unknown} unknown.`,
    );
  }
  return lines;
}

function failures({ verdict }: RunRecord): readonly string[] {
  if (verdict === undefined || verdict.keys.invalid === 0) return [];
  const lines = ['## What failed'];
  for (const { key, operation, node, faults, sentence } of culprits(verdict).slice(
    0,
    FAILURES_MAX,
  )) {
    lines.push(
      '',
      `**${key === null ? 'the object' : `key ${plain(key)}`}** on node ${plain(node ?? '?')}, ` +
        `${plain(describeFaultsInForce(faults))}:`,
      '',
      ...fenced([sentence, `${operation.description}, line ${operation.id + 1} of history.jsonl`]),
    );
  }
  const more = verdict.keys.invalid - Math.min(FAILURES_MAX, verdict.failures.length);
  if (more > 0) lines.push('', `… and ${more} more ${more === 1 ? 'key' : 'keys'} that failed.`);
  const { total } = verdict.stale;
  if (total > 0) lines.push('', `Stale reads, by proof: ${total}.`);
  return lines;
}

function expectations({ outcome }: RunRecord): readonly string[] {
  const applied = outcome?.expectations;
  if (applied === undefined || applied === null) return [];
  const said = describeExpectations(applied);
  if (said.length === 0) return [];
  return ['## Known failures', '', ...bounded(said, GATES_MAX).map((line) => `- ${line}`)];
}

function gates({ gateFailures, outcome }: RunRecord): readonly string[] {
  const kept = outcome?.gatesKept.length ?? 0;
  if (gateFailures.length === 0) {
    return kept === 0 ? [] : ['## Gates', '', `All ${kept} gates kept.`];
  }
  const said = gateFailures.map(({ gate, sentence }) => `${gate}: ${sentence}`);
  return [
    '## Gates: this run proved nothing',
    '',
    ...bounded(said, GATES_MAX).map((line) => `- ${line}`),
    ...(kept === 0 ? [] : ['', `${kept} others kept.`]),
  ];
}

function problems({ exits, outcome, verdict }: RunRecord): readonly string[] {
  const lines: string[] = [];
  for (const { code, what, why } of outcome?.errors ?? []) lines.push(`${code} ${what}: ${why}`);
  for (const exit of exits) lines.push(describeExit(exit));
  const silent = outcome?.silentNodes ?? [];
  if (silent.length > 0) lines.push(`final reads were not all answered by ${silent.join(', ')}`);
  if (outcome?.endedEarly) lines.push(describeEarlyEnd(outcome.endedEarly));
  if (outcome?.interrupted === true) lines.push('the run was interrupted');
  for (const { key, reason } of verdict?.unknown.slice(0, GATES_MAX) ?? []) {
    lines.push(`${key === null ? 'the object' : `key ${key}`} was not decided (${reason})`);
  }
  const more = (verdict?.unknown.length ?? 0) - GATES_MAX;
  if (more > 0) lines.push(`… and ${more} more keys that were not decided`);
  if (lines.length === 0) return [];
  const said = bounded(lines, GATES_MAX * 2).map((line) => `- ${line}`);
  return ['## What went wrong beside', '', ...said];
}

function measured({ statistics, load }: RunRecord): readonly string[] {
  if (statistics === undefined) return [];
  const { operations, okPerSecond, unavailability } = statistics;
  return [
    '## What was measured',
    '',
    ...table(
      ['operation', 'outcome', 'count', 'per s', 'p50', 'p90', 'p99', 'max'],
      statistics.rows.slice(0, ROWS_MAX).map(latencyCells),
    ),
    '',
    `${operations.ok} ok, ${operations.fail} fail, ${operations.info} info; ` +
      `${Math.round(okPerSecond)} ok/s. Nothing succeeded for ` +
      `${formatDuration(unavailability.durationNs)} at most, from ` +
      `${formatInstant(unavailability.startNs)}.`,
    ...describeLoad(load),
  ];
}

/** Of an open loop: whether it was what was asked for. */
function describeLoad(load: RunRecord['load']): readonly string[] {
  if (load === undefined || load.askedPerSecond === null) return [];
  const { askedPerSecond, startedPerSecond, neverStarted } = load;
  const short =
    neverStarted === 0
      ? ''
      : `; ${neverStarted} operations were due and never started, and no latency has them`;
  return [
    `Asked for ${askedPerSecond.toFixed(1)}/s, ${startedPerSecond.toFixed(1)}/s were started${short}.`,
  ];
}

function latencyCells({ f, outcome, perSecond, latency }: LatencyRow): readonly string[] {
  const { count, p50Ns, p90Ns, p99Ns, maxNs } = latency;
  return [
    f,
    outcome,
    String(count),
    perSecond.toFixed(1),
    ...[p50Ns, p90Ns, p99Ns, maxNs].map(formatDuration),
  ];
}

function thresholds({ statistics }: RunRecord): readonly string[] {
  const results = thresholdsOf(statistics);
  if (results.length === 0) return [];
  const said = bounded(results.map(describeThreshold), GATES_MAX);
  return ['## Thresholds', '', ...said.map((line) => `- ${line}`)];
}

function faults(record: RunRecord): readonly string[] {
  if (record.faults.length === 0) return [];
  const said = bounded(record.faults.map(describeFault), FAULTS_MAX);
  return ['## Faults', '', ...said.map((line) => `- ${line}`)];
}

function again({ manifest, verdict, historyBytes }: RunRecord): readonly string[] {
  const lines: string[] = [];
  if (manifest !== undefined) {
    const commands = [commandOf(manifest)];
    if (historyBytes !== undefined) commands.push('npx gong check DIR    # DIR: this directory');
    lines.push(
      '## See it again',
      '',
      'The same plan of faults and the same operations; what they meet differs from run to run.',
      '',
      ...fenced(commands, 'sh'),
    );
    if (verdict?.valid === false) {
      lines.push('', 'The explanation, and the history of each failed key alone: `failure/`.');
    }
  }
  const note = opsCsvNote(historyBytes);
  if (note !== undefined) lines.push('', note);
  return lines;
}

function missing(record: RunRecord): readonly string[] {
  if (record.missing.length === 0) return [];
  return ['## What is missing', '', ...record.missing.map((line) => `- ${plain(line)}`)];
}

/** Each as plain text; what is left out is counted. */
function bounded(lines: readonly string[], max: number): readonly string[] {
  const shown = lines.slice(0, max).map((line) => plain(line));
  return lines.length <= max ? shown : [...shown, `… and ${lines.length - max} more`];
}
