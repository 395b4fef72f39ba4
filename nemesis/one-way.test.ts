import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { launchLocalCluster } from '../src/clusters/local/launch.ts';
import { nodeId, type NodeId } from '../src/contracts/names.ts';
import type { NodeStatus } from '../src/contracts/target.ts';
import { defined } from '../src/lib/assert.ts';
import { SECOND } from '../src/lib/duration.ts';
import { makeRaftTarget } from '../src/targets/raft/index.ts';
import { namingLinks } from './fault-value.ts';
import { partition } from './partition.ts';

// Generous: a busy machine is no bug.
vi.setConfig({ testTimeout: 120_000 });

const target = makeRaftTarget();

function until<T>(claim: () => Promise<T>): Promise<T> {
  return vi.waitFor(claim, { timeout: 50_000, interval: 20 });
}

/** Three nodes of the reference store, and the one that all of them call their leader. */
async function launch() {
  const directory = mkdtempSync(join(tmpdir(), 'gong-one-way-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const cluster = await launchLocalCluster({
    target,
    nodes: 3,
    dataDir: join(directory, 'data'),
    logDir: join(directory, 'logs'),
    settings: { 'raft.electionTimeout': '300..600ms', 'raft.heartbeatInterval': '50ms' },
    clusterId: 'one-way',
  });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const status = async (node: NodeId): Promise<NodeStatus> =>
    defined(await target.probe(cluster.url(node), SECOND), `${node} answers`);
  const agreed = (nodes: readonly NodeId[]) =>
    until(async () => {
      const all = await Promise.all(nodes.map(status));
      const [first] = all;
      const leader = nodeId(defined(first?.leader, 'it knows a leader'));
      for (const one of all) expect([one.leader, one.term]).toEqual([leader, first?.term]);
      return { leader, term: first?.term ?? 0 };
    });
  return { cluster, status, agreed };
}

/** Cuts the leader one way, and waits until the others follow another one. */
async function cutLeader(isMute: boolean) {
  const { cluster, status, agreed } = await launch();
  const before = await agreed(cluster.nodes);
  const others = cluster.nodes.filter((node) => node !== before.leader);
  const links = others.map((other) =>
    isMute ? { from: before.leader, to: other } : { from: other, to: before.leader },
  );
  const value = namingLinks(links);
  const fault = { victims: [before.leader], leader: undefined, value };
  const cut = await partition.inject(cluster, fault, 'one-way');
  const after = await until(async () => {
    const found = await agreed(others);
    expect(found.leader).not.toBe(before.leader);
    return found;
  });
  expect(after.term).toBeGreaterThan(before.term);
  return { cluster, status, agreed, before, after, cut };
}

test('a leader that nobody hears still hears, and so follows the next one', async () => {
  const { cluster, agreed, after, cut } = await cutLeader(true);
  expect((await agreed(cluster.nodes)).term).toBeGreaterThanOrEqual(after.term);
  await cut[Symbol.asyncDispose]();
  await agreed(cluster.nodes);
});

test('a leader that hears nobody steps down, and learns of the next one only at the heal', async () => {
  const { cluster, status, agreed, before, after, cut } = await cutLeader(false);
  const deaf = await until(async () => {
    const found = await status(before.leader);
    expect([found.role === 'leader', found.leader]).toEqual([false, undefined]);
    return found;
  });
  expect(deaf.term).toBeLessThan(after.term);
  await cut[Symbol.asyncDispose]();
  expect((await agreed(cluster.nodes)).term).toBeGreaterThanOrEqual(after.term);
});
