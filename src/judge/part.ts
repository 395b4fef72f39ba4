import {
  NEVER,
  sliceColumns,
  Table,
  type GroupedColumns,
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

/** A history, key by key, in the order of the keys' first invocations. */
export function partsOf(grouped: GroupedColumns): readonly Part[] {
  const { columns, starts } = grouped;
  return Array.from({ length: starts.length - 1 }, (_, key): Part => {
    const begin = starts[key] as number;
    const end = starts[key + 1] as number;
    return {
      key: columns.keys[columns.key[begin] as number],
      operations: end - begin,
      firstId: columns.invoke[begin] as number,
      table: () => tableOf(grouped, key),
      completions: () => completionsOf(columns.return.subarray(begin, end)),
    };
  });
}

/** The operations on one key, by its number. */
export function tableOf({ columns, starts }: GroupedColumns, key: number): Table {
  return new Table(sliceColumns(columns, starts[key] as number, starts[key + 1] as number));
}

/** @param returns - the column */
export function completionsOf(returns: Int32Array): number {
  let count = 0;
  for (const position of returns) if (position !== NEVER) count++;
  return count;
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
