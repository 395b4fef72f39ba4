import type { Client } from '../contracts/client.ts';
import type {
  Cluster,
  LeadershipControl,
  LinkControl,
  MembershipControl,
  ProcessControl,
  UnexpectedExit,
} from '../contracts/cluster.ts';
import type { NodeId as Name } from '../contracts/names.ts';
import { nodeId as name } from '../contracts/names.ts';
import { defined } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import {
  type Configuration,
  hasQuorum,
  makeConfiguration,
  NO_CONFIGURATION,
} from '../raft/core/configuration.ts';
import type { Rules } from '../raft/core/rules.ts';
import { type Envelope, nodeId, type NodeId } from '../raft/core/types.ts';
import { positionOf } from '../raft/driver/snapshot-format.ts';
import type { DriverStatus } from '../raft/driver/driver.ts';
import type { Disk } from '../raft/driver/ports.ts';
import { type ClientKind, connectTo, OF_REGISTERS } from './client.ts';
import { SimDisk } from './disk.ts';
import { diskCounterOf, diskEventDetail } from './disk-events.ts';
import { SimNetwork } from './network.ts';
import { NodeClock } from './node-clock.ts';
import { type ChangeReply, SimNode } from './node.ts';
import { type SimObserver, tellAll } from './observer.ts';
import type { SimProfile } from './profile.ts';
import type { Simulation } from './simulation.ts';
import { leadershipOf, membershipOf } from './steering.ts';

export interface SimClusterOptions {
  /** Of the nodes that the cluster begins with. */
  readonly size: number;
  /** So many more start empty, members of nothing; by default none. */
  readonly spares?: number | undefined;
  readonly profile: SimProfile;
  readonly rules: Rules;
  readonly wrapDisk?: ((disk: Disk) => Disk) | undefined;
  readonly observers: readonly SimObserver[];
}

/** A cluster of real drivers in simulated time. Nodes that stop by themselves are started again. */
export class SimCluster implements Cluster {
  /** All of them, members or not: those that the cluster begins with, then spares. */
  readonly nodes: readonly Name[];
  readonly profile: SimProfile;
  readonly network: SimNetwork;
  readonly links: LinkControl;
  readonly processes: ProcessControl;
  readonly spares: readonly Name[];
  readonly membership: MembershipControl;
  readonly leadership: LeadershipControl;
  readonly #sim: Simulation;
  readonly #nodes = new Map<string, SimNode>();
  /** Whose disks no longer hold what they were told to hold. */
  readonly damaged: Set<NodeId> = new Set<NodeId>();
  readonly #exits: ((exit: UnexpectedExit) => void)[] = [];
  readonly #elected = new Set<(node: NodeId) => void>();
  readonly #voted = new Set<(node: NodeId) => void>();
  readonly #snapshotReads = new Set<(node: NodeId, name: string) => void>();
  /** The term in which a node was seen to lead last. */
  readonly #ledTerms = new Map<NodeId, number>();
  #clients = 0;
  /** In force at the last leader of the highest term, while it led. */
  #configuration: Configuration;
  #newestTerm = 0;
  /** Somebody has asked for other members. */
  #hasChanged = false;

