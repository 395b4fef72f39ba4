import { formatDuration } from '../lib/duration.ts';
import type { LoadReport } from '../statistics/load.ts';

/** From here on the process that makes the load is what limits it. */
const CPU_SHARE_LIMIT = 0.9;
const BUSY_SHARE_LIMIT = 0.9;
/** A rate that was missed by less is kept. */
const SHORTFALL_SHARE = 0.01;
/** Starts that are due in the last moment wait for their timer. */
const LAST_MOMENT_SECONDS = 0.02;

/** What somebody should know of the load before it begins. */
export function noteOfLoad({ concurrency }: { readonly concurrency: number }): string | undefined {
  if (concurrency > 1) return undefined;
  return 'one client: its operations never overlap, so only their own order is tested';
}

/** The load that was made, and where it fell short of what was asked for: lines for people. */
export function describeLoad(load: LoadReport): string[] {
  const { askedPerSecond, startedPerSecond, lateNs, generatorCpuShare } = load;
  const late =
    askedPerSecond === null
      ? ''
      : `, p50 ${formatDuration(lateNs.p50)} and at most ${formatDuration(lateNs.max)} late`;
  const isSaturated = generatorCpuShare >= CPU_SHARE_LIMIT;
  return [
    `load  ${perSecond(startedPerSecond)} started${late}; ` +
      `this process used ${percent(generatorCpuShare)} of a core`,
    ...(isFallingShort(load) ? [describeShortfall(load)] : []),
    ...(isSaturated
      ? ['  the load generator was the limit: latencies hold its own waiting, too']
      : []),
  ];
}

function isFallingShort({ askedPerSecond, due, neverStarted }: LoadReport): boolean {
  if (askedPerSecond === null || due === null) return false;
  const isMuch = neverStarted > due * SHORTFALL_SHARE;
  return isMuch && neverStarted > askedPerSecond * LAST_MOMENT_SECONDS;
}

function describeShortfall(load: LoadReport): string {
  const { askedPerSecond, startedPerSecond, neverStarted, clientsBusyShare, concurrency } = load;
  const clients =
    clientsBusyShare >= BUSY_SHARE_LIMIT
      ? `the clients were all busy (${percent(clientsBusyShare)} of the time): ` +
        `more of them may help (--concurrency, now ${concurrency}), if the store can do more`
      : `the clients were busy ${percent(clientsBusyShare)} of the time`;
  return (
    `  asked for ${perSecond(askedPerSecond ?? 0)}, ${perSecond(startedPerSecond)} were started: ` +
    `${clients}; ${neverStarted} operations were due and never started, and no latency has them`
  );
}

function perSecond(rate: number): string {
  return rate < 10 ? `${Number(rate.toPrecision(2))}/s` : `${Math.round(rate)}/s`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
