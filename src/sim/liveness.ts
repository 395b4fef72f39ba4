import type { NodeId as Name } from '../contracts/names.ts';
import { defined } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { allVoters, hasQuorum } from '../raft/core/configuration.ts';
import { nodeId, type NodeId } from '../raft/core/types.ts';
import type { SimCluster } from './cluster.ts';
import { RECONNECT_NS_MAX } from './link.ts';
import type { SimProfile } from './profile.ts';
import type { Simulation } from './simulation.ts';
import { type Violation, ViolationError } from './violation.ts';

export { type LivenessFigures, type LivenessObserver, watchLiveness } from './liveness-figures.ts';

/** How long a cluster may take, from the last heal on. */
export interface LivenessBounds {
  /** Until a leader is followed by a quorum. */
  readonly leaderNs: number;
  /** From then on, until a new command is committed and answered. */
  readonly progressNs: number;
}

/** A bound that is missed by chance once in a billion runs. */
const MISSED_BY_CHANCE = 1e-9;
/**
 * The least chance that an election elects somebody. Where timers are closer together than messages
 * travel, whose messages are the first decides.
 */
const CHANCE_MIN = 0.05;
/** How many batches an entry costs at most, elections between them included. */
const BATCHES_PER_ENTRY = 3;

/**
 * From what the machines are and how timers are drawn (Raft §5.2, §5.6; thesis §9.6). Processes start
 * and read their logs; connections are made again; elections follow each other, each a timeout of the
 * slowest clock, pre-votes and votes, until the first timer beats the others by the time that
 * messages take; the leader finds where logs agree and brings a quorum up to date, an entry at a
 * time; then a request has its turn.
 *
 * @param parts.entries - in the longest log
 */
export function livenessBounds(parts: {
  readonly profile: SimProfile;
  readonly nodes: number;
  readonly entries: number;
}): LivenessBounds {
  const { profile, nodes, entries } = parts;
  const { disk, latency, clientLatency, node, turnNs, restartNs, driftPpmMax = 0 } = profile;
  const slowest = 1 - driftPpmMax / 1e6;
  const writeNs = disk.write?.maxNs ?? 0;
  const tripNs = 2 * (latency.maxNs + turnNs);
  const syncNs = 2 * disk.sync.maxNs + writeNs;
  const batches = BATCHES_PER_ENTRY * (entries + 100);
  const recoveryNs = restartNs.maxNs + batches * (disk.read.maxNs + writeNs) + 20 * syncNs;
  const { minNs, maxNs } = node.electionTimeout;
  const roundNs = maxNs / slowest + 2 * tripNs + 2 * syncNs;
  const spreadNs = Math.max(1, maxNs - minNs);
  const beaten = Math.max(0, 1 - (tripNs + syncNs) / spreadNs) ** Math.max(0, nodes - 1);
  const chance = Math.min(1 - MISSED_BY_CHANCE, Math.max(CHANCE_MIN, beaten));
  const rounds = Math.ceil(Math.log(MISSED_BY_CHANCE) / Math.log(1 - chance));
  const catchUpNs = (entries + 100) * (tripNs + syncNs);
  const requestNs = 2 * clientLatency.maxNs + node.requestTimeoutNs / slowest + tripNs;
  const leaderNs = recoveryNs + RECONNECT_NS_MAX + rounds * roundNs;
  return {
    leaderNs: Math.ceil(leaderNs),
    progressNs: Math.ceil(catchUpNs + RECONNECT_NS_MAX + 10 * roundNs + 2 * nodes * requestNs),
  };
}

/** What became of a cluster after the last heal. */
export interface LivenessProof {
  readonly bounds: LivenessBounds;
  /** Until a quorum followed a leader, and from then on until a command was answered. */
  readonly leaderNs: number;
  readonly progressNs: number;
}

/**
 * Asks for liveness: after the last heal a leader is elected, and a new command is committed and
 * answered, each within its bound of simulated time. Waits for it, and writes to the key `liveness`
 * until one write is acknowledged. Where damaged disks leave less than a quorum nothing can be asked.
 *
 * Ends the run with a violation of `liveness-leader` or `liveness-progress` when a bound is missed.
 *
 * @returns undefined when nothing could be asked
 */
