import { expect, test } from 'vitest';
import { SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import { isJoint, isSameSet } from '../raft/core/configuration.ts';
import { nodeId } from '../raft/core/types.ts';
import { makeCoverage } from './coverage.ts';
import { injectFault, type MembershipAim, type MembershipFault } from './faults.ts';
import { proveLiveness } from './liveness.ts';
import { smallCluster } from './testing/small-cluster.ts';

const NODES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];

/** Three nodes that vote, and three that start empty. */
async function threeAndThree(seed: string) {
  const coverage = makeCoverage({ nodes: NODES.map(nodeId) });
  const small = smallCluster({ seed, size: 3, spares: 3, observers: [coverage] });
  const { cluster, pass } = small;
  while (cluster.leader === undefined) await pass(SECOND / 10);
  const voters = (): string => cluster.configuration.voters.toSorted().join(' ');
  const inject = (fault: MembershipFault) => injectFault(cluster, fault, makeRandom(seed));
  return { ...small, coverage, voters, inject };
}

test('nodes that start empty know nobody, and serve nobody', async () => {
  const { cluster, play } = await threeAndThree('empty');
  expect(cluster.node('n4').status()).toMatchObject({ role: 'follower', leader: undefined });
  const client = cluster.connect(cluster.nodes[3] ?? ('n4' as never));
  const read = await play(() => client.invoke({ f: 'read', key: 'a', value: null }, SECOND));
  expect(read).toEqual({ type: 'fail', error: 'no leader is known here' });
});

test.each<[string, MembershipAim, number]>([
  ['added', { type: 'add', count: 2 }, 5],
  ['removed, the leader first', { type: 'remove', count: 1, of: 'leader' }, 2],
  ['removed, as many as there are', { type: 'remove', count: 9, of: 'any' }, 1],
  ['replaced', { type: 'replace', count: 1, of: 'follower' }, 3],
  ['replaced, all of them', { type: 'replace', count: 9, of: 'any' }, 3],
  ['named', { type: 'set', voters: ['n2', 'n6'] }, 2],
])('members are %s, and those who vote now go on', async (_, aim, count) => {
  const { sim, cluster, pass, play, voters, inject, coverage } = await threeAndThree('aims');
  const leader = cluster.leader;
  await play(() => inject({ type: 'membership', aim, isUndone: false }));
  await pass(20 * SECOND);
  const { configuration } = cluster;
  expect(isJoint(configuration)).toBe(false);
  expect(configuration.voters.length, voters()).toBe(count);
  const takesLeader = aim.type === 'remove' && aim.of === 'leader';
  const leaves = takesLeader ? 1 : 0;
  expect(Number(!configuration.voters.some((node) => node === leader))).toBeGreaterThanOrEqual(
    leaves,
  );
  expect(coverage.counts()['leader-removed-itself']).toBeGreaterThanOrEqual(leaves);
  const joined = configuration.voters.filter((node) => ['n4', 'n5', 'n6'].includes(node)).length;
  expect(joined).toBeGreaterThanOrEqual(aim.type === 'replace' ? Math.min(3, aim.count) : 0);
  expect(await play(() => proveLiveness(sim, cluster))).toBeDefined();
  expect(coverage.counts()).toMatchObject({ 'joint-committed': 1, 'configuration-rolled-back': 0 });
});

test('who shrinks a cluster can let it grow back', async () => {
  const { sim, cluster, pass, play, voters, inject } = await threeAndThree('back');
  const before = voters();
  const aim: MembershipAim = { type: 'remove', count: 2, of: 'any' };
  const fault = await play(() => inject({ type: 'membership', aim, isUndone: true }));
  await pass(20 * SECOND);
  expect(cluster.configuration.voters.length).toBe(1);
  await play(async () => fault[Symbol.asyncDispose]());
  await pass(20 * SECOND);
  expect(voters()).toBe(before);
  expect(await play(() => proveLiveness(sim, cluster))).toBeDefined();
});

test('a new member that is not there is given up, and those who voted vote on', async () => {
  const { cluster, pass, play, voters, inject, coverage } = await threeAndThree('gone');
  for (const node of ['n4', 'n5', 'n6']) cluster.node(node).stop({ type: 'killed' });
  const aim: MembershipAim = { type: 'add', count: 1 };
  const fault = await play(() => inject({ type: 'membership', aim, isUndone: false }));
  await pass(SECOND);
  expect(cluster.configuration.learners.length).toBe(1);
  await play(async () => fault[Symbol.asyncDispose]());
  await pass(40 * SECOND);
  expect(coverage.counts()['learner-given-up']).toBeGreaterThan(0);
  expect(cluster.configuration.learners).toEqual([]);
  expect(voters()).toBe('n1 n2 n3');
});

test('a restarted node knows its members by its disk, not by what it was started with', async () => {
  const { cluster, pass, play, inject } = await threeAndThree('restart');
  const aim: MembershipAim = { type: 'set', voters: ['n1', 'n4', 'n5'] };
  await play(() => inject({ type: 'membership', aim, isUndone: false }));
  await pass(20 * SECOND);
  for (const node of ['n2', 'n4']) {
    cluster.node(node).stop({ type: 'power-failure' });
    cluster.node(node).start();
  }
  await pass(SECOND);
  for (const node of ['n2', 'n4']) {
    const voters = cluster.node(node).configuration?.voters ?? [];
    expect(isSameSet(voters, ['n1', 'n4', 'n5'].map(nodeId)), `${node}: ${voters.join()}`).toBe(
      true,
    );
  }
});

test('of damaged disks a change makes no majority, and after a change none is damaged', async () => {
  const { cluster, pass, play, voters, inject } = await threeAndThree('damage');
  expect(cluster.mayDamage(nodeId('n1'))).toBe(true);
  cluster.damaged.add(nodeId('n1'));
  expect(cluster.mayDamage(nodeId('n2')), 'two of three').toBe(false);
  for (const voters of [['n1'], ['n1', 'n2']]) {
    await play(() => inject({ type: 'membership', aim: { type: 'set', voters }, isUndone: false }));
  }
  await pass(5 * SECOND);
  expect(voters()).toBe('n1 n2 n3');
  cluster.damaged.clear();
  const aim: MembershipAim = { type: 'set', voters: ['n2', 'n3', 'n4'] };
  await play(() => inject({ type: 'membership', aim, isUndone: false }));
  expect(cluster.mayDamage(nodeId('n3'))).toBe(false);
});
