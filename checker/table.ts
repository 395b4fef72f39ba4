import { assert } from './assert.ts';
import type { Operation } from './history.ts';
import { NULL, Values, type ValuesSnapshot } from './values.ts';

/** Position of a completion that never came. Real positions are far below. */
export const NEVER = 0x7fff_ffff;
/** No key, no node: the number of a name that is absent. */
export const ABSENT = -1;

/** Operations as columns: one row each, ordered by invocation. */
export interface Columns {
  /** Number of rows. */
  readonly size: number;
  /** What `f` numbers. */
  readonly functions: readonly string[];
  readonly f: Uint16Array;
  /** Ids of `values`. */
  readonly input: Int32Array;
  /** Ids of `values`; NULL when the outcome is `info`. */
  readonly output: Int32Array;
  /** 0 only for an `ok` CAS that found another value. */
  readonly applied: Uint8Array;
  /** Position of the invocation in the order of events, which is the operation's id. */
  readonly invoke: Int32Array;
  /** Position of the completion; NEVER when the outcome is `info`. */
  readonly return: Int32Array;
  readonly process: Float64Array;
  /** Nanoseconds since the run began. */
  readonly invokeTime: Float64Array;
  /** Infinity when the outcome is `info`. */
  readonly returnTime: Float64Array;
  /** What `key` numbers; ABSENT for operations without one. */
  readonly keys: readonly string[];
  readonly key: Int32Array;
  /** What `node` and `servedBy` number. */
  readonly nodes: readonly string[];
  readonly node: Int32Array;
  readonly servedBy: Int32Array;
  readonly values: Values;
}

/** Operations given as objects, as columns. @param operations - ordered by invocation */
export function columnsOf(operations: readonly Operation[]): Columns {
  const size = operations.length;
  const functions = new Names();
  const keys = new Names();
  const nodes = new Names();
  const values = new Values();
  const name = (names: Names, text: string | undefined): number =>
    text === undefined ? ABSENT : names.number(text);
  return {
    size,
    f: Uint16Array.from(operations, (each) => functions.number(each.f)),
    functions: functions.texts,
    input: Int32Array.from(operations, (each) => values.id(each.input)),
    output: Int32Array.from(operations, (each) => values.id(each.output)),
    applied: Uint8Array.from(operations, (each) => (each.applied ? 1 : 0)),
    invoke: Int32Array.from(operations, (each) => each.invoke),
    return: Int32Array.from(operations, (each) => Math.min(each.return, NEVER)),
    process: Float64Array.from(operations, (each) => each.process),
    invokeTime: Float64Array.from(operations, (each) => each.invokeTime),
    returnTime: Float64Array.from(operations, (each) => each.returnTime),
    key: Int32Array.from(operations, (each) => name(keys, each.key)),
    keys: keys.texts,
    node: Int32Array.from(operations, (each) => name(nodes, each.node)),
    servedBy: Int32Array.from(operations, (each) => name(nodes, each.servedBy)),
    nodes: nodes.texts,
    values,
  };
}

/** Columns that can be posted to another thread; what lies in shared memory is not copied. */
export interface ColumnsSnapshot extends Omit<Columns, 'values'> {
  readonly values: ValuesSnapshot;
}

/** What a thread posts. Ids of values stay; values that a thread adds later are its own. */
export function snapshotOf(columns: Columns): ColumnsSnapshot {
  return { ...columns, values: columns.values.snapshot() };
}

/** What another thread makes of it. */
export function columnsFrom(snapshot: ColumnsSnapshot): Columns {
  return { ...snapshot, values: Values.from(snapshot.values) };
}

/** Texts, numbered from 0 in the order in which they came. */
export class Names {
  readonly #numbers = new Map<string, number>();
  readonly texts: string[] = [];

  number(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }
}

/**
 * The operations on one object as columns, with their events in order: what engines work on. Events are
 * numbered from 0 without gaps (*ranks*), so that a rank can be an index: invocations of all operations,
 * completions of those that are `ok`.
 */
export class Table {
  readonly columns: Columns;
  readonly size: number;
  /** How many are `ok`. */
  readonly completed: number;
  /** In order: 2·row for an invocation, 2·row+1 for a completion. */
  readonly events: Int32Array;
  /** Rank of the invocation, per row. */
  readonly invoke: Int32Array;
  /** Rank of the completion, per row; NEVER when the outcome is `info`. */
  readonly return: Int32Array;

