import { describe, expect, test } from 'vitest';
import { nodeId as name } from '../contracts/names.ts';
import { InvariantError } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import { PAPER_RULES } from '../raft/core/rules.ts';
import { flipBits } from './disk-flip.ts';
import type { CrashPoint } from './crash-points.ts';
import type { PortCall } from './node-ports.ts';
import { mourner } from './testing/mourner.ts';
import { smallCluster, type SmallCluster } from './testing/small-cluster.ts';

const n1 = name('n1');

/** A write of a client of this node; the answer is how it ended. */
async function write({ cluster, play }: SmallCluster, value: number, node = n1) {
  const client = cluster.connect(node);
  return play(() => client.invoke({ f: 'write', key: 'k', value }, 3 * SECOND));
}

async function read({ cluster, play }: SmallCluster, node = n1) {
  const client = cluster.connect(node);
  return play(() => client.invoke({ f: 'read', key: 'k', value: null }, 3 * SECOND));
}

function dies(small: SmallCluster, point: Partial<CrashPoint>): { count: number } {
  const deaths = { count: 0 };
  small.cluster.node('n1').crashAt({
    call: 'any',
    nth: 1,
    moment: 'before',
    how: 'kill',
    onCrash: () => void (deaths.count += 1),
    ...point,
  });
  return deaths;
}

