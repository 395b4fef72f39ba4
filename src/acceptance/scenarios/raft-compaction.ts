import { temporary } from '../gong.ts';
import { until } from '../processes.ts';
import { RaftNodes, type Write, write } from '../raft-nodes.ts';
import { must, type Scenario, type ScenarioContext } from '../scenario.ts';

const MEMORY_BYTES_MAX = 300e6;
/** Two segments that are still needed, the one that is written, the one that is prepared, and some room. */
const WAL_BYTES_MAX = 350e6;
const SLICE_CPU_MS_MAX = 10;
const GAP_RATIO_MAX = 2;
const CONNECTIONS = 32;

/** What §7 of the Raft paper is for: logs stay short, and whoever is far behind catches up. */
export const raftCompaction: Scenario = {
  name: 'raft-compaction',
  promise:
    'a follower far behind catches up by snapshot under load within 300 MB; logs stay bounded; ' +
    'a million keys are written in slices that nobody notices',
  isQuiet: true,
  async run(context) {
    await catchUp(context);
    await boundedLog(context);
    await slices(context);
  },
};

/** `count` writes of distinct keys. */
function puts(count: number, value: string, from = 0): () => Write | undefined {
  let next = from;
  return () => {
    if (next >= from + count) return undefined;
    next += 1;
    return { method: 'PUT', path: `/kv/key-${next}`, body: JSON.stringify({ value }) };
  };
}

async function catchUp({ isShort, id, say }: ScenarioContext): Promise<void> {
  const count = isShort ? 10_000 : 50_000;
  const settings = isShort ? ['raft.snapshotThreshold=2000', 'raft.snapshotTrailing=2000'] : [];
  await using directory = await temporary();
  await using nodes = new RaftNodes(directory.path, id);
  await nodes.startAll(settings);
  const leader = await nodes.leader();
  const follower = nodes.ids.find((one) => one !== leader) ?? leader;
  await nodes.kill(follower);
  const value = 'v'.repeat(200);
  const before = await write(nodes.url(leader), CONNECTIONS, puts(count, value));
  must(before.failed === 0, `${before.failed} of ${count} writes failed while a follower was down`);
  const target = (await nodes.status(leader))?.lastApplied ?? Infinity;

  const began = performance.now();
  nodes.start(follower, settings);
  const goesOn = new AbortController();
  const more = puts(Infinity, value, count);
  const writing = write(nodes.url(leader), 4, () => (goesOn.signal.aborted ? undefined : more()));
  try {
    await until('the follower to catch up', 120_000, async () => {
      return ((await nodes.status(follower))?.lastApplied ?? 0) >= target;
    });
  } finally {
    goesOn.abort();
  }
  const seconds = (performance.now() - began) / 1000;
  const during = await writing;
  const status = await nodes.status(follower);
  const megabytes = [leader, follower].map((node) => nodes.peakMemory(node) / 1e6);
  say(
    `${count} writes behind, a follower caught up in ${seconds.toFixed(1)} s by ` +
      `${status?.snapshot.installed} snapshot of ${((status?.snapshot.bytes ?? 0) / 1e6).toFixed(1)} MB, ` +
      `beside ${during.count} writes (the slowest ${during.slowestMs.toFixed(0)} ms); memory of the ` +
      `leader ${megabytes[0]?.toFixed(0)} MB, of the follower ${megabytes[1]?.toFixed(0)} MB`,
  );
  must((status?.snapshot.installed ?? 0) > 0, 'it did not install a snapshot');
  must(during.failed === 0 && during.count > 0, `${during.failed} writes failed meanwhile`);
  must(
    megabytes.every((held) => held * 1e6 < MEMORY_BYTES_MAX),
    'too much memory was held',
  );
}

async function boundedLog({ isShort, id, say }: ScenarioContext): Promise<void> {
  const count = isShort ? 15_000 : 500_000;
  const settings = isShort ? ['raft.snapshotThreshold=2000', 'raft.snapshotTrailing=2000'] : [];
  await using directory = await temporary();
  await using nodes = new RaftNodes(directory.path, id);
  await nodes.startAll(settings);
  const leader = await nodes.leader();
  const value = 'v'.repeat(1000);
  let walBytesMax = 0;
  const watch = setInterval(() => {
    for (const node of nodes.ids)
      walBytesMax = Math.max(walBytesMax, nodes.diskBytes(node, 'wal-'));
  }, 500);
  // A thousand keys, again and again: the log grows, the state does not.
  const all = puts(count, value);
  const written = await write(nodes.url(leader), 64, () => {
    const one = all();
    return one && { ...one, path: `/kv/key-${Math.floor(Math.random() * 1000)}` };
  }).finally(() => clearInterval(watch));
  must(written.failed === 0, `${written.failed} of ${count} writes failed`);
  const status = await nodes.status(leader);
  const kept = (status?.log.lastIndex ?? Infinity) - (status?.log.firstIndex ?? 0) + 1;
  const snapshotBytes = nodes.diskBytes(leader, 'snapshot-');
  say(
    `${count} writes of 1 kB: never more than ${(walBytesMax / 1e6).toFixed(0)} MB of log on a disk, ` +
      `${kept} entries at the end, snapshots of ${(snapshotBytes / 1e6).toFixed(1)} MB`,
  );
  must(walBytesMax < WAL_BYTES_MAX, `${walBytesMax} bytes of log`);
  must(kept < (isShort ? 8000 : 50_000), `${kept} entries were kept`);
}

