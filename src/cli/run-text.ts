import type { PlannedFault } from '../contracts/nemesis.ts';
import type { Progress } from '../harness/progress.ts';
import type { RunResult } from '../harness/run-options.ts';
import { formatDuration, formatInstant } from '../lib/duration.ts';
import type { FaultRecord } from '../rundir/cluster-log.ts';
import { describeEarlyEnd } from './early-end-text.ts';
import type { RunConfig } from './run-config.ts';

/** The judge is that late by itself, for what waits in buffers and between its looks. */
const BACKLOG_NS = 3_000_000_000;

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
    `  leader ${progress.leader ?? '?'}  term ${progress.term}${fault}${describeBacklog(progress)}\n`
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
  if (statistics !== undefined) {
    const { operations } = statistics;
    const { unavailability } = statistics;
    lines.push(
      `operations  ${operations.ok} ok, ${operations.fail} fail, ${operations.info} info; ` +
        `${Math.round(statistics.okPerSecond)} ok/s`,
    );
    for (const row of statistics.rows.filter(({ outcome }) => outcome === 'ok')) {
      const { p50Ns, p99Ns, maxNs } = row.latency;
      lines.push(
        `  ${row.f.padEnd(8)}  ${Math.round(row.perSecond)}/s  p50 ${formatDuration(p50Ns)}` +
          `  p99 ${formatDuration(p99Ns)}  max ${formatDuration(maxNs)}`,
      );
    }
    lines.push(
      `unavailable  ${formatDuration(unavailability.durationNs)} at most, ` +
        `from ${formatInstant(unavailability.startNs)}`,
    );
  }
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

function describeFault(fault: FaultRecord): string {
  const name = `fault ${fault.fault + 1}  ${fault.kind}:${fault.shape}`;
  if (fault.outcome === 'skipped') return `${name}  not injected: the run ended before`;
  if (fault.outcome === 'unresolved') return `${name}  not injected: no leader was known`;
  const { election, victimOperations } = fault;
  const { fail, info, delayed = 0 } = victimOperations;
  const seen = [
    `${fail + info} of its operations did not succeed`,
    delayed > 0 ? `${delayed} had to wait for it` : undefined,
    fault.links === undefined || fault.links === null
      ? undefined
      : `${fault.links.links} links cut, ${fault.links.forwardedBytes} bytes through`,
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
    `${name}  on ${fault.victims.join(', ')}  ${formatInstant(fault.startedNs)} to ` +
    `${formatInstant(fault.healedNs)}: ${seen.join(', ')}`
  );
}
