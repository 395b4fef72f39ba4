import type { Cluster } from '../contracts/cluster.ts';
import type { Generator } from '../contracts/workload.ts';
import type { ClusterEvent, FaultRecord } from '../rundir/cluster-log.ts';
import { PhaseTracker } from '../statistics/phase.ts';
import type { LoadReport } from '../statistics/load.ts';
import { RunStatistics, type RunStatisticsSnapshot } from '../statistics/run-statistics.ts';
import { Contention } from './contention.ts';
import type { FaultPromise } from './fault-gates.ts';
import { FaultWindows } from './fault-windows.ts';
import type { GateInput } from './gates.ts';
import { interpret } from './interpreter/interpreter.ts';
import { closedLoop, openLoop, type Pace } from './interpreter/pace.ts';
import type { ClientPorts, OperationRecorder } from './interpreter/ports.ts';
import { type Placement, placement } from './interpreter/placement.ts';
import { LoadMeter } from './load-meter.ts';
import { NemesisRunner } from './nemesis-runner.ts';
import type { Observer } from './observer.ts';
import { RECOVERY_NS } from './plan.ts';
import { ProgressMeter } from './progress.ts';
import type { FinishedOperation, HistoryRecorder } from './recorder.ts';
import type { RunLimits, RunOptions } from './run-options.ts';
import { shapeOf } from './selection.ts';

const PROGRESS_INTERVAL_NS = 2_000_000_000;
/** Clients of a node that was removed stay with it for so long. */
const LINGER_NS = 1_000_000_000;
/** Of a target that does not tell how long it needs to notice a dead leader. */
const ELECTION_TIMEOUT_NS_MAX = 5_000_000_000;

export interface ClientStageParts {
  readonly options: RunOptions;
  readonly limits: RunLimits;
  readonly cluster: Cluster;
  readonly observer: Observer;
  readonly generator: Generator;
  readonly recorder: HistoryRecorder;
  readonly ports: ClientPorts;
  readonly log: (event: ClusterEvent) => void;
  /** A failure elsewhere, or the user's Ctrl-C. */
  readonly stop: AbortSignal;
  /** Takes the error of one task, and so aborts `stop` and ends the others. */
  readonly fail: (error: unknown) => void;
}

/** Clients and faults together: the stage that everything else is there for. */
export class ClientStage {
  readonly #parts: ClientStageParts;
  readonly #beganNs: number;
  readonly #phases = new PhaseTracker(RECOVERY_NS);
  readonly #statistics: RunStatistics;
  readonly #windows = new FaultWindows();
  readonly #contention: Contention;
  readonly #nemesis: NemesisRunner;
  readonly #meter: ProgressMeter;
  readonly #pace: Pace;
  readonly #load: LoadMeter;
  readonly #mutations: ReadonlySet<string>;
  /** What the last operation of each `f` said that did not end ok. */
  readonly #lastErrors = new Map<string, string>();
  /** When clients stopped. */
  #endedNs: number | undefined;