async function slices({ isShort, id, say }: ScenarioContext): Promise<void> {
  const keys = isShort ? 100_000 : 1_000_000;
  // Who leads must not change: other work on the machine may hold a node up for a while.
  const settings = [
    'raft.heartbeatInterval=50ms',
    'raft.electionTimeout=5000..10000ms',
    'raft.snapshotTrailing=100',
  ];
  await using directory = await temporary();
  await using nodes = new RaftNodes(directory.path, id);
  await nodes.startAll([...settings, 'raft.snapshotThreshold=1000000000']);
  await fill(nodes, keys);
  const filled = (await nodes.status(await nodes.leader()))?.lastApplied ?? 0;
  await applied(nodes, filled);
  const without = await gapP99(nodes, isShort);
  await nodes.killAll();
  await nodes.startAll([...settings, 'raft.snapshotThreshold=100']);
  await applied(nodes, filled);
  const withSnapshots = await gapP99(nodes, isShort);
  const statuses = await Promise.all(nodes.ids.map((node) => nodes.status(node)));
  const taken = statuses.map((status) => status?.snapshot.taken ?? 0);
  const cpuMs = Math.max(...statuses.map((one) => (one?.snapshot.sliceCpuNsMax ?? Infinity) / 1e6));
  say(
    `${keys} keys: ${taken.join(', ')} snapshots of ` +
      `${((statuses[0]?.snapshot.bytes ?? 0) / 1e6).toFixed(0)} MB, the longest slice ` +
      `${cpuMs.toFixed(1)} ms of CPU; p99 of the gap between signs of a leader ` +
      `${(1000 * without).toFixed(0)} ms without and ${(1000 * withSnapshots).toFixed(0)} ms with`,
  );
  must(
    taken.every((count) => count > 0),
    'somebody took no snapshot',
  );
  must(cpuMs <= SLICE_CPU_MS_MAX, `a slice took ${cpuMs} ms of CPU`);
  must(
    withSnapshots <= GAP_RATIO_MAX * without,
    `the gap grew ${(withSnapshots / without).toFixed(1)} times`,
  );
}

/** Everybody has applied so much, and has nothing else to do. */
async function applied(nodes: RaftNodes, index: number): Promise<void> {
  await until('all nodes to apply what is in their logs', 120_000, async () => {
    const statuses = await Promise.all(nodes.ids.map((node) => nodes.status(node)));
    return statuses.every((status) => (status?.lastApplied ?? 0) >= index);
  });
}

const KEYS_PER_TRANSACTION = 100;

async function fill(nodes: RaftNodes, keys: number): Promise<void> {
  let next = 0;
  const transaction = (): Write | undefined => {
    if (next >= keys) return undefined;
    const success = Array.from({ length: KEYS_PER_TRANSACTION }, () => {
      next += 1;
      return { type: 'put', key: `key-${next}`, value: `value-${next}` };
    });
    return { method: 'POST', path: '/txn', body: JSON.stringify({ success }) };
  };
  const { failed } = await write(nodes.url(await nodes.leader()), 8, transaction);
  must(failed === 0, `${failed} transactions failed`);
}

/**
 * Idle but for bursts of writes, each enough for a snapshot: so it is heartbeats that keep followers
 * waiting, and a snapshot is under way for most of the time.
 *
 * @returns seconds, over both followers
 */
async function gapP99(nodes: RaftNodes, isShort: boolean): Promise<number> {
  const leader = await nodes.leader();
  const followers = nodes.ids.filter((one) => one !== leader);
  const read = (): Promise<readonly ReadonlyMap<number, number>[]> =>
    Promise.all(followers.map((one) => nodes.buckets(one, 'gong_raft_leader_gap_seconds')));
  const before = await read();
  for (let burst = 0; burst < (isShort ? 4 : 15); burst++) {
    const { failed } = await write(nodes.url(leader), 32, puts(120, 'x'));
    must(failed === 0, `${failed} writes of a burst failed`);
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  must((await nodes.leader()) === leader, 'the leader changed');
  const after = await read();
  const counts = new Map<number, number>();
  for (const [at, buckets] of after.entries()) {
    for (const [le, count] of buckets) {
      const fresh = count - (before[at]?.get(le) ?? 0);
      counts.set(le, (counts.get(le) ?? 0) + fresh);
    }
  }
  return quantile(counts, 0.99);
}

/** As Prometheus does: within a bucket all values are equally likely. */
function quantile(cumulated: ReadonlyMap<number, number>, share: number): number {
  const total = cumulated.get(Infinity) ?? 0;
  let [low, below] = [0, 0];
  for (const [le, count] of cumulated) {
    if (count >= share * total) {
      if (le === Infinity) return le;
      return low + ((le - low) * (share * total - below)) / Math.max(1, count - below);
    }
    [low, below] = [le, count];
  }
  return Infinity;
}
