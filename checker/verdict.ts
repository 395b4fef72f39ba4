import type { Json, Operation } from './history.ts';
import type { StaleRead } from './evidence/stale-read.ts';

/** Limits of one decision. */
export interface Budget {
  /** Monotonic clock, nanoseconds; only differences count. */
  readonly now: () => number;
  /** Instant of that clock after which the answer is `unknown`; Infinity for no limit. */
  readonly deadlineNs: number;
  /** Bytes that the search may hold for its memory of configurations. */
  readonly memoryBytesMax: number;
}

/** How a verdict was reached; `auto` chooses. */
export type EngineName =
  'zones' | 'set' | 'queue' | 'bag' | 'stack' | 'lock' | 'counter' | 'list' | 'frontier' | 'wgl';

/** `engine`: the engine that was asked for cannot decide such a history. */
export type UnknownReason = 'time' | 'memory' | 'interrupted' | 'engine';

/** An operation near the point where every order got stuck. */
export interface Candidate {
  readonly operation: Operation;
  /** True when the longest order found contains it. */
  readonly isPlaced: boolean;
  /** Why it cannot come next after the longest order; undefined when it is placed, or fits. */
  readonly rejection: string | undefined;
}

/** How much of a legal order evidence holds: nobody reads the other million. */
export const ORDER_MAX = 20;

/** Where a history stops being linearizable. */
export interface Stuck {
  /**
   * The operation that could not be placed. When `isExact`: the one with the earliest completion
   * such that the history up to and including that completion is not linearizable. What completed
   * before it is linearizable, as `order` shows.
   */
  readonly operation: Operation;
  /** False when the budget ran out while looking for it: then some order got as far as this. */
  readonly isExact: boolean;
  /** How many operations a longest legal order found holds, without `operation`. */
  readonly placed: number;
  /** Ids of the end of that order, at most `ORDER_MAX`. */
  readonly order: readonly number[];
  /** The state after that order. */
  readonly state: Json;
  /** Why the model rejects `operation` in that state; undefined when it would fit there. */
  readonly rejection: string | undefined;
  /**
   * Different states in which orders of everything else that had completed ended, `state` first; at
   * most a handful, and not necessarily all there are.
   */
  readonly states: readonly Json[];
  /** Other operations concurrent with `operation`; a crashed one is concurrent until the end. */
  readonly candidates: readonly Candidate[];
  /** Why no order can hold it, when the history says so at once: a value that nobody wrote, …. */
  readonly note: string | undefined;
}

/** One operation of a counterexample. */
export interface CounterexampleOperation {
  /** As it counts: a weak one has no outcome and never returns, though it may have one in the history. */
  readonly operation: Operation;
  /** Weakened: it may take effect once, at any time after its invocation, or never. */
  readonly isWeak: boolean;
  /**
   * True for one of the checker's own: these sum up what had happened before the counterexample begins.
   * Their ids are negative, and they stand in no history; the last may overlap what was pending there.
   */
  readonly isOwn: boolean;
}

/**
 * Few operations that no order allows, whatever happened to all others: every other read vanishes, every
 * other mutation may take effect once, at any time after its invocation, or never. Weakening only adds
 * orders, so what stays illegal proves the whole illegal.
 */
export interface Counterexample {
  /** By invocation. Weak ones that no strong one can depend on are left out. */
  readonly operations: readonly CounterexampleOperation[];
  /**
   * Present where it begins in the middle of the history: the state there, on which all that can have happened
   * before agrees. What began earlier and is not among the operations had taken effect by then.
   */
  readonly before?: { readonly state: Json };
  /**
   * True when it becomes linearizable as soon as any one of its completed operations is weakened; false
   * when the budget ran out before that was known.
   */
  readonly isMinimal: boolean;
}

/** How far a decision got that was given up. */
export interface Progress {
  /** Completions, in order, after which the history was certainly still linearizable. */
  readonly completionsProven: number;
  /** Completions in all. */
  readonly completions: number;
}

/** What was decided about one key. */
export type KeyVerdict =
  | {
      readonly valid: true;
      readonly key: string | undefined;
      readonly operations: number;
      readonly engine: EngineName;
      /** Ids in an order that the model accepts and real time allows. */
      readonly witness: Int32Array;
    }
  | {
      readonly valid: false;
      readonly key: string | undefined;
      readonly operations: number;
      readonly engine: EngineName;
      readonly stuck: Stuck;
      /** Undefined when the effort for it ended before, or it would be too long for anybody to read. */
      readonly counterexample: Counterexample | undefined;
      /** Reads that are provably stale, by completion. */
      readonly staleReads: readonly StaleRead[];
      /** What happened, from the evidence alone. */
      readonly sentence: string;
    }
  | {
      readonly valid: 'unknown';
      readonly key: string | undefined;
      readonly operations: number;
      /** The last that tried; undefined when none did. */
      readonly engine: EngineName | undefined;
      readonly reason: UnknownReason;
      readonly progress: Progress;
    };

/** What was decided about a history. Violation beats unknown beats valid. */
export interface Verdict {
  readonly valid: boolean | 'unknown';
  readonly keys: readonly KeyVerdict[];
}

/** Nothing masks a violation, and nothing unknown passes for valid. No keys at all: valid. */
export function combine(keys: Iterable<{ readonly valid: boolean | 'unknown' }>): Verdict['valid'] {
  let valid: Verdict['valid'] = true;
  for (const key of keys) {
    if (key.valid === false) return false;
    if (key.valid === 'unknown') valid = 'unknown';
  }
  return valid;
}
