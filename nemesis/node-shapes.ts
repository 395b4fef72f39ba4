import type {
  ClusterView,
  EvidenceKind,
  NemesisShape,
  ResolvedFault,
} from '../src/contracts/nemesis.ts';
import type { NodeId } from '../src/contracts/names.ts';
import { defined } from '../src/lib/assert.ts';
import type { Random } from '../src/lib/prng.ts';

/** How many nodes of so many are needed to decide anything. */
export function quorum(nodes: number): number {
  return Math.floor(nodes / 2) + 1;
}

/** The most nodes of so many that the others can do without. */
export function largestMinority(nodes: number): number {
  return nodes - quorum(nodes);
}

/** What a kind of fault that simply happens to nodes adds to the choice of them. */
export interface NodeShapesOptions {
  readonly evidence: readonly EvidenceKind[];
  /** True when a leader that is hit must lose its office: that fault is held for an election. */
  readonly deposesLeader: boolean;
  /** Fewest nodes for which the kind makes sense. */
  readonly nodesMin: number;
  valueOf(
    victims: readonly NodeId[],
    nodes: readonly NodeId[],
    random: Random,
  ): ResolvedFault['value'];
}

interface Choice {
  readonly shape: string;
  readonly about: string;
  readonly nodesMin: number;
  /** Of the voters: what is to be tested is what those do who are left. */
  readonly choose: (view: ClusterView, random: Random) => readonly NodeId[] | undefined;
}

const some =
  (count: (nodes: number) => number): Choice['choose'] =>
  ({ voters }, random) =>
    random.shuffle(voters).slice(0, count(voters.length));

const CHOICES: readonly Choice[] = [
  { shape: 'one', about: 'one random node', nodesMin: 1, choose: some(() => 1) },
  {
    shape: 'minority',
    about: 'random nodes, as many as the others can do without',
    nodesMin: 3,
    choose: some(largestMinority),
  },
  {
    shape: 'majority',
    about: 'random nodes, so many that the others are no quorum',
    nodesMin: 3,
    choose: some(quorum),
  },
  { shape: 'all', about: 'every node', nodesMin: 2, choose: ({ voters }) => voters },
];

/**
 * The shapes `one`, `minority`, `majority`, `all` and `leader`. Only of the last a higher term can be
 * asked, if the kind deposes leaders: without a quorum nobody is elected before the heal, and whoever
 * is hit at random need not lead.
 */
export function nodeShapes(options: NodeShapesOptions): readonly NemesisShape[] {
  const { evidence, deposesLeader, nodesMin } = options;
  const leader: Choice = {
    shape: 'leader',
    about: 'the leader',
    // Of two nodes the one that is left is no quorum: nobody could be elected.
    nodesMin: deposesLeader ? 3 : 1,
    // One that manages a change that leaves it out has no vote any more: soon another one leads.
    choose: ({ leader, voters }) =>
      leader === undefined || !voters.includes(leader) ? undefined : [leader],
  };
  return [...CHOICES, leader].map((choice) => {
    const isLeader = choice === leader;
    const hitsLeader = isLeader && deposesLeader;
    return {
      shape: choice.shape,
      about: choice.about,
      hitsLeader,
      nodesMin: Math.max(nodesMin, choice.nodesMin),
      evidence: hitsLeader ? [...evidence, 'election'] : evidence,
      resolve(view, random) {
        const chosen = choice.choose(view, random);
        if (chosen === undefined) return undefined;
        // In the order of the nodes' names, so that two faults that do the same look the same.
        const victims = view.voters.filter((node) => chosen.includes(node));
        return {
          victims,
          leader: isLeader ? defined(victims[0], 'the leader is one of the nodes') : undefined,
          value: options.valueOf(victims, view.nodes, random),
        };
      },
      valueOn: (victims, nodes, random) => options.valueOf(victims, nodes, random),
    };
  });
}

/**
 * Does something to several nodes at once. Resolves when all of it is done.
 *
 * @throws the first failure, when all of them have come to an end
 */
export async function onEach(
  nodes: readonly NodeId[],
  act: (node: NodeId) => Promise<void>,
): Promise<void> {
  const outcomes = await Promise.allSettled(nodes.map(act));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
