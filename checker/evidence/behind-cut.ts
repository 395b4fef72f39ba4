import type { Cut } from '../engines/decision.ts';
import type { Json, Operation } from '../history.ts';
import { isArray, sameJson } from '../json.ts';
import { REJECTED, type Model } from '../models/model.ts';
import { CONTAINERS } from './matters.ts';
import { ABSENT, Cursor, pickColumns, Table, type Columns } from '../table.ts';

/** A history from a cut on. */
export interface BehindCut {
  /** In its first rows operations of the checker's own that lead to the state there; none where it is initial. */
  readonly table: Table;
  /** Their ids, which no operation has: positions in a history begin at 0. */
  readonly ownIds: ReadonlySet<number>;
  /** Rows that are to be weakened: those that completed too late, or may have taken effect before the cut. */
  readonly isWeak: (row: number) => boolean;
}

/**
 * The history behind a cut, with what leads to its state before everything. If the history is legal, so is
 * this: by what a cut is, any legal order had reached that state there, with the open operations (but
 * those that may or may not have been among them: these are weak here) still to come.
 *
 * @param last - rank of the last event
 * @returns undefined when nothing is known that leads to that state with few operations
 */
export function behindCut(
  cut: Cut,
  table: Table,
  model: Model,
  last: number,
): BehindCut | undefined {
  const own = ownOf(cut, table, model);
  if (own === undefined) return undefined;
  const isMaybe = new Set(cut.maybe);
  return behind({ cut, table, last, own, isWeak: (row) => isMaybe.has(row), until: undefined });
}

/**
 * The same with one write of the checker's own that lasts until the cut, so that it overlaps all that was
 * pending there. Then plain writes that may or may not have taken effect before the cut need not be weak: in
 * a legal order one that had stands before the checker's write, which leaves nothing of it; one that had
 * not, behind.
 *
 * @returns undefined where that is not possible, or says no more than `behindCut`
 */
export function overlappingCut(
  cut: Cut,
  table: Table,
  model: Model,
  last: number,
): BehindCut | undefined {
  const write = model.assign?.(cut.state);
  const event = table.events[cut.rank - 1] ?? 0;
  // That operation is behind us: its completion is a free position.
  if (write === undefined || (event & 1) === 0) return undefined;
  const until = table.columns.return[event >>> 1] as number;
  const cursor = new Cursor(table.columns);
  const others = new Set(cut.maybe.filter((row) => !isPlainWrite(cursor.at(row), model)));
  if (cut.maybe.every((row) => others.has(row) || !table.isCompleted(row))) return undefined;
  const own = [{ ...write, output: write.input, process: -1 }];
  return behind({ cut, table, last, own, isWeak: (row) => others.has(row), until });
}

function isPlainWrite(operation: Operation, model: Model): boolean {
  const effect = model.overwrite?.(operation);
  if (effect === undefined || effect.produces === undefined) return false;
  return effect.requires === undefined && effect.forbids === undefined;
}

interface BehindParts {
  readonly cut: Cut;
  readonly table: Table;
  readonly last: number;
  readonly own: readonly Own[];
  readonly isWeak: (row: number) => boolean;
  /** Position at which the last of the own ones completes; undefined: before all others. */
  readonly until: number | undefined;
}

function behind({ cut, table, last, own, isWeak, until }: BehindParts): BehindCut {
  const rows = [...cut.open, ...cut.maybe];
  for (let rank = cut.rank; rank <= last; rank++) {
    const event = table.events[rank] as number;
    if ((event & 1) === 0) rows.push(event >>> 1);
  }
  rows.sort((a, b) => a - b);
  const weak = Uint8Array.from({ length: own.length + rows.length }, (_, i) => {
    const row = rows[i - own.length];
    return row !== undefined && (isWeak(row) || (table.return[row] as number) > last) ? 1 : 0;
  });
  const columns = withOwn(pickColumns(table.columns, rows), own, timeOf(table, cut.rank - 1));
  if (until !== undefined) columns.return[own.length - 1] = until;
  const rest = new Table(columns);
  const ownIds = new Set(own.map((_, i) => rest.id(i)));
  return { table: rest, ownIds, isWeak: (row) => weak[row] === 1 };
}

