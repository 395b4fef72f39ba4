import type { Json } from '../history.ts';
import type { Model } from '../models/model.ts';
import type { Table } from '../table.ts';
import type { Budget, EngineName, UnknownReason } from '../verdict.ts';
import type { Slice } from './run.ts';

/** What an engine found out about one object. Rows are those of the table. */
export type Decision =
  /** Rows in a legal order: all completed ones, and the crashed ones that it needs. */
  | { readonly type: 'linearizable'; readonly order: Int32Array }
  | Refuted
  | {
      readonly type: 'unknown';
      readonly reason: UnknownReason;
      /** Every operation that completed before this rank can be placed: a prefix that is proven. */
      readonly provenRank: number;
    };

/** No order exists. What an engine knows of the reason serves the evidence, and is optional. */
export interface Refuted {
  readonly type: 'not-linearizable';
  /**
   * Rank of a completion: up to and including it the history is not linearizable. The engine says an
   * early one where it costs little; undefined when it knows only that the whole is not.
   */
  readonly byRank: number | undefined;
  /**
   * Rows of completed operations that refute it by themselves: with every other operation weakened
   * still no order exists. Few, not necessarily minimal.
   */
  readonly conflict: readonly number[] | undefined;
  /**
   * Present where `byRank` is known to be the first completion by which no order exists: rows in a legal
   * order of all that completed before it, with the mutations open then that it needs. Computed when
   * asked for; costs about what deciding did.
   */
  readonly orderBefore?: () => Int32Array;
  /** Every operation that completed before this rank can be placed: no earlier completion is the first. */
  readonly provenRank?: number;
  /** Points from which the rest is refuted; the latest last. */
  readonly cuts: readonly Cut[];
}

/**
 * A point where all that can have happened agrees on the state: what stood before it can be summed up
 * as one write of that state. Open operations (invoked before, not completed before) are those that no
 * configuration had placed, those that every one had (left out here), and those that some had: these
 * may take effect afterwards, or not.
 */
export interface Cut {
  /** Rank of the first event after it. */
  readonly rank: number;
  readonly state: Json;
  /** Rows that are still to be placed. */
  readonly open: readonly number[];
  /** Rows, mutations only, that some configurations had placed and others not; crashed ones not used up. */
  readonly maybe: readonly number[];
}

/** One way to decide. */
export interface Engine {
  readonly name: EngineName;
  /**
   * Finds out in one pass whether it can decide this history at all.
   *
   * @returns undefined when it cannot: another engine must
   */
  prepare(table: Table, model: Model): ((budget: Budget) => Generator<Slice, Decision>) | undefined;
}
