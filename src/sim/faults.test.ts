import { describe, expect, test } from 'vitest';
import type { Json } from '../../checker/index.ts';
import { nemeses } from '../../nemesis/index.ts';
import type { Cluster, LinkTraffic } from '../contracts/cluster.ts';
import { type Link, nodeId as name, type NodeId as Name } from '../contracts/names.ts';
import type { EvidenceKind, Nemesis, NemesisShape } from '../contracts/nemesis.ts';
import { defined, InvariantError } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import type { SimObserver } from './observer.ts';
import { injectFault, type SimFault } from './faults.ts';
import { PORT_CALLS } from './node-ports.ts';
import { mourner } from './testing/mourner.ts';
import { smallCluster, type SmallCluster } from './testing/small-cluster.ts';

const random = makeRandom('faults');

/** Injects it, lets time pass, and ends it. */
async function during(small: SmallCluster, fault: SimFault, ns: number): Promise<void> {
  const { cluster, play, pass } = small;
  const inForce = await play(() => injectFault(cluster, fault, random));
  await pass(ns);
  await play(async () => inForce[Symbol.asyncDispose]());
}

async function put({ cluster, play }: SmallCluster, node: string, value: number) {
  const client = cluster.connect(name(node));
  return play(() => client.invoke({ f: 'write', key: 'k', value }, SECOND));
}

/** Whether the nodes that a fault names are there. */
const fits =
  (size: number) =>
  (fault: SimFault): boolean =>
    !('victims' in fault) || typeof fault.victims === 'string' || fault.victims.length <= size - 1;

const votersOf = ({ nodes, configuration }: SmallCluster['cluster']): readonly Name[] =>
  nodes.filter((node) => configuration.voters.some((id) => String(id) === String(node)));

/** Every voter follows the same leader, who can do something. */
async function isWell(small: SmallCluster): Promise<void> {
  const { cluster } = small;
  await small.pass(3 * SECOND);
  const voters = votersOf(cluster);
  const leaders = voters.map((node) => cluster.node(node).status()?.leader);
  expect(leaders).toEqual(voters.map(() => cluster.leader));
  for (const node of voters) expect(await put(small, node, 1)).toMatchObject({ type: 'ok' });
}

