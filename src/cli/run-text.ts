import type { PlannedFault } from '../contracts/nemesis.ts';
import type { Progress } from '../harness/progress.ts';
import type { RunResult } from '../harness/run-options.ts';
import { formatDuration, formatInstant } from '../lib/duration.ts';
import { describeStatistics } from './statistics-text.ts';
import type { FaultRecord } from '../rundir/cluster-log.ts';
import { describeEarlyEnd } from './early-end-text.ts';
import { describeLoad, noteOfLoad } from './load-text.ts';
import type { RunConfig } from './run-config.ts';
import { describePromise } from './system.ts';

/** The judge is that late by itself, for what waits in buffers and between its looks. */
const BACKLOG_NS = 3_000_000_000;

/** What will happen, before it does. */
export function describePlan(config: RunConfig): string {
  const { load, plan, thresholds } = config;
  const promise = describePromise(config);
  const pace =
    load.ratePerSecond === undefined
      ? `closed loop, ${load.concurrency} clients`
      : `open loop at ${load.ratePerSecond}/s, at most ${load.concurrency} in flight`;
  const note = noteOfLoad(load);
  return [
    `gong run  seed ${config.seed}`,
    `  cluster   ${describeCluster(config)}`,
    `  workload  ${config.workload.name}, ${pace}, reads ${config.readMode}, ${formatDuration(config.durationNs)}`,
    ...(note === undefined ? [] : [`  note      ${note}`]),
    ...(promise === undefined ? [] : [`  promise   ${promise}`]),
    plan.length === 0 ? '  faults    none' : '  faults    counted from when clients begin',
    ...plan.map(describePlanned),
    ...thresholds.map(({ text }) => `  threshold ${text}`),
    '',
  ].join('\n');
}

function describeCluster({ endpoints, nodes, target }: RunConfig): string {
  const count = `${nodes} ${target.name} node${nodes === 1 ? '' : 's'}`;
  return endpoints === undefined
    ? `${count} on this machine, links through proxies`
    : `${count}, running already: ${endpoints.join(', ')}`;
}

function describePlanned(fault: PlannedFault, position: number): string {
  const at = formatInstant(fault.atNs);
  const on = fault.resolved === undefined ? '' : onVictims(fault.resolved.victims);
  const name = `${fault.kind}:${fault.shape}${on}`;
  return `    ${position + 1}. ${name} at ${at} for ${formatDuration(fault.durationNs)}`;
}

/** One line of progress. */
export function describeProgress(progress: Progress): string {
  const { counts, activeFault } = progress;
  const fault =
    activeFault === undefined
      ? ''
      : `  fault ${activeFault.kind}:${activeFault.shape}${onVictims(activeFault.victims)}`;
  // A store that has no terms has no leader to tell of.
  const leader =
    progress.term === 0 ? '' : `  leader ${progress.leader ?? '?'}  term ${progress.term}`;
  return (
    `${seconds(progress.elapsedNs)}/${seconds(progress.totalNs)}` +
    `  ${Math.round(progress.okPerSecond)} ok/s` +
    `  p50 ${formatDuration(progress.p50Ns)}  p99 ${formatDuration(progress.p99Ns)}` +
    `  ok ${counts.ok}  fail ${counts.fail}  info ${counts.info}` +
    `${leader}${fault}${describeBacklog(progress)}\n`
  );
}

/** Judging in the background keeps up, or it is told. */
function describeBacklog({ elapsedNs, judgedNs = elapsedNs }: Progress): string {
  return elapsedNs - judgedNs > BACKLOG_NS ? `  judged up to ${seconds(judgedNs)}` : '';
}

function seconds(ns: number): string {
  return `${Math.round(ns / 1e9)} s`;
}

/** What the run measured and which faults bit; the verdict stands elsewhere. */
export function describeResult(result: RunResult): string {
  const lines: string[] = [];
  const { statistics, endedEarly } = result;
  if (endedEarly !== undefined) lines.push(describeEarlyEnd(endedEarly));
  if (statistics !== undefined) lines.push(...describeStatistics(statistics));
  if (result.load !== undefined) lines.push(...describeLoad(result.load));
  for (const fault of result.faults) lines.push(describeFault(fault));
  for (const exit of result.unexpectedExits) {
    lines.push(
      `node ${exit.node} ended by itself at ${formatInstant(exit.atNs)}: ` +
        (exit.signal ?? `exit ${exit.code}`),
    );
  }
  if (result.silentNodes.length > 0) {
    lines.push(`final reads were not all answered by ${result.silentNodes.join(', ')}`);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

/** Empty when nobody knows whom it hits: a script's own business. */
function onVictims(victims: readonly string[]): string {
  return victims.length === 0 ? '' : ` on ${victims.join(', ')}`;
}

function describeFault(fault: FaultRecord): string {
  const name = `fault ${fault.fault + 1}  ${fault.kind}:${fault.shape}`;
  if (fault.outcome === 'skipped') return `${name}  not injected: the run ended before`;
  if (fault.outcome === 'unresolved') return `${name}  not injected: no leader was known`;
  const { election, victimOperations } = fault;
  const { fail, info, delayed = 0 } = victimOperations;
  const seen = [
    `${fail + info} of its operations did not succeed`,
    delayed > 0 ? `${delayed} had to wait for it` : undefined,
    ...describeLinks(fault),
    ...(fault.hook ?? []).map(({ words, code }) => `${words[0]} ended with ${code ?? 'nothing'}`),
    election === null
      ? undefined
      : `${election.node} took over in term ${election.term} (was ${election.termBefore})`,
    ...fault.processes
      .filter(({ pidBefore, pidAfter }) => pidBefore !== pidAfter)
      .map(
        ({ node, pidBefore, pidAfter }) => `${node} came back, pid ${pidBefore} then ${pidAfter}`,
      ),
  ].filter((part) => part !== undefined);
  return (
    `${name} ${onVictims(fault.victims)}  ${formatInstant(fault.startedNs)} to ` +
    `${formatInstant(fault.healedNs)}: ${seen.join(', ')}`
  );
}

/** What the links counted, as far as it says something of this kind of fault. */
function describeLinks({ links, required }: Injected): readonly string[] {
  if (links === undefined) return [];
  const { delayedBytes = 0, resets = 0, connections = 0 } = links;
  if (required.includes('connections-reset')) {
    return [`${resets} connections reset, ${connections} made`];
  }
  if (required.includes('slowed')) return [`${links.links} links slow, ${delayedBytes} bytes late`];
  return [`${links.links} links cut, ${links.forwardedBytes} bytes through`];
}
