import { assertNever } from '../assert.ts';
import type { Table } from '../table.ts';
import type { Budget } from '../verdict.ts';
import { walkChain } from './chain.ts';
import type { Decision, Engine } from './decision.ts';
import { contentsOf, NONE, type Contents, type Result } from './elements.ts';
import type { Slice } from './run.ts';
import { gaveUp, hasRoom, LEFT_OUT, placeInSlots, refutedBy } from './slots.ts';

/** Elements of reads looked at between two looks at the budget: a few milliseconds. */
const ELEMENTS_PER_SLICE = 1 << 19;

/**
 * Lists that grow at their end and whose reads return all of it, in time linear in the operations
 * and the sizes of different reads. It applies to every history of such a list.
 *
 * The list only grows, so every result is a prefix of the longest one, L, and in every legal order
 * what is appended first is L, in its order. What was acknowledged and is not in L comes after all
 * reads; crashed appends of such elements can be left out.
 *
 * - Where all elements differ, each append has its place: slot 2p-1 for the one at position p (from
 *   1), 2k for reads of k elements, 2|L|+1 for what comes after; an order is legal exactly when
 *   slots never fall (`placeInSlots`).
 * - Where elements are appended several times, L is a chain of steps, each made by some append of
 *   its element (`walkChain`).
 */
export const list: Engine = {
  name: 'list',
  prepare: (table, model) =>
    model.structure === 'list' ? (budget) => decide(table, budget) : undefined,
};

function* decide(table: Table, budget: Budget): Generator<Slice, Decision> {
  if (!hasRoom(table, budget)) return gaveUp('memory');
  const contents = contentsOf(table, 'append');
  const { results } = contents;
  const none: Result = { ids: new Int32Array(0), firstToReturn: NONE };
  let longest = none;
  for (const each of results) if (each.ids.length > longest.ids.length) longest = each;
  let work = 0;
  for (const { ids, firstToReturn } of results) {
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] === longest.ids[i]) continue;
      return refutedBy(table, [firstToReturn, longest.firstToReturn]);
    }
    work += ids.length;
    if (work < ELEMENTS_PER_SLICE) continue;
    if (budget.now() >= budget.deadlineNs) return gaveUp('time');
    work = 0;
    yield 'running';
  }
  const final = finalOf(contents, longest.ids);
  // It holds more of an element than anybody appended.
  if (final === undefined) return refutedBy(table, [longest.firstToReturn]);
  if (contents.isUnique) return decideUnique(table, contents, final);
  return yield* decideRepeated({ table, contents, final, longest, budget });
}

/**
 * The elements of the longest read by number; undefined when it has some that were not appended so
 * often.
 */
function finalOf(contents: Contents, ids: Int32Array): Int32Array | undefined {
  const { elements, elementOf, numberOf } = contents;
  const left = new Int32Array(elements);
  for (const element of elementOf) {
    if (element !== NONE) left[element] = (left[element] as number) + 1;
  }
  const final = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const element = numberOf(ids[i] as number);
    if (element === NONE || left[element] === 0) return undefined;
    left[element] = (left[element] as number) - 1;
    final[i] = element;
  }
  return final;
}

function decideUnique(table: Table, contents: Contents, final: Int32Array): Decision {
  const { elements, elementOf, resultOf, results } = contents;
  const last = 2 * final.length + 1;
  const slotOfElement = new Int32Array(elements).fill(last);
  for (let i = 0; i < final.length; i++) slotOfElement[final[i] as number] = 2 * i + 1;
  const slot = new Int32Array(table.size).fill(LEFT_OUT);
  for (let row = 0; row < table.size; row++) {
    const element = elementOf[row] as number;
    const result = resultOf[row] as number;
    if (element !== NONE) {
      const its = slotOfElement[element] as number;
      if (its < last || table.isCompleted(row)) slot[row] = its;
    } else if (result !== NONE) {
      slot[row] = 2 * (results[result] as Result).ids.length;
    }
  }
  const placed = placeInSlots(table, { slot, isFlexible: new Uint8Array(table.size), last });
  if (placed.type === 'order') return { type: 'linearizable', order: placed.order };
  const { before, after } = placed;
  // A read that misses something: what an earlier read returned, or an earlier append acknowledged.
  if (elementOf[after] === NONE) return refutedBy(table, [before, after]);
  // A read that returned what nobody had begun to append.
  if (elementOf[before] === NONE) return refutedBy(table, [before]);
  // An append, and any read that returned what was appended later, but not before it what it had
  // appended.
  return refutedBy(table, [before, firstReadBeyond(table, contents, slot[after] as number)]);
}

/** Of the reads that returned more than half so many elements, the first to return. */
function firstReadBeyond(table: Table, { results }: Contents, slot: number): number {
  let first = NONE;
  for (const { ids, firstToReturn } of results) {
    if (2 * ids.length < slot) continue;
    const returned = table.return[firstToReturn] as number;
    if (first === NONE || returned < (table.return[first] as number)) first = firstToReturn;
  }
  return first;
}

interface Repeated {
  readonly table: Table;
  readonly contents: Contents;
  readonly final: Int32Array;
  readonly longest: Result;
  readonly budget: Budget;
}

function* decideRepeated(parts: Repeated): Generator<Slice, Decision> {
  const { table, contents, final, longest, budget } = parts;
  const { elements, elementOf, resultOf, results } = contents;
  const wants = new Float64Array(table.size);
  for (let row = 0; row < table.size; row++) {
    const result = results[resultOf[row] as number];
    if (result !== undefined) wants[row] = result.ids.length;
  }
  const walked = yield* walkChain(
    table,
    {
      classOf: elementOf,
      classes: elements,
      steps: final,
      stateAfter: Float64Array.from({ length: final.length + 1 }, (_, length) => length),
      wants,
    },
    budget,
  );
  switch (walked.type) {
    case 'order':
      return { type: 'linearizable', order: walked.order };
    case 'late':
      return gaveUp('time');
    case 'stuck': {
      // The steps are those of the longest read: where it has returned as well, no order is left.
      const known =
        longest.firstToReturn === NONE ? 0 : (table.return[longest.firstToReturn] as number);
      const byRank = Math.max(walked.rank, known);
      return { type: 'not-linearizable', byRank, conflict: undefined, cuts: [] };
    }
    default:
      return assertNever(walked);
  }
}
