import type { Random } from '../lib/prng.ts';
import type { Configuration } from '../raft/core/configuration.ts';
import type { Rules } from '../raft/core/rules.ts';
import type { NodeId } from '../raft/core/types.ts';
import { Driver, type DriverStatus } from '../raft/driver/driver.ts';
import type { Disk, Scheduler } from '../raft/driver/ports.ts';
import type { Answer, Request } from '../raft/driver/requests.ts';
import { WalDamage } from '../raft/driver/wal.ts';
import type { SimDisk } from './disk.ts';
import type { SimNetwork } from './network.ts';
import type { NodeClock } from './node-clock.ts';
import type { Life, SimObserver, Stop } from './observer.ts';
import type { NodeProfile } from './profile.ts';
import type { Simulation } from './simulation.ts';

/** What a request made of a node that died before it answered. */
export type Reply = Answer | { readonly type: 'lost' };

export interface SimNodeParts {
  readonly sim: Simulation;
  readonly node: NodeId;
  readonly configuration: Configuration;
  readonly rules: Rules;
  readonly profile: NodeProfile;
  readonly turnNs: number;
  readonly clock: NodeClock;
  readonly disk: SimDisk;
  readonly network: SimNetwork;
  readonly observer: Required<SimObserver>;
  /** A defect of the disk port; by default the disk as it is. */
  readonly wrapDisk?: ((disk: Disk) => Disk) | undefined;
}

/** What a node that runs holds; gone with it. */
interface Running {
  readonly life: Life;
  /** Undefined while it reads its disk. */
  driver: Driver | undefined;
  /** Clients that wait for an answer. */
  readonly waiting: Map<number, (reply: Reply) => void>;
  /** When its timer is due, on its own clock; Infinity when none is set. */
  dueNs: number;
  run: () => void;
  /** The earliest event of the simulation that will look at the timer. */
  looksAtNs: number;
  /** What came while it was stopped: messages first, then timers, as after SIGCONT. */
  readonly inbox: (() => void)[];
}

/** One node over all of its lives: the real driver on simulated ports. */
export class SimNode {
  readonly node: NodeId;
  readonly clock: NodeClock;
  readonly disk: SimDisk;
  readonly #parts: SimNodeParts;
  readonly #random: Random;
  #lives = 0;
  #requests = 0;
  #running: Running | undefined;
  #isPaused = false;

  constructor(parts: SimNodeParts) {
    this.#parts = parts;
    this.node = parts.node;
    this.clock = parts.clock;
    this.disk = parts.disk;
    this.#random = parts.sim.random(`node/${parts.node}`);
    parts.network.join(this);
  }

  /** Its process exists. */
  isUp(): boolean {
    return this.#running !== undefined;
  }

  /** It has read its disk and takes part. */
  get isServing(): boolean {
    return this.#running?.driver !== undefined && !this.#isPaused;
  }

  /** Different for each life. */
  get pid(): number | undefined {
    return this.#running?.life.number;
  }

  status(): DriverStatus | undefined {
    return this.#running?.driver?.status();
  }

