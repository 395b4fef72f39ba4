import type { Json } from '../../../checker/index.ts';
import type { Client, Completion, Invocation } from '../../contracts/client.ts';
import type { Clock } from '../../contracts/clock.ts';
import { withSteering } from '../../clusters/steering.ts';
import type {
  AdminOutcome,
  Cluster,
  HookCall,
  HookControl,
  LinkControl,
  ProcessControl,
  UnexpectedExit,
} from '../../contracts/cluster.ts';
import { type Link, nodeId, type NodeId } from '../../contracts/names.ts';
import type { NodeStatus, Target, TargetAdmin } from '../../contracts/target.ts';
import { MILLISECOND } from '../../lib/duration.ts';

const LATENCY_NS = 8 * MILLISECOND;
/** Of a change of the members, which is two entries of a log. */
const CHANGE_NS = 30 * MILLISECOND;
/** How often an operation at a stopped node looks whether it runs again. */
const RESUME_STEP_NS = 10 * MILLISECOND;
export const FAKE_ELECTION_NS: number = 300 * MILLISECOND;

/** Links that a fault acted on for a time. */
interface LinkFault {
  readonly links: readonly Link[];
  readonly delayNs: number;
  readonly fromNs: number;
  toNs: number;
}

/** A store in memory that elects, stops without a quorum, and keeps its promises. Tests break it. */
export class FakeStore {
  readonly nodes: readonly NodeId[];
  readonly #clock: Clock;
  readonly #spares: readonly NodeId[];
  readonly #data = new Map<string, Json>();
  readonly #pids = new Map<NodeId, number>();
  readonly #paused = new Set<NodeId>();
  /** Cuts have an infinite delay. Those that are over have an end. */
  readonly #linkFaults: LinkFault[] = [];
  readonly #resets: Link[] = [];
  readonly #claims = new Map<NodeId, { role: 'leader' | 'follower'; term: number }>();
  readonly #listeners: ((exit: UnexpectedExit) => void)[] = [];
  #nextPid = 100;
  #voters: readonly NodeId[];
  /** The voters of the configuration that is left, while a change is under way. */
  #outgoing: readonly NodeId[] = [];
  /** Applied everywhere at once, by those that are members. */
  #index = 0;
  readonly #applied = new Map<NodeId, number>();
  #leader: NodeId;
  #term = 1;
  #lostSinceNs: number | undefined;
  #hooked = 0;
  /** Never elects again. */
  electsNobody = false;
  /** Nodes that do not answer probes. */
  readonly mute: Set<NodeId> = new Set();
  /** Refuses to change its members and its leader, with these words. */
  refusesAdmin: string | undefined;
  /** Who led and is no member any more says who they are, and leads nobody from then on. */
  stepsDownWhenLeft = false;
  /** How long a change of its members takes. */
  changeNs: number = CHANGE_NS;
  /** Says that it is done, and does nothing. */
  pretendsAdmin = false;
  /** Nodes that are members and are sent nothing. */
  readonly starved: Set<NodeId> = new Set();
  isDisposed = false;
  openClients = 0;
  /** What a client throws, if anything: a bug in Gong. */
  bug: Error | undefined;

  constructor(clock: Clock, count: number, spares: number = 0) {
    this.#clock = clock;
    this.nodes = Array.from({ length: count + spares }, (_, i) => nodeId(`n${i + 1}`));
    this.#voters = this.nodes.slice(0, count);
    this.#spares = this.nodes.slice(count);
    this.#leader = nodeId('n1');
    for (const node of this.nodes) {
      this.#pids.set(node, this.#nextPid++);
      const term = this.#voters.includes(node) ? 1 : 0;
      this.#claims.set(node, { role: node === this.#leader ? 'leader' : 'follower', term });
    }
  }

  get voters(): readonly NodeId[] {
    return this.#voters;
  }

  get cuts(): number {
    return this.#inForce().filter(({ delayNs }) => delayNs === Infinity).length;
  }

  /** Nodes that are stopped, links that are slow, scripts that were not healed. */
  get impaired(): number {
    return this.#paused.size + this.#inForce().length - this.cuts + this.#hooked;
  }

