import { assertNever } from '../assert.ts';
import { NEVER, type Table } from '../table.ts';
import { walkChain, type Chain } from './chain.ts';
import type { Decision, Engine } from './decision.ts';
import { gaveUp, hasRoom, refutedBy } from './slots.ts';

const NONE = -1;
/** The class of those that do not say which step they make. */
const ANY = 0;

/**
 * Counters on which adds that overlap add the same: that every add is of one size, or that no two
 * overlap, are special cases; those with `incr`, where all adds and incrs are of one size. Linear time.
 *
 * Of two adds of different sizes one returned before the other was invoked, so every legal order
 * has them in that order: the sizes come in the order of the invocations, whichever adds of one
 * size come first. A crashed add overlaps all that were invoked later: they add the same, and
 * whether it takes effect or not, the sizes that follow are theirs. So the sums are a chain, known
 * from the invocations alone, which `walkChain` decides.
 *
 * An incr that completed says which step it made: where all are of one size, no two steps lead to one
 * sum. So it is alone in its class, the class of that step, and all else (adds, and incrs that crashed)
 * makes the other steps. One that told a sum to which no step leads, or that another told as well,
 * fits nowhere.
 *
 * Other counters have no condition that is cheap and complete: already which of several pending
 * adds a read has seen is a subset sum.
 */
export const counter: Engine = {
  name: 'counter',
  prepare(table, model) {
    if (model.structure !== 'counter' && model.structure !== 'grow-counter') return undefined;
    const sizes = sizesOf(table);
    const isTelling = table.columns.f.includes(table.columns.functions.indexOf('incr'));
    if (!(isTelling ? isUniform(sizes) : isForced(table, sizes))) return undefined;
    return function* (budget): Generator<'running', Decision> {
      if (!hasRoom(table, budget)) return gaveUp('memory');
      const chain = isTelling ? tellingChainOf(table, sizes) : chainOf(table, sizes);
      if ('conflict' in chain) return refutedBy(table, chain.conflict);
      const walked = yield* walkChain(table, chain, budget);
      switch (walked.type) {
        case 'order':
          return { type: 'linearizable', order: walked.order };
        case 'stuck':
          return {
            type: 'not-linearizable',
            byRank: isTelling ? toldBy(table, chain, walked) : walked.rank,
            conflict: undefined,
            cuts: [],
          };
        case 'late':
          return gaveUp('time');
        default:
          return assertNever(walked);
      }
    };
  },
};

/** Per row: what it adds; 0 for reads. */
function sizesOf(table: Table): Float64Array {
  const { columns, size } = table;
  const read = columns.functions.indexOf('read');
  const sizes = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    if (columns.f[row] !== read)
      sizes[row] = Number(columns.values.value(columns.input[row] as number));
  }
  return sizes;
}

/** Whether all that is added is of one size, and something is each time. */
function isUniform(sizes: Float64Array): boolean {
  const size = sizes.find((its) => its !== 0);
  return sizes.every((its) => its === 0 || its === size);
}

/** Whether adds that overlap are of one size. */
function isForced(table: Table, sizes: Float64Array): boolean {
  let pending = 0;
  let size = 0;
  for (const event of table.events) {
    const its = sizes[event >>> 1] as number;
    if (its === 0) continue;
    if ((event & 1) === 1) {
      pending--;
    } else {
      if (pending > 0 && its !== size) return false;
      size = its;
      pending++;
    }
  }
  return true;
}

function chainOf(table: Table, sizes: Float64Array): Chain {
  const { columns, size } = table;
  const classes = new Map<number, number>();
  const classOf = new Int32Array(size).fill(NONE);
  const wants = new Float64Array(size).fill(NaN);
  const steps: number[] = [];
  const sums = [0];
  const add = columns.functions.indexOf('add');
  for (let row = 0; row < size; row++) {
    const its = sizes[row] as number;
    if (its !== 0) {
      const itsClass = classes.get(its) ?? classes.size;
      classes.set(its, itsClass);
      classOf[row] = itsClass;
      steps.push(itsClass);
      sums.push((sums.at(-1) ?? 0) + its);
    } else if (columns.f[row] !== add && table.return[row] !== NEVER) {
      wants[row] = Number(columns.values.value(columns.output[row] as number));
    }
  }
  return {
    classOf,
    classes: classes.size,
    steps: Int32Array.from(steps),
    stateAfter: Float64Array.from(sums),
    wants,
  };
}

/** The chain where all that is added is of one size, or completed operations that fit nowhere. */
function tellingChainOf(
  table: Table,
  sizes: Float64Array,
): Chain | { readonly conflict: readonly number[] } {
  const { columns, size: rows } = table;
  const size = sizes.find((its) => its !== 0) ?? 0;
  const stepCount = sizes.reduce((count, its) => count + (its === 0 ? 0 : 1), 0);
  const classOf = new Int32Array(rows).fill(NONE);
  const wants = new Float64Array(rows).fill(NaN);
  const steps = new Int32Array(stepCount).fill(ANY);
  /** Per step: the row that told it. */
  const tellerOf = new Int32Array(stepCount).fill(NONE);
  const add = columns.functions.indexOf('add');
  let classes = 1;
  for (let row = 0; row < rows; row++) {
    const isTelling = columns.f[row] !== add && table.return[row] !== NEVER;
    const told = isTelling ? Number(columns.values.value(columns.output[row] as number)) : NaN;
    if (sizes[row] === 0) {
      wants[row] = told;
      continue;
    }
    classOf[row] = isTelling ? classes++ : ANY;
    if (!isTelling) continue;
    const step = told / size - 1;
    const other = tellerOf[step];
    if (other === undefined) return { conflict: [row] };
    if (other !== NONE) return { conflict: [other, row] };
    tellerOf[step] = row;
    steps[step] = classOf[row] as number;
  }
  const stateAfter = Float64Array.from({ length: stepCount + 1 }, (_, step) => step * size);
  return { classOf, classes, steps, stateAfter, wants };
}

/**
 * Where it got stuck depends on what completes later, too: on incrs that were under way, and on those
 * that told one of the steps up to there. When they have returned it is certain. Others were invoked after
 * the completion that has no place.
 */
function toldBy(
  table: Table,
  { classOf, steps }: Chain,
  { rank, position }: { readonly rank: number; readonly position: number },
): number {
  const isNeeded = new Set(steps.subarray(0, position + 1));
  let byRank = rank;
  for (let row = 0; row < table.size; row++) {
    const returned = table.return[row] as number;
    const itsClass = classOf[row] as number;
    if (returned === NEVER || itsClass <= ANY) continue;
    const isUnderWay = (table.invoke[row] as number) < rank;
    if (isUnderWay || isNeeded.has(itsClass)) byRank = Math.max(byRank, returned);
  }
  return byRank;
}
