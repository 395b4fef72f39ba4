import { LooseSearch } from './loosely.ts';
import { compile, rowsOf, type Problem } from './problem.ts';
import type { Slice } from './run.ts';
import { Search, type SearchResult } from './wgl.ts';
import type { Budget, UnknownReason } from '../verdict.ts';
import type { Decision, Engine } from './decision.ts';

/** The general search: decides every history, given time. */
export const wgl: Engine = {
  name: 'wgl',
  prepare: (table, model) => (budget) => decideBySearch(compile(table, model), budget),
};

/**
 * Slices within which most histories are decided that have an order at all, however long: the search
 * finds its way at once, or after little turning back. A number of steps, not a time: what is decided how
 * does not depend on the machine.
 */
export function luckySlices(operations: number): number {
  return Math.ceil((LUCKY_STEPS + LUCKY_STEPS_PER_OPERATION * operations) / STEPS_PER_SLICE);
}

const LUCKY_STEPS = 10_000;
const LUCKY_STEPS_PER_OPERATION = 2;

/** Steps between two looks at the budget: a few milliseconds. */
const STEPS_PER_SLICE = 2_000;
/** Where each state must be computed a step takes longer. */
const STEPS_PER_SLICE_OF_STATES = 1_000;

/**
 * Searches. Where crashed operations are left after the lucky slices, it counts them loosely as well,
 * in turn with the search that counts them exactly: the one refutes, the other finds orders.
 */
function* decideBySearch(problem: Problem, budget: Budget): Generator<Slice, Decision> {
  const isCounting = problem.values !== undefined && problem.crashedRuns.length > 0;
  const share = isCounting ? budget.memoryBytesMax / 2 : budget.memoryBytesMax;
  const search = new Search(problem, { memoryBytesMax: share });
  const steps = problem.space === undefined ? STEPS_PER_SLICE : STEPS_PER_SLICE_OF_STATES;
  const lucky = luckySlices(problem.size);
  let loose: LooseSearch | undefined;
  for (let slice = 1; ; slice++) {
    const result = search.advance(steps) ?? loose?.advance(steps);
    if (result !== undefined) return decisionOf(problem, search, result);
    if (isCounting && slice === lucky) loose = new LooseSearch(problem, share);
    const bytes = search.bytes + (loose?.bytes ?? 0);
    if (bytes > budget.memoryBytesMax) return gaveUp(problem, search, 'memory');
    if (budget.now() >= budget.deadlineNs) return gaveUp(problem, search, 'time');
    yield 'running';
  }
}

function decisionOf(problem: Problem, search: Search, result: SearchResult): Decision {
  if (result.type === 'linearizable') {
    return { type: 'linearizable', order: rowsOf(problem, result.order) };
  }
  const refuted = { type: 'not-linearizable', cuts: [] } as const;
  if (search.orphan !== undefined) {
    // Nothing makes the state that it requires: it refutes whatever stands around it.
    const row = problem.rows[search.orphan] as number;
    return { ...refuted, byRank: problem.return[search.orphan], conflict: [row] };
  }
  // No more than a bound from below: what completes later has a known result here, which may say more
  // than the history up to an earlier completion does.
  const provenRank = provenBy(problem, search);
  return { ...refuted, byRank: undefined, conflict: undefined, provenRank };
}

function gaveUp(problem: Problem, search: Search, reason: UnknownReason): Decision {
  return { type: 'unknown', reason, provenRank: provenBy(problem, search) };
}

/** All that completed before the operation that no branch got beyond has a place. */
function provenBy(problem: Problem, search: Search): number {
  const blocked = search.deepest?.blocked;
  return blocked === undefined ? 0 : (problem.return[blocked] as number);
}
