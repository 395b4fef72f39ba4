import {
  MODELS,
  staleSentence,
  type Counterexample,
  type EngineName,
  type Json,
  type KeyVerdict,
  type Model,
  type Operation,
  type StaleRead,
  type Table,
  type UnknownReason,
} from '../../checker/index.ts';
import { defined } from '../lib/assert.ts';
import { overlapping, type FaultWindow } from './faults.ts';

/** An operation as JSON can hold it. Times are nanoseconds since the run began. */
export interface ReportedOperation {
  /** Index of its invocation in the history; its line is one more. */
  readonly id: number;
  readonly process: number;
  readonly f: string;
  readonly key: string | null;
  /** For people: `read of k17 → 3`. */
  readonly description: string;
  readonly input: Json;
  readonly output: Json;
  readonly outcome: 'ok' | 'info';
  readonly applied: boolean;
  readonly invokeTime: number;
  /** Null where it never completed, or had not at the moment in question. */
  readonly returnTime: number | null;
  readonly node: string | null;
  readonly servedBy: string | null;
}

export interface ReportedStaleRead {
  readonly read: ReportedOperation;
  readonly value: Json;
  readonly overwrittenBy: ReportedOperation;
  readonly newerValue: Json;
  readonly staleByNs: number;
  /** What happened, from the evidence alone. */
  readonly sentence: string;
  /** Faults in force while the read was under way. */
  readonly duringFaults: readonly FaultWindow[];
}

/** One operation of a counterexample. */
export interface ReportedPart extends ReportedOperation {
  /** It may take effect once, at any time after its invocation, or never. */
  readonly isWeak: boolean;
  /** Position of its completion in the history; of Gong's own the last before which it completed. Null: weak. */
  readonly returnIndex: number | null;
  /** A write of Gong's own, which sums up what had happened before: it stands in no history. */
  readonly isOwn: boolean;
}

/** Few operations that no order allows, whatever happened to all others. */
export interface ReportedCounterexample {
  /** It becomes linearizable as soon as any one of its completed operations is weakened. */
  readonly isMinimal: boolean;
  /** The state that all that happened before it had left, where it begins in the middle; for people. */
  readonly before: string | null;
  /** By invocation. */
  readonly operations: readonly ReportedPart[];
}

export interface ReportedFailure {
  readonly key: string | null;
  /** What refuted it. */
  readonly engine: EngineName;
  /** What happened, from the evidence alone. */
  readonly sentence: string;
  readonly couldNotPlace: ReportedOperation;
  /** Null when the budget left no time to look for one. */
  readonly counterexample: ReportedCounterexample | null;
  /** The most stale ones, most stale first, at most `STALE_READS_MAX`. */
  readonly staleReads: readonly ReportedStaleRead[];
  readonly staleReadsTotal: number;
  readonly stuck: {
    /** True: `couldNotPlace` is the first completion at which the history is not linearizable. */
    readonly isExact: boolean;
    readonly placed: number;
    /** The end of the longest order found, at most 20 operations. */
    readonly lastPlaced: readonly ReportedOperation[];
    readonly state: Json;
    readonly states: readonly Json[];
    readonly rejection: string | null;
    readonly note: string | null;
    readonly concurrent: readonly {
      readonly operation: ReportedOperation;
      readonly isPlaced: boolean;
      readonly rejection: string | null;
    }[];
  };
  /** Faults in force while `couldNotPlace` was under way. */
  readonly duringFaults: readonly FaultWindow[];
}

/** `witness`: an order was found, but the verifier does not accept it, so it proves nothing. */
export type UndecidedReason = UnknownReason | 'witness';

/** What the judge decided. JSON throughout; `verdict.json` is this. */
export interface JudgeVerdict {
  readonly schema: 1;
  /** `true` of an empty history as well: it proves nothing, which `completed` tells. */
  readonly valid: boolean | 'unknown';
  readonly model: string;
  /** Those that completed, and those that crashed. */
  readonly operations: number;
  readonly completed: number;
  readonly crashed: number;
  /** Certainly did not happen, and do not count as operations. */
  readonly failed: number;
  readonly keys: {
    readonly total: number;
    readonly valid: number;
    readonly invalid: number;
    readonly unknown: number;
  };
  /** Valid keys whose witness was replayed by the separate verifier: all of them, or none was to be. */
  readonly witnessesVerified: number;
  /** How many keys each engine decided, or tried last. */
  readonly engines: Readonly<Partial<Record<EngineName, number>>>;
  readonly torn: boolean;
  /**
   * By their operation that could not be placed; at most `FAILURES_MAX` of `keys.invalid`: the first
   * ones, and that of the key of `stale.worst` always.
   */
  readonly failures: readonly ReportedFailure[];
  /** Reads that are stale by proof, of all keys that failed. */
  readonly stale: { readonly total: number; readonly worst: ReportedStaleRead | null };
  readonly unknown: readonly {
    readonly key: string | null;
    readonly reason: UndecidedReason;
    readonly operations: number;
    /** The last that tried; null when none did. */
    readonly engine: EngineName | null;
    /** Completions, in order, up to which the key was proven linearizable. */
    readonly completionsProven: number;
    /** Completions in all. */
    readonly completions: number;
  }[];
  /** From the first key to the last. */
  readonly elapsedNs: number;
  /** What reading took before; 0 for what was read while it was written. */
  readonly readNs: number;
  /** Of all keys together: several may be decided at once. Evidence: of keys that failed. */
  readonly decideNs: number;
  readonly evidenceNs: number;
  readonly verifyNs: number;
}

