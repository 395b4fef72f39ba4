import type { Json, Operation } from '../history.ts';

/** What `step` answers when the object could not have given this result in this state. */
export const REJECTED: unique symbol = Symbol('rejected');

/**
 * What an operation demands of the state and does to it, when that can be said without knowing the
 * state: it can happen in exactly one state (`requires`), in every state but one (`forbids`), or in
 * every state; afterwards the state is `produces` whatever it was before, or unchanged (absent).
 */
export interface Overwrite {
  readonly requires?: Json;
  readonly forbids?: Json;
  readonly produces?: Json;
}

/**
 * Kinds of objects that have engines of their own. A model that names one says that it behaves exactly
 * so, with these functions; registers need none, since `overwrite` says all.
 *
 * - `set`: `add` v; `read` → array of all that was added, in any order. Nothing is taken out.
 * - `queue`: `enqueue` v; `dequeue` → the oldest, or null where it was empty. `null` is never enqueued.
 * - `bag`: the same functions; `dequeue` → any that is inside.
 * - `stack`: `push` v; `pop` → the newest, or null where it was empty.
 * - `mutex`: `acquire`, `release`, by anybody; begins free.
 * - `reentrant-mutex`: `acquire`, `release` by processes; the owner may acquire again.
 * - `fenced-lock`: `acquire` → token, greater than any before; `release` by its owner.
 * - `counter`: `add` n (an integer, of either sign); `incr` n → the sum with it; `read` → the sum.
 * - `grow-counter`: the same with n ≥ 0.
 * - `list`: `append` v; `read` → array of all that was appended, in order.
 */
export type Structure =
  | 'set'
  | 'queue'
  | 'bag'
  | 'stack'
  | 'mutex'
  | 'reentrant-mutex'
  | 'fenced-lock'
  | 'counter'
  | 'grow-counter'
  | 'list';

/**
 * What a correct object does, as data. States are JSON values, equal when structurally equal; the
 * object is deterministic, and each key is an object of its own.
 */
export interface Model {
  readonly name: string;
  /** What it is, one line for people. */
  readonly about?: string;
  /** Every `f` it knows. */
  readonly functions: readonly string[];
  readonly initial: Json;
  /**
   * What is malformed about an operation, one line with what was expected; undefined when it is well
   * formed. The other methods are asked of well-formed operations only. Looks at `f`, the values, the
   * outcome and `applied`; integers from 0 to 2³⁰-1 are all alike to it.
   */
  malformed(operation: Operation): string | undefined;
  /**
   * The state after the operation, or REJECTED when it cannot have had this result in `state`. The
   * result of an operation whose outcome is `info` is unknown: all that counts is its effect, and it
   * is rejected where it could have none (a crashed dequeue of an empty queue).
   */
  step(state: Json, operation: Operation): Json | typeof REJECTED;
  /** True when the operation changes no state. A read whose outcome is `info` can be left out. */
  isReadOnly(operation: Operation): boolean;
  /**
   * Operations with the same text go from every state to the same state, or are rejected alike: they
   * are interchangeable. A completed mutation and a crashed one may share a text.
   */
  effectKey(operation: Operation): string;
  /**
   * Absent or undefined when the effect depends on the state. Optional: engines prune with it when
   * every operation on a key has an answer.
   */
  overwrite?(operation: Operation): Overwrite | undefined;
  /**
   * Folds states that no sequence of these operations can tell apart into one of them, for searches: a
   * state and what it is folded to reject the same sequences. The result is asked of states that follow
   * from the initial one by these operations and by folding.
   *
   * @returns undefined when there is nothing to fold
   */
  folding?(operations: readonly Operation[]): ((state: Json) => Json) | undefined;
  /** Chooses engines made for it. */
  readonly structure?: Structure;
  /**
   * An operation that leaves this state whatever was before (`write` of it), for evidence that begins in
   * the middle of a history; undefined when there is none.
   */
  assign?(state: Json): { readonly f: string; readonly input: Json } | undefined;
  /**
   * The same as `step` from `initial` on, in place. Optional: copying a state that grows costs the square
   * of its size over a history, this its size.
   */
  replay?(): Replay;
  /** `read of k17 → 3`. */
  describe(operation: Operation): string;
  describeState(state: Json): string;
  /** Why `step` rejects this operation in this state, from the history's point of view. */
  explainRejection(state: Json, operation: Operation): string;
}

/** One object that changes as operations are applied to it. */
export interface Replay {
  /** False, and nothing has changed, where `step` would reject it. Keeps no reference to the operation. */
  apply(operation: Operation): boolean;
  /** What `step` would have led to: a copy. */
  state(): Json;
}
