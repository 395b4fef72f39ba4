import type { Budget } from '../verdict.ts';
import type { Search, SearchResult } from './wgl.ts';

/** What a decision yields between two slices of its work, so that others may run. */
export type Slice = 'running';

/** Steps between two looks at the budget: a few milliseconds. */
const STEPS_PER_SLICE = 2_000;

/** Runs a search under a budget; each yield is a moment to do something else, or to give up. */
export function* runSearch(search: Search, budget: Budget): Generator<Slice, SearchResult> {
  for (;;) {
    const result = search.advance(STEPS_PER_SLICE);
    if (result !== undefined) return result;
    if (search.bytes > budget.memoryBytesMax) return { type: 'unknown', reason: 'memory' };
    if (budget.now() >= budget.deadlineNs) return { type: 'unknown', reason: 'time' };
    yield 'running';
  }
}
