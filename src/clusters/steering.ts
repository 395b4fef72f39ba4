import type { Clock } from '../contracts/clock.ts';
import type {
  AdminOutcome,
  AdminRequest,
  Capability,
  Cluster,
  LeadershipControl,
  MembershipControl,
  Members,
} from '../contracts/cluster.ts';
import type { NodeId } from '../contracts/names.ts';
import type { Target } from '../contracts/target.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';

/** A change may have to wait for an election, and for nodes that are sent everything first. */
const CHANGE_NS_MAX = 15 * SECOND;
const TRANSFER_NS_MAX = 10 * SECOND;
/** For one answer. */
const CHANGE_ANSWER_NS_MAX = 5 * SECOND;
const TRANSFER_ANSWER_NS_MAX = 2 * SECOND;
const LOOK_NS_MAX = 500 * MILLISECOND;
/** Between two looks at what has become of a request, and between two attempts. */
const LOOK_STEP_NS = 20 * MILLISECOND;
const AGAIN_NS = 100 * MILLISECOND;

/** What is needed of a target to change its clusters. */
export interface SteeringParts {
  readonly target: Pick<Target, 'probe' | 'admin'>;
  readonly clock: Clock;
  /** Gives up what is under way. */
  readonly signal: AbortSignal;
}

/** What a target's clusters can be asked for. */
export function steeringOf({ admin }: Pick<Target, 'admin'>): readonly Capability[] {
  const knowsMembers = admin?.members !== undefined && admin.changeMembers !== undefined;
  return [
    ...(knowsMembers ? (['membership'] as const) : []),
    ...(admin?.transferLeadership === undefined ? [] : (['leadership'] as const)),
  ];
}

