import type { PlannedFault } from '../contracts/nemesis.ts';
import type { Progress } from '../harness/progress.ts';
import { formatDuration, formatInstant } from '../lib/duration.ts';
import type { RunConfig } from './run-config.ts';

/** What will happen, before it does. */
export function describePlan(config: RunConfig): string {
  const { nodes, load, plan } = config;
  const pace =
    load.ratePerSecond === undefined
      ? `closed loop, ${load.concurrency} clients`
      : `open loop at ${load.ratePerSecond}/s, at most ${load.concurrency} in flight`;
  return [
    `gong run  seed ${config.seed}`,
    `  cluster   ${nodes} ${config.target.name} nodes on this machine, links through proxies`,
    `  workload  ${config.workload.name}, ${pace}, reads ${config.readMode}, ${formatDuration(config.durationNs)}`,
    plan.length === 0 ? '  faults    none' : '  faults    counted from when clients begin',
    ...plan.map(describePlanned),
    '',
  ].join('\n');
}

function describePlanned(fault: PlannedFault, position: number): string {
  const at = formatInstant(fault.atNs);
  return `    ${position + 1}. ${fault.kind}:${fault.shape} at ${at} for ${formatDuration(fault.durationNs)}`;
}

/** One line of progress. */
export function describeProgress(progress: Progress): string {
  const { counts, activeFault } = progress;
  const fault =
    activeFault === undefined
      ? ''
      : `  fault ${activeFault.kind}:${activeFault.shape} (${activeFault.victims.join(', ')})`;
  return (
    `${seconds(progress.elapsedNs)}/${seconds(progress.totalNs)}` +
    `  ${Math.round(progress.okPerSecond)} ok/s` +
    `  p50 ${formatDuration(progress.p50Ns)}  p99 ${formatDuration(progress.p99Ns)}` +
    `  ok ${counts.ok}  fail ${counts.fail}  info ${counts.info}` +
    `  leader ${progress.leader ?? '?'}  term ${progress.term}${fault}\n`
  );
}

function seconds(ns: number): string {
  return `${Math.round(ns / 1e9)} s`;
}
