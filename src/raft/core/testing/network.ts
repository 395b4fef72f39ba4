import { assert, defined } from '../../../lib/assert.ts';
import { makeRandom, type Random } from '../../../lib/prng.ts';
import { type Configuration, makeConfiguration, NO_CONFIGURATION } from '../configuration.ts';
import type { CoreConfig } from '../core-config.ts';
import { makeRaftCore, type RaftCore } from '../core.ts';
import { LOG_START } from '../log.ts';
import { PAPER_RULES, type Rules } from '../rules.ts';
import {
  type Entry,
  type Envelope,
  type HardState,
  type Input,
  logIndex,
  type Message,
  nodeId,
  type NodeId,
  type Ready,
  term,
} from '../types.ts';

const MS = 1_000_000;
export const HEARTBEAT_NS: number = 100 * MS;
export const ELECTION_NS: { readonly minNs: number; readonly maxNs: number } = {
  minNs: 1000 * MS,
  maxNs: 2000 * MS,
};

interface Write {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly number: number | undefined;
  /** Messages that leave when this is durable. */
  readonly envelopes: readonly Envelope[];
}

/** One core with a disk whose writes complete when the test says so. */
export interface TestNode {
  readonly id: NodeId;
  core: RaftCore;
  ready: Ready;
  /** Durable. */
  disk: { hardState: HardState; entries: Entry[] };
  /** Written, not durable: a crash loses them. */
  writes: Write[];
  applied: Entry[];
  isUp: boolean;
}

export interface Flight {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly message: Message;
}

type Pipeline = Pick<CoreConfig, 'maxEntriesPerAppend' | 'maxInflightAppends'>;

type Elections = Pick<CoreConfig, 'preVote' | 'checkQuorum' | 'leaseDriftPpm'>;

/** Cores on a clock, disks and a network that a test drives step by step. */
export class TestNetwork {
  nowNs = 0;
  readonly nodes: ReadonlyMap<NodeId, TestNode>;
  /** Messages under way, oldest first. */
  flights: Flight[] = [];
  readonly #rules: Rules;
  readonly #electionTimeout: typeof ELECTION_NS;
  readonly #pipeline: Pipeline;
  readonly #elections: Elections;
  readonly #random: Random;
  readonly #initial: Configuration;
  readonly #onReady: (node: TestNode, ready: Ready) => void;