describe('crashes at a call of a port', () => {
  // What a node that runs calls again and again. Those of recovery are below.
  const whileRunning: readonly PortCall[] = [
    'Disk.append',
    'Disk.sync',
    'Network.send',
    'Scheduler.wakeAt',
    'Scheduler.soon',
  ];
  const cases = whileRunning.flatMap((call) =>
    (['before', 'after'] as const).flatMap((moment) =>
      (['kill', 'power-failure'] as const).map((how) => ({ call, moment, how })),
    ),
  );

  test.for(cases)('$how $moment $call: dead at once, and well after a restart', async (one) => {
    const mourning = mourner();
    const small = smallCluster({ seed: 'crash', observers: [mourning] });
    await small.pass(SECOND);
    expect(await write(small, 1)).toMatchObject({ type: 'ok' });
    const deaths = dies(small, { ...one, nth: 3 });
    for (let value = 2; deaths.count === 0; value++) await write(small, value);
    expect(small.cluster.node('n1').state).toBe(one.how === 'kill' ? 'down' : 'off');
    expect(small.count('crashed-at-port')).toBe(1);
    expect(mourning.stops).toMatchObject([{ life: { node: 'n1', number: 1 } }]);
    await small.pass(2 * SECOND);
    expect(small.cluster.node('n1').pid).toBeUndefined();
    small.cluster.node('n1').start();
    await small.pass(2 * SECOND);
    expect(await write(small, 100)).toMatchObject({ type: 'ok' });
    expect(await read(small)).toMatchObject({ type: 'ok', value: 100 });
    expect(mourning.stops).toHaveLength(1);
    expect(mourning.ghosts).toEqual([]);
  });

  test.for([
    { call: 'Disk.list', nth: 1 },
    { call: 'Disk.read', nth: 1 },
    { call: 'Disk.append', nth: 1 },
    { call: 'Disk.sync', nth: 2 },
    { call: 'Disk.rename', nth: 1 },
    { call: 'Disk.syncDirectory', nth: 1 },
    { call: 'Scheduler.soon', nth: 1 },
    { call: 'Scheduler.wakeAt', nth: 1 },
    { call: 'any', nth: 5 },
  ] as const)('in recovery, at $call, several times in a row', async ({ call, nth }) => {
    for (const moment of ['before', 'after'] as const) {
      const small = smallCluster({ seed: 'recovery' });
      await small.pass(SECOND);
      await write(small, 1);
      small.cluster.node('n1').stop({ type: 'killed' });
      for (let time = 1; time <= 3; time++) {
        const deaths = dies(small, { call, moment, nth });
        small.cluster.node('n1').start();
        await small.pass(2 * SECOND);
        expect(deaths.count).toBe(1);
        expect(small.cluster.node('n1').state).toBe('down');
      }
      small.cluster.node('n1').start();
      await small.pass(2 * SECOND);
      expect(await read(small)).toMatchObject({ type: 'ok', value: 1 });
    }
  });

  test.for([
    { call: 'Disk.append' },
    { call: 'Disk.sync' },
    { call: 'Disk.syncDirectory' },
  ] as const)(
    'at the very first start of a node, at $call, with or without the power',
    async ({ call }) => {
      for (const moment of ['before', 'after'] as const) {
        for (const how of ['kill', 'power-failure'] as const) {
          const small = smallCluster({ seed: 'first', size: 1 });
          const deaths = dies(small, { call, moment, how });
          await small.pass(SECOND);
          expect(deaths.count).toBe(1);
          for (let time = 2; time <= 3; time++) {
            // At a log that is there already it need not come to it.
            dies(small, { call, moment, how });
            small.cluster.node('n1').start();
            await small.pass(SECOND);
          }
          small.cluster.node('n1').start();
          await small.pass(SECOND);
          expect(await write(small, 1)).toMatchObject({ type: 'ok' });
        }
      }
    },
  );

  test('in recovery, while it removes what the recovery before it left behind', async () => {
    for (const moment of ['before', 'after'] as const) {
      const small = smallCluster({ seed: 'leftover' });
      await small.pass(SECOND);
      await write(small, 1);
      small.cluster.node('n1').stop({ type: 'killed' });
      for (const call of ['Disk.rename', 'Disk.remove'] as const) {
        const deaths = dies(small, { call, moment: call === 'Disk.rename' ? 'before' : moment });
        small.cluster.node('n1').start();
        await small.pass(SECOND);
        expect(deaths.count).toBe(1);
      }
      small.cluster.node('n1').start();
      await small.pass(2 * SECOND);
      expect(await read(small)).toMatchObject({ type: 'ok', value: 1 });
    }
  });

  test('what did not leave before the death never leaves: killed before a send, and after it', async () => {
    const sentAfterDeath = async (moment: 'before' | 'after'): Promise<number> => {
      const small = smallCluster({ seed: 'sends', size: 2 });
      await small.pass(SECOND);
      const { control } = small.cluster.network;
      const link = { from: name('n1'), to: name('n2') };
      await small.play(() => control.cut([link]));
      const before = (await control.traffic(link)).heldBytes;
      dies(small, { call: 'Network.send', moment });
      await small.pass(2 * SECOND);
      return (await control.traffic(link)).heldBytes - before;
    };
    // The cut holds what crosses: nothing, or just the message of the fatal call.
    const bytes = await sentAfterDeath('after');
    expect(await sentAfterDeath('before')).toBe(0);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(200);
  });

  test('an append that the death comes before leaves no byte, and one that it follows does', async () => {
    const bytesOf = async (moment: 'before' | 'after'): Promise<number[]> => {
      const small = smallCluster({ seed: 'bytes', size: 1 });
      await small.pass(SECOND);
      await write(small, 1);
      const sizes = async (): Promise<number> => {
        const handle = small.cluster.node('n1').disk.attach();
        return small.play(async () => {
          let sum = 0;
          for (const file of await handle.list()) sum += (await handle.read(file)).length;
          return sum;
        });
      };
      // Looking at the disk would take it from the process: so a twin of this run is looked at.
      const deaths = dies(small, { call: 'Disk.append', moment });
      await write(small, 2);
      return [deaths.count, await sizes()];
    };
    const [before, after] = [await bytesOf('before'), await bytesOf('after')];
    expect([before[0], after[0]]).toEqual([1, 1]);
    expect(after[1]).toBeGreaterThan(before[1] ?? 0);
  });
});