export async function proveLiveness(
  sim: Simulation,
  cluster: SimCluster,
): Promise<LivenessProof | undefined> {
  const { nodes, profile } = cluster;
  if (!cluster.canBear([...cluster.damaged])) return undefined;
  const entries = Math.max(0, ...cluster.statuses().map(({ log }) => log.lastIndex));
  const bounds = livenessBounds({ profile, nodes: nodes.length, entries });
  const healedNs = sim.now();
  const leaderNs = await until(
    sim,
    bounds.leaderNs,
    async () => followedLeader(cluster) !== undefined,
  );
  if (leaderNs === undefined) return missed(sim, leaderless(cluster, healedNs, bounds.leaderNs));
  const deadlineNs = 2 * profile.clientLatency.maxNs + 2 * profile.node.requestTimeoutNs;
  let asked = 0;
  const progressNs = await until(sim, bounds.progressNs, async () => {
    const node = defined(nodes[asked % nodes.length], 'a cluster has a node');
    asked += 1;
    await using client = cluster.connect(node, `liveness/${asked}`);
    const write = { f: 'write', key: 'liveness', value: asked };
    return (await client.invoke(write, deadlineNs)).type === 'ok';
  });
  if (progressNs === undefined) {
    return missed(sim, stuck(cluster, { asked, healedNs, atNs: sim.now() }, bounds.progressNs));
  }
  return { bounds, leaderNs, progressNs };
}

/** @returns after how long it was so; undefined when the bound was missed */
async function until(
  sim: Simulation,
  boundNs: number,
  isSo: () => Promise<boolean>,
): Promise<number | undefined> {
  const beganNs = sim.now();
  for (;;) {
    if (await isSo()) return sim.now() - beganNs;
    if (sim.now() - beganNs > boundNs) return undefined;
    await sim.sleep(5 * MILLISECOND);
  }
}

/** True when a voter takes part that can exchange messages with a quorum of those who do. */
export function isQuorumConnected(cluster: SimCluster): boolean {
  const { configuration, network } = cluster;
  const voters = allVoters(configuration).filter((node) => cluster.node(node).isServing);
  const reach = (a: NodeId, b: NodeId): boolean => a === b || network.link(a, b).gate.isOpen;
  return voters.some((one) =>
    hasQuorum(
      configuration,
      (other) => voters.includes(other) && reach(one, other) && reach(other, one),
    ),
  );
}

/** Who leads in the highest term, by the word of a quorum of its configuration. */
function followedLeader(cluster: SimCluster): NodeId | undefined {
  const statuses = cluster.statuses();
  const { leader } = cluster;
  const led = statuses.find(({ id }) => id === leader);
  if (led === undefined) return undefined;
  const followers = statuses.filter((one) => one.leader === leader && one.term === led.term);
  const follows = (voter: NodeId): boolean => followers.some(({ id }) => id === voter);
  return hasQuorum(cluster.configuration, follows) ? leader : undefined;
}

function missed(sim: Simulation, violation: Violation): undefined {
  sim.fail(new ViolationError(violation));
}

function leaderless(cluster: SimCluster, healedNs: number, boundNs: number): Violation {
  return {
    invariant: 'liveness-leader',
    section: 'Raft §5.2, §5.6; thesis §9.6',
    sentence:
      `no leader had a quorum of followers within ${seconds(boundNs)} after the last heal ` +
      `(${standings(cluster)})`,
    atNs: healedNs + boundNs,
    nodes: ids(cluster.nodes),
  };
}

function stuck(
  cluster: SimCluster,
  when: { readonly asked: number; readonly healedNs: number; readonly atNs: number },
  boundNs: number,
): Violation {
  const { asked, healedNs, atNs } = when;
  const { leader } = cluster;
  return {
    invariant: 'liveness-progress',
    section: 'Raft §5.3, §5.4.2, §8',
    sentence:
      `${leader ?? 'nobody'} leads, but of ${asked} commands none was committed and answered within ` +
      `${seconds(boundNs)}, ${seconds(atNs - healedNs)} after the last heal (${standings(cluster)})`,
    atNs,
    nodes: ids(cluster.nodes),
  };
}

function ids(names: readonly Name[]): readonly NodeId[] {
  return names.map((name) => nodeId(name));
}

/** What each node says of itself: role, term, commit index. */
function standings(cluster: SimCluster): string {
  const statuses = new Map(cluster.statuses().map((status) => [String(status.id), status]));
  return cluster.nodes
    .map((node) => {
      const status = statuses.get(node);
      if (status === undefined) return `${node} is down`;
      const { role, term, commitIndex, log } = status;
      return `${node} ${role} of term ${term}, committed ${commitIndex} of ${log.lastIndex}`;
    })
    .join('; ');
}

function seconds(ns: number): string {
  return `${(ns / SECOND).toFixed(1)} s`;
}
