import type { Table } from '../table.ts';
import { IdMap, NO_NUMBER } from './id-map.ts';
import { NO_VALUE, type Overwrites } from './problem.ts';

/** No cluster, no row. */
export const NONE = -1;
/** Of a cluster's `from`: its writer expects no value. */
export const ROOT = -2;
/** Instead of a cluster: a value that nobody writes. */
export const NOBODY = -3;
/** Instead of a cluster: it is left out. */
export const ANYWHERE = -4;
/** The cluster of the initial value. */
export const INITIAL = 0;

/** A cluster: one value, its writer and the reads of it. Numbered by writer; 0: the initial value. */
export interface Clusters {
  readonly count: number;
  /** Per cluster: the row of its writer; NONE for the initial value. */
  readonly writer: Int32Array;
  /** Per cluster: the one whose value its writer, a CAS, expects; or ROOT, NOBODY. */
  readonly from: Int32Array;
  /** Per row: the value that a read returned, or that a mutation writes; or NOBODY, ANYWHERE. */
  readonly of: Int32Array;
  readonly isRead: Uint8Array;
  /**
   * False when something was left out that a legal order must obey: then these clusters can refute
   * the history, and not more.
   */
  readonly isWhole: boolean;
}

/**
 * The history as clusters of values that are written once each.
 *
 * Of values that were written several times, and of the initial one when it was written again, nobody
 * can say which writer a read saw. Such a write is taken for one of a value of its own; who requires
 * such a value requires nothing (a read is left out, a CAS becomes a write); and a CAS that observed
 * another value is left out. A legal order of the history is one of these clusters, too: all that
 * changes is that less is required. The same is true of the history with some operations weakened,
 * whose clusters are these with the same operations weakened: a conflict between them is one of it.
 *
 * @param initial - id of the initial value
 * @returns undefined where that says little: most values repeat
 */
export function clustersOf(
  table: Table,
  overwrites: Overwrites,
  initial: number,
): Clusters | undefined {
  const writers = writersOf(overwrites, initial);
  if (writers === undefined) return undefined;
  const { requires, isReadOnly } = overwrites;
  const { of, writer, count, map, isRepeated } = writers;
  const from = new Int32Array(count).fill(ROOT);
  let isWhole = true;
  for (let row = 0; row < table.size; row++) {
    const required = requires[row] as number;
    const isRead = isReadOnly[row] === 1;
    // A crashed read says nothing.
    if (isRead && !table.isCompleted(row)) continue;
    let found = ANYWHERE;
    if (required !== NO_VALUE) {
      found = map.get(required);
      if (found === NO_NUMBER) found = NOBODY;
      else if (isRepeated[found] === 1) found = ANYWHERE;
    } else if (!isRead && overwrites.forbids[row] === NO_VALUE) {
      continue;
    }
    if (found === ANYWHERE) isWhole = false;
    if (isRead) of[row] = found;
    else if (found !== ANYWHERE) from[of[row] as number] = found;
  }
  return { count, writer, from, of, isRead: isReadOnly, isWhole };
}

interface Writers {
  readonly count: number;
  readonly writer: Int32Array;
  /** Per row: the cluster of a mutation; ANYWHERE for others, yet. */
  readonly of: Int32Array;
  /** The first cluster of each value that is written, and of the initial one. */
  readonly map: IdMap;
  /** Per cluster that is the first of its value: 1 when there is another. */
  readonly isRepeated: Uint8Array;
}

/** @returns undefined when more than half of all mutations write a value that was there before */
function writersOf(overwrites: Overwrites, initial: number): Writers | undefined {
  const { produces, isReadOnly } = overwrites;
  const size = produces.length;
  let mutations = 0;
  let least = initial;
  let greatest = initial;
  for (let row = 0; row < size; row++) {
    if (isReadOnly[row] === 1) continue;
    const id = produces[row] as number;
    if (id < least) least = id;
    if (id > greatest) greatest = id;
    mutations++;
  }
  const map = new IdMap({ least, greatest, count: mutations + 1 });
  const writer = new Int32Array(mutations + 1);
  const isRepeated = new Uint8Array(mutations + 1);
  const of = new Int32Array(size).fill(ANYWHERE);
  let count = 0;
  let repeated = 0;
  map.add(initial, count);
  writer[count++] = NONE;
  for (let row = 0; row < size; row++) {
    if (isReadOnly[row] === 1) continue;
    const id = produces[row] as number;
    if (!map.add(id, count)) {
      isRepeated[map.get(id)] = 1;
      if (++repeated * 2 > mutations) return undefined;
    }
    writer[count] = row;
    of[row] = count++;
  }
  return { count, writer, of, map, isRepeated };
}
