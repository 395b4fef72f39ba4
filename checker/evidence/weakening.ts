import { NO_VALUE, overwritesOf, type Overwrites } from '../engines/problem.ts';
import type { Operation } from '../history.ts';
import type { Model } from '../models/model.ts';
import { Cursor, NEVER, Table } from '../table.ts';
import { madeInside, mattersInside } from './matters.ts';

/**
 * A history of which only some operations are *strong*. All others are weakened: a read vanishes, a
 * mutation may take effect once, at any time after its invocation, or never. Weakening only adds orders:
 * every legal order of the history is one of the weakened history, too, when the reads that vanished are
 * taken out of it (they changed nothing).
 */
export class Weakening {
  readonly table: Table;
  readonly model: Model;
  readonly #overwrites: Overwrites | undefined;
  readonly #isReadOnly: Uint8Array;
  /** 1 for the rows that are strong, or found to matter, during one call. */
  readonly #isTaken: Uint8Array;

  constructor(table: Table, model: Model) {
    this.table = table;
    this.model = model;
    this.#overwrites = overwritesOf(table, model);
    this.#isReadOnly = this.#overwrites?.isReadOnly ?? readOnlyRows(table, model);
    this.#isTaken = new Uint8Array(table.size);
  }

  /**
   * Weak mutations on which an order of the strong operations can depend. The others are proved not to
   * matter: from a legal order that holds them they can be taken out.
   *
   * - One that was invoked after all strong operations returned stands behind all of them: cut it off.
   * - Of an overwriting object: see `#closed`. Of others: see `mattersInside`.
   *
   * @param strong - rows of completed operations, ascending
   * @returns rows, ascending
   */
  mattering(strong: readonly number[]): number[] {
    let end = -1;
    for (const row of strong) {
      this.#isTaken[row] = 1;
      end = Math.max(end, this.table.return[row] as number);
    }
    const weak =
      this.#overwrites === undefined ? this.#inside(strong, end) : this.#closed(strong, end);
    for (const row of strong) this.#isTaken[row] = 0;
    for (const row of weak) this.#isTaken[row] = 0;
    return weak.sort((a, b) => a - b);
  }

  /**
   * Of weak operations that matter those that could have made what a strong one saw: a claim that nobody
   * else did rests on them.
   */
  direct(strong: readonly number[], weak: readonly number[]): readonly number[] {
    const overwrites = this.#overwrites;
    if (overwrites === undefined) return madeInside(this.table, this.model, weak);
    const required = new Set(strong.map((row) => overwrites.requires[row] as number));
    required.delete(NO_VALUE);
    return weak.filter((row) => required.has(overwrites.produces[row] as number));
  }

  /** What each row demands and does; undefined where that depends on the state. */
  get overwrites(): Overwrites | undefined {
    return this.#overwrites;
  }

  /** The history with these operations strong, those weak, and all others left out. */
  tableOf(strong: readonly number[], weak: readonly number[]): Table {
    const rows = [...strong, ...weak].sort((a, b) => a - b);
    for (const row of weak) this.#isTaken[row] = 1;
    const table = this.table.select(rows, (row) => this.#isTaken[row] === 1);
    for (const row of weak) this.#isTaken[row] = 0;
    return table;
  }

  /**
   * A smaller history for those of which no other operation will be strong: only of an overwriting object,
   * where fewer strong operations never make more weak ones matter.
   *
   * @returns the rows of the smaller one, as rows of this one; undefined when it would not be much smaller
   */
  narrowed(
    strong: readonly number[],
  ): { weakening: Weakening; rows: readonly number[] } | undefined {
    if (this.#overwrites === undefined) return undefined;
    const chosen = new Set([...strong, ...this.mattering(strong)]);
    const rows = [...chosen].sort((a, b) => a - b);
    if (rows.length * 2 > this.table.size) return undefined;
    return { weakening: new Weakening(this.table.select(rows), this.model), rows };
  }

  /**
   * Those that can matter to an overwriting object: they produce a state that a strong one requires, or
   * may leave one that a strong one forbids; or produce what such a one requires, and so on backwards.
   * The proof is that of `usefulCrashed` in engines/problem.ts, which closes in the same way.
   */
  #closed(strong: readonly number[], end: number): number[] {
    const { requires, forbids, produces, isReadOnly } = this.#overwrites as Overwrites;
    const { invoke, size } = this.table;
    const required = new Set<number>();
    const forbidden = new Set<number>();
    for (const row of strong) {
      required.add(requires[row] as number);
      forbidden.add(forbids[row] as number);
    }
    required.delete(NO_VALUE);
    forbidden.delete(NO_VALUE);
    const found: number[] = [];
    for (let hasGrown = true; hasGrown;) {
      hasGrown = false;
      // From the last backwards: what a chain of CAS needs was mostly invoked before it.
      for (let row = size - 1; row >= 0; row--) {
        if ((invoke[row] as number) > end) continue;
        if (isReadOnly[row] === 1 || this.#isTaken[row] === 1) continue;
        const from = requires[row] as number;
        const leaves = from === NO_VALUE ? forbidden.size > 0 : forbidden.has(from);
        if (!leaves && !required.has(produces[row] as number)) continue;
        this.#isTaken[row] = 1;
        found.push(row);
        if (from === NO_VALUE || required.has(from)) continue;
        required.add(from);
        hasGrown = true;
      }
    }
    return found;
  }

  #inside(strong: readonly number[], end: number): number[] {
    const weak: number[] = [];
    const { invoke, size } = this.table;
    for (let row = 0; row < size && (invoke[row] as number) < end; row++) {
      if (this.#isReadOnly[row] === 0 && this.#isTaken[row] === 0) weak.push(row);
    }
    return mattersInside(this.table, this.model, strong, weak);
  }
}

function readOnlyRows(table: Table, model: Model): Uint8Array {
  const cursor = new Cursor(table.columns);
  const isReadOnly = new Uint8Array(table.size);
  for (let row = 0; row < table.size; row++) {
    isReadOnly[row] = model.isReadOnly(cursor.at(row)) ? 1 : 0;
  }
  return isReadOnly;
}

/** A mutation whose outcome is not counted upon, or not known yet. */
export function asOpen(operation: Operation): Operation {
  const unknown = { outcome: 'info', output: null, applied: true } as const;
  return { ...operation, ...unknown, return: Infinity, returnTime: Infinity };
}

/** The history up to a rank: what completes later is pending there. @param end - first rank after it */
export function prefixOf(table: Table, end: number, model: Model): Table {
  const cursor = new Cursor(table.columns);
  const rows: number[] = [];
  for (let row = 0; row < table.size && (table.invoke[row] as number) < end; row++) {
    const isPending = (table.return[row] as number) >= end;
    if (!isPending || !model.isReadOnly(cursor.at(row))) rows.push(row);
  }
  const { return: returns } = table;
  return table.select(rows, (row) => returns[row] !== NEVER && (returns[row] as number) >= end);
}