test('a client of a node that dies sees its connection lost; of one that is down, that nobody listens', async () => {
  const small = smallCluster({ seed: 'clients' });
  await small.pass(SECOND);
  const client = small.cluster.connect(n1);
  dies(small, { call: 'Disk.append' });
  const [lost] = await small.play(() =>
    Promise.all([
      client.invoke({ f: 'write', key: 'k', value: 1 }, 3 * SECOND),
      small.cluster.connect(name('n2')).invoke({ f: 'write', key: 'l', value: 1 }, 3 * SECOND),
    ]),
  );
  expect(lost).toEqual({ type: 'info', error: 'the connection was lost' });
  expect(await write(small, 2)).toEqual({ type: 'fail', error: 'nobody listens' });
});

test('a machine without power answers nobody: a client waits until its deadline', async () => {
  const small = smallCluster({ seed: 'dark' });
  await small.pass(SECOND);
  small.cluster.node('n1').stop({ type: 'power-failure' });
  const sentAtNs = small.sim.now();
  expect(await write(small, 1)).toEqual({ type: 'info', error: 'no answer in time' });
  expect(small.sim.now() - sentAtNs).toBe(3 * SECOND);
});

test('a partition is none for clients: they reach every node', async () => {
  const small = smallCluster({ seed: 'reach' });
  await small.pass(SECOND);
  const { nodes, links } = small.cluster;
  const all = nodes.flatMap((from) =>
    nodes.filter((to) => to !== from).map((to) => ({ from, to })),
  );
  await small.play(() => links.cut(all));
  for (const node of nodes) {
    const stale = await small.play(
      () =>
        new Promise((resolve) => {
          const request = { type: 'read', key: 'k', consistency: 'stale' } as const;
          small.cluster.node(node).submit(request, (reply) => {
            small.sim.settles();
            resolve(reply);
          });
        }),
    );
    expect(stale).toMatchObject({ type: 'ok', servedBy: node });
  }
});

test('a stopped process does nothing, loses nothing, and hears before it acts on its timers', async () => {
  const steps: { node: string; inputs: string[] }[] = [];
  const small = smallCluster({
    seed: 'pause',
    observers: [
      {
        stepped: ({ node }, inputs) =>
          void steps.push({ node, inputs: inputs.map(({ type }) => type) }),
      },
    ],
  });
  await small.pass(SECOND);
  const follower = small.cluster.nodes.find((node) => String(node) !== small.cluster.leader) ?? n1;
  const term = small.cluster.node(follower).status()?.term;
  small.cluster.node(follower).pause();
  steps.splice(0);
  await small.pass(5 * SECOND);
  expect(steps.filter(({ node }) => node === follower)).toEqual([]);
  expect(small.cluster.node(follower).pid).toBe(1);
  small.cluster.node(follower).resume();
  await small.pass(20 * MILLISECOND);
  const first = steps.find(({ node }) => node === follower)?.inputs ?? [];
  // Heartbeats of five seconds, and behind them the timer that was due long ago.
  expect(first.filter((type) => type === 'message').length).toBeGreaterThan(20);
  expect(first.indexOf('tick')).toBe(first.length - 1);
  await small.pass(SECOND);
  expect(small.cluster.node(follower).status()).toMatchObject({ role: 'follower', term });
});

test('a disk answers a stopped process when it goes on: until then nothing is acknowledged', async () => {
  const small = smallCluster({ seed: 'stopped disk', size: 1 });
  await small.pass(SECOND);
  const slowly = { minNs: 100 * MILLISECOND, maxNs: 100 * MILLISECOND };
  small.cluster.node(n1).disk.slow(slowly);
  const client = small.cluster.connect(n1);
  const writing = client.invoke({ f: 'write', key: 'k', value: 1 }, 10 * SECOND);
  let isDone = false;
  void writing.then(() => (isDone = true));
  // The request is there and its batch is written; the sync is under way.
  await small.pass(20 * MILLISECOND);
  small.cluster.node(n1).pause();
  await small.pass(3 * SECOND);
  expect(isDone).toBe(false);
  small.cluster.node(n1).resume();
  expect(await small.play(() => writing)).toMatchObject({ type: 'ok' });
});

