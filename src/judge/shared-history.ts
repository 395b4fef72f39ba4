import {
  columnsFrom,
  snapshotOf,
  type Columns,
  type ColumnsSnapshot,
} from '../../checker/index.ts';

/** A history that several threads read: its columns are not copied when it is posted. */
export interface SharedHistory {
  readonly columns: ColumnsSnapshot;
  /** Rows by key, one key after the other; key i has those from `ends[i-1]` to `ends[i]`. */
  readonly rows: Int32Array;
  readonly ends: Int32Array;
}

/** @param rows - of `rowsByKey` */
export function share(columns: Columns, rows: readonly Int32Array[]): SharedHistory {
  const all = new Int32Array(new SharedArrayBuffer(4 * columns.size));
  const ends = new Int32Array(new SharedArrayBuffer(4 * rows.length));
  let end = 0;
  for (const [i, its] of rows.entries()) {
    all.set(its, end);
    ends[i] = end += its.length;
  }
  return {
    columns: snapshotOf({
      ...columns,
      f: shared(columns.f, Uint16Array),
      input: shared(columns.input, Int32Array),
      output: shared(columns.output, Int32Array),
      applied: shared(columns.applied, Uint8Array),
      invoke: shared(columns.invoke, Int32Array),
      return: shared(columns.return, Int32Array),
      process: shared(columns.process, Float64Array),
      invokeTime: shared(columns.invokeTime, Float64Array),
      returnTime: shared(columns.returnTime, Float64Array),
      key: shared(columns.key, Int32Array),
      node: shared(columns.node, Int32Array),
      servedBy: shared(columns.servedBy, Int32Array),
    }),
    rows: all,
    ends,
  };
}

/** The history in the thread that it was posted to. */
export function received({ columns }: SharedHistory): Columns {
  return columnsFrom(columns);
}

/** Rows of one key. */
export function rowsOfKey({ rows, ends }: SharedHistory, key: number): Int32Array {
  return rows.subarray(key === 0 ? 0 : ends[key - 1], ends[key]);
}

type Column = Int32Array | Float64Array | Uint16Array | Uint8Array;

function shared<T extends Column>(
  column: T,
  as: { readonly BYTES_PER_ELEMENT: number; new (buffer: SharedArrayBuffer): T },
): T {
  if (column.buffer instanceof SharedArrayBuffer) return column;
  const copy = new as(new SharedArrayBuffer(column.byteLength));
  copy.set(column);
  return copy;
}
