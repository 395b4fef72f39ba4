import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Cluster } from '../src/contracts/cluster.ts';
import { type Link, nodeId, type NodeId } from '../src/contracts/names.ts';
import type { Nemesis, ResolvedFault } from '../src/contracts/nemesis.ts';
import { defined } from '../src/lib/assert.ts';
import { makeRandom } from '../src/lib/prng.ts';
import { kill } from './kill.ts';
import { groupsOf, linksAcross, partition } from './partition.ts';

const named = (count: number): NodeId[] =>
  Array.from({ length: count }, (_, i) => nodeId(`n${i + 1}`));

const shapeOf = (nemesis: Nemesis, shape: string) =>
  defined(
    nemesis.shapes.find((one) => one.shape === shape),
    `no shape ${shape}`,
  );

/** A cluster of 3 to 9 nodes, a leader among them, a shape and a seed. */
const situations = fc
  .record({
    count: fc.integer({ min: 3, max: 9 }),
    leader: fc.nat(),
    shape: fc.constantFrom(...partition.shapes.map((one) => one.shape)),
    seed: fc.string(),
  })
  .map(({ count, leader, shape, seed }) => {
    const nodes = named(count);
    const view = { nodes, leader: nodes[leader % count] };
    const fault = shapeOf(partition, shape).resolve(view, makeRandom(seed));
    return { ...view, shape, fault: defined(fault, 'a leader is known') };
  });

test('groups are disjoint, cover all nodes, and the victims are the side without a quorum', () => {
  fc.assert(
    fc.property(situations, ({ nodes, fault }) => {
      const groups = groupsOf(fault.value);
      expect(groups.flat().toSorted()).toEqual(nodes.toSorted());
      const quorum = Math.floor(nodes.length / 2) + 1;
      const [cutOff = [], rest = []] = groups;
      expect(cutOff).toEqual(fault.victims);
      expect(cutOff.length).toBeGreaterThan(0);
      expect(cutOff.length).toBeLessThan(quorum);
      expect(rest.length).toBeGreaterThanOrEqual(quorum);
    }),
  );
});

test('each shape isolates whom it names', () => {
  fc.assert(
    fc.property(situations, ({ nodes, leader, shape, fault }) => {
      const { victims } = fault;
      const largestMinority = Math.ceil(nodes.length / 2) - 1;
      const sizes: Record<string, number> = {
        one: 1,
        leader: 1,
        halves: largestMinority,
        'leader-minority': largestMinority,
      };
      expect(victims.length).toBe(sizes[shape]);
      const hitsLeader = shapeOf(partition, shape).hitsLeader;
      expect(fault.leader).toBe(hitsLeader ? leader : undefined);
      expect(victims.includes(fault.leader ?? victims[0] ?? nodeId(''))).toBe(true);
    }),
  );
});

test('of five nodes leader-minority cuts off two, of three the leader alone', () => {
  const resolve = (count: number) =>
    shapeOf(partition, 'leader-minority').resolve(
      { nodes: named(count), leader: nodeId('n2') },
      makeRandom(1),
    )?.victims;
  expect(resolve(5)).toHaveLength(2);
  expect(resolve(3)).toEqual(['n2']);
});

test('the links that are cut are exactly those between the groups, both ways', () => {
  fc.assert(
    fc.property(situations, ({ nodes, fault }) => {
      const groups = groupsOf(fault.value);
      const sideOf = (node: NodeId): number => groups.findIndex((group) => group.includes(node));
      const expected = nodes.flatMap((from) =>
        nodes.filter((to) => sideOf(from) !== sideOf(to)).map((to) => `${from}>${to}`),
      );
      const cut = linksAcross(groups).map(({ from, to }) => `${from}>${to}`);
      expect(cut.toSorted()).toEqual(expected.toSorted());
    }),
  );
});

test('shapes that hit the leader wait for one to be known', () => {
  for (const nemesis of [kill, partition]) {
    for (const shape of nemesis.shapes) {
      const fault = shape.resolve({ nodes: named(5), leader: undefined }, makeRandom(1));
      expect(fault === undefined).toBe(shape.hitsLeader);
    }
  }
});

test('a partition cuts through the cluster and disposal heals it', async () => {
  const cuts: Link[][] = [];
  const links = {
    async cut(some: readonly Link[]) {
      cuts.push([...some]);
      return { [Symbol.asyncDispose]: async () => void cuts.pop() };
    },
  };
  const fault: ResolvedFault = {
    victims: [nodeId('n1')],
    leader: undefined,
    value: { groups: [['n1'], ['n2', 'n3']] },
  };
  {
    await using cut = new AsyncDisposableStack();
    cut.use(await partition.inject(clusterWith({ links }), fault, 'one'));
    expect(cuts[0]).toHaveLength(4);
    expect(partition.links?.(fault)).toEqual(cuts[0]);
  }
  expect(cuts).toEqual([]);
});

/** A cluster of which only what a test names exists. */
function clusterWith(parts: object): Cluster {
  return parts as Cluster;
}

function processesWith(down: Set<NodeId>, unkillable?: NodeId) {
  return {
    pid: (node: NodeId) => (down.has(node) ? undefined : 1),
    async kill(node: NodeId) {
      if (node === unkillable) throw new Error('not permitted');
      down.add(node);
    },
    start: async (node: NodeId) => void down.delete(node),
  };
}

test('a killed node is started again at disposal, also when another could not be killed', async () => {
  const [n1, n2] = [nodeId('n1'), nodeId('n2')];
  const fault: ResolvedFault = { victims: [n1, n2], leader: undefined, value: null };
  const down = new Set<NodeId>();
  {
    await using killed = new AsyncDisposableStack();
    const cluster = clusterWith({ processes: processesWith(down) });
    killed.use(await kill.inject(cluster, fault, 'one'));
    expect(down).toEqual(new Set([n1, n2]));
  }
  expect(down.size).toBe(0);
  const cluster = clusterWith({ processes: processesWith(down, n2) });
  await expect(kill.inject(cluster, fault, 'one')).rejects.toThrow('not permitted');
  expect(down.size).toBe(0);
});
