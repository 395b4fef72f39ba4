import {
  MODELS,
  staleSentence,
  type Json,
  type KeyVerdict,
  type Model,
  type Operation,
  type StaleRead,
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

export interface ReportedFailure {
  readonly key: string | null;
  /** What happened, from the evidence alone. */
  readonly sentence: string;
  readonly couldNotPlace: ReportedOperation;
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
  /** Valid keys whose witness was replayed by the separate verifier: all of them. */
  readonly witnessesVerified: number;
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
  }[];
  readonly elapsedNs: number;
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
  operations: readonly Operation[],
  modelName: string,
  windows: readonly FaultWindow[],
): ReportedFailure {
  const model = defined(MODELS.get(modelName), 'the model was looked up by this name');
  const byId = new Map(operations.map((operation) => [operation.id, operation]));
  // The evidence may hold an operation as it was at a moment; the history knows how it went on.
  const report = (operation: Operation): ReportedOperation =>
    reportOperation(byId.get(operation.id) ?? operation, model);
  const { stuck, staleReads } = verdict;
  return {
    key: verdict.key ?? null,
    sentence: verdict.sentence,
    couldNotPlace: report(stuck.operation),
    staleReads: staleReads
      .toSorted((a, b) => b.staleByNs - a.staleByNs)
      .map((stale) => reportStale(stale, report, windows)),
    staleReadsTotal: staleReads.length,
    stuck: {
      isExact: stuck.isExact,
      placed: stuck.placed,
      lastPlaced: stuck.order.map((id) =>
        report(defined(byId.get(id), 'an order names known operations')),
      ),
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
