import type { Cluster, UnexpectedExit } from '../contracts/cluster.ts';
import type { Nemesis } from '../contracts/nemesis.ts';
import type { Generator } from '../contracts/workload.ts';
import { firstError } from '../lib/first-error.ts';
import { makeRandom } from '../lib/prng.ts';
import { UserError } from '../lib/user-error.ts';
import type { ClusterEvent, EarlyEnd, GateFailure } from '../rundir/cluster-log.ts';
import { writeSummaryCsv } from '../rundir/summary.ts';
import { writeJson } from '../rundir/whole-file.ts';
import type { RunStatisticsSnapshot } from '../statistics/run-statistics.ts';
import { ClientStage } from './client-stage.ts';
import { EarlyEndWatch } from './early-end.ts';
import { FinishedKeys } from './finished-keys.ts';
import { checkGates } from './gates.ts';
import { gatesKept } from './gates-asked.ts';
import { askEveryNode, type FinalAnswers } from './interpreter/final-reads.ts';
import type { ClientPorts } from './interpreter/ports.ts';
import { Observer } from './observer.ts';
import { healEverything } from './final-heal.ts';
import { HistoryRecorder } from './recorder.ts';
import { openRunFiles, type RunFiles } from './run-files.ts';
import {
  DEFAULT_LIMITS,
  type RunLimits,
  type RunOptions,
  type RunResult,
  type Stage,
} from './run-options.ts';
import { notSettled } from './settle.ts';
import { evaluateThreshold } from './threshold-result.ts';