/** An operation of the checker's own. */
interface Own {
  readonly f: string;
  readonly input: Json;
  readonly output: Json;
  readonly process: number;
}

/** Completions before a cut that are looked through for one that leads to its state. */
const LOOKED_THROUGH = 64;
/** Elements of a container that are put in one by one. */
const ELEMENTS_MAX = 100;

/**
 * What leads from the initial state to that of the cut: the model's own way to assign it; what is inside, put in one
 * by one; or a copy of one of the last operations before it (`acquire`, where a lock is held).
 */
function ownOf(cut: Cut, table: Table, model: Model): readonly Own[] | undefined {
  const { state } = cut;
  if (sameJson(state, model.initial)) return [];
  const write = model.assign?.(state);
  if (write !== undefined) return [{ ...write, output: write.input, process: -1 }];
  const put = CONTAINERS[model.structure ?? '']?.put;
  if (put !== undefined && isArray(state)) {
    const own = state.map((input) => ({ f: put, input, output: input, process: -1 }));
    return own.length <= ELEMENTS_MAX ? own : undefined;
  }
  const cursor = new Cursor(table.columns);
  for (let rank = cut.rank - 1; rank >= Math.max(0, cut.rank - LOOKED_THROUGH); rank--) {
    const event = table.events[rank] as number;
    if ((event & 1) === 0) continue;
    const operation = cursor.at(event >>> 1);
    const reached = model.step(model.initial, operation);
    if (reached === REJECTED || !sameJson(reached, cut.state)) continue;
    if (model.isReadOnly(operation)) continue;
    const { f, input, output, process } = operation;
    return [{ f, input, output, process }];
  }
  return undefined;
}

function timeOf(table: Table, rank: number): number {
  const event = table.events[Math.max(rank, 0)] as number;
  const { invokeTime, returnTime } = table.columns;
  return ((event & 1) === 1 ? returnTime : invokeTime)[event >>> 1] as number;
}

/** Columns with rows of the checker's own before all others, one after the other. */
function withOwn(columns: Columns, own: readonly Own[], time: number): Columns {
  const functions = [...columns.functions];
  const { values } = columns;
  const size = own.length + columns.size;
  const before = <T extends Int32Array | Float64Array | Uint16Array | Uint8Array>(
    all: T,
    rest: T,
    valueOf: (each: Own, i: number) => number,
  ): T => {
    all.set(rest, own.length);
    for (const [i, each] of own.entries()) all[i] = valueOf(each, i);
    return all;
  };
  const int = (rest: Int32Array, valueOf: (each: Own, i: number) => number): Int32Array =>
    before(new Int32Array(size), rest, valueOf);
  const float = (rest: Float64Array, valueOf: (each: Own) => number): Float64Array =>
    before(new Float64Array(size), rest, valueOf);
  // Two positions for each, before all others.
  const first = Math.min(columns.invoke[0] ?? 0, 0) - 2 * own.length;
  const numberOf = ({ f }: Own): number => {
    const known = functions.indexOf(f);
    return known < 0 ? functions.push(f) - 1 : known;
  };
  return {
    ...columns,
    size,
    functions,
    f: before(new Uint16Array(size), columns.f, numberOf),
    applied: before(new Uint8Array(size), columns.applied, () => 1),
    input: int(columns.input, ({ input }) => values.id(input)),
    output: int(columns.output, ({ output }) => values.id(output)),
    invoke: int(columns.invoke, (_, i) => first + 2 * i),
    return: int(columns.return, (_, i) => first + 2 * i + 1),
    process: float(columns.process, ({ process }) => process),
    invokeTime: float(columns.invokeTime, () => time),
    returnTime: float(columns.returnTime, () => time),
    key: int(columns.key, () => columns.key[0] ?? ABSENT),
    node: int(columns.node, () => ABSENT),
    servedBy: int(columns.servedBy, () => ABSENT),
  };
}