  start(): void {
    if (this.#running !== undefined) return;
    this.#lives += 1;
    const life: Life = { node: this.node, number: this.#lives };
    const running: Running = {
      life,
      driver: undefined,
      waiting: new Map(),
      dueNs: Infinity,
      run: () => {},
      looksAtNs: Infinity,
      inbox: [],
    };
    this.#running = running;
    this.#isPaused = false;
    void this.#boot(running);
  }

  stop(stop: Stop): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    this.#isPaused = false;
    running.driver?.stop();
    if (stop.type === 'power-failure') this.disk.powerFailure();
    else this.disk.kill();
    this.#parts.observer.stopped(running.life, stop);
    this.#parts.network.left(this.node);
    for (const done of running.waiting.values()) done({ type: 'lost' });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const running = this.#running;
    if (running === undefined) return;
    const waited = running.inbox.splice(0);
    for (const act of waited) if (this.#running === running) act();
    this.#look(running);
  }

  receive(from: NodeId, bytes: Uint8Array): void {
    this.#act((running) => running.driver?.receive(from, bytes));
  }

  disconnected(peer: NodeId): void {
    this.#act((running) => running.driver?.disconnected(peer));
  }

  /** @param done - called exactly once, at the node: the way back is the client's */
  submit(request: Request, done: (reply: Reply) => void): void {
    const running = this.#running;
    if (running?.driver === undefined) return done({ type: 'refused', error: 'nobody listens' });
    const id = ++this.#requests;
    running.waiting.set(id, done);
    this.#act(({ driver, life, waiting }) => {
      this.#parts.observer.submitted(life, id, request);
      driver?.submit(request, (answer) => {
        if (!waiting.delete(id)) return;
        this.#parts.observer.answered(life, id, answer);
        done(answer);
      });
    });
  }

  #act(act: (running: Running) => void): void {
    const running = this.#running;
    if (running === undefined) return;
    if (this.#isPaused) running.inbox.push(() => act(running));
    else act(running);
  }

  async #boot(running: Running): Promise<void> {
    const { life } = running;
    const { configuration, rules, profile, network, observer, wrapDisk } = this.#parts;
    const isAlive = (): boolean => this.#running === running;
    const disk = this.disk.attach();
    try {
      const { driver } = await Driver.start({
        config: {
          id: this.node,
          configuration,
          electionTimeout: profile.electionTimeout,
          heartbeatIntervalNs: profile.heartbeatIntervalNs,
          maxEntriesPerAppend: profile.maxEntriesPerAppend,
          maxBytesPerAppend: profile.maxBytesPerAppend,
          maxInflightAppends: profile.maxInflightAppends,
        },
        clusterId: 'sim',
        fsync: 'always',
        fsyncIntervalNs: 0,
        requestTimeoutNs: profile.requestTimeoutNs,
        segmentBytesMax: profile.segmentBytesMax,
        rules,
        random: this.#random.fork(String(life.number)),
        disk: wrapDisk === undefined ? disk : wrapDisk(disk),
        network: { send: (to, bytes) => isAlive() && network.send(this.node, to, bytes) },
        scheduler: this.#scheduler(running),
        onFatal: (error) => {
          if (isAlive()) this.stop({ type: 'failed', error });
        },
        observer: {
          restored: (restored, tornBytes) => observer.started(life, restored, tornBytes),
          stepped: (inputs, ready) => observer.stepped(life, inputs, ready),
          written: (file, end, records) => observer.written(life, file, end, records),
          applied: (entry) => observer.applied(life, entry),
        },
      });
      if (isAlive()) running.driver = driver;
      else driver.stop();
    } catch (error) {
      if (!isAlive()) return;
      this.stop({ type: error instanceof WalDamage ? 'refused' : 'failed', error });
    }
  }

  #scheduler(running: Running): Scheduler {
    const { sim, turnNs } = this.#parts;
    return {
      now: () => this.clock.now(),
      wakeAt: (atNs, run) => {
        running.dueNs = atNs;
        running.run = run;
        if (atNs < Infinity) this.#look(running);
      },
      soon: (run) => {
        sim.after(turnNs, () => {
          if (this.#running === running) this.#act(run);
        });
      },
    };
  }

  /** Makes sure that an event looks at the timer in time; one that comes too early looks again. */
  #look(running: Running): void {
    const atNs = this.clock.instantOf(running.dueNs);
    if (running.looksAtNs <= atNs) return;
    running.looksAtNs = atNs;
    this.#parts.sim.at(atNs, () => {
      if (running.looksAtNs === atNs) running.looksAtNs = Infinity;
      if (this.#running !== running || this.#isPaused || running.dueNs === Infinity) return;
      if (this.clock.now() < running.dueNs) return this.#look(running);
      running.dueNs = Infinity;
      running.run();
    });
  }
}