test('requests that come while a process is stopped wait for it, and clients no longer than they like', async () => {
  const small = smallCluster({ seed: 'waits', size: 1 });
  await small.pass(SECOND);
  small.cluster.node(n1).pause();
  expect(await write(small, 1)).toEqual({ type: 'info', error: 'no answer in time' });
  small.cluster.node(n1).resume();
  await small.pass(SECOND);
  expect(await read(small), 'it happened all the same').toMatchObject({ type: 'ok', value: 1 });
});

test('a kill ends a pause, and the next life is not stopped', async () => {
  const small = smallCluster({ seed: 'kill paused' });
  await small.pass(SECOND);
  const node = small.cluster.node(n1);
  node.pause();
  node.stop({ type: 'killed' });
  node.start();
  await small.pass(SECOND);
  expect([node.pid, node.isServing]).toEqual([2, true]);
});

test('a node whose disk fails stops, and runs again after a while', async () => {
  const mourning = mourner();
  const exits: unknown[] = [];
  const small = smallCluster({ seed: 'failing', observers: [mourning] });
  small.cluster.onUnexpectedExit((exit) => exits.push(exit));
  await small.pass(SECOND);
  small.cluster.node(n1).disk.failNextSync();
  await write(small, 1);
  await small.pass(3 * SECOND);
  expect(mourning.stops).toMatchObject([{ life: { node: 'n1' }, stop: { type: 'failed' } }]);
  expect(exits).toEqual([{ node: 'n1', code: 74, signal: null }]);
  expect(small.cluster.node(n1)).toMatchObject({ pid: 2, isServing: true });
});

test('a node that is killed while it waits to run again stays down until somebody starts it', async () => {
  const small = smallCluster({ seed: 'kill failed' });
  await small.pass(SECOND);
  small.cluster.node(n1).disk.failNextSync();
  await write(small, 1);
  expect(small.cluster.node(n1).state).toBe('down');
  small.cluster.node(n1).stop({ type: 'killed' });
  await small.pass(5 * SECOND);
  expect(small.cluster.node(n1).state).toBe('down');
  small.cluster.node(n1).start();
  await small.pass(SECOND);
  expect(small.cluster.node(n1).isServing).toBe(true);
});

test('a node that finds its own state broken is told apart: it failed, with that error', async () => {
  const mourning = mourner();
  let isBroken = false;
  const small = smallCluster({
    seed: 'bug',
    size: 1,
    observers: [mourning],
    rules: {
      mayServeRead(...given) {
        if (isBroken) throw new InvariantError('a planted bug');
        return PAPER_RULES.mayServeRead(...given);
      },
    },
  });
  await small.pass(SECOND);
  isBroken = true;
  expect(await read(small)).toMatchObject({ type: 'info' });
  const [end] = mourning.stops;
  expect(end?.stop).toEqual({ type: 'failed', error: new InvariantError('a planted bug') });
});

test('a node that refuses its disk stays down, however often it is started', async () => {
  const mourning = mourner();
  const small = smallCluster({ seed: 'refusing', observers: [mourning] });
  await small.pass(SECOND);
  for (let value = 1; value <= 20; value++) await write(small, value);
  expect(flipBits(small.cluster.node(n1).disk, makeRandom('flip'), 1)).toHaveLength(1);
  small.cluster.node(n1).stop({ type: 'killed' });
  small.cluster.node(n1).start();
  await small.pass(5 * SECOND);
  expect(small.cluster.node(n1).state).toBe('down');
  expect(mourning.stops.map(({ stop }) => stop.type)).toEqual(['killed', 'refused']);
  small.cluster.node(n1).start();
  await small.pass(SECOND);
  expect(small.cluster.node(n1).state).toBe('down');
});
