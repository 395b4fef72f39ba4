import type { Table } from '../table.ts';
import type { Budget } from '../verdict.ts';
import type { Decision, Engine } from './decision.ts';
import { contentsOf, NONE, type Contents, type Result } from './elements.ts';
import type { Slice } from './run.ts';
import { gaveUp, hasRoom, LEFT_OUT, placeInSlots, refutedBy, type Slots } from './slots.ts';

/** Elements of reads looked at between two looks at the budget: a few milliseconds. */
const ELEMENTS_PER_SLICE = 1 << 19;

/**
 * Grow-only sets whose reads return all elements, in time linear in the operations and the sizes of
 * different reads. It applies to every history of such a set.
 *
 * A set only grows, so the results of reads must form a chain under inclusion, S₁ ⊂ S₂ ⊂ … ⊂ Sₘ
 * (what is empty counts as S₀). That gives slots: reads of Sₖ belong into 2k; what is in Sₖ and not
 * in Sₖ₋₁ enters the set in 2k-1; what no read returned and was acknowledged enters in 2m+1, after
 * all reads. An order is legal exactly when its operations have slots that never fall, which
 * `placeInSlots` decides. It remains to say where adds belong when several add one element:
 *
 * - The element is in no earlier set, so all of them belong into its slot or a later one; and all
 *   but one can stand in any later one, since adding again changes nothing: they are flexible.
 * - One, completed or crashed, must stand in the slot itself, and that may as well be the one that
 *   was invoked first, `e`. Say that in a legal order `x` stands there. Move `e` to just before
 *   `x`, from behind it or from nowhere. No operation that is now behind `e` returned before `e`
 *   was invoked: it is `x` or stands behind `x`, so it did not return before `x` was invoked, which
 *   was later still. Then `x` is flexible, or left out when crashed.
 * - Crashed adds of what no read returned can be left out: nobody asks for them.
 */
export const set: Engine = {
  name: 'set',
  prepare: (table, model) =>
    model.structure === 'set' ? (budget) => decide(table, budget) : undefined,
};

function returnOf(table: Table, row: number): number {
  return table.return[row] as number;
}

/** The chain of results. */
interface Chain {
  /** m of the proof. */
  readonly last: number;
  /** Per element: the first set of the chain that holds it; NONE when none does. */
  readonly levelOf: Int32Array;
  /** Per result. */
  readonly levelOfResult: Int32Array;
  /**
   * Per set of the chain: of the reads of it, the first to return; NONE for S₀ when nobody read
   * that.
   */
  readonly firstRead: readonly number[];
}

function* decide(table: Table, budget: Budget): Generator<Slice, Decision> {
  if (!hasRoom(table, budget)) return gaveUp('memory');
  const contents = contentsOf(table, 'add');
  const chain = yield* chainOf(table, contents, budget);
  if (chain === undefined) return gaveUp('time');
  if ('conflict' in chain) return refutedBy(table, chain.conflict);
  const slots = slotsOf(table, contents, chain);
  const placed = placeInSlots(table, slots);
  if (placed.type === 'order') return { type: 'linearizable', order: placed.order };
  return refutedBy(table, conflictOf(placed.before, placed.after, contents, chain));
}

/** @returns undefined when the time is up */
function* chainOf(
  table: Table,
  contents: Contents,
  budget: Budget,
): Generator<Slice, Chain | { readonly conflict: readonly number[] } | undefined> {
  const { elements, numberOf, results } = contents;
  const levelOf = new Int32Array(elements).fill(NONE);
  const levelOfResult = new Int32Array(results.length);
  /** Per element: 1 + the last result that held it. */
  const seenIn = new Int32Array(elements);
  const bySize = results
    .map((result, number) => ({ ...result, number }))
    .toSorted((a, b) => a.ids.length - b.ids.length);
  const firstRead: number[] = [NONE];
  let level = 0;
  let before: Result | undefined;
  let work = 0;
  for (const result of bySize) {
    const { ids, number, firstToReturn } = result;
    let fresh = 0;
    for (let i = 0; i < ids.length; i++) {
      const element = numberOf(ids[i] as number);
      // Nobody adds it, or it is there twice: this read fits nowhere.
      if (element === NONE || seenIn[element] === number + 1) return { conflict: [firstToReturn] };
      seenIn[element] = number + 1;
      if (levelOf[element] !== NONE) continue;
      levelOf[element] = level + 1;
      fresh++;
    }
    const size = before?.ids.length ?? 0;
    // As many known ones as there are: all of them, for none is there twice.
    if (before !== undefined && ids.length - fresh !== size) {
      return { conflict: [before.firstToReturn, firstToReturn] };
    }
    if (fresh > 0) level++;
    levelOfResult[number] = level;
    const first = firstRead[level] ?? NONE;
    const isFirst = first === NONE || returnOf(table, firstToReturn) < returnOf(table, first);
    if (isFirst) firstRead[level] = firstToReturn;
    before = result;
    work += ids.length;
    if (work < ELEMENTS_PER_SLICE) continue;
    if (budget.now() >= budget.deadlineNs) return undefined;
    work = 0;
    yield 'running';
  }
  return { last: level, levelOf, levelOfResult, firstRead };
}

function slotsOf(table: Table, contents: Contents, chain: Chain): Slots {
  const { elementOf, firstPut, resultOf } = contents;
  const { last, levelOf, levelOfResult } = chain;
  const slot = new Int32Array(table.size).fill(LEFT_OUT);
  const isFlexible = new Uint8Array(table.size);
  for (let row = 0; row < table.size; row++) {
    const element = elementOf[row] as number;
    const result = resultOf[row] as number;
    if (element === NONE) {
      if (result !== NONE) slot[row] = 2 * (levelOfResult[result] as number);
      continue;
    }
    const level = levelOf[element] as number;
    if (level === NONE) {
      if (table.isCompleted(row)) slot[row] = 2 * last + 1;
    } else if (firstPut[element] === row) {
      slot[row] = 2 * level - 1;
    } else if (table.isCompleted(row)) {
      slot[row] = 2 * level - 1;
      isFlexible[row] = 1;
    }
  }
  return { slot, isFlexible, last: 2 * last + 1 };
}

/**
 * Completed operations that refute the history by themselves, from two that are in the wrong order.
 * All adds of an element whose first add is `after` were invoked after `before` returned.
 */
function conflictOf(
  before: number,
  after: number,
  { elementOf, resultOf }: Contents,
  { levelOf, firstRead }: Chain,
): readonly number[] {
  const element = elementOf[after] as number;
  // A read that misses something: what an earlier read returned, or an earlier add acknowledged.
  if (element === NONE) return [before, after];
  // A read that returned what nobody had begun to add.
  if (resultOf[before] !== NONE) return [before];
  // An add, and a read that returned something that was added later, but not what it had added.
  return [before, firstRead[levelOf[element] as number] as number];
}
