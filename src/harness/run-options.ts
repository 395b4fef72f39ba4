import type { Clock } from '../contracts/clock.ts';
import type { Cluster, UnexpectedExit } from '../contracts/cluster.ts';
import type { Nemesis, PlannedFault } from '../contracts/nemesis.ts';
import type { Target } from '../contracts/target.ts';
import type { Workload } from '../contracts/workload.ts';
import type { LiveCounts, Violation } from '../judge/index.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { EarlyEnd, FaultRecord, GateFailure } from '../rundir/cluster-log.ts';
import type { RunPaths } from '../rundir/paths.ts';
import type { LoadReport } from '../statistics/load.ts';
import type { RunStatisticsSnapshot } from '../statistics/run-statistics.ts';
import type { DiskBudget } from './disk-budget.ts';
import type { ReadFrom } from './interpreter/placement.ts';
import type { Progress } from './progress.ts';
import type { Threshold } from './threshold.ts';

/** The stages of a run, in their order. */
export type Stage = 'up' | 'settle' | 'run' | 'heal' | 'final-reads' | 'down';

/** What clients do. */
export interface Load {
  readonly concurrency: number;
  readonly keyOps: number;
  /** Written values: unique per key (`undefined`), or drawn from 0 … `values - 1`. */
  readonly values: number | undefined;
  /** An open loop at this rate; undefined for a closed one. */
  readonly ratePerSecond: number | undefined;
  /** What the workload declares beside these; an absent one has its default. */
  readonly settings?: Readonly<Record<string, number>>;
}

/** Bounds of what a run waits for, in nanoseconds. */
export interface RunLimits {
  /** For one operation of a client. */
  readonly operationNs: number;
  /** For a leader and an answer of every node, at the beginning. */
  readonly settleNs: number;
  /** The same after the last heal; not reaching it is no failure by itself. */
  readonly settleAgainNs: number;
  /** After a client's `fail`. */
  readonly pauseAfterFailNs: number;
  /** For all final reads together. */
  readonly finalReadsNs: number;
  /** How much longer than planned clients run when faults are held, at most. */
  readonly extensionNs: number;
}

export const DEFAULT_LIMITS: RunLimits = {
  operationNs: 1_500 * MILLISECOND,
  settleNs: 15 * SECOND,
  settleAgainNs: 10 * SECOND,
  pauseAfterFailNs: 20 * MILLISECOND,
  finalReadsNs: 20 * SECOND,
  extensionNs: 60 * SECOND,
};

/** Judges the history while it is being written. */
export interface RunningJudge {
  /** No operation on the key begins at this line (from 0) of the history or later. */
  keyFinished(key: string, line: number): void;
  /** What it has judged so far. */
  readonly counts: LiveCounts;
  /** The first that it found, where the run is to end at it. */
  readonly violation: Violation | undefined;
  /** Aborted when there is one. */
  readonly violated: AbortSignal;
}

/** One run. Concretes are passed in: the harness knows no cluster, target, workload or nemesis. */
export interface RunOptions {
  readonly seed: string;
  readonly target: Target;
  /** `--set` values of the target. */
  readonly settings: Readonly<Record<string, string>>;
  readonly readMode: string;
  /** Whom clients ask that read; by default the node that they are bound to. */
  readonly readFrom?: ReadFrom | undefined;
  /** Brings the cluster up; on abort it stops what it has started and rejects. */
  readonly up: (signal: AbortSignal) => Promise<Cluster>;
  readonly workload: Workload;
  readonly load: Load;
  readonly nemeses: ReadonlyMap<string, Nemesis>;
  readonly plan: readonly PlannedFault[];
  readonly durationNs: number;
  /** Made by the caller, manifest written. */
  readonly paths: RunPaths;
  /** Its zero is the beginning of the run. */
  readonly clock: Clock;
  /** Ctrl-C: heals, stops, keeps what was recorded. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly progressIntervalNs?: number | undefined;
  /** Called as each stage begins; what it throws is an error of that stage. */
  readonly onStage?: (stage: Stage) => void | Promise<void>;
  readonly limits?: Partial<RunLimits>;
  /** Fewest ok operations of each `f`; by default it grows with the run. */
  readonly okMin?: number;
  /** Evaluated when the run came to its end: an interrupted one is not asked. */
  readonly thresholds?: readonly Threshold[];
  /** Is told of finished keys; a violation that it finds ends the run. */
  readonly judge?: RunningJudge;
  /** Spent, it ends the run: clients stop, faults heal, the final reads come. */
  readonly disk?: DiskBudget;
}

/** What a run came to. Whether the store kept its promises is judged from the history. */
export interface RunResult {
  readonly interrupted: boolean;
  /** A run that ended before its time, though nothing failed. */
  readonly endedEarly: EarlyEnd | undefined;
  /** Of the clients, thresholds evaluated; undefined when they never began. */
  readonly statistics: RunStatisticsSnapshot | undefined;
  /** What load they made, compared with what was asked for. */
  readonly load: LoadReport | undefined;
  /** Lines of the history. */
  readonly events: number;
  readonly faults: readonly FaultRecord[];
  /** Not empty: the run proved nothing (exit 5). A run that was interrupted, or stopped at a violation, is not asked. */
  readonly gateFailures: readonly GateFailure[];
  /** Names of the gates that were asked and kept. */
  readonly gatesKept: readonly string[];
  /** Not empty: exit 75, unless there is a violation. */
  readonly unexpectedExits: readonly (UnexpectedExit & { readonly atNs: number })[];
  /** Whether a leader was known and every node answered after the last heal. */
  readonly settledAgain: boolean;
  /** Nodes that did not answer every final read. */
  readonly silentNodes: readonly string[];
}
