import type { Clock } from '../contracts/clock.ts';
import type { Members } from '../contracts/cluster.ts';
import type { NodeId } from '../contracts/names.ts';
import type { ClusterView } from '../contracts/nemesis.ts';
import type { NodeStatus, ProbeFailure, Role } from '../contracts/target.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { ClusterEvent, ElectionEvidence } from '../rundir/cluster-log.ts';

const INTERVAL_NS = 200 * MILLISECOND;
const PROBE_TIMEOUT_NS = 500 * MILLISECOND;
/** A node's own word about its role is believed for so long. */
const FRESH_NS = SECOND;
/** How often a condition is looked at while somebody waits for it. */
const WAIT_STEP_NS = 20 * MILLISECOND;
const TRANSITIONS_MAX = 10_000;

/** A node was seen in another role or term than before. */
export interface Transition {
  readonly atNs: number;
  readonly node: NodeId;
  readonly term: number;
  readonly role: Role;
}

/** What the nemesis needs to know of the cluster. */
export interface ClusterObservations {
  view(): ClusterView;
  /** Highest term that any node has claimed so far, a node without a vote left out. */
  readonly termMax: number;
  /** The latest configuration that a leader told; undefined when nobody asks, or none told yet. */
  readonly members: Members | undefined;
  status(node: NodeId): NodeStatus | undefined;
  /**
   * True when every node answers and, if there is to be one, each voter in the term of a known leader; and
   * no change of the members is under way.
   */
  isSettled(): boolean;
  /** Asks every node now. Resolves when all have answered or their time is up. */
  refresh(): Promise<void>;
  election(query: ElectionQuery): ElectionEvidence | undefined;
  /** True as soon as the condition holds; false after `withinNs`, or when `signal` aborts. */
  until(holds: () => boolean, withinNs: number, signal: AbortSignal): Promise<boolean>;
}

export interface ElectionQuery {
  readonly sinceNs: number;
  readonly termBefore: number;
  readonly victims: readonly NodeId[];
}

interface Sample {
  /** When the node was asked. */
  readonly askedNs: number;
  readonly atNs: number;
  readonly status: NodeStatus | undefined;
  /** Why there is none, if that is known. */
  readonly failure: string | undefined;
}

export interface ObserverOptions {
  readonly clock: Clock;
  readonly nodes: readonly NodeId[];
  /** Whether a cluster is settled only when it has a leader. True by default. */
  readonly hasLeader?: boolean;
  /** Those that vote in the beginning; by default all. */
  readonly first?: readonly NodeId[] | undefined;
  /** Asks a node, the leader, who the members are. Without it they stay those of the beginning. */
  readonly members?: ((node: NodeId) => Promise<Members | undefined>) | undefined;
  /** Asks a node for its status; undefined when it does not answer in time. */
  readonly probe: (
    node: NodeId,
    timeoutNs: number,
  ) => Promise<NodeStatus | ProbeFailure | undefined>;
  /** Takes each sample for `cluster.jsonl`. */
  readonly record: (event: ClusterEvent) => void;
}

