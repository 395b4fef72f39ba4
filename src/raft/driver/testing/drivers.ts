import { defined } from '../../../lib/assert.ts';
import { makeRandom } from '../../../lib/prng.ts';
import { makeConfiguration } from '../../core/configuration.ts';
import { PAPER_RULES } from '../../core/rules.ts';
import { nodeId, type NodeId } from '../../core/types.ts';
import { Driver } from '../driver.ts';
import type { Scheduler } from '../ports.ts';
import type { Answer, Request } from '../requests.ts';
import type { FsyncMode } from '../wal.ts';
import { MemoryDisk } from './memory-disk.ts';

const MS = 1_000_000;

interface Timer {
  atNs: number;
  run: () => void;
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
  sent = 0;
  readonly ids: readonly NodeId[];
  readonly #fsync: FsyncMode;
  #lives = 0;
  #tasks: (() => void)[] = [];
  readonly #timers = new Map<NodeId, Timer>();

  constructor(size: number, fsync: FsyncMode = 'always') {
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
      },
      clusterId: 'test',
      fsync: this.#fsync,
      fsyncIntervalNs: 100 * MS,
      requestTimeoutNs: 1000 * MS,
      rules: PAPER_RULES,
      random: makeRandom(`${id}/${this.#lives++}`),
      disk: defined(this.disks.get(id), 'a disk for each'),
      network: { send: (to, bytes) => this.#send(id, to, bytes) },
      scheduler: this.#scheduler(id),
      onFatal: (error) => this.fatal.push(error),
    });
    this.drivers.set(id, driver);
  }

  /** Loses what was not synced. */
  crash(id: NodeId): void {
    this.driver(id).stop();
    this.drivers.delete(id);
    this.#timers.delete(id);
    this.disks.set(id, defined(this.disks.get(id), 'a disk for each').afterCrash());
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
      const [next] = [...this.#timers].toSorted(([, a], [, b]) => a.atNs - b.atNs);
      if (next === undefined) throw new Error('nothing is due any more');
      this.#timers.delete(next[0]);
      this.nowNs = Math.max(this.nowNs, next[1].atNs);
      next[1].run();
    }
    throw new Error('it did not come to that');
  }

  #send(from: NodeId, to: NodeId, bytes: Uint8Array): boolean {
    if (!this.isConnected(from, to)) return false;
    this.sent += 1;
    this.tap(from, to, bytes);
    const copy = bytes.slice();
    this.#tasks.push(() => {
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
