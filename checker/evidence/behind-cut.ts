import type { Cut } from '../engines/decision.ts';
import type { Json } from '../history.ts';
import { sameJson } from '../json.ts';
import type { Model } from '../models/model.ts';
import { ABSENT, pickColumns, Table, type Columns } from '../table.ts';

/** The id of the checker's own write: no event of a history has a negative position. */
export const OWN_ID = -2;

/** A history from a cut on. */
export interface BehindCut {
  /** In its row 0 the checker's own write (`OWN_ID`) of the state there, unless that is the initial one. */
  readonly table: Table;
  /** Rows that are to be weakened: those that completed too late, or may have taken effect before the cut. */
  readonly isWeak: (row: number) => boolean;
}

/**
 * The history behind a cut, with a write of its state before everything. If the history is legal, so is
 * this: by what a cut is, any legal order had reached that state there, with the open operations (but
 * those that may or may not have been among them: these are weak here) still to come.
 *
 * @param last - rank of the last event
 * @returns undefined when no operation of the model writes that state
 */
export function behindCut(
  cut: Cut,
  table: Table,
  model: Model,
  last: number,
): BehindCut | undefined {
  const isInitial = sameJson(cut.state, model.initial);
  const write = isInitial ? undefined : model.assign?.(cut.state);
  if (!isInitial && write === undefined) return undefined;
  const isMaybe = new Set(cut.maybe);
  const rows = [...cut.open, ...cut.maybe];
  for (let rank = cut.rank; rank <= last; rank++) {
    const event = table.events[rank] as number;
    if ((event & 1) === 0) rows.push(event >>> 1);
  }
  rows.sort((a, b) => a - b);
  const offset = write === undefined ? 0 : 1;
  const weak = Uint8Array.from({ length: rows.length + offset }, (_, i) => {
    const row = rows[i - offset];
    return row !== undefined && (isMaybe.has(row) || (table.return[row] as number) > last) ? 1 : 0;
  });
  const picked = pickColumns(table.columns, rows);
  const columns =
    write === undefined ? picked : withOwn(picked, write, timeOf(table, cut.rank - 1));
  return { table: new Table(columns), isWeak: (row) => weak[row] === 1 };
}

function timeOf(table: Table, rank: number): number {
  const event = table.events[Math.max(rank, 0)] as number;
  const { invokeTime, returnTime } = table.columns;
  return ((event & 1) === 1 ? returnTime : invokeTime)[event >>> 1] as number;
}

/** Columns with a row of the checker's own before all others. */
function withOwn(
  columns: Columns,
  write: { readonly f: string; readonly input: Json },
  time: number,
): Columns {
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
  const input = columns.values.id(write.input);
  return {
    ...columns,
    size,
    functions,
    f: before(known < 0 ? functions.length - 1 : known, columns.f, new Uint16Array(size)),
    applied: before(1, columns.applied, new Uint8Array(size)),
    input: int(input, columns.input),
    output: int(input, columns.output),
    invoke: int(OWN_ID, columns.invoke),
    return: int(OWN_ID + 1, columns.return),
    process: float(-1, columns.process),
    invokeTime: float(time, columns.invokeTime),
    returnTime: float(time, columns.returnTime),
    key: int(columns.key[0] ?? ABSENT, columns.key),
    node: int(ABSENT, columns.node),
    servedBy: int(ABSENT, columns.servedBy),
  };
}