/** Asks each node how it is, about five times a second, and remembers who led when. */
export class Observer implements ClusterObservations {
  readonly #options: ObserverOptions;
  readonly #latest = new Map<NodeId, Sample>();
  #transitions: Transition[] = [];
  #termMax = 0;
  #members: Members | undefined;
  #voters: readonly NodeId[];

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#voters = this.#inOrder(options.first ?? options.nodes);
  }

  /** Samples until the signal. Nodes are asked independently: a slow one holds nobody up. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, nodes } = this.#options;
    const again = async (look: () => Promise<void>): Promise<void> => {
      while (!signal.aborted) {
        await look();
        await clock.sleep(INTERVAL_NS, signal);
      }
    };
    const looks = nodes.map((node) => () => this.#sample(node));
    await Promise.all([...looks, () => this.#askMembers()].map(again));
  }

  get termMax(): number {
    return this.#termMax;
  }

  get members(): Members | undefined {
    return this.#members;
  }

  get transitions(): readonly Transition[] {
    return this.#transitions;
  }

  status(node: NodeId): NodeStatus | undefined {
    const sample = this.#latest.get(node);
    if (sample === undefined || this.#options.clock.now() - sample.atNs > FRESH_NS)
      return undefined;
    return sample.status;
  }

  /** Why the node's last probe gave no status, if the target told. */
  failure(node: NodeId): string | undefined {
    return this.#latest.get(node)?.failure;
  }

  view(): ClusterView {
    const { nodes, hasLeader = true, first } = this.#options;
    const voters = this.#voters;
    return { nodes, voters, leader: this.leader(), hasLeader, ...(first && { first }) };
  }

  /**
   * The node that claims to lead the highest term that anybody was seen in. A leader of an older term
   * leads no more, though it believes in itself for a while: to hit it would be to hit a follower.
   */
  leader(): NodeId | undefined {
    return this.#options.nodes.find((node) => {
      const status = this.status(node);
      return status?.role === 'leader' && status.term === this.#termMax;
    });
  }

  isSettled(): boolean {
    const { nodes, hasLeader = true } = this.#options;
    const statuses = nodes.map((node) => this.status(node));
    if (!hasLeader) return statuses.every((status) => status !== undefined);
    const { outgoing = [], isCommitted = true } = this.#members ?? {};
    if (statuses.includes(undefined) || outgoing.length > 0 || !isCommitted) return false;
    // The leader's own term is the highest one seen. Who has no vote may have stayed behind.
    const isBehind = (node: NodeId): boolean => this.status(node)?.term !== this.#termMax;
    return this.leader() !== undefined && !this.#voters.some(isBehind);
  }

  election({ sinceNs, termBefore, victims }: ElectionQuery): ElectionEvidence | undefined {
    const found = this.#transitions.find(
      ({ atNs, node, term, role }) =>
        role === 'leader' && atNs >= sinceNs && term > termBefore && !victims.includes(node),
    );
    return found && { node: found.node, term: found.term, termBefore, atNs: found.atNs };
  }

  async until(holds: () => boolean, withinNs: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    const deadlineNs = clock.now() + withinNs;
    while (!holds()) {
      const leftNs = deadlineNs - clock.now();
      if (leftNs <= 0 || signal.aborted) return false;
      await clock.sleep(Math.min(WAIT_STEP_NS, leftNs), signal);
    }
    return true;
  }

  async refresh(): Promise<void> {
    await Promise.all(this.#options.nodes.map((node) => this.#sample(node)));
    await this.#askMembers();
  }

  /** Asks the leader, if one is known: whoever was cut off may tell of members that are none any more. */
  async #askMembers(): Promise<void> {
    const { clock, members, record } = this.#options;
    const leader = this.leader();
    if (members === undefined || leader === undefined) return;
    const told = await members(leader);
    // A leader that was deposed meanwhile may have told what never counted.
    if (told === undefined || this.leader() !== leader) return;
    const [voters, outgoing, learners] = [told.voters, told.outgoing, told.learners].map((some) =>
      this.#inOrder(some),
    );
    const names = { voters: voters ?? [], outgoing: outgoing ?? [], learners: learners ?? [] };
    const { isCommitted: _, ...before } = this.#members ?? {};
    this.#members = { ...names, isCommitted: told.isCommitted ?? true };
    this.#voters = names.voters;
    if (JSON.stringify(names) === JSON.stringify(before)) return;
    record({ time: clock.now(), type: 'members', node: leader, ...names });
  }

  #inOrder(some: readonly NodeId[]): readonly NodeId[] {
    return this.#options.nodes.filter((node) => some.includes(node));
  }

  async #sample(node: NodeId): Promise<void> {
    const { clock, probe, record } = this.#options;
    const askedNs = clock.now();
    const answer = await probe(node, PROBE_TIMEOUT_NS);
    const isFailure = answer !== undefined && 'failure' in answer;
    const status = isFailure ? undefined : answer;
    const failure = isFailure ? answer.failure : undefined;
    const time = clock.now();
    const latest = this.#latest.get(node);
    const before = latest?.status;
    // Two questions may be under way at once: the older one's answer says nothing new.
    if (latest === undefined || latest.askedNs <= askedNs) {
      this.#latest.set(node, { askedNs, atNs: time, status, failure });
    }
    if (status === undefined) {
      const error = failure === undefined ? {} : { error: failure };
      record({ time, type: 'unreachable', node, ...error });
      return;
    }
    const { role, term, leader, commitIndex, lastApplied, pid } = status;
    const isTold = role !== undefined && term !== undefined;
    if (isTold && (before?.role !== role || before.term !== term)) {
      this.#transitions.push({ atNs: time, node, term, role });
      if (this.#transitions.length > TRANSITIONS_MAX) {
        this.#transitions = this.#transitions.slice(TRANSITIONS_MAX / 2);
      }
    }
    // A removed node may campaign for ever: nobody votes for it, and its terms mean nothing.
    const counts = role === 'leader' || this.#voters.includes(node);
    if (counts) this.#termMax = Math.max(this.#termMax, term ?? 0);
    record({
      time,
      type: 'status',
      node,
      role: role ?? null,
      term: term ?? null,
      leader: leader ?? null,
      commitIndex: commitIndex ?? null,
      lastApplied: lastApplied ?? null,
      pid: pid ?? null,
    });
  }
}