describe('every nemesis does in a simulation what it does to processes', () => {
  const { cluster: simulated } = smallCluster({ seed: 'capabilities', size: 5 });
  const capable: Cluster = simulated;
  const all = [...nemeses.values()]
    .filter(({ requires }) => capable[requires] !== undefined)
    .flatMap((nemesis) => nemesis.shapes.map((shape) => ({ nemesis, shape })));

  /** Of one fault, as a run would look for it. */
  interface Seen {
    readonly small: SmallCluster;
    readonly links: readonly Link[];
    readonly victims: readonly string[];
    readonly value: Json;
    readonly trafficBefore: readonly LinkTraffic[];
    readonly termBefore: number;
  }

  const sum = (traffic: readonly LinkTraffic[], what: keyof LinkTraffic): number =>
    traffic.reduce((total, one) => total + one[what], 0);

  async function trafficOf({ cluster }: SmallCluster, links: readonly Link[]) {
    return Promise.all(links.map((link) => cluster.links.traffic(link)));
  }

  /** Just before the heal. */
  const evidence: Record<EvidenceKind, (seen: Seen) => Promise<void>> = {
    async election({ small, victims, termBefore }) {
      const leader = defined(small.cluster.leader, 'somebody leads');
      expect(victims).not.toContain(leader);
      expect(small.cluster.node(leader).status()?.term).toBeGreaterThan(termBefore);
    },
    async 'links-cut'({ small, links, trafficBefore }) {
      const now = await trafficOf(small, links);
      expect(sum(now, 'forwardedBytes')).toBe(sum(trafficBefore, 'forwardedBytes'));
      expect(sum(now, 'heldBytes')).toBeGreaterThan(sum(trafficBefore, 'heldBytes'));
    },
    async 'cut-off-side'(seen) {
      await evidence['links-cut'](seen);
      for (const victim of seen.victims) {
        expect(await put(seen.small, victim, 2)).not.toMatchObject({ type: 'ok' });
      }
    },
    async 'new-process'({ small, victims }) {
      for (const victim of victims) {
        expect(await put(small, victim, 2)).toEqual({ type: 'fail', error: 'nobody listens' });
      }
    },
    async stopped({ small, victims }) {
      for (const victim of victims) {
        expect(await put(small, victim, 2)).toEqual({ type: 'info', error: 'no answer in time' });
      }
    },
    async slowed({ small, links, trafficBefore }) {
      const now = await trafficOf(small, links);
      expect(sum(now, 'delayedBytes')).toBeGreaterThan(sum(trafficBefore, 'delayedBytes'));
    },
    async 'connections-reset'({ small, links, trafficBefore }) {
      const now = await trafficOf(small, links);
      expect(sum(now, 'resets')).toBeGreaterThan(sum(trafficBefore, 'resets'));
      expect(sum(now, 'connections')).toBeGreaterThan(sum(trafficBefore, 'connections'));
    },
    async 'hook-output'() {
      throw new Error('no script runs in a simulation');
    },
    async 'members-changed'({ small: { cluster }, value }) {
      const { changes } = value as { readonly changes: readonly (readonly string[])[] };
      expect(cluster.configuration).toMatchObject({ voters: changes.at(-1), outgoing: [] });
    },
    async 'led-by-target'({ small: { cluster }, value, termBefore }) {
      const { to } = value as { readonly to: readonly string[] };
      expect(cluster.leader).toBe(to.at(-1));
      const status = cluster.node(to.at(-1) ?? '').status();
      expect(status?.term).toBe(termBefore + to.length);
    },
  };

  async function look(small: SmallCluster, nemesis: Nemesis, shape: NemesisShape): Promise<void> {
    const { cluster } = small;
    const leader = defined(
      cluster.nodes.find((node) => String(node) === cluster.leader),
      'somebody leads',
    );
    const resolved = defined(
      shape.resolve({ nodes: cluster.nodes, voters: votersOf(cluster), leader }, random),
      'who',
    );
    const links = nemesis.links?.(resolved) ?? [];
    const termBefore = Number(cluster.node(leader).status()?.term);
    const inForce = await small.play(() => nemesis.inject(cluster, resolved, shape.shape));
    const trafficBefore = await trafficOf(small, links);
    const seen: Seen = { small, links, ...resolved, trafficBefore, termBefore };
    await small.pass(2 * SECOND);
    for (const kind of shape.evidence) await evidence[kind](seen);
    await small.play(async () => inForce[Symbol.asyncDispose]());
    await small.pass(2 * SECOND);
    const life = shape.evidence.includes('new-process') ? 2 : 1;
    for (const victim of resolved.victims) expect(cluster.processes.pid(victim)).toBe(life);
    const healed = await trafficOf(small, links);
    await small.pass(2 * SECOND);
    const later = await trafficOf(small, links);
    expect(sum(later, 'heldBytes')).toBe(sum(healed, 'heldBytes'));
    expect(sum(later, 'resets')).toBe(sum(healed, 'resets'));
    await small.play(() => nemesis.healAll(cluster));
    expect(votersOf(cluster)).toEqual(cluster.membership.first);
    await isWell(small);
  }

  test.for(all)('$nemesis.kind:$shape.shape', async ({ nemesis, shape }) => {
    const spares = nemesis.requires === 'membership' ? 2 : 0;
    const small = smallCluster({ seed: `${nemesis.kind}:${shape.shape}`, size: 5, spares });
    await small.pass(SECOND);
    await look(small, nemesis, shape);
  });
});