  constructor(options: {
    /** Of the nodes that the cluster begins with. */
    readonly size: number;
    /** So many more start empty, members of nothing. */
    readonly spares?: number;
    readonly seed: string | number;
    readonly rules?: Rules;
    readonly electionTimeout?: typeof ELECTION_NS;
    readonly pipeline?: Partial<Pipeline>;
    readonly elections?: Partial<Elections>;
    /** Entries that stand on each node's disk at the start, by node name. */
    readonly logs?: Readonly<Record<string, readonly Entry[]>>;
    readonly hardStates?: Readonly<Record<string, HardState>>;
    readonly onReady?: (node: TestNode, ready: Ready) => void;
  }) {
    this.#rules = options.rules ?? PAPER_RULES;
    this.#electionTimeout = options.electionTimeout ?? ELECTION_NS;
    this.#pipeline = { maxEntriesPerAppend: 4, maxInflightAppends: 3, ...options.pipeline };
    this.#elections = {
      preVote: true,
      checkQuorum: true,
      leaseDriftPpm: 0,
      ...options.elections,
    };
    this.#random = makeRandom(options.seed);
    this.#onReady = options.onReady ?? (() => {});
    const { size, spares = 0 } = options;
    const ids = Array.from({ length: size + spares }, (_, i) => nodeId(`n${i + 1}`));
    this.#initial = makeConfiguration(ids.slice(0, size));
    const nodes = new Map<NodeId, TestNode>();
    for (const id of ids) {
      const entries = [...(options.logs?.[id] ?? [])];
      const hardState = options.hardStates?.[id] ?? {
        term: entries.at(-1)?.term ?? term(0),
        votedFor: undefined,
      };
      const core = this.#boot(id, { hardState, entries });
      nodes.set(id, {
        id,
        core,
        ready: core.step([], 0),
        disk: { hardState, entries },
        writes: [],
        applied: [],
        isUp: true,
      });
    }
    this.nodes = nodes;
    // They have run for so long that they may vote.
    this.nowNs = this.#electionTimeout.minNs;
  }

  node(name: string): TestNode {
    return defined(this.nodes.get(nodeId(name)), `there is no ${name}`);
  }

  get leaders(): readonly TestNode[] {
    return [...this.nodes.values()].filter((node) => node.isUp && node.ready.role === 'leader');
  }

  step(name: string, ...inputs: Input[]): Ready {
    const node = this.node(name);
    assert(node.isUp, `${name} is down`);
    const ready = node.core.step(inputs, this.nowNs);
    node.ready = ready;
    const hasWrites = ready.hardState !== undefined || ready.entries.length > 0;
    if (hasWrites || (ready.messagesAfterSync.length > 0 && node.writes.length > 0)) {
      const { hardState, entries, write, messagesAfterSync } = ready;
      node.writes.push({ hardState, entries, number: write, envelopes: messagesAfterSync });
    } else this.#send(node, ready.messagesAfterSync);
    this.#send(node, ready.messages);
    node.applied.push(...ready.committed);
    this.#onReady(node, ready);
    return ready;
  }

  /** Everything written on this node becomes durable. */
  sync(name: string): void {
    const node = this.node(name);
    const writes = node.writes;
    node.writes = [];
    for (const write of writes) {
      if (write.hardState !== undefined) node.disk.hardState = write.hardState;
      for (const entry of write.entries) {
        node.disk.entries.length = entry.index - 1;
        node.disk.entries.push(entry);
      }
      this.#send(node, write.envelopes);
    }
    const number = writes.findLast((write) => write.number !== undefined)?.number;
    if (number !== undefined) this.step(name, { type: 'synced', write: number });
  }

  /** The node's log as it has it in memory: what is durable, and what is being written. */
  logOf(name: string): readonly Entry[] {
    const { disk, writes } = this.node(name);
    const log = [...disk.entries];
    for (const entry of writes.flatMap((write) => write.entries)) {
      log.length = entry.index - 1;
      log.push(entry);
    }
    return log;
  }

  /** Loses what was not durable. */
  crash(name: string): void {
    const node = this.node(name);
    node.isUp = false;
    node.writes = [];
  }

  restart(name: string): void {
    const node = this.node(name);
    node.core = this.#boot(node.id, node.disk);
    node.applied = [];
    node.isUp = true;
    this.step(name);
  }

  deliver(flight: Flight): void {
    this.flights = this.flights.filter((other) => other !== flight);
    const node = this.nodes.get(flight.to);
    if (node?.isUp !== true) return;
    this.step(flight.to, { type: 'message', from: flight.from, message: flight.message });
  }

  /** Those under way now that `chosen` picks arrive; the others stay under way. */
  deliverAll(chosen: (flight: Flight) => boolean = () => true): void {
    for (const flight of this.flights.filter(chosen)) this.deliver(flight);
  }

  /** Time passes for everybody. */
  advance(ns: number): void {
    this.nowNs += ns;
    for (const node of this.nodes.values()) if (node.isUp) this.step(node.id, { type: 'tick' });
  }

  /** Delivers and syncs until nothing is under way; `isOpen` says which messages arrive. */
  settle(isOpen: (flight: Flight) => boolean = () => true): void {
    for (let round = 0; round < 10_000; round++) {
      for (const node of this.nodes.values()) if (node.writes.length > 0) this.sync(node.id);
      const flight = this.flights[0];
      if (flight === undefined) return;
      if (isOpen(flight)) this.deliver(flight);
      else this.flights.shift();
    }
    throw new Error('the network does not come to rest');
  }

  /** Time passes in small steps, with everything delivered in between, until `isDone`. */
  runUntil(isDone: () => boolean, isOpen?: (flight: Flight) => boolean): void {
    for (let round = 0; round < 1000; round++) {
      this.settle(isOpen);
      if (isDone()) return;
      this.advance(50 * MS);
    }
    throw new Error('it did not come to that within 50 s');
  }

  /** One node becomes leader, everybody follows. */
  elect(): TestNode {
    this.runUntil(() => this.leaders.length === 1);
    return defined(this.leaders[0], 'there is one');
  }

  #boot(
    id: NodeId,
    disk: { readonly hardState: HardState; readonly entries: readonly Entry[] },
  ): RaftCore {
    return makeRaftCore({
      config: {
        id,
        configuration: this.#initial.voters.includes(id) ? this.#initial : NO_CONFIGURATION,
        electionTimeout: this.#electionTimeout,
        heartbeatIntervalNs: HEARTBEAT_NS,
        maxBytesPerAppend: 1024,
        catchUpTimeoutNs: 20 * ELECTION_NS.maxNs,
        ...this.#pipeline,
        ...this.#elections,
      },
      rules: this.#rules,
      random: this.#random.fork(`${id}/${this.nowNs}`),
      restored: { hardState: disk.hardState, base: LOG_START, entries: disk.entries },
      nowNs: this.nowNs,
    });
  }

  #send(node: TestNode, envelopes: readonly Envelope[]): void {
    for (const { to, message } of envelopes) this.flights.push({ from: node.id, to, message });
  }
}

/** A log of empty commands with these terms, from index 1. */
export function logOf(...terms: readonly number[]): Entry[] {
  return terms.map((value, i) => ({
    index: logIndex(i + 1),
    term: term(value),
    kind: 'command',
    data: Uint8Array.of(value),
  }));
}
