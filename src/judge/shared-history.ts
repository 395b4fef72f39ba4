import {
  columnsFrom,
  snapshotOf,
  type ColumnsSnapshot,
  type GroupedColumns,
} from '../../checker/index.ts';

/** A history that several threads read: its columns are not copied when it is posted. */
export interface SharedHistory {
  readonly columns: ColumnsSnapshot;
  readonly starts: Int32Array;
}

/** Columns that lie in shared memory already stay where they are. */
export function share({ columns, starts }: GroupedColumns): SharedHistory {
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
    starts: shared(starts, Int32Array),
  };
}

/** The history in the thread that it was posted to. */
export function received({ columns, starts }: SharedHistory): GroupedColumns {
  return { columns: columnsFrom(columns), starts };
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
