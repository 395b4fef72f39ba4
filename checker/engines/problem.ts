import type { Json } from '../history.ts';
import { REJECTED, type Model } from '../models/model.ts';
import { Cursor, type Table } from '../table.ts';
import { States, Transitions } from './states.ts';

export { NEVER } from '../table.ts';
/** No value, no state. */
export const NONE = -1;

/**
 * One object's history for the searching engines. Operations are numbered anew: completed ones
 * 0 … completed-1 by invocation, then crashed ones by class and invocation. Crashed reads, and crashed
 * mutations that no order needs, are left out.
 */
export interface Problem {
  readonly model: Model;
  readonly table: Table;
  /** How many operations, left-out ones not counted. */
  readonly size: number;
  /** The row in the table, per operation. */
  readonly rows: Int32Array;
  readonly completed: number;
  /** Rank of the invocation in the table's events, per operation. */
  readonly invoke: Int32Array;
  /** Rank of the completion, NEVER when crashed. */
  readonly return: Int32Array;
  readonly isReadOnly: Uint8Array;
  /** Operations of one class are interchangeable (`Model.effectKey`). */
  readonly classOf: Int32Array;
  readonly classes: number;
  /** Runs of crashed operations of one class: [first, end) as operation numbers. */
  readonly crashedRuns: readonly { readonly first: number; readonly end: number }[];
  readonly initial: number;
  /** The state after an operation, NONE when it is rejected. */
  readonly transition: (state: number, operation: number) => number;
  /** Present when every operation overwrites (`Model.overwrite`): what pruning needs. */
  readonly values: Demands | undefined;
  /** Present where states are found as the search goes. */
  readonly space: StateSpace | undefined;
}

/** States met so far, which grow in number. */
export interface StateSpace {
  /** About what they take. */
  readonly bytes: number;
  /** Forgets all states but these, and numbers them anew, in place. */
  forgetAllBut(live: Int32Array): void;
}

/** Demand and supply of states; indexed by operation or by state. */
export interface Demands {
  /** Per operation: the only state it can happen in, the state it cannot happen in, the next one. */
  readonly requires: Int32Array;
  readonly forbids: Int32Array;
  readonly produces: Int32Array;
  /** States are 0 … states-1; 0 stands for all that nobody requires or forbids. */
  readonly states: number;
  /** Per state: crashed operations that can happen in it only. */
  readonly crashedDemand: Int32Array;
}

/** What each row of a table demands and does, as ids of the table's values; NO_VALUE for nothing. */
export interface Overwrites {
  readonly requires: Int32Array;
  readonly forbids: Int32Array;
  readonly produces: Int32Array;
  readonly isReadOnly: Uint8Array;
}

/** No id of any value. */
export const NO_VALUE = 0x7fff_ffff;

/** @returns undefined when the effect of some operation depends on the state */
export function overwritesOf(table: Table, model: Model): Overwrites | undefined {
  if (model.overwrite === undefined) return undefined;
  const { size, columns } = table;
  const { values } = columns;
  const requires = new Int32Array(size).fill(NO_VALUE);
  const forbids = new Int32Array(size).fill(NO_VALUE);
  const produces = new Int32Array(size).fill(NO_VALUE);
  const isReadOnly = new Uint8Array(size);
  const cursor = new Cursor(columns);
  for (let row = 0; row < size; row++) {
    const effect = model.overwrite(cursor.at(row));
    if (effect === undefined) return undefined;
    if (effect.requires !== undefined) requires[row] = values.id(effect.requires);
    if (effect.forbids !== undefined) forbids[row] = values.id(effect.forbids);
    if (effect.produces === undefined) isReadOnly[row] = 1;
    else produces[row] = values.id(effect.produces);
  }
  return { requires, forbids, produces, isReadOnly };
}

/** Compiles the history of one object for the searching engines. */
export function compile(table: Table, model: Model): Problem {
  const overwrites = overwritesOf(table, model);
  return overwrites === undefined
    ? compileGeneric(table, model)
    : compileOverwriting(table, model, overwrites);
}

/**
 * Leaves out crashed operations that no order needs. `c` can matter only by producing a state that
 * another operation requires, or by leaving a state that a completed one forbids.
 *
 * Proof that the others can go, all at once: take a legal order and remove them. Between a removed
 * `c` and the next mutation the state was what `c` produced, `x`, and is now what it was before `c`,
 * `s`. Nothing there required `x`: no completed operation and no crashed one that stayed does, by
 * definition. Nothing there forbids `s`: where `c` is a CAS it left its `from`, which nobody forbids,
 * or `c` would have stayed; where it is a write, nobody forbids anything. And the next mutation
 * produces the same state whatever was before.
 *
 * @returns rows, ascending
 */
