import type { Random } from '../lib/prng.ts';
import type { Configuration } from '../raft/core/configuration.ts';
import type { Rules } from '../raft/core/rules.ts';
import type { NodeId } from '../raft/core/types.ts';
import { Driver, type DriverOptions, type DriverStatus } from '../raft/driver/driver.ts';
import type { ChangeAnswer, MembershipChange } from '../raft/driver/membership.ts';
import type { Disk, DriverObserver, Scheduler } from '../raft/driver/ports.ts';
import type { Answer, Request } from '../raft/driver/requests.ts';
import { WalDamage } from '../raft/driver/wal.ts';
import type { HappeningKind } from './coverage-names.ts';
import type { SimDisk } from './disk.ts';
import type { Endpoint } from './link.ts';
import type { SimNetwork } from './network.ts';
import type { NodeClock } from './node-clock.ts';
import { type CrashPoint, CrashPoints } from './crash-points.ts';
import { mortal, type PortCall, ProcessDied } from './node-ports.ts';
import { NodeTimer } from './node-timer.ts';
import type { Life, SimObserver, Stop } from './observer.ts';
import type { NodeProfile } from './profile.ts';
import type { Simulation } from './simulation.ts';

/** What a request made of a node that died before it answered. */
export type Reply = Answer | { readonly type: 'lost' };
export type ChangeReply = ChangeAnswer | { readonly type: 'lost' };

/** For a change of the membership, where a profile does not say it. */
const CHANGE_TIMEOUTS = 40;

export interface SimNodeParts {
  readonly sim: Simulation;
  readonly node: NodeId;
  /** What it begins with, when its disk is empty. */
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
  /** Who waits for an answer to a change of the membership. */
  readonly waitingChanges: Set<(reply: ChangeReply) => void>;
  readonly timer: NodeTimer;
  /** What came while it was stopped, in order. */
  readonly inbox: (() => void)[];
}

/** One node over all of its lives: the real driver on simulated ports. */
export class SimNode implements Endpoint {
  readonly node: NodeId;
  readonly clock: NodeClock;
  readonly disk: SimDisk;
  readonly #parts: SimNodeParts;
  readonly #random: Random;
  readonly #crashPoints = new CrashPoints();
  #lives = 0;
  #requests = 0;
  #running: Running | undefined;
  #isPaused = false;
  #hasPower = true;
  /** Starts that were asked for before this one do not happen. */
  #startsAsked = 0;

  constructor(parts: SimNodeParts) {
    this.#parts = parts;
    this.node = parts.node;
    this.clock = parts.clock;
    this.disk = parts.disk;
    this.#random = parts.sim.random(`node/${parts.node}`);
    parts.network.join(this);
  }

