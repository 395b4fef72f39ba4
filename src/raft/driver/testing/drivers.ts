import { defined } from '../../../lib/assert.ts';
import { makeRandom } from '../../../lib/prng.ts';
import { makeConfiguration } from '../../core/configuration.ts';
import type { CoreConfig } from '../../core/core-config.ts';
import { PAPER_RULES, type Rules } from '../../core/rules.ts';
import { nodeId, type NodeId } from '../../core/types.ts';
import { Driver, type DriverOptions } from '../driver.ts';
import type { DriverObserver, Scheduler } from '../ports.ts';
import type { Answer, Request } from '../requests.ts';
import type { SnapshotSettings } from '../snapshots.ts';
import type { FsyncMode } from '../wal.ts';
import { MemoryDisk } from './memory-disk.ts';

const MS = 1_000_000;

interface Timer {
  readonly atNs: number;
  readonly run: () => void;
}

/** What differs from the usual. */
export interface TestDriversOptions {
  readonly rules?: Rules;
  readonly config?: Partial<CoreConfig>;
  readonly segmentBytesMax?: number;
  readonly snapshots?: SnapshotSettings;
  readonly requestTimeoutNs?: number;
  readonly observer?: (id: NodeId) => DriverObserver;
  readonly driver?: Pick<DriverOptions, 'batchDelayNs' | 'followers' | 'onRejected'>;
}

/** Drivers on a clock that jumps to whatever is due next; messages pass in the turn they are sent. */
export class TestDrivers {
  nowNs = 0;
  readonly disks: Map<NodeId, MemoryDisk> = new Map();
  readonly drivers: Map<NodeId, Driver> = new Map();
  readonly fatal: unknown[] = [];
  /** Whether what `from` sends to `to` arrives. */
  isOpen: (from: NodeId, to: NodeId) => boolean = () => true;
  /** Whether `from` is connected to `to` at all: if not, it knows that it did not send. */
  isConnected: (from: NodeId, to: NodeId) => boolean = () => true;
  /** Sees every message as it is sent. */
  tap: (from: NodeId, to: NodeId, bytes: Uint8Array) => void = () => {};
  /** Lets a message arrive: at once, later, twice, or never. */
  route: (from: NodeId, to: NodeId, bytes: Uint8Array, arrive: () => void) => void = (
    _from,
    _to,
    _bytes,
    arrive,
  ) => void this.#tasks.push(arrive);
  sent = 0;
  readonly ids: readonly NodeId[];
  readonly #fsync: FsyncMode;
  readonly #options: TestDriversOptions;
  #lives = 0;
  #tasks: (() => void)[] = [];
  readonly #timers = new Map<NodeId, Timer>();
  readonly #events = new Set<Timer>();

  constructor(size: number, fsync: FsyncMode = 'always', options: TestDriversOptions = {}) {
    this.#options = options;
    this.ids = Array.from({ length: size }, (_, i) => nodeId(`n${i + 1}`));
    this.#fsync = fsync;
    for (const id of this.ids) this.disks.set(id, new MemoryDisk());
  }

  async startAll(): Promise<void> {
    for (const id of this.ids) await this.start(id);
  }

