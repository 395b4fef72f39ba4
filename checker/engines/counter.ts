import { assertNever } from '../assert.ts';
import { NEVER, type Table } from '../table.ts';
import { walkChain, type Chain } from './chain.ts';
import type { Decision, Engine } from './decision.ts';
import { gaveUp, hasRoom } from './slots.ts';

const NONE = -1;

/**
 * Counters on which adds that overlap add the same: that every add is of one size, or that no two
 * overlap, are special cases. Linear time.
 *
 * Of two adds of different sizes one returned before the other was invoked, so every legal order
 * has them in that order: the sizes come in the order of the invocations, whichever adds of one
 * size come first. A crashed add overlaps all that were invoked later: they add the same, and
 * whether it takes effect or not, the sizes that follow are theirs. So the sums are a chain, known
 * from the invocations alone, which `walkChain` decides.
 *
 * Other counters have no condition that is cheap and complete: already which of several pending
 * adds a read has seen is a subset sum.
 */
export const counter: Engine = {
  name: 'counter',
  prepare(table, model) {
    if (model.structure !== 'counter' && model.structure !== 'grow-counter') return undefined;
    const sizes = sizesOf(table);
    if (!isForced(table, sizes)) return undefined;
    return function* (budget): Generator<'running', Decision> {
      if (!hasRoom(table, budget)) return gaveUp('memory');
      const walked = yield* walkChain(table, chainOf(table, sizes), budget);
      switch (walked.type) {
        case 'order':
          return { type: 'linearizable', order: walked.order };
        case 'stuck':
          return {
            type: 'not-linearizable',
            byRank: walked.rank,
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
  const add = columns.functions.indexOf('add');
  const sizes = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    if (columns.f[row] === add)
      sizes[row] = Number(columns.values.value(columns.input[row] as number));
  }
  return sizes;
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
