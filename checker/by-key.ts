import { ABSENT, type Columns } from './table.ts';

/** A history with the rows of each key next to one another. */
export interface GroupedColumns {
  /** Of each part, then by invocation: only `sliceColumns` of it is what engines know as columns. */
  readonly columns: Columns;
  /** Where each part begins, in order of their first invocations, and where the last one ends. */
  readonly starts: Int32Array;
}

/**
 * Splits a history by key: it is linearizable exactly when every key's part is (P-compositionality,
 * Horn & Kroening 2015). Operations without a key are one object.
 *
 * @returns the rows of each part, ascending; parts in order of their first invocations
 */
export function rowsByKey(columns: Columns): readonly Int32Array[] {
  const { starts, places } = partition(columns);
  const all = new Int32Array(columns.size);
  for (let row = 0; row < columns.size; row++) all[places[row] as number] = row;
  return Array.from({ length: starts.length - 1 }, (_, part) =>
    all.subarray(starts[part], starts[part + 1]),
  );
}

/**
 * The same split with the columns themselves in the order of the parts. Every column is gone through
 * once: to pick the rows of one key after the other goes through all of the memory for each of them. A
 * history of one object stays as it is, not copied; the copy of another lies in shared memory when it
 * does itself.
 */
export function groupByKey(columns: Columns): GroupedColumns {
  const { starts, places } = partition(columns);
  if (starts.length <= 2) return { columns, starts };
  const grouped: Columns = {
    ...columns,
    f: placedShorts(columns.f, places),
    input: placedIntegers(columns.input, places),
    output: placedIntegers(columns.output, places),
    applied: placedBytes(columns.applied, places),
    invoke: placedIntegers(columns.invoke, places),
    return: placedIntegers(columns.return, places),
    process: placedDoubles(columns.process, places),
    invokeTime: placedDoubles(columns.invokeTime, places),
    returnTime: placedDoubles(columns.returnTime, places),
    key: placedIntegers(columns.key, places),
    node: placedIntegers(columns.node, places),
    servedBy: placedIntegers(columns.servedBy, places),
  };
  return { columns: grouped, starts };
}

/** Some rows next to one another, without a copy. @param end - exclusive */
export function sliceColumns(columns: Columns, begin: number, end: number): Columns {
  const { process: processes } = columns;
  return {
    ...columns,
    size: end - begin,
    f: columns.f.subarray(begin, end),
    input: columns.input.subarray(begin, end),
    output: columns.output.subarray(begin, end),
    applied: columns.applied.subarray(begin, end),
    invoke: columns.invoke.subarray(begin, end),
    return: columns.return.subarray(begin, end),
    process: processes.subarray(begin, end),
    invokeTime: columns.invokeTime.subarray(begin, end),
    returnTime: columns.returnTime.subarray(begin, end),
    key: columns.key.subarray(begin, end),
    node: columns.node.subarray(begin, end),
    servedBy: columns.servedBy.subarray(begin, end),
  };
}

/** Where each part begins, and each row's place when parts follow one another. */
function partition({ key, keys, size }: Columns): {
  readonly starts: Int32Array;
  readonly places: Int32Array;
} {
  const partOf = new Int32Array(keys.length + 1).fill(-1);
  const counts = new Int32Array(keys.length + 1);
  let parts = 0;
  for (let row = 0; row < size; row++) {
    const number = (key[row] as number) - ABSENT;
    if (partOf[number] === -1) partOf[number] = parts++;
    const part = partOf[number] as number;
    counts[part] = (counts[part] as number) + 1;
  }
  const starts = new Int32Array(parts + 1);
  for (let part = 0; part < parts; part++) {
    starts[part + 1] = (starts[part] as number) + (counts[part] as number);
  }
  const next = starts.slice();
  const places = new Int32Array(size);
  for (let row = 0; row < size; row++) {
    const part = partOf[(key[row] as number) - ABSENT] as number;
    const place = next[part] as number;
    next[part] = place + 1;
    places[row] = place;
  }
  return { starts, places };
}

// One function for each type of array, so that each loop sees one.

function placedIntegers(from: Int32Array, places: Int32Array): Int32Array {
  const placed = new Int32Array(memoryLike(from));
  for (let row = 0; row < from.length; row++) placed[places[row] as number] = from[row] as number;
  return placed;
}

function placedDoubles(from: Float64Array, places: Int32Array): Float64Array {
  const placed = new Float64Array(memoryLike(from));
  for (let row = 0; row < from.length; row++) placed[places[row] as number] = from[row] as number;
  return placed;
}

function placedShorts(from: Uint16Array, places: Int32Array): Uint16Array {
  const placed = new Uint16Array(memoryLike(from));
  for (let row = 0; row < from.length; row++) placed[places[row] as number] = from[row] as number;
  return placed;
}

function placedBytes(from: Uint8Array, places: Int32Array): Uint8Array {
  const placed = new Uint8Array(memoryLike(from));
  for (let row = 0; row < from.length; row++) placed[places[row] as number] = from[row] as number;
  return placed;
}

function memoryLike({ buffer, byteLength }: ArrayBufferView): ArrayBufferLike {
  return buffer instanceof ArrayBuffer
    ? new ArrayBuffer(byteLength)
    : new SharedArrayBuffer(byteLength);
}
