import type {
  AdminOutcome,
  AdminRequest,
  LeadershipControl,
  MembershipControl,
} from '../contracts/cluster.ts';
import type { NodeId as Name } from '../contracts/names.ts';
import { assertNever } from '../lib/assert.ts';
import { MILLISECOND } from '../lib/duration.ts';
import { nodeId, type NodeId } from '../raft/core/types.ts';
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

/** Leadership is handed over as an operator would have it: by asking whoever leads, again and again. */
export function leadershipOf(sim: Simulation, cluster: SimCluster): LeadershipControl {
  return { transfer: (to) => transfer(sim, cluster, to) };
}

async function transfer(sim: Simulation, cluster: SimCluster, to: Name): Promise<AdminRequest> {
  const startedNs = sim.now();
  const endNs = startedNs + ELECTIONS_MAX * cluster.profile.node.electionTimeout.maxNs;
  let outcome: AdminOutcome = { type: 'refused', error: 'no node led that could be asked' };
  let attempts = 0;
  let termBefore: number | undefined;
  const ended = (last: AdminOutcome): AdminRequest => {
    return { asked: to, outcome: last, attempts, startedNs, endedNs: sim.now() };
  };
  for (;;) {
    const status = cluster.statuses().find(({ id }) => id === cluster.leader);
    if (status !== undefined) {
      termBefore ??= status.term;
      const led = { term: status.term, termBefore };
      if (String(status.id) === String(to)) return { ...ended({ type: 'done' }), led };
      attempts++;
      const answer = await submitted(sim, cluster, { leader: status.id, to });
      if (answer.type !== 'done') outcome = answer;
      else if (cluster.leader === nodeId(to)) continue;
    }
    if (sim.now() >= endNs) return ended(outcome);
    await sim.sleep(AGAIN_NS);
  }
}

/** A machine without power says nothing: nobody waits for ever. */
function submitted(
  sim: Simulation,
  cluster: SimCluster,
  { leader, to }: { readonly leader: NodeId; readonly to: Name },
): Promise<AdminOutcome> {
  return new Promise((resolve) => {
    const end = (outcome: AdminOutcome): void => {
      sim.settles();
      resolve(outcome);
    };
    const lost: AdminOutcome = { type: 'unknown', error: 'no answer in time' };
    sim.after(8 * cluster.profile.node.requestTimeoutNs, () => end(lost));
    cluster.node(leader).submit({ type: 'transfer', to: nodeId(to) }, (reply) => {
      if (reply.type === 'ok') end({ type: 'done' });
      else end(reply.type === 'lost' ? lost : { type: reply.type, error: reply.error });
    });
  });
}
