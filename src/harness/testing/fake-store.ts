import type { Json } from '../../../checker/index.ts';
import type { Client, Completion, Invocation } from '../../contracts/client.ts';
import type { Clock } from '../../contracts/clock.ts';
import type {
  Cluster,
  HookCall,
  HookControl,
  LinkControl,
  ProcessControl,
  UnexpectedExit,
} from '../../contracts/cluster.ts';
import { type Link, nodeId, type NodeId } from '../../contracts/names.ts';
import type { NodeStatus, Target } from '../../contracts/target.ts';
import { MILLISECOND } from '../../lib/duration.ts';

const LATENCY_NS = 8 * MILLISECOND;
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
  readonly #data = new Map<string, Json>();
  readonly #pids = new Map<NodeId, number>();
  readonly #paused = new Set<NodeId>();
  /** Cuts have an infinite delay. Those that are over have an end. */
  readonly #linkFaults: LinkFault[] = [];
  readonly #resets: Link[] = [];
  readonly #claims = new Map<NodeId, { role: 'leader' | 'follower'; term: number }>();
  readonly #listeners: ((exit: UnexpectedExit) => void)[] = [];
  #nextPid = 100;
  #leader: NodeId;
  #term = 1;
  #lostSinceNs: number | undefined;
  #hooked = 0;
  /** Never elects again. */
  electsNobody = false;
  /** Nodes that do not answer probes. */
  readonly mute: Set<NodeId> = new Set();
  isDisposed = false;
  openClients = 0;
  /** What a client throws, if anything: a bug in Gong. */
  bug: Error | undefined;

  constructor(clock: Clock, count: number) {
    this.#clock = clock;
    this.nodes = Array.from({ length: count }, (_, i) => nodeId(`n${i + 1}`));
    this.#leader = nodeId('n1');
    for (const node of this.nodes) {
      this.#pids.set(node, this.#nextPid++);
      this.#claims.set(node, { role: node === this.#leader ? 'leader' : 'follower', term: 1 });
    }
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

  /** Another node is elected, for no reason that anybody sees. */
  depose(): void {
    const heir = this.nodes[(this.nodes.indexOf(this.#leader) + 1) % this.nodes.length];
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

  cluster(): Cluster {
    return {
      nodes: this.nodes,
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
    };
  }

  status(node: NodeId): NodeStatus | undefined {
    this.#elect();
    const pid = this.#pids.get(node);
    const claim = this.#claims.get(node);
    if (pid === undefined || claim === undefined || this.mute.has(node)) return undefined;
    if (this.#paused.has(node)) return undefined;
    return { id: node, ...claim, leader: this.#leader, commitIndex: 0, lastApplied: 0, pid };
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
    const reached = this.nodes.filter((other) => this.#reaches(node, other));
    return reached.length > this.nodes.length / 2;
  }

  #elect(): void {
    if (this.#hasQuorum(this.#leader)) {
      this.#lostSinceNs = undefined;
    } else {
      this.#lostSinceNs ??= this.#clock.now();
      const next = this.nodes.find((node) => this.#hasQuorum(node));
      const isDue = this.#clock.now() - this.#lostSinceNs >= FAKE_ELECTION_NS;
      if (next === undefined || !isDue || this.electsNobody) return;
      this.#leader = next;
      this.#term++;
      this.#lostSinceNs = undefined;
    }
    for (const node of this.nodes) {
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
