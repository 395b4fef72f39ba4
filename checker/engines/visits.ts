import { NEVER, type Table } from '../table.ts';
import { IdMap, NO_NUMBER } from './id-map.ts';
import { NO_VALUE, type Overwrites } from './problem.ts';

const NONE = -1;

/** A conflict of more operations says nothing to anybody. */
const CONFLICT_MAX = 100;

/** A completion by which too few writes can explain what was observed. */
export interface Unexplained {
  /** Rank of the completion: up to and including it the history is not linearizable. */
  readonly rank: number;
  /** Rows of completed operations that refute the history by themselves; undefined when they are many. */
  readonly conflict: readonly number[] | undefined;
}

/**
 * Counts visits: a necessary condition on registers of any values, few or many, in linear time.
 *
 * An operation that requires `v` happens while the state is `v`, during a *visit* that one mutation
 * which makes `v` began (or the initial state, once). Let `later(p, v)` be the first completion of an
 * operation invoked after `p` that mutates, or that requires another value than `v`: a visit that had
 * begun by `p` is over by then, as the state was then another, or another mutation had made it.
 *
 * - A completed mutation explains operation `r` only if it was invoked before `r` completed, and not
 *   later(its completion, v) < invocation of `r`: by then its visit was over. `later` grows with `p`,
 *   so the one that completed last decides for all.
 * - Where none does, `r` lies in the visit of a crashed mutation, invoked before `r` completed. Two such
 *   operations `r`, `s` do not share a visit if later(completion of `r`, v) < invocation of `s`. So of
 *   operations each of which is apart from the one before, the k-th to complete needs k crashed
 *   mutations that make `v`, invoked before its completion. Taken greedily by completion, they are as
 *   many as can be, as `later` grows.
 *
 * All this is known at the completion of `r`, with what completes later taken for crashed: mutations
 * that are open then explain it. So the history up to that completion is refuted.
 */
export function findUnexplained(
  table: Table,
  overwrites: Overwrites,
  initial: number,
): Unexplained | undefined {
  const { events, invoke, return: returns } = table;
  const { count, made, required } = numberValues(table, overwrites, initial);
  const later = new Later(table, overwrites, required);
  // Per value: mutations that make it and are open, of those that complete; crashed ones that began.
  const open = new Int32Array(count);
  const crashed = new Int32Array(count);
  // Per value: the first row invoked after the last completion that made it; after the last operation
  // that needed a visit of its own; how many did.
  const sinceMade = new Int32Array(count).fill(NONE);
  const sinceApart = new Int32Array(count).fill(NONE);
  const visits = new Int32Array(count);
  // Those operations, by completion; there are not more than crashed mutations.
  const apartFrom: Apart[] = [];
  sinceMade[0] = 0;
  let invoked = 0;
  for (let rank = 0; rank < events.length; rank++) {
    const event = events[rank] as number;
    const row = event >>> 1;
    const makes = made[row] as number;
    if ((event & 1) === 0) {
      invoked++;
      if (makes === NONE) continue;
      const begun = returns[row] === NEVER ? crashed : open;
      begun[makes] = (begun[makes] as number) + 1;
      continue;
    }
    const value = required[row] as number;
    if (value !== NONE) {
      if (value === count) return { rank, conflict: [row] };
      const from = invoke[row] as number;
      const since = sinceMade[value] as number;
      const overBy = since === NONE ? NONE : later.than(since, value);
      const apart = sinceApart[value] as number;
      const apartBy = apart === NONE ? NONE : later.than(apart, value);
      if (open[value] === 0 && overBy < from && apartBy < from) {
        apartFrom.push({ row, value, overBy, apartBy });
        sinceApart[value] = invoked;
        const needed = (visits[value] as number) + 1;
        if (needed > (crashed[value] as number)) {
          const those = apartFrom.filter((each) => each.value === value);
          return { rank, conflict: conflictOf(table, made, those) };
        }
        visits[value] = needed;
      }
    }
    if (makes !== NONE) {
      open[makes] = (open[makes] as number) - 1;
      sinceMade[makes] = invoked;
    }
  }
  return undefined;
}

