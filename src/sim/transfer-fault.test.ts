import { expect, test } from 'vitest';
import { defined } from '../lib/assert.ts';
import { SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import { injectFault } from './faults.ts';
import { smallCluster } from './testing/small-cluster.ts';

test('the leadership goes to whom the fault names, or to another node', async () => {
  const { cluster, play, pass } = smallCluster();
  await pass(2 * SECOND);
  const random = makeRandom('transfer');
  for (const to of ['n1', 'n3', 'n2']) {
    await play(() => injectFault(cluster, { type: 'transfer', to: [to] }, random));
    await pass(SECOND / 10);
    expect(cluster.leader).toBe(to);
  }
  const before = defined(cluster.leader, 'n2 leads');
  await play(() => injectFault(cluster, { type: 'transfer' }, random));
  await pass(SECOND / 10);
  expect(cluster.leader).not.toBe(before);
  expect(cluster.leader).toBeDefined();
});