  get down(): readonly NodeId[] {
    return this.nodes.filter((node) => !this.#pids.has(node));
  }

  /** A node's process ends by itself. */
  crash(node: NodeId): void {
    this.#pids.delete(node);
    for (const listener of this.#listeners) listener({ node, code: 1, signal: null });
  }

  /** A node that nobody listens to campaigns, and says so. */
  claim(node: NodeId, term: number): void {
    this.#claims.set(node, { role: 'follower', term });
  }

  /** Another node is elected, for no reason that anybody sees. */
  depose(): void {
    const heir = this.#voters[(this.#voters.indexOf(this.#leader) + 1) % this.#voters.length];
    this.#leader = heir ?? this.#leader;
    this.#term++;
  }

  readonly processes: ProcessControl = {
    pid: (node) => this.#pids.get(node),
    kill: async (node) => {
      this.#pids.delete(node);
      this.#paused.delete(node);
    },
    start: async (node) => void this.#pids.set(node, this.#nextPid++),
    pause: async (node) => void this.#paused.add(node),
    resume: async (node) => void this.#paused.delete(node),
  };

  readonly links: LinkControl = {
    cut: async (links) => this.#impair(links, Infinity),
    slow: async (links, { delayNs }) => this.#impair(links, delayNs),
    reset: async (links) => this.#resets.push(...links),
    resetEvery: async (links, everyNs) => {
      const ended = new AbortController();
      const again = async (): Promise<void> => {
        while (!ended.signal.aborted) {
          this.#resets.push(...links);
          await this.#clock.sleep(everyNs, ended.signal);
        }
      };
      void again();
      return { [Symbol.asyncDispose]: async () => ended.abort() };
    },
    healAll: async () => this.#inForce().forEach((fault) => this.#heal(fault)),
    // A byte per microsecond, which passes, passes late or is held.
    traffic: async (link) => {
      const nowNs = this.#clock.now();
      const lasted = (isCut: boolean): number =>
        this.#linkFaults
          .filter(({ links, delayNs }) => (delayNs === Infinity) === isCut && has(links, link))
          .reduce((ns, { fromNs, toNs }) => ns + Math.min(toNs, nowNs) - fromNs, 0);
      const resets = this.#resets.filter((one) => has([one], link)).length;
      return {
        forwardedBytes: Math.floor((nowNs - lasted(true)) / 1_000),
        heldBytes: Math.floor(lasted(true) / 1_000),
        delayedBytes: Math.floor(lasted(false) / 1_000),
        connections: 1 + resets,
        resets,
      };
    },
  };

  /** A script that cuts nothing, and says so. */
  readonly hooks: HookControl = {
    start: async (_script, seed) => {
      this.#hooked++;
      const calls = [this.#call('start', seed)];
      return {
        calls,
        [Symbol.asyncDispose]: async () => {
          this.#hooked--;
          calls.push(this.#call('heal'));
        },
      };
    },
    healAll: async () => {},
  };

  #call(...words: string[]): HookCall {
    const nowNs = this.#clock.now();
    return { words, code: 0, output: 'done\n', startedNs: nowNs, endedNs: nowNs };
  }

  /** What operators do. Only the leader takes requests. */
  readonly admin: Required<TargetAdmin> = {
    members: async (url) => {
      if (this.status(nodeOf(url)) === undefined) return undefined;
      const isLeft = this.stepsDownWhenLeft && !this.#voters.includes(this.#leader);
      if (isLeft) this.claim(this.#leader, this.#term);
      return { voters: this.#voters, outgoing: this.#outgoing, learners: [] };
    },
    changeMembers: (url, voters) =>
      this.#administer(nodeOf(url), async () => {
        this.#outgoing = this.#voters;
        this.#voters = this.nodes.filter((node) => voters.includes(node));
        await this.#clock.sleep(this.changeNs);
        this.#outgoing = [];
        this.#index++;
      }),
    transferLeadership: (url, to) =>
      this.#administer(nodeOf(url), async () => {
        this.#leader = to;
        this.#term++;
      }),
  };

  async #administer(node: NodeId, act: () => Promise<void>): Promise<AdminOutcome> {
    await this.#clock.sleep(LATENCY_NS);
    this.#elect();
    const error = this.refusesAdmin ?? (node === this.#leader ? undefined : 'not the leader');
    if (error !== undefined || this.#outgoing.length > 0) {
      return { type: 'refused', error: error ?? 'a change is under way' };
    }
    if (!this.pretendsAdmin) await act();
    return { type: 'done' };
  }

  cluster(): Cluster {
    const { signal } = new AbortController();
    const target = this.target();
    return withSteering(this.#unsteered(), { target, clock: this.#clock, signal });
  }

  #unsteered(): Cluster {
    return {
      nodes: this.nodes,
      spares: this.#spares,
      url: (node) => `fake://${node}`,
      processes: this.processes,
      links: this.links,
      hooks: this.hooks,
      onUnexpectedExit: (listener) => void this.#listeners.push(listener),
      [Symbol.asyncDispose]: async () => {
        this.isDisposed = true;
      },
    };
  }

  target(): Target {
    return {
      name: 'fake',
      readModes: ['linearizable'],
      functions: ['read', 'write', 'cas'],
      hasLeader: true,
      promises: () => ({ consistency: 'linearizable' }),
      launch: () => ({ command: 'none', args: [], env: {} }),
      resolveSettings: (settings) => settings,
      electionTimeoutNsMax: () => FAKE_ELECTION_NS,
      probe: async (url) => this.status(nodeOf(url)),
      connect: (url) => this.client(nodeOf(url)),
      admin: this.admin,
    };
  }

  status(node: NodeId): NodeStatus | undefined {
    this.#elect();
    const pid = this.#pids.get(node);
    const claim = this.#claims.get(node);
    if (pid === undefined || claim === undefined || this.mute.has(node)) return undefined;
    if (this.#paused.has(node)) return undefined;
    const isServed = this.#voters.includes(node) && !this.starved.has(node);
    if (isServed && this.#reaches(this.#leader, node)) this.#applied.set(node, this.#index);
    const lastApplied = this.#applied.get(node) ?? 0;
    return { id: node, ...claim, leader: this.#leader, commitIndex: lastApplied, lastApplied, pid };
  }

  client(node: NodeId): Client {
    this.openClients++;
    return {
      invoke: (invocation, deadlineNs) => this.#serve(node, invocation, deadlineNs),
      [Symbol.asyncDispose]: async () => void this.openClients--,
    };
  }

  async #serve(node: NodeId, invocation: Invocation, deadlineNs: number): Promise<Completion> {
    const beganNs = this.#clock.now();
    await this.#clock.sleep(LATENCY_NS + this.#delayOf(node));
    if (this.bug !== undefined) throw this.bug;
    if (!this.#pids.has(node)) return { type: 'fail', error: 'ECONNREFUSED' };
    if (!this.#voters.includes(node)) return { type: 'fail', error: 'not a member' };
    while (this.#paused.has(node) && this.#clock.now() - beganNs < deadlineNs) {
      await this.#clock.sleep(RESUME_STEP_NS);
    }
    if (this.#paused.has(node)) return { type: 'info', error: 'timeout' };
    this.#elect();
    if (this.#lostSinceNs !== undefined || !this.#reaches(node, this.#leader)) {
      await this.#clock.sleep(deadlineNs - (this.#clock.now() - beganNs));
      return { type: 'info', error: 'timeout' };
    }
    return { type: 'ok', ...this.#apply(invocation), servedBy: this.#leader, term: this.#term };
  }

  #apply({ f, key = '', value }: Invocation): { value: Json; applied?: boolean } {
    const current = this.#data.get(key) ?? null;
    if (f === 'read') return { value: current };
    this.#index++;
    if (f === 'write') {
      this.#data.set(key, value);
      return { value };
    }
    const [from, to] = Array.isArray(value) ? value : [];
    if (from !== current) return { value, applied: false };
    this.#data.set(key, to);
    return { value, applied: true };
  }

  #reaches(from: NodeId, to: NodeId): boolean {
    const isAlive = (node: NodeId): boolean => this.#pids.has(node) && !this.#paused.has(node);
    if (!isAlive(from) || !isAlive(to)) return false;
    return !this.#inForce().some(
      ({ links, delayNs }) => delayNs === Infinity && has(links, { from, to }),
    );
  }

  /** There and back between a node and the leader. */
  #delayOf(node: NodeId): number {
    const link = { from: node, to: this.#leader };
    const slow = this.#inForce().filter(({ links }) => has(links, link));
    const delays = slow.map(({ delayNs }) => delayNs).filter((delayNs) => delayNs < Infinity);
    return 2 * Math.max(0, ...delays);
  }

  #inForce(): readonly LinkFault[] {
    return this.#linkFaults.filter(({ toNs }) => toNs === Infinity);
  }

  #impair(links: readonly Link[], delayNs: number): AsyncDisposable {
    const fault = { links, delayNs, fromNs: this.#clock.now(), toNs: Infinity };
    this.#linkFaults.push(fault);
    return { [Symbol.asyncDispose]: async () => this.#heal(fault) };
  }

  #heal(fault: LinkFault): void {
    fault.toNs = Math.min(fault.toNs, this.#clock.now());
  }

  #hasQuorum(node: NodeId): boolean {
    const reached = this.#voters.filter((other) => this.#reaches(node, other));
    return this.#voters.includes(node) && reached.length > this.#voters.length / 2;
  }

  #elect(): void {
    if (this.#hasQuorum(this.#leader)) {
      this.#lostSinceNs = undefined;
    } else {
      this.#lostSinceNs ??= this.#clock.now();
      const next = this.#voters.find((node) => this.#hasQuorum(node));
      const isDue = this.#clock.now() - this.#lostSinceNs >= FAKE_ELECTION_NS;
      if (next === undefined || !isDue || this.electsNobody) return;
      this.#leader = next;
      this.#term++;
      this.#lostSinceNs = undefined;
    }
    for (const node of this.#voters) {
      if (!this.#reaches(this.#leader, node)) continue;
      const role = node === this.#leader ? 'leader' : 'follower';
      this.#claims.set(node, { role, term: this.#term });
    }
  }
}

function has(links: readonly Link[], { from, to }: Link): boolean {
  return links.some((link) => link.from === from && link.to === to);
}

function nodeOf(url: string): NodeId {
  return nodeId(url.replace('fake://', ''));
}
