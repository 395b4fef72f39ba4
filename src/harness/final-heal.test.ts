import { expect, test } from 'vitest';
import type { Cluster } from '../contracts/cluster.ts';
import type { Nemesis } from '../contracts/nemesis.ts';
import { UserError } from '../lib/user-error.ts';
import { healEverything } from './final-heal.ts';
import { FakeStore } from './testing/fake-store.ts';
import { SimulatedClock } from './testing/simulated-clock.ts';

function scene() {
  const healed: string[] = [];
  const nemesis = (kind: string, requires: Nemesis['requires'], error?: Error): Nemesis => ({
    kind,
    requires,
    about: '',
    band: { label: '', light: '', dark: '' },
    shapes: [],
    inject: () => Promise.reject(new Error('it only heals')),
    async healAll() {
      healed.push(kind);
      if (error !== undefined) throw error;
    },
  });
  const { hooks: _hooks, ...cluster } = new FakeStore(new SimulatedClock(), 3).cluster();
  return { healed, nemesis, cluster: cluster as Cluster };
}

test('whoever can act on the cluster heals, and who cannot is not asked', async () => {
  const { healed, nemesis, cluster } = scene();
  await healEverything(cluster, [nemesis('a', 'links'), nemesis('b', 'hooks')]);
  expect(healed).toEqual(['a']);
});

test('one that fails keeps none of the others from healing, and is told', async () => {
  const { healed, nemesis, cluster } = scene();
  const healing = healEverything(cluster, [
    nemesis('a', 'links', new Error('the proxy is gone')),
    nemesis('b', 'processes'),
    nemesis('c', 'links', new Error('no such link')),
  ]);
  await expect(healing).rejects.toMatchObject({
    kind: 'infrastructure',
    code: 'GONG-E128',
    why: 'a: the proxy is gone; c: no such link',
  });
  expect(healed).toEqual(['a', 'b', 'c']);
});

test('an error that users understand is passed on as it is', async () => {
  const { nemesis, cluster } = scene();
  const parts = {
    kind: 'infrastructure',
    code: 'GONG-E999',
    what: 'x',
    why: 'y',
    fix: 'z',
  } as const;
  const own = new UserError(parts);
  await expect(healEverything(cluster, [nemesis('a', 'links', own)])).rejects.toBe(own);
});
