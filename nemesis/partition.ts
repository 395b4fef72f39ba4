import type { Cluster } from '../src/contracts/cluster.ts';
import { type Link, nodeId, type NodeId } from '../src/contracts/names.ts';
import type { Nemesis, ResolvedFault } from '../src/contracts/nemesis.ts';
import { assert, defined } from '../src/lib/assert.ts';
import type { Random } from '../src/lib/prng.ts';

/** What a resolved fault carries: any JSON, since it may come from a file. */
type Value = ResolvedFault['value'];

/**
 * Cuts every link between two groups of nodes, both ways. Clients still reach every node: that is how
 * a store is caught serving from the side that must not.
 */
export const partition: Nemesis = {
  kind: 'partition',
  requires: 'links',
  shapes: [
    {
      shape: 'one',
      hitsLeader: false,
      nodesMin: 3,
      evidence: ['cut-off-side'],
      resolve: ({ nodes }, random) => split(nodes, [random.pick(nodes)], undefined),
    },
    {
      shape: 'halves',
      hitsLeader: false,
      nodesMin: 3,
      evidence: ['cut-off-side'],
      resolve({ nodes }, random) {
        // With an even number the larger side has one more than half: two equal halves would leave
        // nobody a quorum, and show only that a store without a quorum waits.
        const minority = random.shuffle(nodes).slice(quorum(nodes.length));
        return split(nodes, minority, undefined);
      },
    },
    {
      shape: 'leader',
      hitsLeader: true,
      nodesMin: 3,
      evidence: ['cut-off-side', 'election'],
      resolve: ({ nodes, leader }) =>
        leader === undefined ? undefined : split(nodes, [leader], leader),
    },
    {
      shape: 'leader-minority',
      hitsLeader: true,
      nodesMin: 3,
      evidence: ['cut-off-side', 'election'],
      resolve({ nodes, leader }, random) {
        if (leader === undefined) return undefined;
        return split(nodes, [leader, ...companions(nodes, leader, random)], leader);
      },
    },
  ],
  inject,
  links: ({ value }) => linksAcross(groupsOf(value)),
};

/** As many others as go with the leader into the largest minority: 1 of 5 nodes, none of 3. */
function companions(nodes: readonly NodeId[], leader: NodeId, random: Random): NodeId[] {
  const others = random.shuffle(nodes.filter((node) => node !== leader));
  return others.slice(0, nodes.length - quorum(nodes.length) - 1);
}

function split(
  nodes: readonly NodeId[],
  minority: readonly NodeId[],
  leader: NodeId | undefined,
): ResolvedFault {
  // In the order of the nodes' names, so that two faults that do the same look the same.
  const cutOff = nodes.filter((node) => minority.includes(node));
  const rest = nodes.filter((node) => !minority.includes(node));
  return { victims: cutOff, leader, value: { groups: [cutOff, rest] } };
}

function quorum(nodes: number): number {
  return Math.floor(nodes / 2) + 1;
}

async function inject(cluster: Cluster, { value }: ResolvedFault): Promise<AsyncDisposable> {
  const control = defined(cluster.links, 'a plan with partition needs control of links');
  return control.cut(linksAcross(groupsOf(value)));
}

/** Every directed link from one group to another. */
export function linksAcross(groups: readonly (readonly NodeId[])[]): readonly Link[] {
  return groups.flatMap((group, i) =>
    groups.flatMap((other, j) =>
      i === j ? [] : group.flatMap((from) => other.map((to) => ({ from, to }))),
    ),
  );
}

/** Reads `{"groups":[["n1"],["n2","n3"]]}`. @throws InvariantError when it is something else */
export function groupsOf(value: Value): readonly (readonly NodeId[])[] {
  const groups = isRecord(value) ? value['groups'] : undefined;
  assert(Array.isArray(groups), 'a partition names its groups');
  return groups.map((group: unknown) => {
    assert(Array.isArray(group), 'a group is a list of nodes');
    return group.map((name: unknown) => nodeId(String(name)));
  });
}

function isRecord(value: Value): value is { readonly [key: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