  /** @param columns - of one object (one key), or of objects that count as one */
  constructor(columns: Columns) {
    this.columns = columns;
    this.size = columns.size;
    this.invoke = new Int32Array(this.size);
    this.return = new Int32Array(this.size).fill(NEVER);
    this.events = eventsInOrder(columns);
    this.completed = this.events.length - this.size;
    let invoked = 0;
    for (let rank = 0; rank < this.events.length; rank++) {
      const event = this.events[rank] as number;
      const row = event >>> 1;
      if ((event & 1) === 0) {
        assert(row === invoked, 'operations are ordered by invocation');
        this.invoke[row] = rank;
        invoked++;
      } else {
        assert(row < invoked, 'an operation returns after it was invoked');
        this.return[row] = rank;
      }
    }
  }

  static of(operations: readonly Operation[]): Table {
    return new Table(columnsOf(operations));
  }

  get key(): string | undefined {
    const key = this.columns.key[0] ?? ABSENT;
    return key === ABSENT ? undefined : this.columns.keys[key];
  }

  /** Whether the row's operation completed (`ok`). */
  isCompleted(row: number): boolean {
    return this.return[row] !== NEVER;
  }

  /** The operation's name in every report: the index of its invocation in the history. */
  id(row: number): number {
    return this.columns.invoke[row] as number;
  }

  /**
   * The row of an operation by its id; undefined when there is none.
   *
   * @param near - a row to begin the search at: the closer, the faster. Operations next to one another
   *   in an order mostly are so in the history
   */
  rowOf(id: number, near: number = 0): number | undefined {
    const { invoke } = this.columns;
    // The first row whose id is not less lies within low and high: steps double, then halve.
    let low = 0;
    let high = this.size;
    let at = Math.min(near, high - 1);
    let step = 1;
    if (at >= 0 && (invoke[at] as number) < id) {
      for (; at < this.size && (invoke[at] as number) < id; step *= 2) {
        low = at + 1;
        at += step;
      }
      if (at < high) high = at;
    } else {
      for (; at >= 0 && (invoke[at] as number) >= id; step *= 2) {
        high = at;
        at -= step;
      }
      if (at >= 0) low = at + 1;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((invoke[middle] as number) < id) low = middle + 1;
      else high = middle;
    }
    return low < this.size && invoke[low] === id ? low : undefined;
  }

  /** A new object for the row's operation. */
  operation(row: number): Operation {
    return plain(new Cursor(this.columns).at(row));
  }

  /** New objects for all rows. */
  operations(): Operation[] {
    return Array.from({ length: this.size }, (_, row) => this.operation(row));
  }

  /**
   * Some of the rows, as a table of its own; ids stay.
   *
   * @param rows - ascending
   * @param isWeak - operations that become crashed ones: they may take effect once, at any time after
   *   their invocation, or never
   */
  select(rows: ArrayLike<number>, isWeak?: (row: number) => boolean): Table {
    const picked = pickColumns(this.columns, rows);
    if (isWeak !== undefined) {
      for (let i = 0; i < rows.length; i++) {
        if (!isWeak(rows[i] as number)) continue;
        picked.return[i] = NEVER;
        picked.returnTime[i] = Infinity;
        picked.output[i] = NULL;
        picked.applied[i] = 1;
        picked.servedBy[i] = ABSENT;
      }
    }
    return new Table(picked);
  }
}

/** Some rows of the columns. @param rows - ascending */
export function pickColumns(columns: Columns, rows: ArrayLike<number>): Columns {
  // Loops that see one type of array each: a key's columns are picked faster than they were read.
  const its = rows instanceof Int32Array ? rows : Int32Array.from(rows);
  return {
    ...columns,
    size: its.length,
    f: pickShorts(columns.f, its),
    input: pickIntegers(columns.input, its),
    output: pickIntegers(columns.output, its),
    applied: pickBytes(columns.applied, its),
    invoke: pickIntegers(columns.invoke, its),
    return: pickIntegers(columns.return, its),
    process: pickDoubles(columns.process, its),
    invokeTime: pickDoubles(columns.invokeTime, its),
    returnTime: pickDoubles(columns.returnTime, its),
    key: pickIntegers(columns.key, its),
    node: pickIntegers(columns.node, its),
    servedBy: pickIntegers(columns.servedBy, its),
  };
}

function pickIntegers(from: Int32Array, rows: Int32Array): Int32Array {
  const picked = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) picked[i] = from[rows[i] as number] as number;
  return picked;
}

function pickDoubles(from: Float64Array, rows: Int32Array): Float64Array {
  const picked = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) picked[i] = from[rows[i] as number] as number;
  return picked;
}

function pickShorts(from: Uint16Array, rows: Int32Array): Uint16Array {
  const picked = new Uint16Array(rows.length);
  for (let i = 0; i < rows.length; i++) picked[i] = from[rows[i] as number] as number;
  return picked;
}

