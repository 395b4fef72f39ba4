import type { AdminRequest, Cluster, Steered } from '../src/contracts/cluster.ts';
import type { NodeId } from '../src/contracts/names.ts';
import type {
  ClusterView,
  Nemesis,
  NemesisShape,
  ResolvedFault,
} from '../src/contracts/nemesis.ts';
import { defined } from '../src/lib/assert.ts';
import type { Random } from '../src/lib/prng.ts';
import { type FaultValue, hasField, nodeListsIn, nodesIn, requireKnown } from './fault-value.ts';
import { largestMinority } from './node-shapes.ts';

type Voters = readonly NodeId[];

/** How many change their places at once, at most: more would be another cluster. */
const SEVERAL_MAX = 2;

const SHAPES: readonly NemesisShape[] = [
  {
    shape: 'add',
    about: 'a node that has no vote is added',
    hitsLeader: false,
    nodesMin: 1,
    sparesMin: 1,
    evidence: ['members-changed'],
    resolve(view, random) {
      const from = withOutsiders(view, 1);
      const [joins] = random.shuffle(without(view.nodes, from));
      return joins === undefined ? undefined : changing(view, [from, [...from, joins]]);
    },
  },
  {
    shape: 'remove',
    about: 'a random voter is removed; it goes on running',
    hitsLeader: false,
    nodesMin: 2,
    evidence: ['members-changed'],
    resolve: (view, random) =>
      view.voters.length < 2
        ? undefined
        : changing(view, [without(view.voters, [random.pick(view.voters)])]),
  },
  {
    shape: 'remove-leader',
    about: 'the leader is removed: it steps down when the change is complete',
    hitsLeader: true,
    nodesMin: 2,
    evidence: ['members-changed', 'election'],
    resolve(view) {
      const { leader, voters } = view;
      if (leader === undefined || !voters.includes(leader) || voters.length < 2) return undefined;
      return { ...changing(view, [without(voters, [leader])]), leader };
    },
  },
  {
    shape: 'replace',
    about: 'a random voter is removed and another node added, at once',
    hitsLeader: false,
    nodesMin: 1,
    sparesMin: 1,
    evidence: ['members-changed'],
    resolve(view, random) {
      const from = withOutsiders(view, 1);
      return changing(view, [from, exchanged(view.nodes, from, 1, random)]);
    },
  },
  {
    shape: 'several',
    about:
      'two are replaced at once; or as many as can be done without are removed, then all added',
    hitsLeader: false,
    nodesMin: 2,
    sparesMin: 2,
    evidence: ['members-changed'],
    resolve(view, random) {
      const { nodes, voters } = view;
      if (random.pick([true, false])) {
        const from = withOutsiders(view, SEVERAL_MAX);
        return changing(view, [from, exchanged(nodes, from, SEVERAL_MAX, random)]);
      }
      const removed = random.shuffle(voters).slice(0, Math.max(1, largestMinority(voters.length)));
      return changing(view, [without(voters, removed), nodes]);
    },
  },
];

/**
 * Changes who the members are while clients run: a change goes through the store's own interface, and
 * nothing is broken. A removed node goes on running, with its data: it must not disturb, and may be added
 * again. With an empty disk it may not, since it would have forgotten whom it voted for.
 *
 * A change stays when the fault is over, so that others meet it; only a cluster that became smaller than it
 * was in the beginning gets back whom it lost. At the end of a run it is again what it was.
 */
export const membership: Nemesis = {
  kind: 'membership',
  requires: 'membership',
  about: 'adds, removes and replaces members while clients run; a removed node goes on running',
  band: { label: 'membership', light: '#4d7c0f', dark: '#a3e635' },
  shapes: SHAPES,
  inject,
  async healAll(cluster) {
    const control = cluster.membership;
    if (control === undefined) return;
    const { outcome } = await control.change(control.first);
    if (outcome.type === 'done') return;
    throw new Error(`the first configuration was not restored: ${outcome.error}`);
  },
  check: ({ value }) => void changesIn(value),
  named: ({ value }) => namedIn(value),
};

async function inject(cluster: Cluster, fault: ResolvedFault): Promise<Steered> {
  const control = defined(cluster.membership, 'a plan with membership needs control of it');
  const { changes, heal } = changesIn(fault.value);
  requireKnown(cluster, membership.kind, namedIn(fault.value));
  const requests: AdminRequest[] = [];
  for (const voters of changes) {
    const request = await control.change(voters);
    requests.push(request);
    // The next one would begin where the cluster is not.
    if (request.outcome.type !== 'done') break;
  }
  return {
    requests,
    [Symbol.asyncDispose]: async () => {
      if (heal !== undefined) requests.push(await control.change(heal));
    },
  };
}

/**
 * `{"changes":[["n1","n2","n4"]]}`: who is to vote, one change after the other; with `"heal"` again when
 * the fault is over.
 *
 * @throws UserError (`usage`, GONG-E134)
 */
function changesIn(value: FaultValue): {
  readonly changes: readonly Voters[];
  readonly heal: Voters | undefined;
} {
  const { kind } = membership;
  return {
    changes: nodeListsIn(kind, value, 'changes'),
    heal: hasField(value, 'heal') ? nodesIn(kind, value, 'heal') : undefined,
  };
}

function namedIn(value: FaultValue): readonly NodeId[] {
  const { changes, heal = [] } = changesIn(value);
  return [...new Set([...changes.flat(), ...heal])];
}

/** Who votes now; where fewer than so many do not, who did in the beginning. */
function withOutsiders({ nodes, voters, first = voters }: ClusterView, count: number): Voters {
  const outside = nodes.length - voters.length;
  return outside >= count ? voters : first;
}

/** So many leave and as many join, or as many as there are. */
function exchanged(nodes: Voters, from: Voters, countMax: number, random: Random): Voters {
  const joining = random.shuffle(without(nodes, from)).slice(0, Math.min(countMax, from.length));
  const leaving = random.shuffle(from).slice(0, joining.length);
  return [...without(from, leaving), ...joining];
}

/** @param steps - a first one that changes nothing is left out */
function changing(view: ClusterView, steps: readonly Voters[]): ResolvedFault {
  const { nodes, voters, first = voters } = view;
  // In the order of the nodes' names, so that two faults that do the same look the same.
  const inOrder = (some: Voters): Voters => nodes.filter((node) => some.includes(node));
  const all = [voters, ...steps.map(inOrder)];
  const changes = all.slice(1).filter((step, i) => !areSame(step, all[i] ?? []));
  const victims = nodes.filter((node) =>
    all.some((one) => one.includes(node) !== all[0]?.includes(node)),
  );
  const last = all.at(-1) ?? voters;
  const heal =
    last.length < first.length ? { heal: voters.length < first.length ? first : voters } : {};
  return { victims, leader: undefined, value: { changes, ...heal } };
}

function areSame(some: Voters, others: Voters): boolean {
  return some.length === others.length && some.every((node) => others.includes(node));
}

function without(nodes: Voters, some: Voters): Voters {
  return nodes.filter((node) => !some.includes(node));
}