  get state(): 'up' | 'down' | 'off' {
    if (this.#running !== undefined) return 'up';
    return this.#hasPower ? 'down' : 'off';
  }

  /** Its process exists, stopped or not. */
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

  /** In force at it while it runs. */
  get configuration(): Configuration | undefined {
    return this.#running?.driver?.configuration;
  }

  /** Does nothing when it runs. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#startsAsked += 1;
    this.#lives += 1;
    const life: Life = { node: this.node, number: this.#lives };
    const running: Running = {
      life,
      driver: undefined,
      waiting: new Map(),
      waitingChanges: new Set(),
      timer: new NodeTimer({
        sim: this.#parts.sim,
        clock: this.clock,
        mayRing: () => this.#running === running && !this.#isPaused,
        ring: (run) => this.#enter(running, run),
      }),
      inbox: [],
    };
    this.#running = running;
    this.#isPaused = false;
    this.#hasPower = true;
    this.#parts.network.listens(this.node);
    void this.#boot(running);
  }

  /**
   * Unless it is started, or stopped, before.
   *
   * @returns what starts it sooner, under the same condition
   */
  startAfter(ns: number): () => void {
    this.#startsAsked += 1;
    const asked = this.#startsAsked;
    const start = (): void => {
      if (asked === this.#startsAsked) this.start();
    };
    this.#parts.sim.after(ns, start);
    return start;
  }

  /** Of a node that is down, only its power can still fail. It stays down until somebody starts it. */
  stop(stop: Stop): void {
    const running = this.#running;
    const isPowerFailure = stop.type === 'power-failure';
    this.#startsAsked += 1;
    if (running === undefined && (!isPowerFailure || !this.#hasPower)) return;
    this.#running = undefined;
    this.#isPaused = false;
    if (isPowerFailure) this.#hasPower = false;
    running?.driver?.stop();
    if (isPowerFailure) this.disk.powerFailure();
    else this.disk.kill();
    const { observer, network } = this.#parts;
    if (running === undefined)
      observer.happened({ kind: 'power-failure-while-down', node: this.node });
    else observer.stopped(running.life, stop);
    network.left(this.node);
    this.#loseClients(running, isPowerFailure);
  }

  /** SIGSTOP. Connections stay, and what comes waits. Does nothing to a node that is down. */
  pause(): void {
    if (this.#running === undefined || this.#isPaused) return;
    this.#isPaused = true;
    this.#parts.observer.happened({ kind: 'node-paused', node: this.node });
  }

  /** SIGCONT: what came meanwhile is handed over first, and then timers are looked at. */
  resume(): void {
    const running = this.#running;
    if (running === undefined || !this.#isPaused) return;
    this.#isPaused = false;
    this.#parts.observer.happened({ kind: 'node-resumed', node: this.node });
    // Answers of the disk settle promises.
    this.#parts.sim.settles();
    for (const act of running.inbox.splice(0)) this.#enter(running, act);
    running.timer.look();
  }

  /** @returns what takes it back */
  crashAt(point: CrashPoint): () => void {
    return this.#crashPoints.add(point);
  }

  /** @param aheadNs - not negative */
  jumpClock(aheadNs: number): void {
    this.clock.jump(aheadNs);
    this.#clockChanged('clock-jumped', `${aheadNs} ns ahead`);
  }

  /** @returns what ends it */
  driftClock(partsPerMillion: number): () => void {
    const end = this.clock.drift(partsPerMillion);
    this.#clockChanged('clock-drifted', `${partsPerMillion} ppm`);
    return () => {
      end();
      this.#clockChanged('clock-steadied', `${partsPerMillion} ppm less`);
    };
  }

  receive(from: NodeId, bytes: Uint8Array): void {
    this.#whenRunning((running) => running.driver?.receive(from, bytes));
  }

  disconnected(peer: NodeId): void {
    this.#whenRunning((running) => running.driver?.disconnected(peer));
  }

  whenRunning(act: () => void): void {
    this.#whenRunning(act);
  }

  /**
   * @param done - called at most once, at the node: the way back is the client's. Never when the machine
   *   has no power, or loses it: nobody says so.
   */
  submit(request: Request, done: (reply: Reply) => void): void {
    if (!this.#hasPower) return;
    const running = this.#running;
    if (running?.driver === undefined) return done({ type: 'refused', error: 'nobody listens' });
    this.#requests += 1;
    const id = this.#requests;
    running.waiting.set(id, done);
    this.#enter(running, () => {
      this.#parts.observer.submitted(running.life, id, request);
      running.driver?.submit(request, (answer) => {
        if (!running.waiting.delete(id)) return;
        this.#parts.observer.answered(running.life, id, answer);
        done(answer);
      });
    });
  }

  /** As `submit`. */
  changeMembers(change: MembershipChange, done: (reply: ChangeReply) => void): void {
    if (!this.#hasPower) return;
    const running = this.#running;
    if (running?.driver === undefined) return done({ type: 'refused', error: 'nobody listens' });
    running.waitingChanges.add(done);
    this.#enter(running, () => {
      running.driver?.changeMembers(change, (answer) => {
        if (running.waitingChanges.delete(done)) done(answer);
      });
    });
  }

  #whenRunning(act: (running: Running) => void): void {
    const running = this.#running;
    if (running !== undefined) this.#enter(running, () => act(running));
  }

  /** In the event loop of that life's process. */
  #enter(running: Running, act: () => void): void {
    if (this.#running !== running) return;
    if (this.#isPaused) return void running.inbox.push(act);
    try {
      act();
    } catch (error) {
      // What a process did when it died is unwound to here. Anything else is a bug of the node.
      if (this.#running === running) this.stop({ type: 'failed', error });
      else if (!(error instanceof ProcessDied)) throw error;
    }
  }

  #loseClients(running: Running | undefined, isPowerFailure: boolean): void {
    if (running === undefined) return;
    const waiting = [...running.waiting.values()];
    const waitingChanges = [...running.waitingChanges];
    running.waiting.clear();
    running.waitingChanges.clear();
    if (isPowerFailure) return;
    for (const done of waiting) done({ type: 'lost' });
    for (const done of waitingChanges) done({ type: 'lost' });
  }

  async #boot(running: Running): Promise<void> {
    try {
      const { driver } = await Driver.start(this.#driverOptions(running));
      if (this.#running !== running) return driver.stop();
      running.driver = driver;
      this.#parts.network.joined(this.node);
    } catch (error) {
      if (this.#running !== running) return;
      this.stop({ type: error instanceof WalDamage ? 'refused' : 'failed', error });
    }
  }

  #driverOptions(running: Running): DriverOptions {
    const { configuration, rules, profile, network, wrapDisk } = this.#parts;
    const { changeTimeoutNs = CHANGE_TIMEOUTS * profile.electionTimeout.maxNs } = profile;
    const disk = this.disk.attach();
    const ports = mortal({
      life: {
        isAlive: () => this.#running === running,
        entering: (call) => this.#entering(running, call),
        whenRunning: (act) => this.#enter(running, act),
      },
      disk: wrapDisk === undefined ? disk : wrapDisk(disk),
      network: { send: (to, bytes) => network.send(this.node, to, bytes) },
      scheduler: this.#scheduler(running),
    });
    return {
      config: {
        id: this.node,
        configuration,
        electionTimeout: profile.electionTimeout,
        heartbeatIntervalNs: profile.heartbeatIntervalNs,
        maxEntriesPerAppend: profile.maxEntriesPerAppend,
        maxBytesPerAppend: profile.maxBytesPerAppend,
        maxInflightAppends: profile.maxInflightAppends,
        preVote: profile.preVote ?? true,
        checkQuorum: profile.checkQuorum ?? true,
        leaseDriftPpm: profile.leaseDriftPpm ?? 0,
        catchUpTimeoutNs: Math.ceil(changeTimeoutNs / 2),
      },
      clusterId: 'sim',
      fsync: 'always',
      fsyncIntervalNs: 0,
      requestTimeoutNs: profile.requestTimeoutNs,
      changeTimeoutNs,
      segmentBytesMax: profile.segmentBytesMax,
      batchDelayNs: profile.batchDelayNs ?? 0,
      ...(profile.snapshots === undefined ? {} : { snapshots: profile.snapshots }),
      rules,
      random: this.#random.fork(String(running.life.number)),
      ...ports,
      onFatal: (error) => {
        if (this.#running === running) this.stop({ type: 'failed', error });
      },
      observer: this.#observerOf(running),
    };
  }

  /** Nothing of a dead life is told. */
  #observerOf(running: Running): DriverObserver {
    const { observer } = this.#parts;
    const { life } = running;
    const alive = (tell: () => void): void => {
      if (this.#running !== running) throw new ProcessDied();
      tell();
    };
    return {
      restored: (restored, torn) => alive(() => observer.started(life, restored, torn)),
      stepped: (inputs, ready) => alive(() => observer.stepped(life, inputs, ready)),
      written: (file, end, records) => alive(() => observer.written(life, file, end, records)),
      snapshot: (event) => alive(() => observer.snapshot(life, event)),
      applied: (entry, applied) => alive(() => observer.applied(life, entry, applied)),
    };
  }

  /** @throws ProcessDied when the process is dead, or dies before the call */
  #entering(running: Running, call: PortCall): (() => void) | undefined {
    if (this.#running !== running) throw new ProcessDied();
    const point = this.#crashPoints.count(call);
    if (point === undefined) return undefined;
    if (point.moment === 'after') return () => this.#crash(running, point, call);
    this.#crash(running, point, call);
    throw new ProcessDied();
  }

  #crash(running: Running, { moment, how, onCrash }: CrashPoint, call: PortCall): void {
    if (this.#running !== running) return;
    const detail = `${how} ${moment} ${call}`;
    this.#parts.observer.happened({ kind: 'crashed-at-port', node: this.node, detail });
    this.stop({ type: how === 'kill' ? 'killed' : 'power-failure' });
    onCrash();
  }

  #scheduler(running: Running): Scheduler {
    const { sim, turnNs } = this.#parts;
    return {
      now: () => this.clock.now(),
      wakeAt: (atNs, run) => running.timer.set(atNs, run),
      soon: (run) => sim.after(turnNs, () => this.#enter(running, run)),
    };
  }

  #clockChanged(kind: HappeningKind, detail: string): void {
    this.#parts.observer.happened({ kind, node: this.node, detail });
    this.#running?.timer.look();
  }
}
