import { expect, test } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { TestDrivers } from '../driver/testing/drivers.ts';
import type { NodeId } from '../core/types.ts';
import { NodeMetrics } from './metrics.ts';

type Samples = ReadonlyMap<string, number>;

/** The text format of Prometheus, version 0.0.4: `name{label="value",…} number` and comments. */
function parse(text: string): Samples {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) [a-z0-9_:]+ /.test(line)) continue;
    const match =
      /^([a-z0-9_:]+(?:\{(?:[a-zA-Z_]+="[^"\\]*",?)*\})?) (-?[0-9.e+-]+|\+Inf|Nan)$/.exec(line);
    samples.set(defined(match?.[1], `no sample: ${line}`), Number(match?.[2]));
  }
  return samples;
}

async function clusterWithMetrics() {
  const metrics = new Map<NodeId, NodeMetrics>();
  const drivers = new TestDrivers(3, 'always', {
    observer: (id) => {
      const own = new NodeMetrics();
      metrics.set(id, own);
      return own.observer;
    },
  });
  await drivers.startAll();
  const closed = {
    malformed: 7,
    foreign: 0,
    unauthorized: 0,
    'handshake-timeout': 0,
    crowded: 0,
    contradiction: 0,
  };
  for (const [id, own] of metrics) {
    own.read({
      status: () => drivers.driver(id).status(),
      peers: { connections: { open: 2, closed }, queuedBytes: new Map([[id, 11]]) },
      clients: {
        counts: { malformed: 3, unauthorized: 0, overloaded: 0, dropped: 0 },
        pending: 5,
      },
    });
  }
  const scrape = async (id: NodeId): Promise<Samples> => {
    const { type, text } = await defined(metrics.get(id), 'one for each').scrape();
    expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
    return parse(text);
  };
  return { drivers, scrape };
}

test('the metrics of a leader tell its term, role, log, elections, writes, reads and queues', async () => {
  const { drivers, scrape } = await clusterWithMetrics();
  const leader = await drivers.elect();
  for (let i = 0; i < 5; i++) {
    await drivers.ask(leader, {
      type: 'command',
      command: { type: 'put', key: 'k', value: String(i) },
    });
  }
  await drivers.ask(leader, { type: 'read', key: 'k', consistency: 'linearizable' });
  await drivers.ask(leader, { type: 'read', key: 'k', consistency: 'stale' });
  const status = drivers.driver(leader).status();
  const samples = await scrape(leader);
  expect(Object.fromEntries(samples)).toMatchObject({
    gong_raft_term: status.term,
    'gong_raft_role{role="leader"}': 1,
    'gong_raft_role{role="follower"}': 0,
    gong_raft_commit_index: status.commitIndex,
    gong_raft_applied_index: status.lastApplied,
    'gong_raft_elections_total{event="started"}': 1,
    'gong_raft_elections_total{event="won"}': 1,
    gong_raft_leader_changes_total: 1,
    gong_raft_append_seconds_count: 5,
    gong_raft_batch_entries_count: 6,
    gong_raft_batch_entries_sum: 6,
    'gong_raft_requests_total{outcome="ok"}': 7,
    'gong_raft_reads_total{mode="linearizable"}': 1,
    'gong_raft_reads_total{mode="stale"}': 1,
    'gong_raft_queue_length{queue="requests"}': 0,
    'gong_raft_queue_length{queue="http"}': 5,
    'gong_raft_peer_connections_closed_total{reason="malformed"}': 7,
    'gong_raft_clients_refused_total{reason="malformed"}': 3,
    gong_raft_peer_connections: 2,
  });
  expect(samples.get('process_cpu_user_seconds_total')).toBeGreaterThan(0);
});

test('who follows counts the leader that it follows, and no election of its own', async () => {
  const { drivers, scrape } = await clusterWithMetrics();
  const leader = await drivers.elect();
  const follower = defined(
    drivers.ids.find((id) => id !== leader),
    'of three',
  );
  const samples = await scrape(follower);
  expect(samples.get('gong_raft_elections_total{event="won"}')).toBe(0);
  expect(samples.get('gong_raft_leader_changes_total')).toBe(1);
  expect(samples.get('gong_raft_append_seconds_count')).toBe(0);
});

test('what is counted elsewhere does not grow by being looked at', async () => {
  const { drivers, scrape } = await clusterWithMetrics();
  const leader = await drivers.elect();
  const [first, second] = [await scrape(leader), await scrape(leader)];
  const own = (samples: Samples) => [...samples].filter(([name]) => name.startsWith('gong_'));
  expect(own(second)).toEqual(own(first));
  expect(own(first).length).toBeGreaterThan(40);
});

test('each sync of the disk is timed, and one that fails fails', async () => {
  const metrics = new NodeMetrics();
  const drivers = new TestDrivers(1);
  const disk = defined([...drivers.disks.values()][0], 'of one');
  const timed = metrics.timed({
    list: () => disk.list(),
    read: (name) => disk.read(name),
    readAt: (name, offset, length) => disk.readAt(name, offset, length),
    allocate: (name, bytes) => disk.allocate(name, bytes),
    append: (name, bytes) => disk.append(name, bytes),
    sync: (name) => disk.sync(name),
    rename: (from, to) => disk.rename(from, to),
    remove: (name) => disk.remove(name),
    syncDirectory: () => disk.syncDirectory(),
  });
  timed.append('a', Uint8Array.of(1));
  await timed.sync('a');
  disk.failsNextSync = true;
  await expect(timed.sync('a')).rejects.toThrow('EIO');
  expect((await metrics.scrape()).text).toMatch(/^gong_raft_fsync_seconds_count 1$/m);
});
