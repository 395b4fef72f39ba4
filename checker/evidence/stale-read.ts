import { defined } from '../assert.ts';
import { IdMap, NO_NUMBER } from '../engines/id-map.ts';
import { NO_VALUE, overwritesOf, type Overwrites } from '../engines/problem.ts';
import type { Json, Operation } from '../history.ts';
import type { Model } from '../models/model.ts';
import { NEVER, Table } from '../table.ts';

const NONE = -1;
/** The stretch of the initial value. */
const INITIAL = 0;

/** A read that returned a value which was certainly overwritten before the read began. */
export interface StaleRead {
  readonly read: Operation;
  /** What it returned; null: absent, the initial value. */
  readonly value: Json;
  /** The acknowledged mutation with the earliest completion by which the value was overwritten. */
  readonly overwrittenBy: Operation;
  /** What that mutation wrote; null: it deleted. The read had to see it, or what came later. */
  readonly newerValue: Json;
  /** From the completion of `overwrittenBy` to the invocation of the read, nanoseconds. */
  readonly staleByNs: number;
}

/**
 * Finds reads that are stale by proof, on one key of an overwriting model: reads of values that were
 * written once (or are the initial one, and never written). Sound and not complete.
 *
 * The history as a whole is not linearizable, so not every operation can be believed. This is what is
 * assumed of the store, and all that is:
 *
 * - A mutation takes effect at one instant at most, after its invocation; an acknowledged one does, and
 *   before its completion. A CAS takes effect in the state that it expects only.
 * - A read returns what the state was at some instant before its completion: it may be old, but it is
 *   not from the future, nor made up.
 *
 * Then a value `v` that was written once was the state for one stretch of time, from the effect of its
 * writer to the next effect. The stretch has begun by `t`, the earliest completion among its writer
 * and the reads of `v`: a stale read, too, tells that `v` had been written. And it is over by the
 * completion of
 *
 * - an acknowledged mutation that was invoked after `t`: it took effect after `v` was written, and left
 *   another value;
 * - an acknowledged CAS that expects `v`; or one that expects `u`, where `u` was written once, by a CAS
 *   that expects a value whose stretch is over by then, `v` or one further along the chain: `u` was
 *   the state, so that CAS had taken effect, though it may have crashed.
 *
 * A read of `v` that began after that is stale. A read of another value is no witness that `v` is over,
 * even when it began after `t`: it may itself be the stale one, of a value from before `v`. A crashed
 * mutation could be one, once a read has seen it; it is left out, so that of every claim can be said
 * when the newer value had been acknowledged.
 *
 * A linearizable history meets both assumptions, with the instants of any legal order, and there a read
 * has no instant after the stretch of its value: each claim by itself, with the operations that it
 * rests on, refutes the history.
 *
 * @param history - of one key; operations ordered by invocation, well formed
 * @returns by completion; empty when an effect on the key depends on the state
 */
export function findStaleReads(
  history: Table | readonly Operation[],
  model: Model,
): readonly StaleRead[] {
  const table = history instanceof Table ? history : Table.of(history);
  const overwrites = overwritesOf(table, model);
  if (overwrites === undefined) return [];
  const { values } = table.columns;
  const operation = (row: number): Operation =>
    history instanceof Table
      ? table.operation(row)
      : defined(history[row], 'rows are those of the operations');
  const stretches = stretchesOf(table, overwrites, values.id(model.initial));
  return staleRows(table, overwrites, stretches).map(([row, by]) => {
    const read = operation(row);
    const overwrittenBy = operation(by);
    return {
      read,
      value: values.value(overwrites.requires[row] as number),
      overwrittenBy,
      newerValue: values.value(overwrites.produces[by] as number),
      staleByNs: read.invokeTime - overwrittenBy.returnTime,
    };
  });
}

/** The values, each the state for one stretch of time. Numbered in the order of their first writers. */
interface Stretches {
  readonly count: number;
  /** Per row: the stretch of the value that a mutation writes, or that a read proves; or NONE. */
  readonly shown: Int32Array;
  /** Per row: the stretch of the value that a mutation expects; or NONE. */
  readonly expected: Int32Array;
  /** The row of the first writer; NONE for the initial value. */
  readonly writer: Int32Array;
  /** 1: written once; or the initial value, and never written. Of others nothing is known. */
  readonly isUnique: Uint8Array;
}

