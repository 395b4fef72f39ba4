import type { Json } from '../../../checker/index.ts';
import type { Client, Completion, Invocation } from '../../contracts/client.ts';
import type { Clock } from '../../contracts/clock.ts';
import type {
  Cluster,
  LinkControl,
  ProcessControl,
  UnexpectedExit,
} from '../../contracts/cluster.ts';
import { type Link, nodeId, type NodeId } from '../../contracts/names.ts';
import type { NodeStatus, Target } from '../../contracts/target.ts';
import { MILLISECOND } from '../../lib/duration.ts';

const LATENCY_NS = 8 * MILLISECOND;
export const FAKE_ELECTION_NS: number = 300 * MILLISECOND;

/** A store in memory that elects, stops without a quorum, and keeps its promises. Tests break it. */
export class FakeStore {
  readonly nodes: readonly NodeId[];
  readonly #clock: Clock;
  readonly #data = new Map<string, Json>();
  readonly #pids = new Map<NodeId, number>();
  readonly #cuts = new Set<readonly Link[]>();
  readonly #cutsEver: { links: readonly Link[]; fromNs: number; toNs: number }[] = [];
  readonly #claims = new Map<NodeId, { role: 'leader' | 'follower'; term: number }>();
  readonly #listeners: ((exit: UnexpectedExit) => void)[] = [];
  #nextPid = 100;
  #leader: NodeId;
  #term = 1;
  #lostSinceNs: number | undefined;
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
    return this.#cuts.size;
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
    kill: async (node) => void this.#pids.delete(node),
    start: async (node) => void this.#pids.set(node, this.#nextPid++),
  };

  readonly links: LinkControl = {
    cut: async (links) => {
      this.#cuts.add(links);
      this.#cutsEver.push({ links, fromNs: this.#clock.now(), toNs: Infinity });
      return { [Symbol.asyncDispose]: async () => this.#heal(links) };
    },
    healAll: async () => [...this.#cuts].forEach((links) => this.#heal(links)),
    // A byte per microsecond, which passes or is held.
    traffic: async (link) => {
      const nowNs = this.#clock.now();
      const cutNs = this.#cutsEver
        .filter(({ links }) => links.some(({ from, to }) => from === link.from && to === link.to))
        .reduce((ns, { fromNs, toNs }) => ns + Math.min(toNs, nowNs) - fromNs, 0);
      return { forwardedBytes: (nowNs - cutNs) / 1_000, heldBytes: cutNs / 1_000 };
    },
  };

  cluster(): Cluster {
    return {
      nodes: this.nodes,
      url: (node) => `fake://${node}`,
      processes: this.processes,
      links: this.links,
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
    await this.#clock.sleep(LATENCY_NS);
    if (this.bug !== undefined) throw this.bug;
    if (!this.#pids.has(node)) return { type: 'fail', error: 'ECONNREFUSED' };
    this.#elect();
    if (this.#lostSinceNs !== undefined || !this.#reaches(node, this.#leader)) {
      await this.#clock.sleep(deadlineNs - LATENCY_NS);
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
    if (!this.#pids.has(from) || !this.#pids.has(to)) return false;
    return ![...this.#cuts].some((cut) =>
      cut.some((link) => link.from === from && link.to === to && from !== to),
    );
  }

  #heal(links: readonly Link[]): void {
    this.#cuts.delete(links);
    for (const one of this.#cutsEver) {
      if (one.links === links) one.toNs = Math.min(one.toNs, this.#clock.now());
    }
  }

  #hasQuorum(node: NodeId): boolean {
    const reached = this.nodes.filter((other) => this.#reaches(node, other));
    return this.#pids.has(node) && reached.length > this.nodes.length / 2;
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

function nodeOf(url: string): NodeId {
  return nodeId(url.replace('fake://', ''));
}