  async start(id: NodeId): Promise<void> {
    const { driver } = await Driver.start({
      config: {
        id,
        configuration: makeConfiguration(this.ids),
        electionTimeout: { minNs: 1000 * MS, maxNs: 2000 * MS },
        heartbeatIntervalNs: 100 * MS,
        maxEntriesPerAppend: 64,
        maxBytesPerAppend: 1_000_000,
        maxInflightAppends: 16,
        preVote: true,
        checkQuorum: true,
        leaseDriftPpm: 10_000,
        catchUpTimeoutNs: 10_000 * MS,
        ...this.#options.config,
      },
      clusterId: 'test',
      fsync: this.#fsync,
      fsyncIntervalNs: 100 * MS,
      requestTimeoutNs: this.#options.requestTimeoutNs ?? 1000 * MS,
      changeTimeoutNs: 20_000 * MS,
      rules: this.#options.rules ?? PAPER_RULES,
      random: makeRandom(`${id}/${this.#lives++}`),
      disk: defined(this.disks.get(id), 'a disk for each'),
      network: { send: (to, bytes) => this.#send(id, to, bytes) },
      scheduler: this.#scheduler(id),
      onFatal: (error) => this.fatal.push(error),
      ...this.#options.driver,
      ...(this.#options.observer === undefined ? {} : { observer: this.#options.observer(id) }),
      ...(this.#options.snapshots === undefined ? {} : { snapshots: this.#options.snapshots }),
      ...(this.#options.segmentBytesMax === undefined
        ? {}
        : { segmentBytesMax: this.#options.segmentBytesMax }),
    });
    this.drivers.set(id, driver);
  }

  /** Loses what was not synced, but for what `survives`. */
  crash(id: NodeId, survives?: (unsynced: Uint8Array) => Uint8Array): void {
    this.driver(id).stop();
    this.drivers.delete(id);
    this.#timers.delete(id);
    this.disks.set(id, defined(this.disks.get(id), 'a disk for each').afterCrash(survives));
  }

  driver(id: NodeId): Driver {
    return defined(this.drivers.get(id), `${id} is down`);
  }

  get leader(): NodeId | undefined {
    const leaders = [...this.drivers.values()]
      .map((driver) => driver.status())
      .filter((status) => status.role === 'leader');
    return leaders.toSorted((a, b) => b.term - a.term)[0]?.id;
  }

  async elect(): Promise<NodeId> {
    await this.runUntil(() => this.leader !== undefined);
    // Everybody knows, and the term's first entry is committed.
    await this.runUntil(() =>
      [...this.drivers.values()].every((driver) => driver.status().lastApplied > 0),
    );
    return defined(this.leader, 'elected');
  }

  /** Undefined while there is no answer within `limitNs` of simulated time. */
  async ask(
    id: NodeId,
    request: Request,
    limitNs: number = 5000 * MS,
  ): Promise<Answer | undefined> {
    const answers: Answer[] = [];
    this.driver(id).submit(request, (answer) => answers.push(answer));
    const until = this.nowNs + limitNs;
    await this.runUntil(() => answers.length > 0 || this.nowNs > until);
    return answers[0];
  }

  async runUntil(isDone: () => boolean): Promise<void> {
    for (let round = 0; round < 100_000; round++) {
      const tasks = this.#tasks;
      this.#tasks = [];
      for (const task of tasks) task();
      // Disks answer in microtasks and are as fast as that.
      await new Promise(setImmediate);
      if (this.#tasks.length > 0) continue;
      if (isDone()) return;
      const next = this.#takeEarliest();
      if (next === undefined) throw new Error('nothing is due any more');
      this.nowNs = Math.max(this.nowNs, next.atNs);
      next.run();
    }
    throw new Error('it did not come to that');
  }

  /** Calls `run` when so much time has passed. */
  after(ns: number, run: () => void): void {
    this.#events.add({ atNs: this.nowNs + ns, run });
  }

  async pass(ns: number): Promise<void> {
    let isOver = false;
    this.after(ns, () => {
      isOver = true;
    });
    await this.runUntil(() => isOver);
  }

  #takeEarliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of [...this.#timers.values(), ...this.#events]) {
      if (earliest === undefined || timer.atNs < earliest.atNs) earliest = timer;
    }
    if (earliest === undefined || this.#events.delete(earliest)) return earliest;
    for (const [id, timer] of this.#timers) if (timer === earliest) this.#timers.delete(id);
    return earliest;
  }

  #send(from: NodeId, to: NodeId, bytes: Uint8Array): boolean {
    if (!this.isConnected(from, to)) return false;
    this.sent += 1;
    this.tap(from, to, bytes);
    const copy = bytes.slice();
    this.route(from, to, copy, () => {
      if (this.isOpen(from, to)) this.drivers.get(to)?.receive(from, copy);
    });
    return true;
  }

  #scheduler(id: NodeId): Scheduler {
    return {
      now: () => this.nowNs,
      wakeAt: (atNs, run) => {
        if (atNs === Infinity) this.#timers.delete(id);
        else this.#timers.set(id, { atNs, run });
      },
      soon: (run) => void this.#tasks.push(run),
    };
  }
}
