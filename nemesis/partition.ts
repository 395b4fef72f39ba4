import type { Cluster } from '../src/contracts/cluster.ts';
import type { Link, NodeId } from '../src/contracts/names.ts';
import type {
  ClusterView,
  Nemesis,
  NemesisShape,
  ResolvedFault,
} from '../src/contracts/nemesis.ts';
import { defined } from '../src/lib/assert.ts';
import type { Random } from '../src/lib/prng.ts';
import { eachAlone, linksIn, linksOf, namingLinks } from './fault-value.ts';
import { largestMinority, quorum } from './node-shapes.ts';

/** Shapes that cut some nodes off from every quorum: those nodes are the victims. */
const CUT_OFF: readonly NemesisShape[] = [
  {
    shape: 'one',
    about: 'one random node alone',
    hitsLeader: false,
    nodesMin: 3,
    evidence: ['cut-off-side'],
    valueOn: sides,
    resolve: ({ nodes, voters }, random) => together(nodes, [random.pick(voters)]),
  },
  {
    shape: 'minority',
    about: 'random nodes, as many as the others can do without, each of them alone',
    hitsLeader: false,
    nodesMin: 3,
    evidence: ['cut-off-side'],
    valueOn: apart,
    resolve: (view, random) => scattered(view, random, largestMinority(view.voters.length)),
  },
  {
    shape: 'majority',
    about: 'a random majority, each of its nodes alone, so that nobody has a quorum',
    hitsLeader: false,
    nodesMin: 3,
    evidence: ['cut-off-side'],
    valueOn: apart,
    // The rest has no quorum either. It is not among the victims: they are who was taken away from it.
    resolve: (view, random) => scattered(view, random, quorum(view.voters.length)),
  },
  {
    shape: 'halves',
    about: 'two random sides, one of them with a quorum',
    hitsLeader: false,
    nodesMin: 3,
    evidence: ['cut-off-side'],
    valueOn: sides,
    // With an even number the larger side has one more than half: two equal halves would leave
    // nobody a quorum, and show only that a store without a quorum waits.
    resolve: ({ nodes, voters }, random) =>
      together(nodes, random.shuffle(voters).slice(quorum(voters.length))),
  },
  {
    shape: 'leader',
    about: 'the leader alone',
    hitsLeader: true,
    nodesMin: 3,
    evidence: ['cut-off-side', 'election'],
    valueOn: sides,
    resolve: ({ nodes, leader }) =>
      leader === undefined ? undefined : together(nodes, [leader], leader),
  },
  {
    shape: 'leader-minority',
    about: 'the leader, with as many others as the rest can do without',
    hitsLeader: true,
    nodesMin: 3,
    evidence: ['cut-off-side', 'election'],
    valueOn: sides,
    resolve({ nodes, voters, leader }, random) {
      if (leader === undefined) return undefined;
      return together(nodes, [leader, ...companions(voters, leader, random)], leader);
    },
  },
];

/**
 * Shapes that leave nodes a way to each other over others, or in one direction: the victims are the
 * nodes at the ends of what is cut, and their clients need not feel it.
 */
const PARTIAL: readonly NemesisShape[] = [
  {
    shape: 'ring',
    about: 'each node reaches a majority, its neighbours on a random ring, and no two the same one',
    hitsLeader: false,
    // Of three nodes both others are neighbours: there would be nothing to cut.
    nodesMin: 4,
    evidence: ['links-cut'],
    resolve({ voters }, random) {
      const links = linksBesides(random.shuffle(voters), voters);
      return { victims: voters, leader: undefined, value: namingLinks(links) };
    },
  },
  {
    shape: 'bridge',
    about: 'two random sides that only one node connects',
    hitsLeader: false,
    nodesMin: 3,
    evidence: ['links-cut'],
    resolve({ voters, leader, hasLeader = false }, random) {
      // Over a leader in the middle nobody would send anything to the other side: whoever it is, it must
      // be known.
      if (hasLeader && leader === undefined) return undefined;
      const [bridge] = random.shuffle(voters.filter((node) => node !== leader));
      const others = random.shuffle(voters.filter((node) => node !== bridge));
      const half = new Set(others.slice(Math.floor(others.length / 2)));
      const ends = voters.filter((node) => node !== bridge);
      const groups = [
        ends.filter((node) => half.has(node)),
        ends.filter((node) => !half.has(node)),
      ];
      const value = { groups, bridge: defined(bridge, 'there are three nodes at least') };
      return { victims: ends, leader: undefined, value };
    },
  },
  {
    shape: 'one-way',
    about: 'either what one random node sends, or what it is sent',
    hitsLeader: false,
    nodesMin: 3,
    evidence: ['links-cut'],
    resolve({ nodes, voters }, random) {
      const victim = random.pick(voters);
      const sends = random.pick([true, false]);
      const others = nodes.filter((node) => node !== victim);
      const links = others.map((other) =>
        sends ? { from: victim, to: other } : { from: other, to: victim },
      );
      return { victims: [victim], leader: undefined, value: namingLinks(links) };
    },
  },
];

