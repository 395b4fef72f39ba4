import { expect, test } from 'vitest';
import type { Cluster, LinkDelay } from '../src/contracts/cluster.ts';
import { type Link, nodeId, type NodeId } from '../src/contracts/names.ts';
import type { Nemesis, ResolvedFault } from '../src/contracts/nemesis.ts';
import { nemeses } from './index.ts';
import { kill } from './kill.ts';
import { partition } from './partition.ts';
import { pause } from './pause.ts';
import { reset } from './reset.ts';
import { slow } from './slow.ts';

const [n1, n2, n3] = [nodeId('n1'), nodeId('n2'), nodeId('n3')];
const nodes = [n1, n2, n3];

/** A cluster of which only what a test names exists. */
function clusterWith(parts: object): Cluster {
  const cluster: object = { nodes, ...parts };
  return cluster as Cluster;
}

function faultWith(value: unknown, victims: readonly NodeId[] = [n1]): ResolvedFault {
  return { victims, leader: undefined, value: value as ResolvedFault['value'] };
}

/** Links that remember what is in force on them. */
function recordingLinks() {
  const inForce: { what: string; links: readonly Link[]; how: unknown }[] = [];
  const begin = async (what: string, links: readonly Link[], how?: unknown) => {
    const one = { what, links, how };
    inForce.push(one);
    return { [Symbol.asyncDispose]: async () => void inForce.splice(inForce.indexOf(one), 1) };
  };
  const links = {
    cut: (some: readonly Link[]) => begin('cut', some),
    slow: (some: readonly Link[], delay: LinkDelay) => begin('slow', some, delay),
    resetEvery: (some: readonly Link[], everyNs: number) => begin('reset', some, everyNs),
    healAll: async () => void inForce.splice(0),
  };
  return { inForce, cluster: clusterWith({ links }) };
}

/** Nodes that run, are paused or are down; one of them may refuse whatever is done to it. */
function recordingProcesses(stubborn?: NodeId) {
  const state = new Map(nodes.map((node) => [node, 'runs']));
  const becomes = (to: string) => async (node: NodeId) => {
    if (node === stubborn && to !== 'runs') throw new Error('not permitted');
    state.set(node, to);
  };
  const processes = {
    pid: (node: NodeId) => (state.get(node) === 'down' ? undefined : 1),
    kill: becomes('down'),
    start: becomes('runs'),
    pause: becomes('paused'),
    resume: becomes('runs'),
  };
  return {
    states: () => nodes.map((node) => state.get(node)),
    cluster: clusterWith({ processes }),
  };
}

const groups = [['n1'], ['n2', 'n3']];

test.for([
  { nemesis: partition, value: { groups }, what: 'cut', how: undefined },
  {
    nemesis: slow,
    value: { groups, delayNs: 100, jitterNs: 50 },
    what: 'slow',
    how: { delayNs: 100, jitterNs: 50 },
  },
  { nemesis: reset, value: { groups, everyNs: 1_000_000 }, what: 'reset', how: 1_000_000 },
])(
  '$what: through the cluster, on the links that it names, until disposal or healAll',
  async ({ nemesis, value, what, how }) => {
    const { inForce, cluster } = recordingLinks();
    const fault = faultWith(value);
    const expected = [{ what, links: nemesis.links?.(fault), how }];
    expect(expected[0]?.links).toHaveLength(4);
    {
      await using injected = new AsyncDisposableStack();
      injected.use(await nemesis.inject(cluster, fault, 'one'));
      expect(inForce).toEqual(expected);
    }
    expect(inForce).toEqual([]);
    await nemesis.inject(cluster, fault, 'one');
    await nemesis.healAll(cluster);
    expect(inForce).toEqual([]);
  },
);

test.for([
  { nemesis: kill, state: 'down' },
  { nemesis: pause, state: 'paused' },
])('victims are $state until disposal or healAll', async ({ nemesis, state }) => {
  const { states, cluster } = recordingProcesses();
  const fault = faultWith({ nodes: ['n1', 'n2'] }, [n1, n2]);
  {
    await using injected = new AsyncDisposableStack();
    injected.use(await nemesis.inject(cluster, fault, 'one'));
    expect(states()).toEqual([state, state, 'runs']);
  }
  expect(states()).toEqual(['runs', 'runs', 'runs']);
  await nemesis.inject(cluster, fault, 'one');
  await nemesis.healAll(cluster);
  expect(states()).toEqual(['runs', 'runs', 'runs']);
});

