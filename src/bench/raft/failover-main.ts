// Time without a leader, ours and etcd's: npm run bench:failover [-- --short …]
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { testGreater } from '../../statistics/rank-test.ts';
import { bringUp, endOnSignals, RESULTS } from './bring-up.ts';
import { killLeader, type Nodes, transferLeader } from './failover.ts';

const HELP = `npm run bench:failover -- [options]

  --short            five kills and two transfers
  --kills N          of the leader, of each system (default 30)
  --transfers N      of the leadership, of each system (default 10)
  --minutes N        nothing more is begun after so long (default 11)
  --json FILE        default results/bench-failover.json
  GONG_REQUIRE=etcd  etcd that is not installed is a failure
`;
const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    kills: { type: 'string' },
    transfers: { type: 'string' },
    minutes: { type: 'string', default: '11' },
    json: { type: 'string', default: path.join(RESULTS, 'bench-failover.json') },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

function countOf(name: string, text: string): number {
  const value = Number(text);
  if (value >= 0) return value;
  process.stderr.write(`--${name} takes a number, not ${text}\n${HELP}`);
  return process.exit(64);
}

const kills = countOf('kills', values.kills ?? (values.short ? '5' : '30'));
const transfers = countOf('transfers', values.transfers ?? (values.short ? '2' : '10'));
const deadlineMs = performance.now() + 60_000 * countOf('minutes', values.minutes);
/** So unlikely a difference is called one. */
const SIGNIFICANT = 0.05;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** What each system took, in milliseconds, in the order in which it was measured. */
interface Taken {
  readonly kills: number[];
  readonly transfers: number[];
  readonly calm: number[];
  /** Transfers that did not happen, and why. */
  readonly refused: string[];
}

/** In turns, so that a busy machine is busy for all. */
async function measure(systems: readonly Nodes[]): Promise<ReadonlyMap<Nodes, Taken>> {
  const taken = new Map<Nodes, Taken>();
  for (const nodes of systems)
    taken.set(nodes, { kills: [], transfers: [], calm: [], refused: [] });
  const inTurn = async (count: number, act: (nodes: Nodes, to: Taken) => Promise<void>) => {
    for (let i = 0; i < count && performance.now() < deadlineMs; i++) {
      for (const [nodes, to] of taken) await act(nodes, to);
    }
  };
  await inTurn(kills, async (nodes, to) => {
    const ms = await killLeader(nodes);
    to.kills.push(ms);
    process.stderr.write(`${nodes.name} without a leader for ${ms.toFixed(0)} ms\n`);
  });
  await inTurn(transfers, async (nodes, to) => {
    try {
      const { gapMs, calmGapMs } = await transferLeader(nodes);
      to.transfers.push(gapMs);
      to.calm.push(calmGapMs);
      process.stderr.write(`${nodes.name} handed over in ${gapMs.toFixed(1)} ms\n`);
    } catch (error) {
      to.refused.push(String(error));
      process.stderr.write(`${nodes.name} did not hand over: ${String(error)}\n`);
    }
  });
  return taken;
}

function row(name: string, measured: readonly number[]): string {
  const sorted = measured.toSorted((a, b) => a - b);
  const at = (q: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN).toFixed(1);
  const cells = [String(sorted.length), at(0), at(0.5), at(0.9), at(1)];
  return name.padEnd(44) + cells.map((cell) => cell.padStart(9)).join('');
}

endOnSignals();
await using clusters = await bringUp({ say });
const { gong, etcd } = clusters;
const taken = await measure(etcd === undefined ? [gong] : [gong, etcd]);
const [ours, theirs] = [...taken.values()];
if (ours === undefined) throw new Error('our nodes were measured');

say('heartbeat 100 ms; election timeout 1000..2000 ms, as etcd draws it from 1000 ms\n');
say(' '.repeat(44) + ['n', 'min', 'median', 'p90', 'max'].map((h) => h.padStart(9)).join(''));
for (const [nodes, { kills: killed, transfers: handed, calm, refused }] of taken) {
  say(row(`${nodes.name}: without a leader after kill -9, ms`, killed));
  if (refused.length > 0) say(`${nodes.name}: ${refused.length} transfers did not happen`);
  if (handed.length === 0) continue;
  say(row(`${nodes.name}: gap in writes in a transfer, ms`, handed));
  say(row(`${nodes.name}: longest gap before it, ms`, calm));
}
const isEnough = ours.kills.length > 0 && theirs !== undefined && theirs.kills.length > 0;
const test = isEnough ? testGreater(ours.kills, theirs.kills) : undefined;
const isLonger = test !== undefined && test.pValue < SIGNIFICANT;
if (test !== undefined) {
  say(
    `\n${isLonger ? 'MISSED' : 'met   '} ours is ${isLonger ? '' : 'not '}significantly longer: ` +
      `p = ${test.pValue.toFixed(3)} (Mann-Whitney, one-sided), longer than etcd's in ` +
      `${Math.round(100 * test.shareGreater)} % of all pairs`,
  );
}
mkdirSync(path.dirname(values.json), { recursive: true });
const byName = Object.fromEntries([...taken].map(([nodes, found]) => [nodes.name, found]));
writeFileSync(values.json, `${JSON.stringify({ milliseconds: byName, test }, null, 1)}\n`);
say(values.json);
const isWhole = [...taken.values()].every(({ refused }) => refused.length === 0);
process.exitCode = isLonger || !isWhole ? 1 : 0;
