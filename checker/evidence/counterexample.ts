import type { Slice } from '../engines/run.ts';
import type { Model } from '../models/model.ts';
import type { Table } from '../table.ts';
import type { Effort } from './effort.ts';
import { Minimization, SIZE_GOOD, type Found } from './minimization.ts';
import { stagesOf, type Known } from './starts.ts';

/** More are no counterexample that anybody reads; without a proof that all are needed, fewer. */
const SIZE_MAX = 2_000;
const SIZE_MAX_UNPROVED = 200;
/** So few completed operations are hardly to be bettered. */
const STRONG_GOOD = 4;
/** Beginnings of one kind that lead to a counterexample, of which the smallest counts. */
const TRIED_MAX = 16;
/** Of what is left, for one beginning. */
const START_SHARE = 0.5;

/**
 * Few operations that refute the history with all others weakened.
 *
 * @param known - of this table
 * @returns undefined when the effort ends before there is one that can be told
 */
export function* findCounterexample(
  table: Table,
  model: Model,
  known: Known,
  effort: Effort,
): Generator<Slice, Found | undefined> {
  let best: Found | undefined;
  const stages = stagesOf(table, model, known);
  for (const [i, stage] of stages.entries()) {
    if (effort.isSpent || (best !== undefined && isGood(best, model))) break;
    let tried = 0;
    for (const start of yield* stage(effort)) {
      const isLast = i === stages.length - 1;
      const part = isLast ? effort : effort.part(START_SHARE);
      const found = yield* new Minimization(start, part).run();
      if (found !== undefined) {
        best = better(best, found);
        tried++;
      }
      if (effort.isSpent || tried === TRIED_MAX || (best !== undefined && isGood(best, model)))
        break;
    }
  }
  if (best === undefined) return undefined;
  const { isMinimal, operations } = best.counterexample;
  return operations.length <= (isMinimal ? SIZE_MAX : SIZE_MAX_UNPROVED) ? best : undefined;
}

function isGood({ counterexample: { isMinimal, operations } }: Found, model: Model): boolean {
  if (!isMinimal) return false;
  if (operations.length <= SIZE_GOOD) return true;
  // Where no write can sum up what was before, a later beginning leaves out little: what a read of a
  // large set returned was added, whenever one begins.
  const strong = operations.filter(({ isWeak }) => !isWeak).length;
  return model.assign === undefined && strong <= STRONG_GOOD;
}

function better(a: Found | undefined, b: Found): Found {
  if (a === undefined) return b;
  const [first, second] = [a.counterexample, b.counterexample];
  if (first.isMinimal !== second.isMinimal) return first.isMinimal ? a : b;
  return second.operations.length < first.operations.length ? b : a;
}