function pickBytes(from: Uint8Array, rows: Int32Array): Uint8Array {
  const picked = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) picked[i] = from[rows[i] as number] as number;
  return picked;
}

/**
 * Looks at one row after the other without an object for each: the same cursor is another operation
 * after `at`, so it must not be kept.
 */
export class Cursor implements Operation {
  readonly #columns: Columns;
  #row = 0;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  at(row: number): this {
    this.#row = row;
    return this;
  }

  get id(): number {
    return this.#columns.invoke[this.#row] as number;
  }
  get process(): number {
    return this.#columns.process[this.#row] as number;
  }
  get f(): string {
    return this.#columns.functions[this.#columns.f[this.#row] as number] as string;
  }
  get key(): string | undefined {
    return nameOf(this.#columns.keys, this.#columns.key[this.#row]);
  }
  get input(): Operation['input'] {
    return this.#columns.values.value(this.#columns.input[this.#row] as number);
  }
  get output(): Operation['output'] {
    return this.#columns.values.value(this.#columns.output[this.#row] as number);
  }
  get outcome(): 'ok' | 'info' {
    return this.#columns.return[this.#row] === NEVER ? 'info' : 'ok';
  }
  get applied(): boolean {
    return this.#columns.applied[this.#row] === 1;
  }
  get invoke(): number {
    return this.#columns.invoke[this.#row] as number;
  }
  get return(): number {
    const position = this.#columns.return[this.#row] as number;
    return position === NEVER ? Infinity : position;
  }
  get invokeTime(): number {
    return this.#columns.invokeTime[this.#row] as number;
  }
  get returnTime(): number {
    return this.#columns.returnTime[this.#row] as number;
  }
  get node(): string | undefined {
    return nameOf(this.#columns.nodes, this.#columns.node[this.#row]);
  }
  get servedBy(): string | undefined {
    return nameOf(this.#columns.nodes, this.#columns.servedBy[this.#row]);
  }
}

function nameOf(names: readonly string[], number: number | undefined): string | undefined {
  return number === undefined || number === ABSENT ? undefined : names[number];
}

function plain(cursor: Cursor): Operation {
  const { id, process, f, key, input, output, outcome, applied, invoke } = cursor;
  const { return: returned, invokeTime, returnTime, node, servedBy } = cursor;
  const times = { invoke, return: returned, invokeTime, returnTime };
  return { id, process, f, key, input, output, outcome, applied, ...times, node, servedBy };
}

/** 2·row for an invocation, 2·row+1 for a completion, in the order of their positions. */
function eventsInOrder({ size, invoke, return: returns }: Columns): Int32Array {
  let completed = 0;
  let greatest = size === 0 ? 0 : (invoke[size - 1] as number);
  for (let row = 0; row < size; row++) {
    const position = returns[row] as number;
    if (position === NEVER) continue;
    completed++;
    if (position > greatest) greatest = position;
  }
  const least = size === 0 ? 0 : (invoke[0] as number);
  const events = new Int32Array(size + completed);
  const span = greatest - least + 1;
  let next = 0;
  if (span > 4 * events.length) {
    const byReturn = rowsByReturn(returns, completed, least);
    let row = 0;
    for (let i = 0; i <= completed; i++) {
      const returning = byReturn[i] ?? size;
      const end = i === completed ? NEVER : (returns[returning] as number);
      for (; row < size && (invoke[row] as number) < end; row++) events[next++] = 2 * row;
      if (i < completed) events[next++] = 2 * returning + 1;
    }
    return events;
  }
  // Positions are nearly dense: each has its place. 0 is a free one.
  const places = new Int32Array(span);
  for (let row = 0; row < size; row++) {
    places[(invoke[row] as number) - least] = 2 * row + 1;
    const position = returns[row] as number;
    if (position !== NEVER) places[position - least] = 2 * row + 2;
  }
  for (let i = 0; i < span; i++) {
    const place = places[i] as number;
    if (place !== 0) events[next++] = place - 1;
  }
  assert(next === events.length, 'no two events have one position');
  return events;
}

/** Rows of completed operations in the order of their completions. */
function rowsByReturn(returns: Int32Array, completed: number, least: number): Int32Array {
  // A position and its row in one exact double: sorting numbers needs no comparator. Both from 0, or the
  // remainder would not be the row: the checker's own operations lie at negative positions.
  const rows = new Int32Array(completed);
  const packed = new Float64Array(completed);
  const scale = returns.length;
  let next = 0;
  for (let row = 0; row < returns.length; row++) {
    const position = returns[row] as number;
    if (position !== NEVER) packed[next++] = (position - least) * scale + row;
  }
  packed.sort();
  for (let i = 0; i < completed; i++) rows[i] = (packed[i] as number) % scale;
  return rows;
}