/** The same cluster, whose members and leader can be changed as far as its target says how. */
export function withSteering(cluster: Cluster, parts: SteeringParts): Cluster {
  const steering = new Steering(cluster, parts);
  const capabilities = steeringOf(parts.target);
  return {
    nodes: cluster.nodes,
    ...(cluster.spares === undefined ? {} : { spares: cluster.spares }),
    url: (node) => cluster.url(node),
    ...(cluster.processes === undefined ? {} : { processes: cluster.processes }),
    ...(cluster.links === undefined ? {} : { links: cluster.links }),
    ...(cluster.hooks === undefined ? {} : { hooks: cluster.hooks }),
    ...(capabilities.includes('membership') ? { membership: steering.membership } : {}),
    ...(capabilities.includes('leadership') ? { leadership: steering.leadership } : {}),
    onUnexpectedExit: (listener) => cluster.onUnexpectedExit(listener),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

interface Leader {
  readonly node: NodeId;
  readonly term: number;
}

/** A request on its way. */
interface Pursuit {
  readonly asked: AdminRequest['asked'];
  readonly limitNs: number;
  /** True when it has come about. */
  readonly isDone: (leader: Leader) => Promise<boolean>;
  /** Undefined: not now. */
  readonly ask: (leader: Leader, timeoutNs: number) => Promise<AdminOutcome | undefined>;
}

class Steering {
  readonly #cluster: Cluster;
  readonly #parts: SteeringParts;

  constructor(cluster: Cluster, parts: SteeringParts) {
    this.#cluster = cluster;
    this.#parts = parts;
  }

  get membership(): MembershipControl {
    const { nodes, spares = [] } = this.#cluster;
    return {
      first: nodes.filter((node) => !spares.includes(node)),
      members: (node) => this.#members(node),
      change: (voters) => this.#change(voters),
    };
  }

  get leadership(): LeadershipControl {
    return { transfer: (to) => this.#transfer(to) };
  }

  #change(voters: readonly NodeId[]): Promise<AdminRequest> {
    const { admin } = this.#parts.target;
    let known: Members | undefined;
    return this.#pursue({
      asked: voters,
      limitNs: CHANGE_NS_MAX,
      isDone: async ({ node }) => {
        known = await this.#members(node);
        return known !== undefined && isAtRest(known) && areSame(known.voters, voters);
      },
      ask: async ({ node }, timeoutNs) => {
        // Another change is under way, perhaps this one: it is not asked for twice.
        if (known === undefined || !isAtRest(known)) return undefined;
        const limitNs = Math.min(timeoutNs, CHANGE_ANSWER_NS_MAX);
        return admin?.changeMembers?.(this.#cluster.url(node), voters, limitNs);
      },
    });
  }

  async #transfer(to: NodeId): Promise<AdminRequest> {
    const { admin } = this.#parts.target;
    let led: AdminRequest['led'];
    let termBefore: number | undefined;
    const request = await this.#pursue({
      asked: to,
      limitNs: TRANSFER_NS_MAX,
      isDone: async ({ node, term }) => {
        termBefore ??= term;
        led = node === to ? { term, termBefore } : undefined;
        return led !== undefined;
      },
      ask: async ({ node }, timeoutNs) => {
        const limitNs = Math.min(timeoutNs, TRANSFER_ANSWER_NS_MAX);
        return admin?.transferLeadership?.(this.#cluster.url(node), to, limitNs);
      },
    });
    return led === undefined ? request : { ...request, led };
  }

  /**
   * Asks the leader until it has come about. To ask again does no harm: what is asked for is a state, and
   * not a step.
   */
  async #pursue({ asked, limitNs, isDone, ask }: Pursuit): Promise<AdminRequest> {
    const { clock, signal } = this.#parts;
    const startedNs = clock.now();
    const leftNs = (): number => startedNs + limitNs - clock.now();
    let outcome: AdminOutcome = { type: 'refused', error: 'no node led that could be asked' };
    let attempts = 0;
    let notBeforeNs = startedNs;
    const ended = (last: AdminOutcome): AdminRequest => {
      return { asked, outcome: last, attempts, startedNs, endedNs: clock.now() };
    };
    for (;;) {
      const leader = await this.#leader();
      if (leader !== undefined) {
        if (await isDone(leader)) return ended({ type: 'done' });
        if (leftNs() > 0 && clock.now() >= notBeforeNs) {
          const answer = await ask(leader, leftNs());
          if (answer !== undefined) {
            attempts++;
            outcome = isWorse(answer, outcome) ? answer : outcome;
            notBeforeNs = clock.now() + AGAIN_NS;
            // It says so itself: it is looked at at once.
            if (answer.type === 'done' && leftNs() > 0) continue;
          }
        }
      }
      if (leftNs() <= 0 || signal.aborted) return ended(unseen(outcome));
      await clock.sleep(Math.min(LOOK_STEP_NS, leftNs()), signal);
    }
  }

  async #members(node: NodeId): Promise<Members | undefined> {
    return this.#parts.target.admin?.members?.(this.#cluster.url(node), LOOK_NS_MAX);
  }

  /** Who says that it leads, of the highest term; undefined when nobody does. */
  async #leader(): Promise<Leader | undefined> {
    const { nodes } = this.#cluster;
    const leaders = await Promise.all(
      nodes.map(async (node): Promise<readonly Leader[]> => {
        const status = await this.#parts.target.probe(this.#cluster.url(node), LOOK_NS_MAX);
        if (status === undefined || 'failure' in status) return [];
        const { role, term } = status;
        return role === 'leader' && term !== undefined ? [{ node, term }] : [];
      }),
    );
    return leaders.flat().toSorted((a, b) => b.term - a.term)[0];
  }
}

/** What may have happened is not forgotten for a later refusal. */
function isWorse(answer: AdminOutcome, before: AdminOutcome): boolean {
  return before.type === 'refused' || answer.type !== 'refused';
}

/** Of what was answered and not seen nobody knows whether it is still to come. */
function unseen(outcome: AdminOutcome): AdminOutcome {
  return outcome.type === 'done'
    ? { type: 'unknown', error: 'it was answered as done, but no leader showed it' }
    : outcome;
}

function isAtRest({ outgoing, isCommitted = true }: Members): boolean {
  return outgoing.length === 0 && isCommitted;
}

function areSame(some: readonly NodeId[], others: readonly NodeId[]): boolean {
  return some.length === others.length && some.every((node) => others.includes(node));
}
