import { expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import { injectFault } from './faults.ts';
import { smallCluster } from './testing/small-cluster.ts';

const fault = {
  type: 'young-leader',
  how: 'kill',
  call: 'Network.send',
  nthMax: 1,
  moment: 'before',
} as const;

test('who is elected dies before it could say so, as long as the fault lasts', async () => {
  const restartNs = { minNs: 10 * MILLISECOND, maxNs: 20 * MILLISECOND };
  const small = smallCluster({ profile: { restartNs } });
  const { cluster, play, pass, count } = small;
  const inForce = await play(() => injectFault(cluster, fault, makeRandom('young')));
  let longest = 0;
  for (let ms = 0; ms < 5_000; ms += 5) {
    await pass(5 * MILLISECOND);
    longest = cluster.leader === undefined ? 0 : longest + 1;
  }
  expect(longest).toBe(0);
  expect(count('crashed-at-port')).toBeGreaterThan(3);
  await play(async () => inForce[Symbol.asyncDispose]());
  const before = count('crashed-at-port');
  await pass(3 * SECOND);
  expect(cluster.leader).toBeDefined();
  expect(count('crashed-at-port')).toBe(before);
});

test('a leader that was elected before lives on', async () => {
  const { cluster, play, pass, count } = smallCluster();
  await pass(2 * SECOND);
  const { leader } = cluster;
  const inForce = await play(() => injectFault(cluster, fault, makeRandom('young')));
  await pass(2 * SECOND);
  expect(cluster.leader).toBe(leader);
  expect(count('crashed-at-port')).toBe(0);
  await play(async () => inForce[Symbol.asyncDispose]());
});

test('who has voted dies with its answer on the way, and is back before the next timeout', async () => {
  const { cluster, play, pass, count } = smallCluster();
  const voters = { ...fault, type: 'young-voter', moment: 'after' } as const;
  const inForce = await play(() => injectFault(cluster, voters, makeRandom('young')));
  await pass(2 * SECOND);
  expect(count('crashed-at-port')).toBe(2);
  await play(async () => inForce[Symbol.asyncDispose]());
  await pass(SECOND);
  expect(cluster.leader).toBeDefined();
  expect(cluster.statuses().length).toBe(3);
});