/**
 * Cuts links between nodes. Clients still reach every node: that is how a store is caught serving from
 * the side that must not. A directed link is what a node dials: a store whose nodes send only on
 * connections that they have dialled can be cut one way.
 */
export const partition: Nemesis = {
  kind: 'partition',
  requires: 'links',
  about: 'cuts links between nodes; clients still reach every node',
  band: { label: 'partition', light: '#b45309', dark: '#fbbf24' },
  shapes: [...CUT_OFF, ...PARTIAL],
  inject,
  async healAll(cluster) {
    await cluster.links?.healAll();
  },
  links: ({ value }) => linksIn(partition.kind, value),
};

async function inject(cluster: Cluster, { value }: ResolvedFault): Promise<AsyncDisposable> {
  const control = defined(cluster.links, 'a plan with partition needs control of links');
  return control.cut(linksOf(cluster, partition.kind, value));
}

/** As many others as go with the leader into the largest minority: 1 of 5 nodes, none of 3. */
function companions(voters: readonly NodeId[], leader: NodeId, random: Random): NodeId[] {
  const others = random.shuffle(voters.filter((node) => node !== leader));
  return others.slice(0, largestMinority(voters.length) - 1);
}

/** Two sides. Nodes that have no vote stand with the rest: over them nobody reaches the other side. */
function together(
  nodes: readonly NodeId[],
  minority: readonly NodeId[],
  leader?: NodeId,
): ResolvedFault {
  // In the order of the nodes' names, so that two faults that do the same look the same.
  const cutOff = nodes.filter((node) => minority.includes(node));
  const rest = nodes.filter((node) => !minority.includes(node));
  return { victims: cutOff, leader, value: { groups: [cutOff, rest] } };
}

/** For `valueOn`: the victims on one side. */
function sides(victims: readonly NodeId[], nodes: readonly NodeId[]): ResolvedFault['value'] {
  return together(nodes, victims).value;
}

/** For `valueOn`: each of the victims alone. */
function apart(victims: readonly NodeId[], nodes: readonly NodeId[]): ResolvedFault['value'] {
  return { groups: eachAlone(nodes, victims) };
}

/** So many voters alone, the other nodes together. */
function scattered({ nodes, voters }: ClusterView, random: Random, count: number): ResolvedFault {
  const chosen = random.shuffle(voters).slice(0, count);
  const alone = nodes.filter((node) => chosen.includes(node));
  return { victims: alone, leader: undefined, value: { groups: eachAlone(nodes, alone) } };
}

/**
 * The links of a ring's nodes to all but their nearest neighbours: as few on either side as make a
 * majority together with the node. Of four nodes or more that is never all of them, and then no two
 * stretches of the ring are the same.
 *
 * @param nodes - the same as `ring`, in the order in which the links are to be told
 */
function linksBesides(ring: readonly NodeId[], nodes: readonly NodeId[]): readonly Link[] {
  const reach = Math.ceil((quorum(ring.length) - 1) / 2);
  const areApart = (from: NodeId, to: NodeId): boolean => {
    const steps = Math.abs(ring.indexOf(from) - ring.indexOf(to));
    return Math.min(steps, ring.length - steps) > reach;
  };
  return nodes.flatMap((from) =>
    nodes.filter((to) => areApart(from, to)).map((to) => ({ from, to })),
  );
}
