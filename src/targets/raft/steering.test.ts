import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { launchLocalCluster } from '../../clusters/local/launch.ts';
import { withSteering } from '../../clusters/steering.ts';
import type { Cluster } from '../../contracts/cluster.ts';
import { nodeId, type NodeId } from '../../contracts/names.ts';
import type { Completion } from '../../contracts/client.ts';
import { systemClock } from '../../harness/system-clock.ts';
import { defined } from '../../lib/assert.ts';
import { SECOND } from '../../lib/duration.ts';
import { makeRaftTarget } from './index.ts';

// Generous: a busy machine is no bug.
vi.setConfig({ testTimeout: 120_000 });

const target = makeRaftTarget();
const CONNECT = { readMode: 'linearizable', model: 'cas-register', inSessions: false };

/** Real nodes on this machine, three members and a spare one. */
async function launch(): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), 'gong-steering-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const cluster = await launchLocalCluster({
    target,
    nodes: 3,
    spares: 1,
    dataDir: join(directory, 'data'),
    logDir: join(directory, 'logs'),
    settings: { 'raft.electionTimeout': '300..600ms', 'raft.heartbeatInterval': '50ms' },
    clusterId: 'steering',
  });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const { signal } = new AbortController();
  return withSteering(cluster, { target, clock: systemClock(), signal });
}

/** Asks until it is done: until a leader is known, a node refuses. */
async function write(cluster: Cluster, node: NodeId, value: number): Promise<Completion> {
  await using client = target.connect(cluster.url(node), CONNECT);
  // Awaited here: the client is not closed before.
  return await vi.waitFor(
    async () => {
      const completion = await client.invoke({ f: 'write', key: 'k', value }, SECOND);
      expect(completion.type).toBe('ok');
      return completion;
    },
    { timeout: 30_000, interval: 50 },
  );
}

async function leaderOf(cluster: Cluster): Promise<NodeId> {
  const found = async (): Promise<NodeId> => {
    for (const node of cluster.nodes) {
      const status = await target.probe(cluster.url(node), SECOND);
      if (status?.role === 'leader') return node;
    }
    throw new Error('nobody leads');
  };
  return vi.waitFor(found, { timeout: 30_000, interval: 50 });
}

test('a spare node joins, serves and stays when the leader is removed; who was removed joins again', async () => {
  const cluster = await launch();
  const membership = defined(cluster.membership, 'its target says how');
  const [n1, n2, n3, n4] = ['n1', 'n2', 'n3', 'n4'].map(nodeId) as [NodeId, NodeId, NodeId, NodeId];
  expect(membership.first).toEqual([n1, n2, n3]);
  await write(cluster, n1, 1);

  expect(await membership.change([n1, n2, n3, n4])).toMatchObject({ outcome: { type: 'done' } });
  await write(cluster, n4, 2);

  const leader = await leaderOf(cluster);
  const rest = cluster.nodes.filter((node) => node !== leader);
  expect(await membership.change(rest)).toMatchObject({ outcome: { type: 'done' } });
  const next = await vi.waitFor(
    async () => {
      const found = await leaderOf(cluster);
      expect(found).not.toBe(leader);
      return found;
    },
    { timeout: 30_000, interval: 50 },
  );
  expect(await membership.members(next)).toMatchObject({ voters: rest, outgoing: [] });
  await write(cluster, next, 3);

  expect(await membership.change(membership.first)).toMatchObject({ outcome: { type: 'done' } });
  for (const [i, node] of membership.first.entries()) await write(cluster, node, 4 + i);
});

test('each member leads when it is asked to, in a higher term than whoever led before', async () => {
  const cluster = await launch();
  const leadership = defined(cluster.leadership, 'its target says how');
  const n1 = nodeId('n1');
  await write(cluster, n1, 1);
  const first = await leaderOf(cluster);
  const members = ['n1', 'n2', 'n3'].map(nodeId);
  for (const [i, node] of [...members.filter((one) => one !== first), first].entries()) {
    const request = await leadership.transfer(node);
    expect(request).toMatchObject({ asked: node, outcome: { type: 'done' } });
    const { term = 0, termBefore = 0 } = request.led ?? {};
    expect(term).toBeGreaterThan(termBefore);
    await write(cluster, n1, 2 + i);
  }
});
