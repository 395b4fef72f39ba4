import type { Decision, Engine, Refuted } from './decision.ts';
import { genericOrder, GenericSearch } from './frontier-generic.ts';
import {
  OverwritingSearch,
  type FrontierEnd,
  type OverwritingOptions,
} from './frontier-overwrite.ts';
import { rolesOf, type Roles } from './frontier-roles.ts';
import { Reconstruction } from './frontier-witness.ts';
import { compile, NEVER, rowsOf, type Demands, type Problem } from './problem.ts';
import type { Slice } from './run.ts';
import type { Budget } from '../verdict.ts';

/** Work between two looks at the budget: a few milliseconds. */
const WORK_PER_SLICE = 10_000;

/**
 * How many configurations the passes may hold. A history is squeezed between two of them: what
 * survives where the surplus is dropped is linearizable, what dies where the surplus is joined is not.
 * Most histories never have a surplus, and are decided by the first pass.
 */
const WIDTHS: readonly { readonly width: number; readonly crashedMax: number }[] = [
  { width: 64, crashedMax: 1 },
  { width: 256, crashedMax: 2 },
  { width: 1_024, crashedMax: 3 },
  { width: 8_192, crashedMax: Infinity },
  { width: Infinity, crashedMax: Infinity },
];

/**
 * Walks the events with the set of configurations that all orders so far may have led to: memory follows
 * the concurrency, not the length.
 */
export const frontier: Engine = {
  name: 'frontier',
  prepare: (table, model) =>
    function* (budget) {
      const problem = compile(table, model);
      const { values } = problem;
      const roles = values === undefined ? undefined : rolesOf(problem, values);
      if (values === undefined || roles === undefined) return yield* decideGeneric(problem, budget);
      return yield* decideOverwriting(problem, values, roles, budget);
    },
};

function* decideOverwriting(
  problem: Problem,
  values: Demands,
  roles: Roles,
  budget: Budget,
): Generator<Slice, Decision> {
  const begin = (options: OverwritingOptions): OverwritingSearch =>
    new OverwritingSearch(problem, values, roles, options);
  const orderOf = (search: OverwritingSearch, log: number, until: number): Int32Array => {
    const { codes, ranks } = search.log.path(log);
    return rowsOf(problem, new Reconstruction(problem, values, roles).order(codes, ranks, until));
  };
  /** @param last - of a pass that showed what completed before: it died at `byRank`, or earlier */
  const refuted = (by: OverwritingSearch, byRank: number, last: Last): Refuted => ({
    type: 'not-linearizable',
    byRank,
    conflict: undefined,
    provenRank: last.end.rank,
    cuts: by.cuts(),
    // Where both died at one completion, it is the first.
    ...(last.end.rank === byRank && {
      orderBefore: () => orderOf(last.search, last.end.log, byRank),
    }),
  });
  let provenRank = 0;
  for (const { width, crashedMax } of WIDTHS) {
    const dropping = begin({ width, crashedMax });
    const end = yield* run(dropping, budget);
    // What survives when some are left out survives with all.
    provenRank = Math.max(provenRank, dropping.rank);
    if (typeof end === 'string') return { type: 'unknown', reason: end, provenRank };
    if (end.type === 'survived') {
      return { type: 'linearizable', order: orderOf(dropping, end.log, NEVER) };
    }
    if (!dropping.isNarrowed) return refuted(dropping, end.rank, { search: dropping, end });
    const joining = begin({ width, surplus: 'join' });
    const other = yield* run(joining, budget);
    if (typeof other === 'string') return { type: 'unknown', reason: other, provenRank };
    if (other.type === 'survived') continue;
    const last = { search: dropping, end };
    if (end.rank === other.rank) return refuted(joining, other.rank, last);
    // One more pass, to tell which completion is the first; without an answer the verdict stands.
    const closer = begin({ width: CLOSER_WIDTH });
    const closerEnd = yield* run(closer, budget, CLOSER_SLICES);
    const isCloser = typeof closerEnd !== 'string' && closerEnd.type === 'died';
    const isExact = !closer.isNarrowed;
    if (!isCloser || (!isExact && closerEnd.rank <= end.rank))
      return refuted(joining, other.rank, last);
    const byRank = isExact ? closerEnd.rank : other.rank;
    return refuted(joining, byRank, { search: closer, end: closerEnd });
  }
  throw new Error('the last pass is exact');
}

/** A pass that looks for the first completion that refutes: how wide, and for how long at most. */
const CLOSER_WIDTH = 256;
const CLOSER_SLICES = 200;

interface Last {
  readonly search: OverwritingSearch;
  readonly end: Extract<FrontierEnd, { readonly type: 'died' }>;
}

function* decideGeneric(problem: Problem, budget: Budget): Generator<Slice, Decision> {
  const search = new GenericSearch(problem);
  const end = yield* run(search, budget);
  if (typeof end === 'string') return { type: 'unknown', reason: end, provenRank: search.rank };
  if (end.type === 'died') {
    // What is pending there has a known result later, which may be why it died: not certain by then.
    const nothing = { byRank: undefined, conflict: undefined, cuts: [] };
    return { type: 'not-linearizable', ...nothing, provenRank: end.rank };
  }
  const { codes, ranks } = search.log.path(end.log);
  return { type: 'linearizable', order: rowsOf(problem, genericOrder(problem, codes, ranks)) };
}

function* run(
  search: GenericSearch | OverwritingSearch,
  budget: Budget,
  slicesMax = Infinity,
): Generator<Slice, FrontierEnd | 'time' | 'memory'> {
  for (let slice = 0; slice < slicesMax; slice++) {
    const end = search.advance(WORK_PER_SLICE);
    if (end !== undefined) return end;
    if (search.bytes > budget.memoryBytesMax) return 'memory';
    if (budget.now() >= budget.deadlineNs) return 'time';
    yield 'running';
  }
  return 'time';
}
