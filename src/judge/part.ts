import {
  NEVER,
  pickColumns,
  rowsByKey,
  sliceColumns,
  Table,
  type Columns,
  type KeyVerdict,
  type Operation,
} from '../../checker/index.ts';

/** The operations on one key, as a table when it is asked for: most are looked at once. */
export interface Part {
  readonly key: string | undefined;
  readonly operations: number;
  readonly firstId: number;
  readonly table: () => Table;
  /** How many operations completed. */
  readonly completions: () => number;
}

/** A history split by key. @param rows - of `rowsByKey` */
export function partsOf(
  columns: Columns,
  rows: readonly Int32Array[] = rowsByKey(columns),
): readonly Part[] {
  return rows.map((its): Part => {
    const first = its[0] as number;
    const key = columns.keys[columns.key[first] as number];
    return {
      key,
      operations: its.length,
      firstId: columns.invoke[first] as number,
      table: () => tableOf(columns, its),
      completions: () => its.reduce((n, row) => (columns.return[row] === NEVER ? n : n + 1), 0),
    };
  });
}

/** @param rows - ascending, at least one; those that lie next to one another need no copy */
export function tableOf(columns: Columns, rows: Int32Array): Table {
  const first = rows[0] as number;
  const end = first + rows.length;
  const areNeighbours = rows[rows.length - 1] === end - 1;
  return new Table(areNeighbours ? sliceColumns(columns, first, end) : pickColumns(columns, rows));
}

/** @param operations - on one key, at least one, ordered by invocation */
export function partOfOperations(operations: readonly Operation[]): Part {
  return {
    key: operations[0]?.key,
    operations: operations.length,
    firstId: operations[0]?.id ?? 0,
    table: () => Table.of(operations),
    completions: () => operations.filter((each) => each.outcome === 'ok').length,
  };
}

/** What is known of a part that nobody has looked at. */
export function untouched(
  part: Part,
  reason: 'interrupted' | 'memory' | 'time',
): Extract<KeyVerdict, { readonly valid: 'unknown' }> {
  const progress = { completionsProven: 0, completions: part.completions() };
  const { key, operations } = part;
  return { valid: 'unknown', key, operations, engine: undefined, reason, progress };
}
