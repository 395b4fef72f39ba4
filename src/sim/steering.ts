import type { AdminOutcome, AdminRequest, MembershipControl } from '../contracts/cluster.ts';
import type { NodeId as Name } from '../contracts/names.ts';
import { assertNever } from '../lib/assert.ts';
import { MILLISECOND } from '../lib/duration.ts';
import type { SimCluster } from './cluster.ts';
import { isBearable } from './membership-fault.ts';
import type { ChangeReply } from './node.ts';
import type { Simulation } from './simulation.ts';

/** As in a real run: a change may have to wait for an election, and for nodes that are sent everything. */
const ELECTIONS_MAX = 15;
const AGAIN_NS = 100 * MILLISECOND;

/** Members of a simulated cluster, changed as an operator would: by asking whoever leads, again and again. */
export function membershipOf(
  sim: Simulation,
  cluster: SimCluster,
  first: number,
): MembershipControl {
  let changes = 0;
  return {
    first: cluster.nodes.slice(0, first),
    members: async (node) => {
      const told = cluster.node(node).status()?.members;
      if (told === undefined) return undefined;
      const named = (names: readonly string[]): readonly Name[] =>
        cluster.nodes.filter((one) => names.includes(one));
      return {
        voters: named(told.voters),
        outgoing: named(told.outgoing),
        learners: named(told.learners),
        isCommitted: told.committed,
      };
    },
    change: (voters) => change(sim, cluster, { voters, number: changes++ }),
  };
}

async function change(
  sim: Simulation,
  cluster: SimCluster,
  { voters, number }: { readonly voters: readonly Name[]; readonly number: number },
): Promise<AdminRequest> {
  const random = sim.random(`membership/${number}`);
  const { electionTimeout, requestTimeoutNs } = cluster.profile.node;
  const startedNs = sim.now();
  const endNs = startedNs + ELECTIONS_MAX * electionTimeout.maxNs;
  let outcome: AdminOutcome = { type: 'refused', error: 'no node led that could be asked' };
  let attempts = 0;
  // Of damaged disks nothing can be promised: nobody asks for a majority of them.
  while (isBearable(cluster, voters) && sim.now() < endNs) {
    const leader = cluster.nodes.find((node) => String(node) === cluster.leader);
    if (leader !== undefined) {
      attempts++;
      const deadlineNs = 8 * requestTimeoutNs;
      const reply = await cluster.changeMembers(leader, voters, { deadlineNs, random });
      outcome = outcomeOf(reply);
      if (outcome.type === 'done') break;
    }
    await sim.sleep(AGAIN_NS);
  }
  return { asked: voters, outcome, attempts, startedNs, endedNs: sim.now() };
}

function outcomeOf(reply: ChangeReply): AdminOutcome {
  switch (reply.type) {
    case 'ok':
      return { type: 'done' };
    case 'refused':
    case 'unknown':
      return { type: reply.type, error: reply.error };
    case 'lost':
      return { type: 'unknown', error: 'no answer in time' };
    default:
      return assertNever(reply);
  }
}