export function usefulCrashed(table: Table, overwrites: Overwrites): readonly number[] {
  const { requires, forbids, produces, isReadOnly } = overwrites;
  if (table.completed === table.size) return [];
  const required = new Set<number>();
  const forbidden = new Set<number>();
  const makers = new Map<number, number[]>();
  const leavers: number[] = [];
  for (let row = 0; row < table.size; row++) {
    if (table.isCompleted(row)) {
      if (forbids[row] !== NO_VALUE) forbidden.add(forbids[row] as number);
      if (requires[row] !== NO_VALUE) required.add(requires[row] as number);
    } else if (isReadOnly[row] === 0) {
      const made = produces[row] as number;
      const same = makers.get(made);
      if (same === undefined) makers.set(made, [row]);
      else same.push(row);
      leavers.push(row);
    }
  }
  const kept = new Set<number>();
  // What a kept one requires is required: close this backwards along chains of CAS.
  const open = [...required];
  const keep = (row: number): void => {
    if (kept.has(row)) return;
    kept.add(row);
    const from = requires[row] as number;
    if (from === NO_VALUE || required.has(from)) return;
    required.add(from);
    open.push(from);
  };
  for (const row of leavers) {
    const from = requires[row] as number;
    if (from === NO_VALUE ? forbidden.size > 0 : forbidden.has(from)) keep(row);
  }
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    for (const row of makers.get(value) ?? []) keep(row);
  }
  return [...kept].toSorted((a, b) => a - b);
}

function compileOverwriting(table: Table, model: Model, overwrites: Overwrites): Problem {
  const { values } = table.columns;
  const completed = completedRows(table);
  // One that requires what it produces changes nothing: crashed, it can stay out.
  const crashed = usefulCrashed(table, overwrites).filter(
    (row) => overwrites.requires[row] !== overwrites.produces[row],
  );
  const size = completed.length + crashed.length;
  // States that no operation requires or forbids cannot be told apart: they become one, 0.
  const states = new Numbering(size);
  for (const part of [completed, crashed]) {
    for (let i = 0; i < part.length; i++) {
      const row = part[i] as number;
      states.add(overwrites.requires[row] as number);
      states.add(overwrites.forbids[row] as number);
    }
  }
  const width = states.size + 1;
  const conditions = new Map<number, number>();
  const classNumbers = new Map<number, number>();
  const numbered = number(table, completed, crashed, (row) => {
    // Two of three at a time: of hundreds of thousands of states three exceed what a double holds
    // exactly, and operations that differ would be taken for the same.
    const required = states.of(overwrites.requires[row] as number) + 1;
    const forbidden = states.of(overwrites.forbids[row] as number) + 1;
    const condition =
      forbidden === 0 ? required : width + classNumber(conditions, required * width + forbidden);
    const produced = states.of(overwrites.produces[row] as number) + 1;
    return classNumber(classNumbers, condition * width + produced);
  });
  const { rows } = numbered;
  const requires = new Int32Array(size);
  const forbids = new Int32Array(size);
  const produces = new Int32Array(size);
  const isReadOnly = new Uint8Array(size);
  const crashedDemand = new Int32Array(states.size);
  for (let i = 0; i < size; i++) {
    const row = rows[i] as number;
    const required = states.of(overwrites.requires[row] as number);
    const produced = states.of(overwrites.produces[row] as number);
    requires[i] = required;
    forbids[i] = states.of(overwrites.forbids[row] as number);
    // A CAS from a value to itself is an observation of it.
    const isRead = produced === NONE || (required !== NONE && required === produced);
    isReadOnly[i] = isRead ? 1 : 0;
    produces[i] = isRead ? NONE : produced;
    if (i >= completed.length && required !== NONE) crashedDemand[required] = 1;
  }
  return {
    model,
    table,
    ...numbered,
    isReadOnly,
    classes: classNumbers.size,
    initial: states.of(values.id(model.initial)),
    transition: (from, operation) => {
      const required = requires[operation] as number;
      if (required !== NONE && required !== from) return NONE;
      if (forbids[operation] === from) return NONE;
      const next = produces[operation] as number;
      return next === NONE ? from : next;
    },
    values: { requires, forbids, produces, states: states.size, crashedDemand },
    space: undefined,
  };
}

/** Numbers from 1 for ids of values; 0 for all others, NONE for NO_VALUE. */
class Numbering {
  /** Most ids are small integers: they need no look-up. */
  readonly #small: Int32Array;
  readonly #others = new Map<number, number>();
  size = 1;

