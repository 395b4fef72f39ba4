import { defined } from '../lib/assert.ts';
import { type Configuration, hasQuorum, NO_CONFIGURATION } from '../raft/core/configuration.ts';
import type { Input, NodeId, Ready, Role } from '../raft/core/types.ts';
import type { Life, SimObserver } from './observer.ts';

/** How well a simulated cluster stayed at work. Nothing in it is wrong by itself. */
export interface LivenessFigures {
  /** Requests that reached a node. */
  readonly requests: number;
  /** Of those, the ones that were not answered with success: refused, timed out, or lost with the node. */
  readonly failedRequests: number;
  /** Terms that a candidate began. */
  readonly elections: number;
  /** Of those, the ones that began while a leader was heard by a quorum, which did not want it. Thesis §9.6. */
  readonly needlessElections: number;
  /** The longest time in which no leader heard from a quorum, though a quorum was connected. */
  readonly leaderlessNsMax: number;
}

export interface LivenessObserver extends SimObserver {
  figures(): LivenessFigures;
}

interface Seen {
  readonly node: NodeId;
  role: Role;
  term: number;
  /** As a leader: when it last heard from whom in this term. */
  readonly heardNs: Map<NodeId, number>;
  /** In force in its log. */
  configuration: Configuration;
  isUp: boolean;
}

/** In parts of the minimum election timeout: how long a leader counts as heard, and how often it is asked. */
const HEARD = 1 / 2;
const ASKED = 1 / 8;

/**
 * Watches who leads. A leader counts as at work as long as a quorum, itself included, has answered it
 * within half of the minimum election timeout: whoever stands for election then has no need to, and
 * half a timeout later nobody would be surprised. Times are exact to an eighth of that timeout.
 *
 * @param parts.isQuorumConnected - asked only while nobody leads
 */
export function watchLiveness(parts: {
  readonly sim: { now(): number };
  readonly nodes: readonly NodeId[];
  readonly electionTimeoutNsMin: number;
  readonly isQuorumConnected: () => boolean;
}): LivenessObserver {
  const { sim, nodes, electionTimeoutNsMin, isQuorumConnected } = parts;
  const seenNodes = new Map(
    nodes.map((node): [NodeId, Seen] => [
      node,
      {
        node,
        role: 'follower',
        term: 0,
        heardNs: new Map(),
        configuration: NO_CONFIGURATION,
        isUp: false,
      },
    ]),
  );
  const of = (node: NodeId): Seen => defined(seenNodes.get(node), 'one of the nodes');
  const askEveryNs = Math.max(1, Math.floor(electionTimeoutNsMin * ASKED));
  const heardNsMax = electionTimeoutNsMin * HEARD;
  const open = new Map<NodeId, Set<number>>(nodes.map((node) => [node, new Set()]));
  const figures = {
    requests: 0,
    failedRequests: 0,
    elections: 0,
    needlessElections: 0,
    leaderlessNsMax: 0,
  };
  let leader: Seen | undefined;
  let [ledNs, asksAtNs, leaderlessSinceNs] = [0, 0, 0];
  let wasConnected = false;

  const hear = (seen: Seen, inputs: readonly Input[], nowNs: number): void => {
    for (const input of inputs) {
      if (input.type !== 'message' || input.message.type !== 'append-response') continue;
      if (input.message.term === seen.term) seen.heardNs.set(input.from, nowNs);
    }
  };
  /** Looks whether a leader is at work, and how long nobody was. */
  const ask = (nowNs: number): void => {
    asksAtNs = nowNs + askEveryNs;
    if (leader !== undefined && leader.isUp && isHeard(leader, nowNs - heardNsMax)) {
      ledNs = nowNs;
      leaderlessSinceNs = nowNs;
      wasConnected = true;
      return;
    }
    const isConnected = isQuorumConnected();
    // Without a quorum there can be no leader: the time counts from when there is one again.
    if (!isConnected || !wasConnected) leaderlessSinceNs = nowNs;
    wasConnected = isConnected;
    const leaderlessNs = nowNs - leaderlessSinceNs;
    if (leaderlessNs > figures.leaderlessNsMax) figures.leaderlessNsMax = leaderlessNs;
  };
  const changed = (seen: Seen, ready: Ready, nowNs: number): void => {
    if (ready.term > seen.term && ready.hardState?.votedFor === seen.node) {
      figures.elections += 1;
      const isAtWork = leader !== undefined && leader.isUp && leader !== seen;
      // Its own leader wanted it (thesis §3.10).
      const isWanted = ready.messagesAfterSync.some(
        ({ message }) => message.type === 'request-vote' && message.transfer === true,
      );
      if (isAtWork && !isWanted && nowNs - ledNs <= heardNsMax) figures.needlessElections += 1;
    }
    seen.role = ready.role;
    seen.term = ready.term;
    if (ready.role === 'leader') {
      seen.heardNs.clear();
      if (leader === undefined || leader.term <= seen.term) leader = seen;
    } else if (leader === seen) leader = undefined;
  };

  return {
    figures: () => ({ ...figures }),
    started({ node }: Life, { hardState }) {
      const seen = of(node);
      seen.isUp = true;
      seen.role = 'follower';
      seen.term = hardState.term;
    },
    stopped({ node }) {
      const seen = of(node);
      seen.isUp = false;
      if (leader === seen) leader = undefined;
      const lost = defined(open.get(node), 'one of the nodes');
      figures.failedRequests += lost.size;
      lost.clear();
    },
    stepped({ node }, inputs, ready) {
      const seen = of(node);
      const nowNs = sim.now();
      seen.configuration = ready.configuration;
      if (ready.role !== seen.role || ready.term !== seen.term) changed(seen, ready, nowNs);
      else if (seen === leader) hear(seen, inputs, nowNs);
      if (nowNs >= asksAtNs) ask(nowNs);
    },
    submitted({ node }, request) {
      figures.requests += 1;
      open.get(node)?.add(request);
    },
    answered({ node }, request, { type }) {
      open.get(node)?.delete(request);
      if (type !== 'ok') figures.failedRequests += 1;
    },
  };
}

/** True when a quorum has answered since then. */
function isHeard({ node, heardNs, configuration }: Seen, sinceNs: number): boolean {
  return hasQuorum(
    configuration,
    (voter) => voter === node || (heardNs.get(voter) ?? -Infinity) >= sinceNs,
  );
}
