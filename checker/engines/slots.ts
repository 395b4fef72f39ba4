import type { Table } from '../table.ts';
import type { Budget, UnknownReason } from '../verdict.ts';
import type { Decision, Refuted } from './decision.ts';

/** Slot of an operation that is left out: it is crashed, and nobody needs it. */
export const LEFT_OUT = -1;

/** Where each operation of an object belongs in every legal order. */
export interface Slots {
  /** Per row, from 0; LEFT_OUT only for crashed ones. */
  readonly slot: Int32Array;
  /** Per row: 1 when any later slot is as good. */
  readonly isFlexible: Uint8Array;
  /** Greatest slot. */
  readonly last: number;
}

export type Placed =
  | { readonly type: 'order'; readonly order: Int32Array }
  /** `before` returned before `after` was invoked, and belongs into a greater slot. */
  | { readonly type: 'violation'; readonly before: number; readonly after: number };

/**
 * Puts operations into their slots: linear time.
 *
 * An order that real time allows has slots that never fall exactly when no operation returned
 * before one of a smaller slot was invoked. *Only when*: the first stands before the other in every
 * order. *When*: sort by slot, and by invocation within one; of any two, one that stands later did
 * not return before the other was invoked: if its slot is greater by what was assumed, if it is the
 * same because it was invoked later.
 *
 * A flexible operation gets the least slot from its own upwards that is not less than those of all
 * that returned before it was invoked. It thereby violates nothing itself, and demands of those
 * invoked after it returned no more than its own slot, which they would owe it anyway, and the
 * slots of those that returned before it was invoked, and so before them.
 *
 * @param slots - `slot` is changed where operations are flexible
 */
export function placeInSlots(table: Table, slots: Slots): Placed {
  const { events } = table;
  const { slot, isFlexible } = slots;
  let greatest = LEFT_OUT;
  let before = -1;
  for (let rank = 0; rank < events.length; rank++) {
    const event = events[rank] as number;
    const row = event >>> 1;
    const its = slot[row] as number;
    if (its === LEFT_OUT) continue;
    if ((event & 1) === 1) {
      if (its <= greatest) continue;
      greatest = its;
      before = row;
    } else if (its < greatest) {
      if (isFlexible[row] === 0) return { type: 'violation', before, after: row };
      slot[row] = greatest;
    }
  }
  return { type: 'order', order: sortBySlot(slots) };
}

/** Rows by slot, then by invocation: counting, since rows are ordered by invocation already. */
function sortBySlot({ slot, last }: Slots): Int32Array {
  const begin = new Int32Array(last + 2);
  for (const its of slot) if (its !== LEFT_OUT) begin[its + 1] = (begin[its + 1] as number) + 1;
  for (let i = 1; i < begin.length; i++) begin[i] = (begin[i] as number) + (begin[i - 1] as number);
  const order = new Int32Array(begin[last + 1] as number);
  for (let row = 0; row < slot.length; row++) {
    const its = slot[row] as number;
    if (its === LEFT_OUT) continue;
    const at = begin[its] as number;
    order[at] = row;
    begin[its] = at + 1;
  }
  return order;
}

/** @param conflict - rows of completed operations that refute the history by themselves */
export function refutedBy(table: Table, conflict: readonly number[]): Refuted {
  // When the last of them has completed, what was invoked later could not have helped.
  let byRank = 0;
  for (const row of conflict) byRank = Math.max(byRank, table.return[row] as number);
  return { type: 'not-linearizable', byRank, conflict, cuts: [] };
}

/** The answer of an engine that gave up; it has proven no prefix. */
export function gaveUp(reason: UnknownReason): Decision {
  return { type: 'unknown', reason, provenRank: 0 };
}

/** Bytes of an engine's own arrays per row, at most. */
const BYTES_PER_ROW = 96;

/** Whether the budget has room for what a linear engine keeps per row. */
export function hasRoom(table: Table, budget: Budget): boolean {
  return table.size * BYTES_PER_ROW <= budget.memoryBytesMax;
}