/** An operation that lies in a crashed mutation's visit, and in none of those before it. */
interface Apart {
  readonly row: number;
  readonly value: number;
  /** Ranks of the completions by which completed mutations' visits are over, and the last crashed one's. */
  readonly overBy: number;
  readonly apartBy: number;
}

/** @param those - one too many, all of one value */
function conflictOf(
  table: Table,
  made: Int32Array,
  those: readonly Apart[],
): readonly number[] | undefined {
  const { events, invoke, return: returns, size } = table;
  const rows = new Set<number>();
  for (const { row, overBy, apartBy } of those) {
    rows.add(row);
    for (const rank of [overBy, apartBy]) {
      if (rank !== NONE) rows.add((events[rank] as number) >>> 1);
    }
  }
  const last = those.at(-1);
  const end = last === undefined ? 0 : (returns[last.row] as number);
  for (let row = 0; row < size && (invoke[row] as number) < end; row++) {
    if (made[row] !== last?.value || returns[row] === NEVER) continue;
    rows.add(row);
    if (rows.size > CONFLICT_MAX) return undefined;
  }
  return [...rows].toSorted((a, b) => a - b);
}

interface Numbered {
  readonly count: number;
  /** Per row: the number of the value that a mutation makes; NONE for others. 0: the initial value. */
  readonly made: Int32Array;
  /** Per row: the number of the value that it requires; NONE for none, `count` for one nobody makes. */
  readonly required: Int32Array;
}

function numberValues(table: Table, overwrites: Overwrites, initial: number): Numbered {
  const { size } = table;
  const { requires, produces, isReadOnly } = overwrites;
  let least = initial;
  let greatest = initial;
  for (let row = 0; row < size; row++) {
    if (isReadOnly[row] === 1) continue;
    const id = produces[row] as number;
    if (id < least) least = id;
    if (id > greatest) greatest = id;
  }
  const map = new IdMap({ least, greatest, count: size + 1 });
  const made = new Int32Array(size).fill(NONE);
  const required = new Int32Array(size).fill(NONE);
  let count = 0;
  map.add(initial, count++);
  for (let row = 0; row < size; row++) {
    if (isReadOnly[row] === 1) continue;
    const id = produces[row] as number;
    if (map.add(id, count)) count++;
    made[row] = map.get(id);
  }
  for (let row = 0; row < size; row++) {
    const id = requires[row] as number;
    if (id === NO_VALUE) continue;
    const number = map.get(id);
    required[row] = number === NO_NUMBER ? count : number;
  }
  return { count, made, required };
}

/** Of the operations from a row on, the first completion of one that shows a value over. */
class Later {
  /** Per row, and one more: the first completion of a mutation from that row on. */
  readonly #mutation: Int32Array;
  /** The same of reads; of what value that read was; and of reads of any other value. */
  readonly #read: Int32Array;
  readonly #value: Int32Array;
  readonly #other: Int32Array;

  constructor({ size, return: returns }: Table, { isReadOnly }: Overwrites, required: Int32Array) {
    this.#mutation = new Int32Array(size + 1);
    this.#read = new Int32Array(size + 1);
    this.#value = new Int32Array(size + 1);
    this.#other = new Int32Array(size + 1);
    let mutation = NEVER;
    let read = NEVER;
    let value = NONE;
    let other = NEVER;
    for (let row = size; row >= 0; row--) {
      const end = row === size ? NEVER : (returns[row] as number);
      if (end !== NEVER && isReadOnly[row] === 0) {
        if (end < mutation) mutation = end;
      } else if (end !== NEVER && required[row] !== NONE) {
        const its = required[row] as number;
        if (its === value) {
          if (end < read) read = end;
        } else if (end < read) {
          other = read;
          read = end;
          value = its;
        } else if (end < other) {
          other = end;
        }
      }
      this.#mutation[row] = mutation;
      this.#read[row] = read;
      this.#value[row] = value;
      this.#other[row] = other;
    }
  }

  /** Rank by which a visit to `value` is over that had begun before the row was invoked; or NEVER. */
  than(row: number, value: number): number {
    const mutation = this.#mutation[row] as number;
    const read = (this.#value[row] === value ? this.#other[row] : this.#read[row]) as number;
    return mutation < read ? mutation : read;
  }
}
