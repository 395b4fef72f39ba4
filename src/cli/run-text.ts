import type { PlannedFault } from '../contracts/nemesis.ts';
import type { Progress } from '../harness/progress.ts';
import { formatDuration, formatInstant } from '../lib/duration.ts';
import { onVictims } from '../report/index.ts';
import { noteOfLoad } from './load-text.ts';
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
    `  workload  ${config.workload.name}, ${pace}, ${describeReads(config)}, ${formatDuration(config.durationNs)}`,
    ...(note === undefined ? [] : [`  note      ${note}`]),
    ...(promise === undefined ? [] : [`  promise   ${promise}`]),
    plan.length === 0 ? '  faults    none' : '  faults    counted from when clients begin',
    ...plan.map(describePlanned),
    ...thresholds.map(({ text }) => `  threshold ${text}`),
    '',
  ].join('\n');
}

function describeReads({ readMode, readFrom }: RunConfig): string {
  const from = { any: '', leader: ' from the leader', follower: ' from followers' }[readFrom];
  return `reads ${readMode}${from}`;
}

function describeCluster({ endpoints, nodes, spares, target }: RunConfig): string {
  const beside = spares === 0 ? '' : ` and ${spares} spare`;
  const count = `${nodes} ${target.name} node${nodes === 1 ? '' : 's'}${beside}`;
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
export function describeBacklog({ elapsedNs, judgedNs = elapsedNs }: Progress): string {
  return elapsedNs - judgedNs > BACKLOG_NS ? `  judged up to ${seconds(judgedNs)}` : '';
}

function seconds(ns: number): string {
  return `${Math.round(ns / 1e9)} s`;
}
