import type { Decision, Engine, Refuted } from './decision.ts';
import { genericOrder, GenericSearch } from './frontier-generic.ts';
import { OverwritingSearch, type FrontierEnd } from './frontier-overwrite.ts';
import { rolesOf, type Roles } from './frontier-roles.ts';
import { Reconstruction } from './frontier-witness.ts';
import { compile, rowsOf, type Demands, type Problem } from './problem.ts';
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
  { width: 1_024, crashedMax: 2 },
  { width: 16_384, crashedMax: Infinity },
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
  let provenRank = 0;
  for (const { width, crashedMax } of WIDTHS) {
    const dropping = new OverwritingSearch(problem, values, roles, { width, crashedMax });
    const end = yield* run(dropping, budget);
    // What survives when some are left out survives with all.
    provenRank = Math.max(provenRank, dropping.rank);
    if (typeof end === 'string') return { type: 'unknown', reason: end, provenRank };
    if (end.type === 'survived') {
      const { codes, ranks } = dropping.log.path(end.log);
      const order = new Reconstruction(problem, values, roles).order(codes, ranks);
      return { type: 'linearizable', order: rowsOf(problem, order) };
    }
    if (!dropping.isNarrowed) return refuted(end.rank);
    const joining = new OverwritingSearch(problem, values, roles, { width, surplus: 'join' });
    const other = yield* run(joining, budget);
    if (typeof other === 'string') return { type: 'unknown', reason: other, provenRank };
    if (other.type === 'died') return refuted(other.rank);
  }
  throw new Error('the last pass is exact');
}

function* decideGeneric(problem: Problem, budget: Budget): Generator<Slice, Decision> {
  const search = new GenericSearch(problem);
  const end = yield* run(search, budget);
  if (typeof end === 'string') return { type: 'unknown', reason: end, provenRank: search.rank };
  if (end.type === 'died') {
    // What is pending there has a known result later, which may be why it died: not certain by then.
    const { rank } = end;
    return { ...refuted(rank), byRank: undefined, provenRank: rank };
  }
  const { codes, ranks } = search.log.path(end.log);
  return { type: 'linearizable', order: rowsOf(problem, genericOrder(problem, codes, ranks)) };
}

function refuted(byRank: number): Refuted {
  return { type: 'not-linearizable', byRank, conflict: undefined, cuts: [] };
}

function* run(
  search: GenericSearch | OverwritingSearch,
  budget: Budget,
): Generator<Slice, FrontierEnd | 'time' | 'memory'> {
  for (;;) {
    const end = search.advance(WORK_PER_SLICE);
    if (end !== undefined) return end;
    if (search.bytes > budget.memoryBytesMax) return 'memory';
    if (budget.now() >= budget.deadlineNs) return 'time';
    yield 'running';
  }
}