const FAULTS: readonly SimFault[] = [
  {
    type: 'network',
    links: { of: 'all', direction: 'both' },
    trouble: {
      type: 'messages',
      lossRate: 0.05,
      duplicateRate: 0.1,
      reorderRate: 0.1,
      lateNsMax: 30 * MILLISECOND,
    },
  },
  { type: 'network', links: { count: 6 }, trouble: { type: 'cut' } },
  {
    type: 'network',
    links: { of: 'leader', direction: 'received' },
    trouble: { type: 'slow', delayNs: 40 * MILLISECOND, jitterNs: 40 * MILLISECOND },
  },
  {
    type: 'network',
    links: { of: 'one', direction: 'sent' },
    trouble: { type: 'reset', everyNs: 100 * MILLISECOND },
  },
  { type: 'clock', victims: 'minority', change: { type: 'drift', partsPerMillion: 200_000 } },
  { type: 'clock', victims: ['n2'], change: { type: 'drift', partsPerMillion: -300_000 } },
  { type: 'clock', victims: 'majority', change: { type: 'jump', aheadNs: 10 * SECOND } },
  { type: 'power-failure', victims: 'all' },
  { type: 'power-failure', victims: 'majority' },
  ...PORT_CALLS.map((call): SimFault => ({
    type: 'crash',
    victims: 'majority',
    how: 'power-failure',
    call,
    nth: 2,
    moment: 'after',
    again: 2,
  })),
  { type: 'disk', victims: 'all', trouble: { type: 'slow', addNs: { minNs: 0, maxNs: 1e7 } } },
  { type: 'disk', victims: 'follower', trouble: { type: 'full', freeBytes: 500 } },
  { type: 'disk', victims: 'leader', trouble: { type: 'failed-sync' } },
  { type: 'disk', victims: 'all', trouble: { type: 'read-errors', probability: 0.3 } },
];

test.for(FAULTS.map((fault) => ({ fault, text: JSON.stringify(fault) })))(
  'after $text all is well again',
  async ({ fault, text }) => {
    expect(JSON.parse(text), 'it is plain JSON').toEqual(fault);
    const small = smallCluster({ seed: 'well', size: 5 });
    await small.pass(SECOND);
    const inForce = await small.play(() => injectFault(small.cluster, fault, random));
    for (let value = 1; value <= 20; value++) {
      await put(small, `n${1 + (value % 5)}`, value);
    }
    await small.play(async () => inForce[Symbol.asyncDispose]());
    await isWell(small);
  },
);

test('the same seed gives the same run, event by event, under every fault at once', async () => {
  const run = async (seed: string): Promise<readonly string[]> => {
    const told: string[] = [];
    const tell =
      (what: string) =>
      (...args: readonly unknown[]): void =>
        void told.push(`${what} ${JSON.stringify(args)}`);
    const observer: SimObserver = {
      started: tell('started'),
      stopped: ({ node, number }, { type }) => void told.push(`stopped ${node}/${number} ${type}`),
      stepped: tell('stepped'),
      synced: tell('synced'),
      applied: tell('applied'),
      answered: tell('answered'),
      happened: tell('happened'),
    };
    const small = smallCluster({
      seed,
      size: 5,
      observers: [observer],
      profile: { driftPpmMax: 500 },
    });
    await small.pass(SECOND);
    const own = makeRandom(seed);
    const inForce = await small.play(() =>
      Promise.all(FAULTS.map((fault, i) => injectFault(small.cluster, fault, own.fork(String(i))))),
    );
    for (let value = 1; value <= 10; value++) await put(small, `n${1 + (value % 5)}`, value);
    await small.play(async () => {
      for (const one of inForce) await one[Symbol.asyncDispose]();
    });
    await small.pass(10 * SECOND);
    return told;
  };
  const [first, second] = [await run('same'), await run('same')];
  expect(second).toEqual(first);
  expect(first.length).toBeGreaterThan(1000);
  expect(await run('other')).not.toEqual(first);
});

test('nothing of a dead life ever happens, and nobody stops for a bug, under any mix of faults', async () => {
  let deaths = 0;
  for (let seed = 1; seed <= 15; seed++) {
    const mourning = mourner();
    const size = 1 + (seed % 5);
    const small = smallCluster({ seed: `mix ${seed}`, size, observers: [mourning] });
    const own = makeRandom(`mix ${seed}`);
    await small.pass(SECOND);
    for (let step = 0; step < 12; step++) {
      const faults = own.shuffle(FAULTS.filter(fits(size))).slice(0, own.integer(1, 4));
      const inForce = await small.play(() =>
        Promise.all(faults.map((fault) => injectFault(small.cluster, fault, own))),
      );
      for (const node of small.cluster.nodes) {
        const client = small.cluster.connect(node);
        void client.invoke({ f: 'write', key: 'k', value: step }, SECOND);
      }
      await small.pass(own.integer(1, 1000) * MILLISECOND);
      await small.play(async () => {
        for (const one of inForce) await one[Symbol.asyncDispose]();
      });
    }
    deaths += mourning.stops.length;
    expect(mourning.ghosts, `seed ${seed}`).toEqual([]);
    const bugs = mourning.stops.filter(
      ({ stop }) => stop.type === 'failed' && stop.error instanceof InvariantError,
    );
    expect(bugs, `seed ${seed}`).toEqual([]);
    small.cluster.startAll();
    await isWell(small);
  }
  expect(deaths).toBeGreaterThan(50);
});

