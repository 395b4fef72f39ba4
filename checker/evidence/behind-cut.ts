import type { Cut } from '../engines/decision.ts';
import type { Json } from '../history.ts';
import { sameJson } from '../json.ts';
import { REJECTED, type Model } from '../models/model.ts';
import { ABSENT, Cursor, pickColumns, Table, type Columns } from '../table.ts';

/** A history from a cut on. */
export interface BehindCut {
  /** In its row 0 the checker's own write of the state there. */
  readonly table: Table;
  /** The id of that write, which no operation has: positions in a history begin at 0. */
  readonly ownId: number;
  /** Rows that are to be weakened: those that completed too late, or may have taken effect before the cut. */
  readonly isWeak: (row: number) => boolean;
}

/**
 * The history behind a cut, with a write of its state before everything. If the history is legal, so is
 * this: by what a cut is, any legal order had reached that state there, with the open operations (but
 * those that may or may not have been among them: these are weak here) still to come.
 *
 * @param last - rank of the last event
 * @returns undefined when no operation is known that leads to that state at once
 */
export function behindCut(
  cut: Cut,
  table: Table,
  model: Model,
  last: number,
): BehindCut | undefined {
  const write = writeOf(cut, table, model);
  if (write === undefined) return undefined;
  const isMaybe = new Set(cut.maybe);
  const rows = [...cut.open, ...cut.maybe];
  for (let rank = cut.rank; rank <= last; rank++) {
    const event = table.events[rank] as number;
    if ((event & 1) === 0) rows.push(event >>> 1);
  }
  rows.sort((a, b) => a - b);
  const weak = Uint8Array.from({ length: rows.length + 1 }, (_, i) => {
    const row = rows[i - 1];
    return row !== undefined && (isMaybe.has(row) || (table.return[row] as number) > last) ? 1 : 0;
  });
  const columns = withOwn(pickColumns(table.columns, rows), write, timeOf(table, cut.rank - 1));
  const behind = new Table(columns);
  return { table: behind, ownId: behind.id(0), isWeak: (row) => weak[row] === 1 };
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

/**
 * What leads from the initial state to that of the cut: the model's own way to assign it, or a copy of one of the
 * last operations before it (`acquire`, where a lock is held). Nothing does that changes nothing: then a reader would
 * not know that anything came before.
 */
function writeOf(cut: Cut, table: Table, model: Model): Own | undefined {
  const write = model.assign?.(cut.state);
  if (write !== undefined) return { ...write, output: write.input, process: -1 };
  const cursor = new Cursor(table.columns);
  for (let rank = cut.rank - 1; rank >= Math.max(0, cut.rank - LOOKED_THROUGH); rank--) {
    const event = table.events[rank] as number;
    if ((event & 1) === 0) continue;
    const operation = cursor.at(event >>> 1);
    const reached = model.step(model.initial, operation);
    if (reached === REJECTED || !sameJson(reached, cut.state)) continue;
    if (model.isReadOnly(operation)) continue;
    const { f, input, output, process } = operation;
    return { f, input, output, process };
  }
  return undefined;
}

function timeOf(table: Table, rank: number): number {
  const event = table.events[Math.max(rank, 0)] as number;
  const { invokeTime, returnTime } = table.columns;
  return ((event & 1) === 1 ? returnTime : invokeTime)[event >>> 1] as number;
}

/** Columns with a row of the checker's own before all others. */
function withOwn(columns: Columns, write: Own, time: number): Columns {
  const known = columns.functions.indexOf(write.f);
  const functions = known < 0 ? [...columns.functions, write.f] : columns.functions;
  const size = columns.size + 1;
  const before = <T extends Int32Array | Float64Array | Uint16Array | Uint8Array>(
    value: number,
    rest: T,
    all: T,
  ): T => {
    all.set(rest, 1);
    all[0] = value;
    return all;
  };
  const int = (value: number, rest: Int32Array): Int32Array =>
    before(value, rest, new Int32Array(size));
  const float = (value: number, rest: Float64Array): Float64Array =>
    before(value, rest, new Float64Array(size));
  const { values } = columns;
  // Of two positions for its own, both before all others.
  const position = Math.min(columns.invoke[0] ?? 0, 0) - 2;
  return {
    ...columns,
    size,
    functions,
    f: before(known < 0 ? functions.length - 1 : known, columns.f, new Uint16Array(size)),
    applied: before(1, columns.applied, new Uint8Array(size)),
    input: int(values.id(write.input), columns.input),
    output: int(values.id(write.output), columns.output),
    invoke: int(position, columns.invoke),
    return: int(position + 1, columns.return),
    process: float(write.process, columns.process),
    invokeTime: float(time, columns.invokeTime),
    returnTime: float(time, columns.returnTime),
    key: int(columns.key[0] ?? ABSENT, columns.key),
    node: int(ABSENT, columns.node),
    servedBy: int(ABSENT, columns.servedBy),
  };
}