/** As people read them: the key of the worst stale read first, the others by position. */
export function failuresInOrder({
  failures,
  stale,
}: Pick<JudgeVerdict, 'failures' | 'stale'>): readonly ReportedFailure[] {
  return [
    ...failures.filter((failure) => isOf(failure, stale.worst)),
    ...failures.filter((failure) => !isOf(failure, stale.worst)),
  ];
}

function isOf(failure: ReportedFailure, stale: ReportedStaleRead | null): boolean {
  return stale !== null && failure.key === stale.read.key;
}

/** A failed key with what surrounded it. */
export function reportFailure(
  verdict: Extract<KeyVerdict, { readonly valid: false }>,
  table: Table,
  modelName: string,
  windows: readonly FaultWindow[],
): ReportedFailure {
  const model = defined(MODELS.get(modelName), 'the model was looked up by this name');
  // The evidence may hold an operation as it was at a moment; the history knows how it went on.
  const report = (operation: Operation): ReportedOperation => {
    const row = table.rowOf(operation.id);
    return reportOperation(row === undefined ? operation : table.operation(row), model);
  };
  const reportId = (id: number): ReportedOperation =>
    reportOperation(
      table.operation(defined(table.rowOf(id), 'an order names known operations')),
      model,
    );
  const { stuck, staleReads, counterexample } = verdict;
  return {
    key: verdict.key ?? null,
    engine: verdict.engine,
    sentence: verdict.sentence,
    couldNotPlace: report(stuck.operation),
    counterexample:
      counterexample === undefined ? null : reportCounterexample(counterexample, model),
    staleReads: staleReads
      .toSorted((a, b) => b.staleByNs - a.staleByNs)
      .map((stale) => reportStale(stale, report, windows)),
    staleReadsTotal: staleReads.length,
    stuck: {
      isExact: stuck.isExact,
      placed: stuck.placed,
      lastPlaced: stuck.order.map(reportId),
      state: stuck.state,
      states: stuck.states,
      rejection: stuck.rejection ?? null,
      note: stuck.note ?? null,
      concurrent: stuck.candidates.map(({ operation, isPlaced, rejection }) => ({
        operation: report(operation),
        isPlaced,
        rejection: rejection ?? null,
      })),
    },
    duringFaults: overlapping(windows, {
      from: stuck.operation.invoke,
      to: stuck.operation.return,
    }),
  };
}

/** As it stands there: an operation that was weakened has no result. */
function reportCounterexample(
  { isMinimal, operations, before }: Counterexample,
  model: Model,
): ReportedCounterexample {
  const parts = operations.map(({ operation, isWeak, isOwn }): ReportedPart => {
    const returnIndex = Number.isFinite(operation.return) ? operation.return : null;
    return { ...reportOperation(operation, model), returnIndex, isWeak, isOwn };
  });
  return {
    isMinimal,
    before: before === undefined ? null : model.describeState(before.state),
    operations: parts,
  };
}

function reportStale(
  stale: StaleRead,
  report: (operation: Operation) => ReportedOperation,
  windows: readonly FaultWindow[],
): ReportedStaleRead {
  return {
    read: report(stale.read),
    value: stale.value,
    overwrittenBy: report(stale.overwrittenBy),
    newerValue: stale.newerValue,
    staleByNs: stale.staleByNs,
    sentence: staleSentence(stale),
    duringFaults: overlapping(windows, { from: stale.read.invoke, to: stale.read.return }),
  };
}

function reportOperation(operation: Operation, model: Model): ReportedOperation {
  return {
    id: operation.id,
    process: operation.process,
    f: operation.f,
    key: operation.key ?? null,
    description: model.describe(operation),
    input: operation.input,
    output: operation.output,
    outcome: operation.outcome,
    applied: operation.applied,
    invokeTime: operation.invokeTime,
    returnTime: Number.isFinite(operation.returnTime) ? operation.returnTime : null,
    node: operation.node ?? null,
    servedBy: operation.servedBy ?? null,
  };
}