test('victims are chosen when the fault comes: the leader is who leads then', async () => {
  const small = smallCluster({ seed: 'victims', size: 5 });
  await small.pass(SECOND);
  const first = defined(small.cluster.leader, 'somebody leads');
  small.cluster.node(first).stop({ type: 'killed' });
  await small.pass(2 * SECOND);
  const second = defined(small.cluster.leader, 'somebody leads');
  expect(second).not.toBe(first);
  await small.play(() =>
    injectFault(small.cluster, { type: 'power-failure', victims: 'leader' }, random),
  );
  expect(small.cluster.nodes.filter((node) => small.cluster.node(node).state === 'off')).toEqual([
    second,
  ]);
});

test('a jump of the clock makes timers due: a follower whose clock jumps asks for an election', async () => {
  const small = smallCluster({ seed: 'jump' });
  await small.pass(SECOND);
  const follower = defined(
    small.cluster.nodes.find((node) => String(node) !== small.cluster.leader),
    'there are others',
  );
  const roles: (string | undefined)[] = [];
  const jump: SimFault = {
    type: 'clock',
    victims: [follower],
    change: { type: 'jump', aheadNs: SECOND },
  };
  await small.play(() => injectFault(small.cluster, jump, random));
  for (let i = 0; i < 20; i++) {
    await small.pass(100_000);
    roles.push(small.cluster.node(follower).status()?.role);
  }
  expect(new Set(roles)).not.toEqual(new Set(['follower']));
});

test('a drift ends with its fault, and the clock keeps what it gained', async () => {
  const small = smallCluster({ seed: 'drift', size: 1 });
  const { clock } = small.cluster.node('n1');
  const fault: SimFault = {
    type: 'clock',
    victims: 'all',
    change: { type: 'drift', partsPerMillion: 100_000 },
  };
  const startNs = clock.now() - small.sim.now();
  await during(small, fault, 10 * SECOND);
  expect(clock.now() - small.sim.now()).toBe(startNs + SECOND);
  await small.pass(10 * SECOND);
  expect(clock.now() - small.sim.now()).toBe(startNs + SECOND);
});

test('clocks of a profile with a drift run apart, each by no more than it', async () => {
  const small = smallCluster({ seed: 'apart', size: 5, profile: { driftPpmMax: 500 } });
  const before = small.cluster.nodes.map((node) => small.cluster.node(node).clock.now());
  await small.pass(10 * SECOND);
  const gained = small.cluster.nodes.map(
    (node, i) => small.cluster.node(node).clock.now() - (before[i] ?? 0) - 10 * SECOND,
  );
  expect(new Set(gained).size).toBeGreaterThan(3);
  for (const ns of gained) expect(Math.abs(ns)).toBeLessThanOrEqual(5 * MILLISECOND);
});

test('a crash fault kills as many lives as it says, and the next one stays', async () => {
  const lives: number[] = [];
  const small = smallCluster({
    seed: 'lives',
    observers: [{ stopped: ({ number }) => void lives.push(number) }],
  });
  await small.pass(SECOND);
  const fault: SimFault = {
    type: 'crash',
    victims: ['n2'],
    how: 'kill',
    call: 'any',
    nth: 5,
    moment: 'before',
    again: 3,
  };
  await small.play(() => injectFault(small.cluster, fault, random));
  await small.pass(20 * SECOND);
  expect(lives).toEqual([1, 2, 3, 4]);
  expect(small.cluster.node('n2')).toMatchObject({ pid: 5, isServing: true });
});

