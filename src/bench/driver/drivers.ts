import { defined } from '../../lib/assert.ts';
import { makeRandom, type Random } from '../../lib/prng.ts';
import { makeConfiguration } from '../../raft/core/configuration.ts';
import { PAPER_RULES } from '../../raft/core/rules.ts';
import { nodeId, type NodeId } from '../../raft/core/types.ts';
import { Driver } from '../../raft/driver/driver.ts';
import type { Disk, Scheduler } from '../../raft/driver/ports.ts';
import type { Answer, Request } from '../../raft/driver/requests.ts';
import { Timeline } from './timeline.ts';

const MS = 1_000_000;
/** Turns of the microtask queue between the end of a disk's work and what the driver makes of it. */
const MICROTASKS = 8;

/** What the ports were handed, in order: the stages are measured over it afterwards. */
export interface Traffic {
  readonly messages: Uint8Array[];
  readonly batches: Uint8Array[];
}

export interface DriversOptions {
  readonly nodes: number;
  readonly seed: number;
  readonly operationsPerSecond: number;
  /** Kept when given: costs memory, so not while the whole is measured. */
  readonly traffic?: Traffic;
}

/**
 * Drivers on one simulated clock, with a network and disks in memory that never fail and clients that
 * send put, cas and linearizable reads to any node. As little as possible around the drivers: what is
 * measured is them.
 */
export class BenchDrivers {
  readonly timeline: Timeline = new Timeline();
  readonly #options: DriversOptions;
  readonly #random: Random;
  readonly #ids: readonly NodeId[];
  readonly #drivers = new Map<NodeId, Driver>();
  /** A disk is done: its promise's followers have to run before the next event. */
  #hasMicrotasks = false;
  turns = 0;
  messages = 0;
  syncs = 0;
  readonly answers: Record<Answer['type'], number> = { ok: 0, refused: 0, unknown: 0 };

  constructor(options: DriversOptions) {
    this.#options = options;
    this.#random = makeRandom(options.seed);
    this.#ids = Array.from({ length: options.nodes }, (_, i) => nodeId(`n${i + 1}`));
  }

  /** Starts all nodes and lets them elect a leader. */
  async start(): Promise<void> {
    for (const id of this.#ids) {
      const starting = this.#start(id);
      // Recovery asks its disk a few things in turn; each takes an event and some microtasks.
      for (let i = 0; i < 20; i++) {
        await drainMicrotasks();
        await this.run(5 * MS);
      }
      this.#drivers.set(id, await starting);
    }
    await this.run(2000 * MS);
  }

  /** Operations begin, evenly spaced, until `seconds` of simulated time have passed. */
  async work(seconds: number): Promise<void> {
    const random = this.#random.fork('clients');
    const interval = 1e9 / this.#options.operationsPerSecond;
    const untilNs = this.timeline.nowNs + seconds * 1e9;
    const count = (answer: Answer): void => void (this.answers[answer.type] += 1);
    const next = (): void => {
      const driver = defined(this.#drivers.get(random.pick(this.#ids)), 'all are up');
      driver.submit(drawRequest(random), count);
      if (this.timeline.nowNs + interval < untilNs) {
        this.timeline.at(this.timeline.nowNs + interval, next);
      }
    };
    next();
    await this.run(seconds * 1e9);
  }

  async run(forNs: number): Promise<void> {
    const untilNs = this.timeline.nowNs + forNs;
    while (this.timeline.step(untilNs)) {
      if (!this.#hasMicrotasks) continue;
      this.#hasMicrotasks = false;
      await drainMicrotasks();
    }
    this.timeline.nowNs = untilNs;
  }

  async #start(id: NodeId): Promise<Driver> {
    const { driver } = await Driver.start({
      config: {
        id,
        configuration: makeConfiguration(this.#ids),
        electionTimeout: { minNs: 150 * MS, maxNs: 300 * MS },
        heartbeatIntervalNs: 50 * MS,
        maxEntriesPerAppend: 64,
        maxBytesPerAppend: 1_000_000,
        catchUpTimeoutNs: 60e9,
        maxInflightAppends: 16,
        preVote: true,
        checkQuorum: true,
        leaseDriftPpm: 10_000,
      },
      clusterId: 'bench',
      fsync: 'always',
      fsyncIntervalNs: 100 * MS,
      requestTimeoutNs: 1000 * MS,
      changeTimeoutNs: 120e9,
      rules: PAPER_RULES,
      random: this.#random.fork(id),
      disk: this.#disk(id),
      network: { send: (to, bytes) => this.#send(id, to, bytes) },
      scheduler: this.#scheduler(),
      onFatal: (error) => {
        throw error;
      },
    });
    return driver;
  }

  #send(from: NodeId, to: NodeId, bytes: Uint8Array): boolean {
    this.messages += 1;
    this.#options.traffic?.messages.push(bytes);
    const delayNs = this.#random.integer(0.2 * MS, 1 * MS);
    this.timeline.at(this.timeline.nowNs + delayNs, () =>
      this.#drivers.get(to)?.receive(from, bytes),
    );
    return true;
  }

  #scheduler(): Scheduler {
    let timer = 0;
    let isSetFor = Infinity;
    return {
      now: () => this.timeline.nowNs,
      wakeAt: (atNs, run) => {
        if (atNs === isSetFor) return;
        isSetFor = atNs;
        const mine = ++timer;
        if (atNs === Infinity) return;
        this.timeline.at(atNs, () => {
          if (mine !== timer) return;
          isSetFor = Infinity;
          run();
        });
      },
      soon: (run) => {
        this.turns += 1;
        this.timeline.at(this.timeline.nowNs, run);
      },
    };
  }

  /** Begins empty and never crashes: what is written is counted, and kept only for the stages. */
  #disk(id: NodeId): Disk {
    const random = this.#random.fork(`disk/${id}`);
    const later = (): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.timeline.at(this.timeline.nowNs + random.integer(0.5 * MS, 2 * MS), () => {
        this.#hasMicrotasks = true;
        resolve();
      });
      return promise;
    };
    return {
      list: async () => [],
      read: async () => new Uint8Array(0),
      readAt: async () => new Uint8Array(0),
      append: (_name, bytes) => void this.#options.traffic?.batches.push(bytes),
      allocate: later,
      sync: () => {
        this.syncs += 1;
        return later();
      },
      rename: later,
      remove: later,
      syncDirectory: later,
    };
  }
}

const RESOLVED = Promise.resolve();

async function drainMicrotasks(): Promise<void> {
  for (let i = 0; i < MICROTASKS; i++) await RESOLVED;
}

const KEYS = Array.from({ length: 20 }, (_, i) => `key${i}`);

function drawRequest(random: Random): Request {
  const key = random.pick(KEYS);
  const value = String(random.integer(0, 99_999));
  switch (random.integer(0, 4)) {
    case 0:
    case 1:
      return { type: 'read', key, consistency: 'linearizable' };
    case 2:
      return { type: 'command', command: { type: 'cas', key, from: value, to: `${value}1` } };
    default:
      return { type: 'command', command: { type: 'put', key, value } };
  }
}