test.for([{ nemesis: kill }, { nemesis: pause }])(
  '$nemesis.kind: when one victim cannot be hit the others are healed, and that is said',
  async ({ nemesis }) => {
    for (const stubborn of nodes) {
      const { states, cluster } = recordingProcesses(stubborn);
      await expect(nemesis.inject(cluster, faultWith(null, nodes), 'all')).rejects.toThrow(
        'not permitted',
      );
      expect(states()).toEqual(['runs', 'runs', 'runs']);
    }
  },
);

test('what a cluster cannot do needs no healing', async () => {
  for (const nemesis of nemeses.values()) await nemesis.healAll(clusterWith({}));
});

test.for<{
  nemesis: Nemesis;
  value: unknown;
  victims?: readonly NodeId[];
  code: string;
  why: string;
}>([
  {
    nemesis: partition,
    value: null,
    code: 'GONG-E131',
    why: 'either "groups" of nodes or "links"',
  },
  {
    nemesis: partition,
    value: { groups, links: ['n1->n2'] },
    code: 'GONG-E131',
    why: 'either "groups" of nodes or "links"',
  },
  { nemesis: partition, value: { groups: ['n1'] }, code: 'GONG-E131', why: 'lists of nodes' },
  { nemesis: partition, value: { groups: [] }, code: 'GONG-E131', why: 'lists of nodes' },
  { nemesis: partition, value: { groups: [['n1', 'n2']] }, code: 'GONG-E131', why: 'no links' },
  {
    nemesis: partition,
    value: { groups: [['n1'], ['n1', 'n2']] },
    code: 'GONG-E131',
    why: 'n1 stands in two places',
  },
  { nemesis: partition, value: { links: [] }, code: 'GONG-E131', why: '"links" is empty' },
  { nemesis: partition, value: { links: 'n1->n2' }, code: 'GONG-E131', why: 'a list such as' },
  { nemesis: partition, value: { links: ['n1-n2'] }, code: 'GONG-E131', why: '"n1-n2" is no link' },
  {
    nemesis: partition,
    value: { links: ['n1->n2', 'n1->n2'] },
    code: 'GONG-E131',
    why: 'n1->n2 stands there twice',
  },
  {
    nemesis: partition,
    value: { groups: [['n1'], ['n9']] },
    code: 'GONG-E132',
    why: 'the nodes of this cluster are n1, n2, n3',
  },
  { nemesis: slow, value: { groups }, code: 'GONG-E133', why: '"delayNs"' },
  {
    nemesis: slow,
    value: { groups, delayNs: 10, jitterNs: 6 },
    code: 'GONG-E133',
    why: '"jitterNs" has to be a whole number of nanoseconds from 0 to 5',
  },
  { nemesis: reset, value: { groups, everyNs: '1s' }, code: 'GONG-E133', why: '"everyNs"' },
  { nemesis: reset, value: { everyNs: 1e9 }, code: 'GONG-E131', why: 'either "groups"' },
  { nemesis: kill, value: null, victims: [], code: 'GONG-E132', why: 'n1, n2, n3' },
  { nemesis: pause, value: null, victims: [nodeId('n4')], code: 'GONG-E132', why: 'n1, n2, n3' },
])(
  'a $nemesis.kind of $value on $victims is refused with $code, and nothing happens',
  async ({ nemesis, value, victims, code, why }) => {
    const { inForce, cluster } = recordingLinks();
    const { states, cluster: other } = recordingProcesses();
    const both = { ...other, ...cluster };
    await expect(nemesis.inject(both, faultWith(value, victims), 'one')).rejects.toMatchObject({
      kind: 'usage',
      code,
      why: expect.stringContaining(why) as unknown,
    });
    expect(inForce).toEqual([]);
    expect(states()).toEqual(['runs', 'runs', 'runs']);
  },
);
