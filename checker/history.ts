import { assertNever } from './assert.ts';
import {
  completionWithoutInvoke,
  indexMismatch,
  nemesisType,
  processBusy,
  processRetired,
  wrongFunction,
  wrongKey,
  type HistoryError,
} from './history-error.ts';
import { ProcessSet } from './process-set.ts';

/** Any JSON value: what operations carry. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type EventType = 'invoke' | 'ok' | 'fail' | 'info';

/**
 * One line of `history.jsonl`. The order of lines *is* the real-time order; `time` is for measuring
 * and the checker never sorts by it.
 */
export interface HistoryEvent {
  /** Position in the history, from 0. */
  readonly index: number;
  /** Nanoseconds since the run began, from a monotonic clock. Data only. */
  readonly time: number;
  /**
   * `ok` happened, `fail` certainly did not, `info` may have happened or may happen later. Events of
   * the nemesis are `info` always.
   */
  readonly type: EventType;
  /** A logical, single-threaded client; retired after `info`. `'nemesis'` is the fault injector. */
  readonly process: number | 'nemesis';
  /** What was asked: `read`, `write`, `cas`, `get`, …; for the nemesis the kind of fault. */
  readonly f: string;
  /** Which of several independent objects; absent when there is only one. */
  readonly key?: string;
  /**
   * Argument at `invoke` (null for a read, `[from, to]` for a CAS), result at `ok`. A read of an
   * absent key gives `null`, which means *absent*, never *unknown*.
   */
  readonly value: Json;
  /** The node that the request was sent to. */
  readonly node?: string;
  /**
   * When an invocation was meant to start, where that is not `time`: an open loop that ran late.
   * Data only.
   */
  readonly intended?: number;
  /** `false` at the `ok` of a CAS that found another value: an observation. */
  readonly applied?: boolean;
  /** Why it ended `fail` or `info`. */
  readonly error?: string;
  /** The node that served the answer, where the target tells: not always the one asked. */
  readonly servedBy?: string;
  readonly term?: number;
  readonly appliedIndex?: number;
}

/**
 * An invocation paired with its completion. `fail`ed operations certainly did not happen and are not
 * operations; an invocation without a completion is one with outcome `info`.
 */
export interface Operation {
  /** The event index of its invocation: the operation's name in every report. */
  readonly id: number;
  readonly process: number;
  readonly f: string;
  readonly key: string | undefined;
  /** The value at invocation. */
  readonly input: Json;
  /** The value at completion; null when `outcome` is `info`. */
  readonly output: Json;
  readonly outcome: 'ok' | 'info';
  /** False only for an `ok` CAS that found another value. */
  readonly applied: boolean;
  /** Position of the invocation in the order of events. */
  readonly invoke: number;
  /** Position of the completion in the order of events; Infinity when `outcome` is `info`. */
  readonly return: number;
  /** Nanoseconds since the run began. */
  readonly invokeTime: number;
  /** Nanoseconds since the run began; Infinity when `outcome` is `info`. */
  readonly returnTime: number;
  readonly node: string | undefined;
  readonly servedBy: string | undefined;
}

/** Events, paired. */
export interface PairedHistory {
  /** Ordered by invocation. An empty list is a history that proves nothing: the caller decides. */
  readonly operations: readonly Operation[];
  /** Operations that certainly did not happen: dropped, only counted. */
  readonly failed: number;
  /** Events of the fault injector, in order. */
  readonly nemesis: readonly HistoryEvent[];
  /** How many events were read, those of the nemesis included. */
  readonly events: number;
}

export type PairResult =
  | { readonly ok: true; readonly history: PairedHistory }
  | { readonly ok: false; readonly error: HistoryError };

/** Pairs a whole sequence of events; stops at the first error. */
export function pair(events: Iterable<HistoryEvent>): PairResult {
  const pairing = new Pairing();
  for (const event of events) {
    const error = pairing.add(event);
    if (error !== undefined) return { ok: false, error };
  }
  return { ok: true, history: pairing.finish() };
}

/** Takes operations as they begin and end. `Handle` is its own name for one that is under way. */
export interface OperationSink<Handle> {
  /** An invocation was recorded. */
  began(invoke: HistoryEvent): Handle;
  /** Its completion was recorded. @param operation - undefined: it certainly did not happen */
  ended(handle: Handle, operation: Operation | undefined): void;
  nemesis(event: HistoryEvent): void;
}

