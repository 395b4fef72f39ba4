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
