import { decideTable } from '../engines/auto.ts';
import type { Decision } from '../engines/decision.ts';
import type { Slice } from '../engines/run.ts';
import type { Model } from '../models/model.ts';
import type { Table } from '../table.ts';
import type { Budget } from '../verdict.ts';

/** What one look of an engine at the clock counts as: a slice of its work. */
const SLICE_NS = 2e6;
/** Units of work, of about half a microsecond: in a slice, in any decision, and for each of its rows. */
const SLICE_WORK = 4_000;
const DECISION_WORK = 200;
const ROW_WORK = 4;
/** Slices of one decision; the small ones that evidence asks for need one or two. */
const SLICES_MAX = 60;
/** Work on a small history, and on a large one: that is decided fast, or has had its share of the time. */
const WORK_SMALL = 1_200_000;
const WORK_LARGE = 1_000_000;
/** Work on finding the place, and what is added for each row: prefixes may be as long as the whole. */
const WORK_PLACE = 3_000_000;
const WORK_PLACE_ROW = 40;
/** Rows from which on a history is large. */
const LARGE = 10_000;

/**
 * What gathering evidence may cost. It is counted in work, not in time, so that the same history gives
 * the same evidence everywhere; the caller's deadline counts on top.
 */
export class Effort {
  readonly #budget: Budget;
  readonly #whole: Effort | undefined;
  readonly #slicesMax: number;
  #left: number;

  private constructor(budget: Budget, left: number, slicesMax: number, whole?: Effort) {
    this.#budget = budget;
    this.#left = left;
    this.#slicesMax = slicesMax;
    this.#whole = whole;
  }

  /** @param rows - of the history that was refuted: evidence must not cost much more than that did */
  static of(budget: Budget, rows: number): Effort {
    const work = rows < LARGE ? WORK_SMALL : WORK_LARGE;
    return new Effort(budget, work + ROW_WORK * rows, SLICES_MAX);
  }

  /**
   * For the place where the history stops being linearizable. One decision may take all of it.
   *
   * @param rows - of the history that was refuted
   */
  static ofPlace(budget: Budget, rows: number): Effort {
    return new Effort(budget, WORK_PLACE + WORK_PLACE_ROW * rows, Infinity);
  }

  /** A share of what is left, for something that may come to nothing. @param share - in (0, 1] */
  part(share: number): Effort {
    return new Effort(this.#budget, this.#left * share, this.#slicesMax, this);
  }

  /** True when nothing more may be begun. */
  get isSpent(): boolean {
    return this.#left <= 0 || this.#budget.now() >= this.#budget.deadlineNs;
  }

  spend(work: number): void {
    this.#left -= work;
    this.#whole?.spend(work);
  }

  /** Decides under what is left. */
  *decide(table: Table, model: Model): Generator<Slice, Decision> {
    return yield* this.run(table.size, (budget) => decideTable(table, model, budget));
  }

  /**
   * Runs an engine under what is left, with a clock of its own: each look at it is a slice later, so that
   * an engine that divides its time among others does so, too.
   */
  *run(
    rows: number,
    engine: (budget: Budget) => Generator<Slice, Decision>,
  ): Generator<Slice, Decision> {
    this.spend(DECISION_WORK + ROW_WORK * rows);
    let elapsedNs = 0;
    const now = (): number => {
      if (this.isSpent) return Infinity;
      elapsedNs += SLICE_NS;
      // The first slice is paid with the rows.
      if (elapsedNs > SLICE_NS) this.spend(SLICE_WORK);
      return elapsedNs;
    };
    const { memoryBytesMax } = this.#budget;
    const budget = { now, deadlineNs: this.#slicesMax * SLICE_NS, memoryBytesMax };
    return yield* engine(budget);
  }
}