function stretchesOf(table: Table, overwrites: Overwrites, initial: number): Stretches {
  const { requires, produces, isReadOnly } = overwrites;
  const { size, invoke, return: returns } = table;
  let least = initial;
  let greatest = initial;
  for (let row = 0; row < size; row++) {
    if (isReadOnly[row] === 1) continue;
    const id = produces[row] as number;
    if (id < least) least = id;
    if (id > greatest) greatest = id;
  }
  const map = new IdMap({ least, greatest, count: size + 1 });
  const shown = new Int32Array(size).fill(NONE);
  const expected = new Int32Array(size).fill(NONE);
  const writer = new Int32Array(size + 1);
  const isUnique = new Uint8Array(size + 1).fill(1);
  let count = 0;
  map.add(initial, count);
  writer[count++] = NONE;
  for (let row = 0; row < size; row++) {
    if (isReadOnly[row] === 1) continue;
    const id = produces[row] as number;
    if (map.add(id, count)) writer[count++] = row;
    else isUnique[map.get(id)] = 0;
    shown[row] = map.get(id);
  }
  for (let row = 0; row < size; row++) {
    const id = requires[row] as number;
    if (id === NO_VALUE) continue;
    const stretch = map.get(id);
    if (isReadOnly[row] === 0) expected[row] = stretch;
    if (isReadOnly[row] === 0 || stretch === NO_NUMBER || isUnique[stretch] === 0) continue;
    // What nobody had begun to write by its completion is made up, or from the future.
    const begun = stretch === INITIAL ? NONE : (invoke[writer[stretch] as number] as number);
    if (begun < (returns[row] as number)) shown[row] = stretch;
  }
  return { count, shown, expected, writer, isUnique };
}

/** Stale reads by completion, each with the mutation that overwrote what it returned. */
function staleRows(
  table: Table,
  { isReadOnly }: Overwrites,
  stretches: Stretches,
): readonly (readonly [read: number, by: number])[] {
  const { events, invoke, return: returns } = table;
  const { shown } = stretches;
  const { invokedSince, endedBy } = endsOf(table, stretches);
  const firstFrom = firstCompletions(table, isReadOnly);
  const found: [number, number][] = [];
  for (let rank = 0; rank < events.length; rank++) {
    const event = events[rank] as number;
    const row = event >>> 1;
    if ((event & 1) === 0 || isReadOnly[row] === 0) continue;
    const stretch = shown[row] as number;
    if (stretch === NONE) continue;
    const later = firstFrom[invokedSince[stretch] as number] as number;
    const by = earlier(returns, endedBy[stretch] as number, later);
    if (by !== NONE && (returns[by] as number) < (invoke[row] as number)) found.push([row, by]);
  }
  return found;
}

/** Per row, and one more: of acknowledged mutations from that row on, the first to complete; or NONE. */
function firstCompletions({ size, return: returns }: Table, isReadOnly: Uint8Array): Int32Array {
  const firstFrom = new Int32Array(size + 1);
  let first = NONE;
  firstFrom[size] = first;
  for (let row = size - 1; row >= 0; row--) {
    const isAcknowledged = isReadOnly[row] === 0 && returns[row] !== NEVER;
    if (isAcknowledged) first = earlier(returns, first, row);
    firstFrom[row] = first;
  }
  return firstFrom;
}

interface Ends {
  /** Per stretch: the first row that was invoked after it had begun; NONE where nothing tells. */
  readonly invokedSince: Int32Array;
  /** Per stretch: the first CAS to complete by which it is over; or NONE. */
  readonly endedBy: Int32Array;
}

/** One look at the completions, in order. */
function endsOf(table: Table, stretches: Stretches): Ends {
  const { events } = table;
  const { count, shown, expected, writer, isUnique } = stretches;
  const invokedSince = new Int32Array(count).fill(NONE);
  const endedBy = new Int32Array(count).fill(NONE);
  invokedSince[INITIAL] = 0;
  let invoked = 0;
  for (let rank = 0; rank < events.length; rank++) {
    const event = events[rank] as number;
    if ((event & 1) === 0) {
      invoked++;
      continue;
    }
    const row = event >>> 1;
    const begun = shown[row] as number;
    if (begun !== NONE && invokedSince[begun] === NONE) invokedSince[begun] = invoked;
    // An acknowledged CAS ends what it expects, and all that led there by CAS from value to value.
    // Where a stretch has its end, an earlier completion has been this way before. (A chain that comes
    // back to the mutation itself is one that no store can have gone.)
    let over = expected[row] as number;
    while (over !== NONE && isUnique[over] === 1 && endedBy[over] === NONE) {
      const before = writer[over] as number;
      if (before === row) break;
      endedBy[over] = row;
      over = before === NONE ? NONE : (expected[before] as number);
    }
  }
  return { invokedSince, endedBy };
}

/** The row that completed first; NONE for none. */
function earlier(returns: Int32Array, a: number, b: number): number {
  if (a === NONE || b === NONE) return a === NONE ? b : a;
  return (returns[a] as number) <= (returns[b] as number) ? a : b;
}
