import { NULL } from '../values.ts';
import { NEVER, type Table } from '../table.ts';
import type { Refuted } from './decision.ts';
import { Numbering } from './numbering.ts';

/** No row, no value. */
export const NONE = -1;

/**
 * A container of unique values, seen as one put and at most one take of each value. Values are
 * numbered from 0 in the order in which their puts were invoked. Positions are ranks of the table.
 *
 * Left out are crashed puts of values that no completed take returned: from a legal order they can
 * be removed together with the crashed take, if any, that took the value, and in a queue, a bag and
 * a stack everybody else finds what they found before, those included that found it empty.
 *
 * Intervals are tightened: a put that returns after its take does must have happened before the
 * take did, and a take that was invoked before its put can only happen after the put was invoked.
 * So putReturn ≤ takeReturn and putInvoke ≤ takeInvoke; no legal order is lost.
 */
export interface Pairs {
  readonly table: Table;
  /** Number of values. */
  readonly size: number;
  readonly putRow: Int32Array;
  /** NONE for values that no completed take returned. */
  readonly takeRow: Int32Array;
  readonly putInvoke: Int32Array;
  /** Finite: a crashed put counts only if its value was taken. */
  readonly putReturn: Int32Array;
  /** NEVER without a take. */
  readonly takeInvoke: Int32Array;
  readonly takeReturn: Int32Array;
  /** Per row: the value that it puts or takes; NONE for all others. */
  readonly valueOf: Int32Array;
  /** Rows of completed takes that found the container empty, ascending. */
  readonly empties: Int32Array;
  /** Rows of crashed takes, ascending. */
  readonly crashedTakes: Int32Array;
}

/** Bytes of `Pairs` and of what deciding about a queue or a bag needs, per row. */
export const BYTES_PER_ROW = 110;

/**
 * Pairs what entered with what left.
 *
 * @param put - the function that puts a value in
 * @param take - the function that takes one out
 * @returns what refutes the history when a value was taken that nobody put, or that was put only
 *   later, or twice; undefined when a value is put twice: then nothing is known
 */
export function pairValues(table: Table, put: string, take: string): Pairs | Refuted | undefined {
  const { columns, size } = table;
  const { f, output } = columns;
  const putNumber = columns.functions.indexOf(put);
  const takeNumber = columns.functions.indexOf(take);
  const numbers = numberPuts(table, putNumber);
  if (numbers === undefined) return undefined;
  const takeRow = new Int32Array(numbers.size).fill(NONE);
  const empties = new Int32Array(size);
  const crashedTakes = new Int32Array(size);
  let emptyCount = 0;
  let crashedCount = 0;
  const refutation = new Refutation();
  for (let row = 0; row < size; row++) {
    if (f[row] !== takeNumber) continue;
    const returned = table.return[row] as number;
    const value = output[row] as number;
    if (returned === NEVER) crashedTakes[crashedCount++] = row;
    else if (value === NULL) empties[emptyCount++] = row;
    else {
      const number = numbers.find(value);
      const other = number === NONE ? NONE : (takeRow[number] as number);
      // No value, whatever became of all else.
      if (number === NONE) refutation.offer(returned, [row]);
      else if (other !== NONE) {
        refutation.offer(Math.max(returned, table.return[other] as number), [other, row]);
      } else takeRow[number] = row;
    }
  }
  return pack(table, putNumber, takeRow, refutation, {
    empties: empties.slice(0, emptyCount),
    crashedTakes: crashedTakes.slice(0, crashedCount),
  });
}

/** Numbers the values that are put, in order; undefined when one is put twice. */
function numberPuts(table: Table, putNumber: number): Numbering | undefined {
  const { f, input } = table.columns;
  let count = 0;
  let least = 0x7fff_ffff;
  let greatest = -0x8000_0000;
  for (let row = 0; row < table.size; row++) {
    if (f[row] !== putNumber) continue;
    const value = input[row] as number;
    count++;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  const numbers = new Numbering({ count, least, greatest });
  for (let row = 0; row < table.size; row++) {
    if (f[row] === putNumber && !numbers.add(input[row] as number)) return undefined;
  }
  return numbers;
}

/** Leaves out what cannot matter, and tightens the rest. */
function pack(
  table: Table,
  putNumber: number,
  takes: Int32Array,
  refutation: Refutation,
  others: Pick<Pairs, 'empties' | 'crashedTakes'>,
): Pairs | Refuted {
  const { invoke, return: returns, size: rows } = table;
  const { f } = table.columns;
  const column = (): Int32Array => new Int32Array(takes.length);
  const putRow = column();
  const takeRow = column();
  const putInvoke = column();
  const putReturn = column();
  const takeInvoke = column();
  const takeReturn = column();
  const valueOf = new Int32Array(rows).fill(NONE);
  let size = 0;
  let number = 0;
  for (let row = 0; row < rows; row++) {
    if (f[row] !== putNumber) continue;
    const taker = takes[number++] as number;
    const putBegin = invoke[row] as number;
    const putEnd = returns[row] as number;
    if (taker === NONE && putEnd === NEVER) continue;
    const takeBegin = taker === NONE ? NEVER : (invoke[taker] as number);
    const takeEnd = taker === NONE ? NEVER : (returns[taker] as number);
    // Nobody else puts that value.
    if (takeEnd < putBegin) refutation.offer(takeEnd, [taker]);
    putRow[size] = row;
    takeRow[size] = taker;
    putInvoke[size] = putBegin;
    putReturn[size] = Math.min(putEnd, takeEnd);
    takeInvoke[size] = Math.max(takeBegin, putBegin);
    takeReturn[size] = takeEnd;
    valueOf[row] = size;
    if (taker !== NONE) valueOf[taker] = size;
    size++;
  }
  if (refutation.found !== undefined) return refutation.found;
  return {
    table,
    size,
    putRow: putRow.subarray(0, size),
    takeRow: takeRow.subarray(0, size),
    putInvoke: putInvoke.subarray(0, size),
    putReturn: putReturn.subarray(0, size),
    takeInvoke: takeInvoke.subarray(0, size),
    takeReturn: takeReturn.subarray(0, size),
    valueOf,
    ...others,
  };
}

/** More rows than this explain nothing at a glance. */
const FEW = 12;

/** Of several refutations one with few rows, and of these the one that is complete first. */
export class Refutation {
  #found: Refuted | undefined;
  #byRank = Infinity;
  #isShort = false;

  get found(): Refuted | undefined {
    return this.#found;
  }

  /** @param byRank - of the completion at which it is complete */
  offer(byRank: number, conflict: readonly number[]): void {
    const isShort = conflict.length <= FEW;
    const isBetter = isShort === this.#isShort ? byRank < this.#byRank : isShort;
    if (!isBetter) return;
    this.#byRank = byRank;
    this.#isShort = isShort;
    this.#found = { type: 'not-linearizable', byRank, conflict, cuts: [] };
  }
}