  constructor(parts: ClientStageParts) {
    this.#parts = parts;
    const { clock, durationNs, workload, load } = parts.options;
    const { ratePerSecond } = load;
    this.#beganNs = clock.now();
    this.#pace = ratePerSecond === undefined ? closedLoop() : openLoop(clock, ratePerSecond);
    this.#load = new LoadMeter({ ...load, pace: this.#pace, beganNs: this.#beganNs });
    this.#statistics = new RunStatistics({ startNs: this.#beganNs, phases: this.#phases });
    this.#contention = new Contention(workload);
    this.#mutations = new Set(workload.mutations);
    this.#nemesis = this.#nemesisRunner();
    this.#meter = new ProgressMeter({
      clock,
      beganNs: this.#beganNs,
      totalNs: durationNs,
      counts: () => this.#statistics.counts,
      activeFault: () => this.#nemesis.active,
      phase: () => this.#phases.phaseOf(clock.now()),
      observer: parts.observer,
    });
  }

  /**
   * Runs both to their ends; an error goes to `fail` and stops the others.
   *
   * @returns a process id from which on all are unused
   */
  async run(): Promise<number> {
    const { options, cluster, generator, ports, stop } = this.#parts;
    const { clock, load } = options;
    const issuing = new AbortController();
    const end = AbortSignal.any([issuing.signal, stop]);
    end.addEventListener('abort', () => this.#load.end(clock.now()), { once: true });
    const faults = this.#nemesis.run(stop);
    let firstUnusedProcess = 0;
    const clients = interpret({
      ...ports,
      recorder: this.#watched(ports.recorder),
      generator,
      pace: this.#pace,
      nodes: cluster.nodes,
      concurrency: load.concurrency,
      place: this.#placement(),
      signal: end,
    }).then((process) => {
      this.#load.end(clock.now());
      firstUnusedProcess = process;
    });
    const tasks = [faults, clients, this.#reportProgress(end), this.#endInTime(faults, issuing)];
    await Promise.all(tasks.map((task: Promise<unknown>) => task.catch(this.#parts.fail)));
    this.#endedNs = clock.now();
    return firstUnusedProcess;
  }

  #placement(): Placement {
    const { options, cluster, observer } = this.#parts;
    return placement({
      nodes: cluster.nodes,
      members: () => observer.view().voters,
      leader: () => observer.view().leader,
      readFrom: options.readFrom ?? 'any',
      isRead: (f) => !this.#mutations.has(f),
      nowNs: () => options.clock.now(),
      lingerNs: LINGER_NS,
    });
  }

  /** Takes what the recorder finished. Final reads, which come after the end, are no measurement. */
  record(operation: FinishedOperation): void {
    if (this.#endedNs !== undefined) return;
    const { invocation, intendedNs, completedNs, completion } = operation;
    this.#statistics.record({
      f: invocation.f,
      outcome: completion.type,
      isMutation: this.#mutations.has(invocation.f),
      intendedNs,
      completedNs,
    });
    if (completion.type !== 'ok') this.#lastErrors.set(invocation.f, completion.error);
    this.#windows.record(operation);
    this.#contention.record(operation);
    this.#meter.record(operation);
    this.#load.record(operation);
  }

  /** Lets the faults know what is under way: whoever waits for a victim shows it before he is answered. */
  #watched(recorder: OperationRecorder): OperationRecorder {
    return {
      invoke: (operation) => {
        const started = recorder.invoke(operation);
        this.#windows.started(started);
        return started;
      },
      complete: (started, completion) => {
        recorder.complete(started, completion);
        this.#windows.ended(started);
      },
    };
  }

  /** What gates ask of the clients and the faults. Complete when the clients have stopped. */
  gateInput(): GateInput {
    const { cluster, options } = this.#parts;
    const { workload, load, target, settings, okMin } = options;
    const { overlaps, readsOfOthers } = this.#contention;
    const isUnique = load.values === undefined;
    const lengths = this.#statistics.phaseNs(this.#endNs());
    return {
      functions: workload.functions,
      okCount: (f) => this.#statistics.count(f, 'ok'),
      lastError: (f) => this.#lastErrors.get(f),
      hasNodeLogs: cluster.processes !== undefined,
      refusedCount: (f) => this.#contention.refused(f),
      okMin,
      contention:
        load.concurrency > 1
          ? { overlaps, readsOfOthers: isUnique ? readsOfOthers : undefined }
          : undefined,
      phases: {
        okCount: (f, phase) => this.#statistics.count(f, 'ok', phase),
        lengthNs: (phase) => lengths[phase],
        recoveryNs: this.#phases.recoveryNs,
        nodes: cluster.nodes.length,
      },
      faults: this.faults(),
      promises: this.#promises(),
      electionTimeoutNsMax: target.electionTimeoutNsMax?.(settings),
    };
  }

  #promises(): readonly FaultPromise[] {
    const { plan, nemeses } = this.#parts.options;
    return plan.map(({ kind, shape, word = `${kind}:${shape}`, resolved }) => {
      const nemesis = nemeses.get(kind);
      const hitsLeader = nemesis !== undefined && shapeOf(nemesis, shape)?.hitsLeader === true;
      const isScheduled = resolved !== undefined;
      return { word, hitsLeader: hitsLeader && !isScheduled, isScheduled };
    });
  }

  faults(): readonly FaultRecord[] {
    return this.#nemesis.records();
  }

  snapshot(): RunStatisticsSnapshot {
    return this.#statistics.snapshot(this.#endNs());
  }

  #endNs(): number {
    return this.#endedNs ?? this.#parts.options.clock.now();
  }

  loadReport(): LoadReport {
    return this.#load.report(this.#endNs());
  }

  #nemesisRunner(): NemesisRunner {
    const { options, limits, cluster, observer, recorder, log } = this.#parts;
    const { clock, target, settings, nemeses, plan, durationNs } = options;
    return new NemesisRunner({
      clock,
      cluster,
      nemeses,
      plan,
      observer,
      recordEvent: (f, value) => recorder.nemesis(f, value),
      log,
      windows: this.#windows,
      electionTimeoutNsMax: target.electionTimeoutNsMax?.(settings) ?? ELECTION_TIMEOUT_NS_MAX,
      phases: this.#phases,
      beganNs: this.#beganNs,
      latestNs: this.#beganNs + durationNs + limits.extensionNs,
    });
  }

  /** Clients stop when their time is over and the last fault has healed long enough ago. */
  async #endInTime(faults: Promise<number>, issuing: AbortController): Promise<void> {
    const { options, stop } = this.#parts;
    const { clock, durationNs, plan } = options;
    const healedNs = await faults;
    const recoveredNs = plan.length === 0 ? 0 : healedNs + RECOVERY_NS;
    const endNs = Math.max(this.#beganNs + durationNs, recoveredNs);
    await clock.sleep(Math.max(0, endNs - clock.now()), stop);
    issuing.abort();
  }

  async #reportProgress(end: AbortSignal): Promise<void> {
    const { options } = this.#parts;
    const { clock, onProgress, judge, progressIntervalNs = PROGRESS_INTERVAL_NS } = options;
    if (onProgress === undefined) return;
    for (;;) {
      await clock.sleep(progressIntervalNs, end);
      if (end.aborted) return;
      const judged =
        judge === undefined
          ? undefined
          : { judgedNs: Math.max(0, judge.counts.timeNs - this.#beganNs) };
      onProgress({ ...this.#meter.take(), ...judged });
    }
  }
}
