import { expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import type { SimCluster } from './cluster.ts';
import { injectFault, type MuteLeaderFault } from './faults.ts';
import { smallCluster } from './testing/small-cluster.ts';

/** Of the newest election. */
function termOf(cluster: SimCluster): number {
  return Math.max(...cluster.statuses().map(({ term }) => term));
}

const fault: MuteLeaderFault = {
  type: 'mute-leader',
  afterNsMax: MILLISECOND,
  lastsNsMax: 10 * SECOND,
};

test('nobody hears who is elected, and so others are, as long as the fault lasts', async () => {
  const { cluster, play, pass } = smallCluster();
  const inForce = await play(() => injectFault(cluster, fault, makeRandom('mute')));
  await pass(10 * SECOND);
  expect(termOf(cluster)).toBeGreaterThan(4);
  await play(async () => inForce[Symbol.asyncDispose]());
  await pass(3 * SECOND);
  const { leader } = cluster;
  expect(leader).toBeDefined();
  const before = termOf(cluster);
  // Whatever silence was still to come has gone with the fault.
  await pass(20 * SECOND);
  expect(cluster.leader).toBe(leader);
  expect(termOf(cluster)).toBe(before);
});

test('a leader that was elected before is heard', async () => {
  const { cluster, play, pass } = smallCluster();
  await pass(2 * SECOND);
  const { leader } = cluster;
  const before = termOf(cluster);
  const inForce = await play(() => injectFault(cluster, fault, makeRandom('mute')));
  await pass(5 * SECOND);
  expect(cluster.leader).toBe(leader);
  expect(termOf(cluster)).toBe(before);
  await play(async () => inForce[Symbol.asyncDispose]());
});
