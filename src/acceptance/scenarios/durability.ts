import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchLocalCluster } from '../../clusters/local/launch.ts';
import type { LocalCluster } from '../../clusters/local/local-cluster.ts';
import type { NodeId } from '../../contracts/names.ts';

import { defined } from '../../lib/assert.ts';
import { makeRaftTarget, type RaftTarget } from '../../targets/raft/index.ts';
import { temporary } from '../gong.ts';
import { until } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

const VOLATILE = fileURLToPath(
  new URL('../../raft/defects/process/volatile-main.ts', import.meta.url),
);
const SECOND = 1_000_000_000;
/** Short elections: most of a round is starting processes. */
const SETTINGS = { 'raft.electionTimeout': '100..200ms', 'raft.heartbeatInterval': '20ms' };
const WRITES_PER_ROUND = 40;

/** Acknowledged writes survive `kill -9` of every node, and a disk that forgets what was not synced. */
export const durability: Scenario = {
  name: 'durability',
  promise: 'a restart loses nothing acknowledged; without fsync a volatile disk does lose writes',
  async run({ isShort, say }) {
    const rounds = isShort ? 8 : 200;
    const volatileRounds = isShort ? 3 : 20;
    for (const nodes of [1, 3]) {
      const { lost, acknowledged } = await killRounds({ nodes, rounds });
      must(lost.length === 0, `${nodes} nodes lost ${lost.length}: ${lost.slice(0, 5).join(', ')}`);
      say(`${nodes} node(s), ${rounds} rounds of kill -9: ${acknowledged} acknowledged, 0 lost`);
    }
    for (const nodes of [1, 3]) {
      const kept = await killRounds({ nodes, rounds: volatileRounds, entry: VOLATILE });
      must(kept.lost.length === 0, `volatile disk with fsync lost ${kept.lost.join(', ')}`);
      const options = { nodes, rounds: volatileRounds, entry: VOLATILE, fsync: 'never' };
      const forgot = await killRounds(options);
      must(forgot.lost.length > 0, 'raft.fsync=never on a volatile disk lost nothing');
      say(
        `${nodes} node(s), volatile disk, ${volatileRounds} rounds: with fsync ` +
          `${kept.acknowledged} acknowledged, 0 lost; raft.fsync=never lost ` +
          `${forgot.lost.length} of ${forgot.acknowledged}`,
      );
    }
  },
};

async function killRounds(options: {
  readonly nodes: number;
  readonly rounds: number;
  readonly entry?: string;
  readonly fsync?: string;
}): Promise<{ readonly acknowledged: number; readonly lost: readonly string[] }> {
  await using place = await temporary();
  const target = makeRaftTarget(options.entry);
  const settings = { ...SETTINGS, 'raft.fsync': options.fsync ?? 'always' };
  await using cluster = await launchLocalCluster({
    target,
    nodes: options.nodes,
    dataDir: path.join(place.path, 'data'),
    logDir: path.join(place.path, 'logs'),
    settings,
    clusterId: 'durability',
    removeOnExit: [place.path],
  });
  /** Value by key. */
  const acknowledged = new Map<string, number>();
  const lost: string[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    await settle(cluster, target);
    const fresh = [...acknowledged.keys()].slice(-WRITES_PER_ROUND);
    lost.push(...(await missing(cluster, target, fresh, acknowledged)));
    await writeAndKill(cluster, target, round, acknowledged);
    for (const node of cluster.nodes) await cluster.processes.start(node);
  }
  await settle(cluster, target);
  lost.push(...(await missing(cluster, target, [...acknowledged.keys()], acknowledged)));
  return { acknowledged: acknowledged.size, lost: [...new Set(lost)] };
}

async function settle(cluster: LocalCluster, target: RaftTarget): Promise<void> {
  await until('a leader that everybody knows', 20_000, async () => {
    const probes = cluster.nodes.map((node) => target.probe(cluster.url(node), SECOND));
    const statuses = await Promise.all(probes);
    const leader = statuses.find((status) => status?.role === 'leader')?.id;
    return leader !== undefined && statuses.every((status) => status?.leader === leader);
  });
}

/** Writes to every node at once; in the middle of it every node is killed. */
async function writeAndKill(
  cluster: LocalCluster,
  target: RaftTarget,
  round: number,
  acknowledged: Map<string, number>,
): Promise<void> {
  let count = 0;
  const half = Promise.withResolvers<void>();
  const writers = cluster.nodes
    .flatMap((node) => [node, node])
    .map(async (node, writer) => {
      for (let i = 0; i < WRITES_PER_ROUND; i++) {
        const key = `r${round}-w${writer}-${i}`;
        await using client = target.connect(cluster.url(node), {
          readMode: 'linearizable',
          model: 'cas-register',
          inSessions: false,
        });
        const { type } = await client.invoke({ f: 'write', key, value: round * 1000 + i }, SECOND);
        // A busy machine may cost the cluster its leader once more: the next key is tried.
        if (type !== 'ok') continue;
        acknowledged.set(key, round * 1000 + i);
        count += 1;
        if (count === WRITES_PER_ROUND) half.resolve();
      }
    });
  // All writers may end early, when the cluster is in trouble: that must not wait for ever.
  await Promise.race([half.promise, Promise.all(writers)]);
  await Promise.all(cluster.nodes.map((node: NodeId) => cluster.processes.kill(node)));
  await Promise.all(writers);
  must(count > 0, `round ${round}: nothing was acknowledged`);
}

/** Of these keys, those whose acknowledged value is not there. */
async function missing(
  cluster: LocalCluster,
  target: RaftTarget,
  keys: readonly string[],
  acknowledged: ReadonlyMap<string, number>,
): Promise<string[]> {
  const node = defined(cluster.nodes[0], 'a cluster has a node');
  await using client = target.connect(cluster.url(node), {
    readMode: 'linearizable',
    model: 'cas-register',
    inSessions: false,
  });
  const gone: string[] = [];
  for (const key of keys) {
    let value: unknown;
    await until(`an answer for ${key}`, 10_000, async () => {
      const completion = await client.invoke({ f: 'read', key, value: null }, SECOND);
      if (completion.type === 'ok') ({ value } = completion);
      return completion.type === 'ok';
    });
    if (value !== acknowledged.get(key)) gone.push(`${key}: ${JSON.stringify(value)}`);
  }
  return gone;
}
