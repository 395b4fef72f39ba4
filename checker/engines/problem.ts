import type { Json } from '../history.ts';
import { REJECTED, type Model } from '../models/model.ts';
import { Cursor, type Table } from '../table.ts';
import { Values } from '../values.ts';

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
}

/** Demand and supply of states; indexed by operation or by state. */
export interface Demands {
  /** Per operation: the only state it can happen in, the state it cannot happen in, the next one. */
  readonly requires: Int32Array;
  readonly forbids: Int32Array;
  readonly produces: Int32Array;
  /** States are 0 … states-1; 0 stands for all that nobody requires or forbids. */
  readonly states: number;
  /** The value of each state; undefined for 0. */
  readonly valueOf: readonly (Json | undefined)[];
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
  const required = new Set<number>();
  const forbidden = new Set<number>();
  let rest: number[] = [];
  for (let row = 0; row < table.size; row++) {
    if (table.isCompleted(row)) {
      required.add(requires[row] as number);
      forbidden.add(forbids[row] as number);
    } else if (isReadOnly[row] === 0) {
      rest.push(row);
    }
  }
  required.delete(NO_VALUE);
  forbidden.delete(NO_VALUE);
  const kept: number[] = [];
  for (;;) {
    // What a kept one requires is required: close this backwards along chains of CAS.
    const isUseful = (row: number): boolean => {
      const from = requires[row] as number;
      if (required.has(produces[row] as number)) return true;
      return from === NO_VALUE ? forbidden.size > 0 : forbidden.has(from);
    };
    const found = rest.filter(isUseful);
    if (found.length === 0) return kept.toSorted((a, b) => a - b);
    for (const row of found) {
      kept.push(row);
      if (requires[row] !== NO_VALUE) required.add(requires[row] as number);
    }
    const isFound = new Set(found);
    rest = rest.filter((row) => !isFound.has(row));
  }
}

function compileOverwriting(table: Table, model: Model, overwrites: Overwrites): Problem {
  const { values } = table.columns;
  const completed = completedRows(table);
  const crashed = usefulCrashed(table, overwrites);
  // States that no operation requires or forbids cannot be told apart: they become one, 0.
  const states = new Map<number, number>();
  const valueOf: (Json | undefined)[] = [undefined];
  const demand = (id: number): void => {
    if (id === NO_VALUE || states.has(id)) return;
    states.set(id, valueOf.push(values.value(id)) - 1);
  };
  for (const part of [completed, crashed]) {
    for (const row of part) {
      demand(overwrites.requires[row] as number);
      demand(overwrites.forbids[row] as number);
    }
  }
  const state = (id: number): number => (id === NO_VALUE ? NONE : (states.get(id) ?? 0));
  const classNumbers = new Map<number, number>();
  const width = valueOf.length + 1;
  const numbered = number(table, completed, crashed, (row) => {
    const packed =
      (state(overwrites.requires[row] as number) + 1) * width * width +
      (state(overwrites.forbids[row] as number) + 1) * width +
      state(overwrites.produces[row] as number) +
      1;
    return classNumber(classNumbers, packed);
  });
  const { rows } = numbered;
  const requires = Int32Array.from(rows, (row) => state(overwrites.requires[row] as number));
  const forbids = Int32Array.from(rows, (row) => state(overwrites.forbids[row] as number));
  const produces = Int32Array.from(rows, (row) => state(overwrites.produces[row] as number));
  const crashedDemand = new Int32Array(valueOf.length);
  for (const required of requires.subarray(completed.length)) {
    if (required !== NONE) crashedDemand[required] = 1;
  }
  return {
    model,
    table,
    ...numbered,
    isReadOnly: Uint8Array.from(rows, (row) => overwrites.isReadOnly[row] as number),
    classes: classNumbers.size,
    initial: state(values.id(model.initial)),
    transition: (from, operation) => {
      const required = requires[operation] as number;
      if (required !== NONE && required !== from) return NONE;
      if (forbids[operation] === from) return NONE;
      const next = produces[operation] as number;
      return next === NONE ? from : next;
    },
    values: { requires, forbids, produces, states: valueOf.length, valueOf, crashedDemand },
  };
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
  const classes = classNumbers.size;
  const states = new Values();
  const stateIds: number[] = [];
  const numbers = new Map<number, number>();
  const stateNumber = (value: Json): number => {
    const id = states.id(value);
    const known = numbers.get(id);
    if (known !== undefined) return known;
    numbers.set(id, stateIds.length);
    return stateIds.push(id) - 1;
  };
  const initial = stateNumber(model.initial);
  const known = new Map<number, number>();
  return {
    model,
    table,
    ...numbered,
    isReadOnly: Uint8Array.from(rows, (row) => isReadOnly[row] as number),
    classes,
    initial,
    transition: (from, operation) => {
      const at = from * classes + (classOf[operation] as number);
      const seen = known.get(at);
      if (seen !== undefined) return seen;
      const state = states.value(stateIds[from] as number);
      const step = model.step(state, cursor.at(rows[operation] as number));
      const next = step === REJECTED ? NONE : stateNumber(step);
      known.set(at, next);
      return next;
    },
    values: undefined,
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
  const completedClasses = Int32Array.from(completed, classOfRow);
  const sorted = crashed
    .map((row) => ({ row, itsClass: classOfRow(row) }))
    .toSorted((a, b) => a.itsClass - b.itsClass);
  const size = completed.length + sorted.length;
  const rows = new Int32Array(size);
  rows.set(completed);
  const classOf = new Int32Array(size);
  classOf.set(completedClasses);
  const crashedRuns: { first: number; end: number }[] = [];
  for (const [i, { row, itsClass }] of sorted.entries()) {
    const at = completed.length + i;
    rows[at] = row;
    classOf[at] = itsClass;
    const last = crashedRuns.at(-1);
    if (last !== undefined && classOf[last.first] === itsClass) last.end = at + 1;
    else crashedRuns.push({ first: at, end: at + 1 });
  }
  return {
    size,
    rows,
    completed: completed.length,
    invoke: Int32Array.from(rows, (row) => table.invoke[row] as number),
    return: Int32Array.from(rows, (row) => table.return[row] as number),
    classOf,
    crashedRuns,
  };
}

/** Rows of the table in the order of these operations. */
export function rowsOf(problem: Problem, order: ArrayLike<number>): Int32Array {
  return Int32Array.from(order, (operation) => problem.rows[operation] as number);
}