test.for([{ call: 'Disk.list' }, { call: 'Disk.read' }, { call: 'Disk.rename' }] as const)(
  'a crash in $call, which only a recovery makes, comes in one: the fault sees to it',
  async ({ call }) => {
    const lives: number[] = [];
    const small = smallCluster({
      seed: 'recovery',
      observers: [{ stopped: ({ number }) => void lives.push(number) }],
    });
    await small.pass(SECOND);
    const crash: SimFault = {
      type: 'crash',
      victims: ['n2'],
      how: 'kill',
      call,
      nth: 1,
      moment: 'after',
      again: 1,
    };
    await during(small, crash, 5 * SECOND);
    expect(lives, 'killed, and twice in recovery').toEqual([1, 2, 3]);
    expect(small.count('crashed-at-port')).toBe(2);
    expect(small.cluster.node('n2')).toMatchObject({ pid: 4, isServing: true });
  },
);

test('the end of a crash fault takes back a death that has not come', async () => {
  const deathsBy = async (endsAfterNs: number): Promise<number> => {
    const small = smallCluster({ seed: 'spared' });
    await small.pass(SECOND);
    const fault: SimFault = {
      type: 'crash',
      victims: ['n1'],
      how: 'kill',
      call: 'any',
      nth: 500,
      moment: 'before',
      again: 0,
    };
    await during(small, fault, endsAfterNs);
    await small.pass(20 * SECOND);
    return small.count('crashed-at-port');
  };
  expect(await deathsBy(SECOND)).toBe(0);
  expect(await deathsBy(20 * SECOND)).toBe(1);
});

test('bits flip in a minority of disks only, and in front of the last synced batch: the node refuses', async () => {
  const stops: string[] = [];
  const small = smallCluster({
    seed: 'flips',
    size: 5,
    observers: [{ stopped: ({ node }, { type }) => void stops.push(`${node} ${type}`) }],
  });
  await small.pass(SECOND);
  for (let value = 1; value <= 30; value++) await put(small, 'n1', value);
  const fault: SimFault = {
    type: 'disk',
    victims: 'all',
    trouble: { type: 'bit-flips', count: 1 },
  };
  await during(small, fault, SECOND);
  const damaged = [...small.cluster.damaged];
  expect(damaged).toHaveLength(2);
  expect(small.count('bit-flipped')).toBe(2);
  for (const node of small.cluster.nodes) small.cluster.node(node).stop({ type: 'power-failure' });
  small.cluster.startAll();
  await small.pass(3 * SECOND);
  const refused = damaged.map((node) => `${node} refused`);
  expect(stops.filter((stop) => stop.endsWith('refused')).toSorted()).toEqual(refused.toSorted());
  for (const node of small.cluster.nodes) {
    expect(small.cluster.node(node).state).toBe(
      damaged.some((one) => String(one) === String(node)) ? 'down' : 'up',
    );
  }
  const well = defined(small.cluster.leader, 'a majority is well');
  expect(await put(small, well, 99)).toMatchObject({ type: 'ok' });
});

test('no flip is ever taken for a torn tail, wherever it lands and whatever tears', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const small = smallCluster({ seed: `flip ${seed}`, size: 3 });
    const own = makeRandom(`flip ${seed}`);
    await small.pass(SECOND);
    for (let value = 1; value <= own.integer(1, 20); value++) await put(small, 'n1', value);
    const flips: SimFault = {
      type: 'disk',
      victims: 'one',
      trouble: { type: 'bit-flips', count: own.integer(1, 3) },
    };
    const inForce = await small.play(() => injectFault(small.cluster, flips, own));
    const writing = small.cluster.connect(name('n1'));
    const written = writing.invoke({ f: 'write', key: 'k', value: 99 }, SECOND);
    await small.pass(own.integer(1, 20) * MILLISECOND);
    const [damaged] = small.cluster.damaged;
    const node = small.cluster.node(defined(damaged, `seed ${seed}: one was damaged`));
    node.stop({ type: 'power-failure' });
    node.start();
    await small.pass(SECOND);
    expect(node.state, `seed ${seed}`).toBe('down');
    await small.play(async () => {
      await written;
      await inForce[Symbol.asyncDispose]();
    });
  }
});
