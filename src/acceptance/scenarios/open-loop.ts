import { once } from 'node:events';
import path from 'node:path';
import type { StatsFile } from '../../statistics/load.ts';
import { LatencyHistogram } from '../../statistics/latency.ts';
import { gong, ROOT, start, type Started, temporary } from '../gong.ts';
import { must, type Scenario, type ScenarioContext } from '../scenario.ts';

const STORE = path.join(ROOT, 'src/targets/testing/small-store-main.ts');
const TARGET = path.join(ROOT, 'src/targets/testdata/my-target.ts');
const PERIOD_SECONDS = 10;
const STALL_SECONDS = 2;
/**
 * Every operation takes the store so long, so that clients limit the rate and not the machine: what the
 * schedule implies is then known from the closed loop's rate alone.
 */
const SERVICE_MS = 4;
const CLIENTS = 4;
const DEVIATION_MAX = 0.05;

interface Measured {
  readonly stats: StatsFile;
  readonly p99Seconds: number;
}

/** Stalls of the server count in an open loop as they would for users, and hide in a closed one. */
export const openLoop: Scenario = {
  name: 'open-loop',
  promise: 'while a server stalls, the p99 of an open loop is what its schedule implies',
  isQuiet: true,
  async run(context) {
    const { isShort, say } = context;
    const closed = await measure(context, ['--concurrency', `${CLIENTS}`]);
    // What it gives while it works: the closed loop stands still in a stall, too.
    const working = 1 - STALL_SECONDS / PERIOD_SECONDS;
    const closedRate = closed.stats.load.startedPerSecond / working;
    say(`closed loop: ${Math.round(closedRate)}/s, p99 ${shown(closed)}, which hides the stalls`);
    must(closed.p99Seconds < STALL_SECONDS / 10, `the closed loop shows a p99 of ${shown(closed)}`);

    const half = Math.floor(closedRate / 2);
    // With as many clients the backlog of a stall goes at the closed loop's rate; with enough clients to
    // hold it, at once.
    await compare(context, { rate: half, concurrency: CLIENTS, drainRate: closedRate });
    if (isShort) return;
    const enough = Math.ceil(half * STALL_SECONDS * 1.3);
    await compare(context, { rate: half, concurrency: enough, drainRate: Infinity });
  },
};

interface Load {
  readonly rate: number;
  readonly concurrency: number;
  /** Operations per second that are done after a stall. */
  readonly drainRate: number;
}

async function compare(
  context: ScenarioContext,
  { rate, concurrency, drainRate }: Load,
): Promise<void> {
  const load = ['--rate', `${rate}/s`, '--concurrency', `${concurrency}`];
  const open = await measure(context, load);
  const implied = impliedP99Seconds(rate, drainRate);
  const { lateNs, neverStarted } = open.stats.load;
  const deviation = Math.abs(open.p99Seconds / implied - 1);
  context.say(
    `open loop at ${rate}/s, ${concurrency} clients: p99 ${shown(open)}, its schedule implies ` +
      `${implied.toFixed(3)} s, ${(deviation * 100).toFixed(1)} % off; ` +
      `at most ${(lateNs.max / 1e9).toFixed(2)} s late, ${neverStarted} never started`,
  );
  must(deviation <= DEVIATION_MAX, 'more than 5 % off');
}

/**
 * An operation that is due in a stall waits for its end and then for those that were due before it. Of
 * each period those wait for more than `s` seconds that are due in the first (1 - s / stall) of the
 * stall and the time in which its backlog is worked off.
 */
function impliedP99Seconds(rate: number, drainRate: number): number {
  const backlogSeconds = (STALL_SECONDS * rate) / (drainRate - rate);
  const waitingShare = (STALL_SECONDS + backlogSeconds) / PERIOD_SECONDS;
  return STALL_SECONDS * (1 - 0.01 / waitingShare);
}

/** Two periods against a store of its own, so that every run meets the same stalls. */
async function measure({ id }: ScenarioContext, load: readonly string[]): Promise<Measured> {
  await using results = await temporary();
  const stall = { everyMs: PERIOD_SECONDS * 1_000, forMs: STALL_SECONDS * 1_000 };
  const planted = JSON.stringify({ stall, serviceMs: SERVICE_MS });
  const store = start([STORE, '0', planted], { id });
  try {
    const args =
      '--workload rw-register --key-ops 10 --duration 20s --operation-timeout 10s --json';
    const url = await urlOf(store);
    const ended = await gong(
      ['run', '--target', TARGET, '--endpoints', url, ...args.split(' '), ...load].concat([
        '--results-dir',
        results.path,
      ]),
      { id },
    );
    must(ended.code === 0, `ended with ${ended.code}\n${ended.stdout}\n${ended.stderr}`);
    const { statistics, load: report } = JSON.parse(ended.stdout);
    const stats: StatsFile = { ...statistics, load: report };
    return { stats, p99Seconds: p99Seconds(stats) };
  } finally {
    store.child.kill();
    await store.ended;
  }
}

async function urlOf(store: Started): Promise<string> {
  must(store.child.stdout !== null, 'the store says nothing');
  const [line] = await once(store.child.stdout, 'data');
  return String(line).trim();
}

/** Of all operations that succeeded, whatever they did. */
function p99Seconds({ rows }: StatsFile): number {
  const all = new LatencyHistogram();
  for (const { outcome, histogram } of rows) {
    if (outcome === 'ok') all.merge(LatencyHistogram.decode(histogram));
  }
  return all.quantileNs(0.99) / 1e9;
}

function shown({ p99Seconds }: Measured): string {
  return `${p99Seconds.toFixed(3)} s`;
}