/**
 * One run from start to end: cluster up, clients and faults, everything healed, final reads, cluster
 * down. Whatever is thrown and wherever, the faults heal, the cluster stops and what was recorded is
 * in the run directory; then the error propagates.
 *
 * @returns what came of it; an interrupted run returns, too, with what it has
 * @throws UserError (`infrastructure`): GONG-E033 the cluster does not settle, GONG-E034 a fault did not
 *   take effect, GONG-E128 something cannot be healed, GONG-E041 the run directory cannot be written; (`usage`): GONG-E024 a fault that this
 *   cluster cannot do; and what `up` throws
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const files = openRunFiles(options.paths);
  const session = new RunSession(options, files);
  try {
    const result = await session.run();
    files[Symbol.dispose]();
    return result;
  } catch (error) {
    await session.abandon(error);
    throw firstError(error);
  }
}

class RunSession {
  readonly #options: RunOptions;
  readonly #limits: RunLimits;
  readonly #files: RunFiles;
  readonly #recorder: HistoryRecorder;
  /** What is disposed at the end, last come first: faults heal before the cluster stops. */
  readonly #owned = new AsyncDisposableStack();
  /** Aborted, with the error, by whatever goes wrong beside the stage that is awaited. */
  readonly #failed = new AbortController();
  /** Ends every wait: a failure, or the user's Ctrl-C. */
  readonly #stop: AbortSignal;
  readonly #early: EarlyEndWatch;
  readonly #keys: FinishedKeys;
  readonly #exits: (UnexpectedExit & { atNs: number })[] = [];
  #clients: ClientStage | undefined;
  #firstUnusedProcess = 0;
  #isHealed = false;

  constructor(options: RunOptions, files: RunFiles) {
    this.#options = options;
    this.#files = files;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#stop = AbortSignal.any([options.signal, this.#failed.signal]);
    this.#recorder = new HistoryRecorder({
      clock: options.clock,
      sink: files.history,
      onFinished: (operation) => this.#clients?.record(operation),
    });
    const { workload, load, seed, judge, disk, clock } = options;
    this.#keys = new FinishedKeys(
      workload.generator(load, makeRandom(seed).fork('workload')),
      (key) => judge?.keyFinished(key, this.#recorder.events),
    );
    const onEnd = (end: EarlyEnd): void => files.log.line(`ends early: ${end.type}`);
    this.#early = new EarlyEndWatch({ clock, judge, disk, onEnd });
  }

  async run(): Promise<RunResult> {
    const { signal } = this.#options;
    const { generator } = this.#keys;
    let settledAgain = false;
    let finalAnswers: readonly FinalAnswers[] = [];
    const cluster = await this.#up();
    if (cluster !== undefined) {
      const observer = this.#observe(cluster);
      await this.#settle(cluster, observer);
      await this.#runClients(cluster, observer, generator);
      settledAgain = await this.#heal(cluster, observer);
      finalAnswers = await this.#finalReads(cluster, observer, generator);
    }
    await this.#enter('down');
    await this.#owned.disposeAsync();
    this.#throwIfFailed();
    const faults = this.#clients?.faults() ?? [];
    const input = this.#clients?.gateInput();
    // Without clients it was interrupted: an interrupted run is not asked. Nor is one that was stopped at
    // a violation, which outranks what gates say.
    const isAsked = input !== undefined && !signal.aborted && !this.#isViolated;
    const isDiskSpent = this.#early.end?.type === 'disk';
    const gateFailures = isAsked ? checkGates({ ...input, finalAnswers, isDiskSpent }) : [];
    const kept = isAsked ? gatesKept({ ...input, finalAnswers }, gateFailures) : [];
    const statistics = this.#statistics({ isWhole: isAsked });
    await this.#save(gateFailures, statistics);
    return {
      interrupted: signal.aborted,
      endedEarly: this.#early.end,
      statistics,
      load: this.#clients?.loadReport(),
      events: this.#recorder.events,
      faults,
      gateFailures,
      gatesKept: kept,
      unexpectedExits: this.#exits,
      settledAgain,
      silentNodes: finalAnswers.filter(({ ok, reads }) => ok < reads).map(({ node }) => node),
    };
  }

  /** After an error: heals, stops and saves what it can, and lets nothing mask that error. */
  async abandon(error: unknown): Promise<void> {
    const first = firstError(error);
    this.#fail(first);
    const text = first instanceof Error ? (first.stack ?? first.message) : String(first);
    if (error instanceof SuppressedError) this.#noteQuietly(`after an error: ${error.error}`);
    const steps: (() => void | Promise<void>)[] = [
      () => this.#files.log.line(`error: ${text}`),
      () => this.#owned.disposeAsync(),
      () => this.#save([], this.#statistics({ isWhole: false })),
      () => this.#files[Symbol.dispose](),
    ];
    for (const step of steps) {
      try {
        await step();
      } catch (next) {
        this.#noteQuietly(`then: ${String(next)}`);
      }
    }
  }

  /** Undefined when the run was interrupted meanwhile. */
  async #up(): Promise<Cluster | undefined> {
    await this.#enter('up');
    const { up, signal, plan, nemeses } = this.#options;
    if (signal.aborted) return undefined;
    let cluster: Cluster;
    try {
      cluster = await up(this.#stop);
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#files.log.line(`interrupted while the cluster came up: ${String(error)}`);
      return undefined;
    }
    this.#owned.use(cluster);
    // For a run that does not get to its own heal.
    this.#owned.defer(() => this.#healAll(cluster));
    cluster.onUnexpectedExit((exit) => this.#noteExit(exit));
    for (const { kind } of plan) {
      const requires = nemeses.get(kind)?.requires;
      if (requires === undefined || cluster[requires] === undefined) throw cannotDo(kind, requires);
    }
    return cluster;
  }

  #observe(cluster: Cluster): Observer {
    const { clock, target } = this.#options;
    const { membership, spares = [] } = cluster;
    const observer = new Observer({
      clock,
      nodes: cluster.nodes,
      first: cluster.nodes.filter((node) => !spares.includes(node)),
      members: this.#isMembershipPlanned ? membership?.members : undefined,
      hasLeader: target.hasLeader ?? false,
      probe: (node, timeoutNs) => target.probe(cluster.url(node), timeoutNs),
      record: (event) => this.#note(event),
    });
    const ended = new AbortController();
    const observing = observer
      .run(AbortSignal.any([ended.signal, this.#failed.signal]))
      .catch((error: unknown) => this.#fail(error));
    this.#owned.defer(async () => {
      ended.abort();
      await observing;
    });
    return observer;
  }

  async #settle(cluster: Cluster, observer: Observer): Promise<void> {
    await this.#enter('settle');
    const { clock, paths, signal } = this.#options;
    const beganNs = clock.now();
    // A node that has ended will not answer any more: there is nothing to wait for.
    const isOver = (): boolean => observer.isSettled() || this.#exits.length > 0;
    await observer.until(isOver, this.#limits.settleNs, this.#stop);
    this.#throwIfFailed();
    if (observer.isSettled() || signal.aborted) return;
    const waitedNs = clock.now() - beganNs;
    throw notSettled({ cluster, observer, paths, waitedNs, exits: this.#exits });
  }

  async #runClients(cluster: Cluster, observer: Observer, generator: Generator): Promise<void> {
    await this.#enter('run');
    if (this.#stop.aborted) return;
    this.#clients = new ClientStage({
      options: this.#options,
      limits: this.#limits,
      cluster,
      observer,
      generator,
      recorder: this.#recorder,
      ports: this.#clientPorts(cluster),
      log: (event) => this.#note(event),
      stop: AbortSignal.any([this.#stop, this.#early.signal]),
      fail: (error) => this.#fail(error),
    });
    const ended = new AbortController();
    const watching = this.#early
      .run(AbortSignal.any([ended.signal, this.#stop]))
      .catch((error: unknown) => this.#fail(error));
    this.#firstUnusedProcess = await this.#clients.run();
    ended.abort();
    await watching;
    this.#throwIfFailed();
  }

  /** Otherwise nobody need be asked who the members are. */
  get #isMembershipPlanned(): boolean {
    const { plan, nemeses } = this.#options;
    return plan.some(({ kind }) => nemeses.get(kind)?.requires === 'membership');
  }

  get #isViolated(): boolean {
    return this.#early.end?.type === 'violation';
  }

  /** Heals whatever is still broken and waits, bounded, for the cluster to be whole. */
  async #heal(cluster: Cluster, observer: Observer): Promise<boolean> {
    await this.#enter('heal');
    await this.#healAll(cluster);
    // What is to come is the verdict.
    if (this.#isViolated) return observer.isSettled();
    // What was seen before the heal may look settled: a leader that is no member any more, and is gone at once.
    if (this.#isMembershipPlanned) await observer.refresh();
    const settled = await observer.until(
      () => observer.isSettled(),
      this.#limits.settleAgainNs,
      this.#stop,
    );
    this.#throwIfFailed();
    if (!settled && !this.#stop.aborted)
      this.#files.log.line('the cluster did not settle again after the last heal');
    return settled;
  }

  /**
   * Once: what has healed is not disturbed again while the cluster stops. A run that kills nobody starts
   * nobody either: what a node forgets that ended by itself would be held against the store.
   */
  async #healAll(cluster: Cluster): Promise<void> {
    if (this.#isHealed) return;
    const { nemeses, plan } = this.#options;
    const isAsked = ({ kind, requires }: Nemesis): boolean => {
      if (requires === 'membership' && this.#stop.aborted) return false;
      const isOnDemand = requires === 'processes' || requires === 'membership';
      return !isOnDemand || plan.some((planned) => planned.kind === kind);
    };
    await healEverything(cluster, [...nemeses.values()].filter(isAsked));
    this.#isHealed = true;
  }

  /** Of the members: whoever is none has nothing to answer. */
  async #finalReads(
    cluster: Cluster,
    observer: Observer,
    generator: Generator,
  ): Promise<readonly FinalAnswers[]> {
    if (this.#isViolated) return [];
    await this.#enter('final-reads');
    // The heal may have changed them since they were last looked at.
    if (this.#isMembershipPlanned) await observer.refresh();
    const nodes = observer.view().voters;
    const { clock } = this.#options;
    const ended = new AbortController();
    const answered = askEveryNode({
      ...this.#clientPorts(cluster),
      nodes,
      invocations: generator.finalReads(),
      firstProcess: this.#firstUnusedProcess,
      signal: AbortSignal.any([ended.signal, this.#stop]),
    }).finally(() => ended.abort());
    const limit = clock.sleep(this.#limits.finalReadsNs, ended.signal).then(() => ended.abort());
    const [answers] = await Promise.all([answered, limit]);
    this.#throwIfFailed();
    return answers;
  }

  #clientPorts(cluster: Cluster): ClientPorts {
    const { clock, target, readMode, workload } = this.#options;
    const { model, inSessions = false } = workload;
    return {
      clock,
      recorder: this.#recorder,
      connect: (node) => target.connect(cluster.url(node), { readMode, model, inSessions }),
      deadlineNs: this.#limits.operationNs,
      pauseAfterFailNs: this.#limits.pauseAfterFailNs,
    };
  }

  /** Keeps the first error only: abort ignores the reasons that follow. */
  #fail(error: unknown): void {
    this.#failed.abort(error);
  }

  #throwIfFailed(): void {
    if (this.#failed.signal.aborted) throw this.#failed.signal.reason;
  }

  async #enter(stage: Stage): Promise<void> {
    this.#throwIfFailed();
    this.#files.cluster.append({ time: this.#options.clock.now(), type: 'stage', stage });
    this.#files.log.line(`stage ${stage}`);
    await this.#options.onStage?.(stage);
  }

  #note(event: ClusterEvent): void {
    this.#files.cluster.append(event);
    if (event.type === 'inject') {
      const on = event.victims.length === 0 ? '' : ` on ${event.victims.join(', ')}`;
      this.#files.log.line(`${event.kind}:${event.shape}${on}`);
    }
  }

  #noteExit({ node, code, signal }: UnexpectedExit): void {
    const atNs = this.#options.clock.now();
    this.#exits.push({ node, code, signal, atNs });
    try {
      this.#files.cluster.append({ time: atNs, type: 'unexpected-exit', node, code, signal });
      this.#files.log.line(`${node} ended by itself (code ${code}, signal ${signal})`);
    } catch (error) {
      // Called by the cluster, which can do nothing about a full disk.
      this.#fail(error);
    }
  }

  #noteQuietly(text: string): void {
    try {
      this.#files.log.line(text);
    } catch {
      // The log itself cannot be written; the first error is on its way to the user.
    }
  }

  /** Of part of a run thresholds say nothing: they are not evaluated. */
  #statistics({ isWhole }: { readonly isWhole: boolean }): RunStatisticsSnapshot | undefined {
    const snapshot = this.#clients?.snapshot();
    if (snapshot === undefined || !isWhole) return snapshot;
    const { thresholds = [] } = this.#options;
    return { ...snapshot, thresholds: thresholds.map((one) => evaluateThreshold(one, snapshot)) };
  }

  async #save(
    gateFailures: readonly GateFailure[],
    statistics: RunStatisticsSnapshot | undefined,
  ): Promise<void> {
    const { paths, clock } = this.#options;
    const time = clock.now();
    for (const record of this.#clients?.faults() ?? []) {
      this.#files.cluster.append({ time, type: 'fault', ...record });
    }
    for (const failure of gateFailures) {
      this.#files.cluster.append({ time, type: 'gate', ...failure });
      this.#files.log.line(`${failure.gate}: ${failure.sentence}`);
    }
    if (statistics === undefined) return;
    await writeJson(paths.stats, { ...statistics, load: this.#clients?.loadReport() });
    await writeSummaryCsv(paths.summaryCsv, [...statistics.rows, ...statistics.phases]);
  }
}

function cannotDo(kind: string, requires: string | undefined): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E024',
    what: `this cluster cannot do ${kind}`,
    why: `it gives no control of ${requires ?? 'what that needs'}`,
    fix: `leave ${kind} out of --nemesis`,
  });
}
