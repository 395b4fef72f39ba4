import type { AdminRequest, Cluster, Steered } from '../src/contracts/cluster.ts';
import type { NodeId } from '../src/contracts/names.ts';
import type { Nemesis, NemesisShape, ResolvedFault } from '../src/contracts/nemesis.ts';
import { defined } from '../src/lib/assert.ts';
import { nodesIn, requireKnown } from './fault-value.ts';

const SHAPES: readonly NemesisShape[] = [
  {
    shape: 'to-follower',
    about: 'the leader hands over to a random voter',
    hitsLeader: false,
    nodesMin: 2,
    evidence: ['led-by-target'],
    valueOn: (victims) => ({ to: victims }),
    resolve({ voters, leader }, random) {
      const [to] = random.shuffle(voters.filter((node) => node !== leader));
      return leader === undefined || to === undefined ? undefined : handingOver(voters, [to]);
    },
  },
  {
    shape: 'round',
    about: 'each voter in turn is made the leader, the one that leads now at last',
    hitsLeader: false,
    nodesMin: 2,
    evidence: ['led-by-target'],
    valueOn: (victims) => ({ to: victims }),
    resolve({ voters, leader }, random) {
      if (leader === undefined || voters.length < 2) return undefined;
      const others = random.shuffle(voters.filter((node) => node !== leader));
      return handingOver(voters, voters.includes(leader) ? [...others, leader] : others);
    },
  },
];

/**
 * Has the leader hand over to others, through the store's own interface: nothing is broken, and clients
 * should hardly notice. The victims are those that are to lead.
 */
export const transfer: Nemesis = {
  kind: 'transfer',
  requires: 'leadership',
  about: 'has the leader hand over to another voter, or to all of them in turn',
  band: { label: 'transfer', light: '#be185d', dark: '#f472b6' },
  shapes: SHAPES,
  inject,
  // Whoever leads, leads rightly: there is nothing to undo.
  healAll: async () => {},
  check: ({ value }) => void nodesIn(transfer.kind, value, 'to'),
  named: ({ value }) => nodesIn(transfer.kind, value, 'to'),
};

async function inject(cluster: Cluster, { value }: ResolvedFault): Promise<Steered> {
  const control = defined(cluster.leadership, 'a plan with transfer needs control of leadership');
  const targets = nodesIn(transfer.kind, value, 'to');
  const requests: AdminRequest[] = [];
  for (const to of requireKnown(cluster, transfer.kind, targets)) {
    requests.push(await control.transfer(to));
  }
  return { requests, [Symbol.asyncDispose]: async () => {} };
}

/** @param to - in the order in which they are to lead */
function handingOver(voters: readonly NodeId[], to: readonly NodeId[]): ResolvedFault {
  return {
    // In the order of the nodes' names, so that two faults that do the same look the same.
    victims: voters.filter((node) => to.includes(node)),
    leader: undefined,
    value: { to },
  };
}