/**
 * Matches completions with invocations, event by event. Holds what is under way, and one bit for each
 * process that has retired; the operations are its sink's.
 */
export class Matching<Handle> {
  readonly #sink: OperationSink<Handle>;
  readonly #pending = new Map<number, { readonly handle: Handle; readonly event: HistoryEvent }>();
  readonly #retired = new ProcessSet();
  #position = 0;

  constructor(sink: OperationSink<Handle>) {
    this.#sink = sink;
  }

  /** How many events were added. */
  get events(): number {
    return this.#position;
  }

  /** What has no completion yet, as it stands: it may have happened. In order of invocation. */
  *pending(): Generator<{ readonly handle: Handle; readonly operation: Operation }> {
    for (const [process, { handle, event }] of this.#pending) {
      yield { handle, operation: operation(process, event, undefined) };
    }
  }

  /** @returns the error, after which nothing more may be added; undefined when all is well */
  add(event: HistoryEvent): HistoryError | undefined {
    const position = this.#position++;
    if (event.index !== position) return indexMismatch(position, event);
    const { process } = event;
    if (process === 'nemesis') {
      if (event.type !== 'info') return nemesisType(position, event);
      this.#sink.nemesis(event);
      return undefined;
    }
    const pending = this.#pending.get(process);
    if (event.type === 'invoke') {
      if (pending !== undefined) return processBusy(position, event, pending.event);
      // A process whose operation ended `info` may still be at work on it: the same id again would
      // say that the old operation is over.
      if (this.#retired.has(process)) return processRetired(position, event);
      this.#pending.set(process, { handle: this.#sink.began(event), event });
      return undefined;
    }
    if (pending === undefined) return completionWithoutInvoke(position, event);
    const invoke = pending.event;
    if (invoke.f !== event.f) return wrongFunction(position, event, invoke);
    if (event.key !== undefined && event.key !== invoke.key) {
      return wrongKey(position, event, invoke);
    }
    this.#pending.delete(process);
    const { handle } = pending;
    switch (event.type) {
      case 'ok':
        this.#sink.ended(handle, operation(process, invoke, event));
        break;
      case 'fail':
        this.#sink.ended(handle, undefined);
        break;
      case 'info':
        this.#retired.add(process);
        this.#sink.ended(handle, operation(process, invoke, undefined));
        break;
      default:
        assertNever(event.type);
    }
    return undefined;
  }
}

/** Pairs invocations with completions as events arrive, so that a stream needs no second copy. */
export class Pairing {
  /** Operations in order of invocation; undefined where one is pending, or failed. */
  readonly #slots: (Operation | undefined)[] = [];
  readonly #nemesis: HistoryEvent[] = [];
  #failed = 0;
  readonly #matching = new Matching<number>({
    began: () => this.#slots.push(undefined) - 1,
    ended: (slot, operation) => {
      if (operation === undefined) this.#failed++;
      this.#slots[slot] = operation;
    },
    nemesis: (event) => void this.#nemesis.push(event),
  });

  /** @returns the error, after which nothing more may be added; undefined when all is well */
  add(event: HistoryEvent): HistoryError | undefined {
    return this.#matching.add(event);
  }

  /** What has no completion yet becomes `info`: it may have happened. */
  finish(): PairedHistory {
    for (const { handle, operation } of this.#matching.pending()) this.#slots[handle] = operation;
    return {
      operations: this.#slots.filter((slot) => slot !== undefined),
      failed: this.#failed,
      nemesis: this.#nemesis,
      events: this.#matching.events,
    };
  }
}

function operation(process: number, invoke: HistoryEvent, ok: HistoryEvent | undefined): Operation {
  return {
    id: invoke.index,
    process,
    f: invoke.f,
    key: invoke.key,
    input: invoke.value,
    output: ok?.value ?? null,
    outcome: ok === undefined ? 'info' : 'ok',
    applied: ok?.applied ?? true,
    invoke: invoke.index,
    return: ok?.index ?? Infinity,
    invokeTime: invoke.time,
    returnTime: ok?.time ?? Infinity,
    node: invoke.node,
    servedBy: ok?.servedBy,
  };
}