  constructor(operations: number) {
    this.#small = new Int32Array(Math.min(1 << 20, 64 + 2 * operations));
  }

  add(id: number): void {
    if (id === NO_VALUE || this.of(id) !== 0) return;
    if (id >= 0 && id < this.#small.length) this.#small[id] = this.size++;
    else this.#others.set(id, this.size++);
  }

  of(id: number): number {
    if (id >= 0 && id < this.#small.length) return this.#small[id] as number;
    return id === NO_VALUE ? NONE : (this.#others.get(id) ?? 0);
  }
}

function compileGeneric(table: Table, model: Model): Problem {
  const cursor = new Cursor(table.columns);
  const isReadOnly = new Uint8Array(table.size);
  for (let row = 0; row < table.size; row++) {
    isReadOnly[row] = model.isReadOnly(cursor.at(row)) ? 1 : 0;
  }
  const completed = completedRows(table);
  const crashed: number[] = [];
  for (let row = 0; row < table.size; row++) {
    if (!table.isCompleted(row) && isReadOnly[row] === 0) crashed.push(row);
  }
  const classNumbers = new Map<string, number>();
  const numbered = number(table, completed, crashed, (row) =>
    classNumber(classNumbers, model.effectKey(cursor.at(row))),
  );
  const { rows, classOf } = numbered;
  const fold = model.folding?.(table.operations()) ?? ((state: Json): Json => state);
  let states = new States();
  const known = new Transitions();
  return {
    model,
    table,
    ...numbered,
    isReadOnly: Uint8Array.from(rows, (row) => isReadOnly[row] as number),
    classes: classNumbers.size,
    initial: states.number(fold(model.initial)),
    transition: (from, operation) => {
      const itsClass = classOf[operation] as number;
      const seen = known.get(from, itsClass);
      if (seen !== undefined) return seen;
      const step = model.step(states.value(from), cursor.at(rows[operation] as number));
      const next = step === REJECTED ? NONE : states.number(fold(step));
      known.set(from, itsClass, next);
      return next;
    },
    values: undefined,
    space: {
      get bytes() {
        return states.bytes + known.bytes;
      },
      forgetAllBut(live) {
        const old = states;
        states = new States();
        known.clear();
        for (let i = 0; i < live.length; i++) {
          live[i] = states.number(old.value(live[i] as number));
        }
      },
    },
  };
}

function completedRows(table: Table): Int32Array {
  const rows = new Int32Array(table.completed);
  let next = 0;
  for (let row = 0; row < table.size; row++) if (table.isCompleted(row)) rows[next++] = row;
  return rows;
}

function classNumber<T>(numbers: Map<T, number>, text: T): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  numbers.set(text, numbers.size);
  return numbers.size - 1;
}

type Numbered = Pick<
  Problem,
  'size' | 'rows' | 'completed' | 'invoke' | 'return' | 'classOf' | 'crashedRuns'
>;

/** Completed as they are, crashed sorted by class (stable: by invocation within one). */
function number(
  table: Table,
  completed: Int32Array,
  crashed: readonly number[],
  classOfRow: (row: number) => number,
): Numbered {
  const size = completed.length + crashed.length;
  const rows = new Int32Array(size);
  const classOf = new Int32Array(size);
  rows.set(completed);
  for (let i = 0; i < completed.length; i++) classOf[i] = classOfRow(completed[i] as number);
  const sorted = crashed
    .map((row) => ({ row, itsClass: classOfRow(row) }))
    .toSorted((a, b) => a.itsClass - b.itsClass);
  const crashedRuns: { first: number; end: number }[] = [];
  for (const [i, { row, itsClass }] of sorted.entries()) {
    const at = completed.length + i;
    rows[at] = row;
    classOf[at] = itsClass;
    const last = crashedRuns.at(-1);
    if (last !== undefined && classOf[last.first] === itsClass) last.end = at + 1;
    else crashedRuns.push({ first: at, end: at + 1 });
  }
  const invoke = new Int32Array(size);
  const returns = new Int32Array(size);
  for (let i = 0; i < size; i++) {
    invoke[i] = table.invoke[rows[i] as number] as number;
    returns[i] = table.return[rows[i] as number] as number;
  }
  const common = { size, rows, completed: completed.length, classOf, crashedRuns };
  return { ...common, invoke, return: returns };
}

/** Rows of the table in the order of these operations. */
export function rowsOf(problem: Problem, order: ArrayLike<number>): Int32Array {
  return Int32Array.from(order, (operation) => problem.rows[operation] as number);
}