  constructor(sim: Simulation, options: SimClusterOptions) {
    const { size, spares = 0, profile } = options;
    this.#sim = sim;
    this.profile = profile;
    const ids = Array.from({ length: size + spares }, (_, i) => nodeId(`n${i + 1}`));
    const initial = makeConfiguration(ids.slice(0, size));
    this.#configuration = initial;
    this.nodes = ids.map((id) => name(id));
    this.spares = this.nodes.slice(size);
    this.membership = membershipOf(sim, this, size);
    this.leadership = leadershipOf(sim, this);
    const restarts = sim.random('restarts');
    const observer = tellAll([
      ...options.observers,
      {
        stepped: ({ node }, _, { role, term, configuration, messagesAfterSync }) => {
          if (this.#voted.size > 0 && messagesAfterSync.some(isVote)) {
            for (const listener of this.#voted) listener(node);
          }
          if (role !== 'leader') return;
          if (term >= this.#newestTerm) {
            this.#newestTerm = term;
            this.#configuration = configuration;
          }
          if (this.#ledTerms.get(node) === term) return;
          this.#ledTerms.set(node, term);
          for (const listener of this.#elected) listener(node);
        },
        stopped: ({ node }, { type }) => {
          if (type === 'killed' || type === 'power-failure') return;
          for (const listener of this.#exits) {
            listener({ node: name(node), code: type === 'refused' ? 65 : 74, signal: null });
          }
          if (type === 'refused') return;
          const { minNs, maxNs } = profile.restartNs;
          this.node(node).startAfter(restarts.integer(minNs, maxNs));
        },
      },
    ]);
    this.network = new SimNetwork({
      sim,
      latency: profile.latency,
      bufferBytes: profile.bufferBytes,
      happened: (what) => observer.happened(what),
    });
    this.links = this.network.control;
    const origins = sim.random('clocks');
    const drifts = sim.random('drifts');
    const driftMax = profile.driftPpmMax ?? 0;
    for (const id of ids) {
      const disk = new SimDisk(
        {
          now: () => sim.now(),
          after: (ns, run) => sim.after(ns, run),
          settles: () => sim.settles(),
          random: sim.random(`disk/${id}`),
          observer: (event) => {
            if (event.type === 'synced') return observer.synced(id, event.name, event.bytes);
            if (event.type === 'call' && event.operation === 'read') this.#reading(id, event.name);
            const kind = diskCounterOf(event);
            if (kind === undefined) return;
            observer.happened({ kind, node: id, detail: diskEventDetail(event) });
          },
        },
        profile.disk,
      );
      const clock = new NodeClock(sim, origins.integer(0, 1e12), profile.clockBoundPpm);
      clock.drift(drifts.integer(-driftMax, driftMax));
      const node = new SimNode({
        sim,
        node: id,
        configuration: initial.voters.includes(id) ? initial : NO_CONFIGURATION,
        rules: options.rules,
        profile: profile.node,
        turnNs: profile.turnNs,
        clock,
        disk,
        network: this.network,
        observer,
        wrapDisk: options.wrapDisk,
      });
      this.#nodes.set(id, node);
    }
    this.processes = {
      pid: (id) => this.node(id).pid,
      kill: async (id) => this.node(id).stop({ type: 'killed' }),
      start: async (id) => this.node(id).start(),
      pause: async (id) => this.node(id).pause(),
      resume: async (id) => this.node(id).resume(),
    };
  }

  /** Starts whoever is down. */
  startAll(): void {
    for (const node of this.#nodes.values()) node.start();
  }

  node(id: string): SimNode {
    return defined(this.#nodes.get(id), () => `there is a node ${id}`);
  }

  /** What nodes that run say of themselves. */
  statuses(): readonly DriverStatus[] {
    return this.nodes.flatMap((id) => this.node(id).status() ?? []);
  }

  /**
   * Whether what a disk holds may be damaged: of what a majority has lost nothing can be promised, so
   * only a minority of disks is ever damaged; and none where other members were asked for, of whom it
   * could be a majority.
   */
  mayDamage(node: NodeId): boolean {
    if (this.damaged.has(node)) return true;
    return !this.#hasChanged && this.canBear([...this.damaged, node]);
  }

  /** True when those who vote now decide also without these. */
  canBear(lost: readonly NodeId[]): boolean {
    return hasQuorum(this.#configuration, (voter) => !lost.includes(voter));
  }

  /** Simulated. */
  sleep(ns: number): Promise<void> {
    return this.#sim.sleep(ns);
  }

  /** Of who leads in the highest term, or led last in it. */
  get configuration(): Configuration {
    return this.#configuration;
  }

  /**
   * Asks a node for other voters.
   *
   * @param random - draws how long the request and its answer travel
   * @returns what it answered; `lost` when it did not within `deadlineNs`, or went down
   */
  changeMembers(
    via: Name,
    voters: readonly Name[],
    { deadlineNs, random }: { readonly deadlineNs: number; readonly random: Random },
  ): Promise<ChangeReply> {
    const { minNs, maxNs } = this.profile.clientLatency;
    const change = { voters: voters.map((voter) => nodeId(voter)), addresses: new Map() };
    this.#hasChanged = true;
    return new Promise((resolve) => {
      const end = (reply: ChangeReply): void => {
        this.#sim.settles();
        resolve(reply);
      };
      const travelNs = (): number => random.integer(minNs, maxNs);
      this.#sim.after(deadlineNs, () => end({ type: 'lost' }));
      this.#sim.after(travelNs(), () =>
        this.node(via).changeMembers(change, (reply) => {
          this.#sim.after(travelNs(), () => end(reply));
        }),
      );
    });
  }

  /** Who leads the highest term, by its own word. */
  get leader(): NodeId | undefined {
    let leader: DriverStatus | undefined;
    for (const status of this.statuses()) {
      if (status.role !== 'leader') continue;
      if (leader === undefined || status.term > leader.term) leader = status;
    }
    return leader?.id;
  }

  /**
   * @param listener - called in the step in which a node becomes a leader, before anything is done about it
   * @returns what ends it
   */
  onElected(listener: (node: NodeId) => void): () => void {
    this.#elected.add(listener);
    return () => void this.#elected.delete(listener);
  }

  /**
   * @param listener - called in the step in which a node gives its vote, before anything is done about it
   * @returns what ends it
   */
  onVoted(listener: (node: NodeId) => void): () => void {
    this.#voted.add(listener);
    return () => void this.#voted.delete(listener);
  }

  /**
   * @param listener - called when a node asks its disk for a part of this snapshot, before it is read
   * @returns what ends it
   */
  onSnapshotRead(listener: (node: NodeId, name: string) => void): () => void {
    this.#snapshotReads.add(listener);
    return () => void this.#snapshotReads.delete(listener);
  }

  #reading(node: NodeId, file: string): void {
    if (this.#snapshotReads.size === 0 || positionOf(file) === undefined) return;
    for (const listener of this.#snapshotReads) listener(node, file);
  }

  url(node: Name): string {
    return `sim://${node}`;
  }

  /**
   * @param stream - names its random numbers; by default the how-manieth connection it is
   * @param kind - what it does; by default it reads and writes registers
   */
  connect(
    node: Name,
    stream: string = String(this.#clients++),
    kind: ClientKind = OF_REGISTERS,
  ): Client {
    const random = this.#sim.random(`client/${stream}`);
    const latency = this.profile.clientLatency;
    const at = this.nodes.indexOf(node);
    const others = [...this.nodes.slice(at + 1), ...this.nodes.slice(0, at)];
    const { sessionExpiryNs } = this.profile.node;
    return connectTo(
      {
        sim: this.#sim,
        node: this.node(node),
        latency,
        random,
        others: others.map((id) => this.node(id)),
        expiryMs: sessionExpiryNs === undefined ? undefined : Math.ceil(sessionExpiryNs / 1e6),
      },
      kind,
    );
  }

  onUnexpectedExit(listener: (exit: UnexpectedExit) => void): void {
    this.#exits.push(listener);
  }

  /** Nothing runs but in the simulation's own time. */
  async [Symbol.asyncDispose](): Promise<void> {}
}

function isVote({ message }: Envelope): boolean {
  return message.type === 'vote-response' && message.granted && !message.preVote;
}
