import { Reconstruction } from './frontier-witness.ts';
import { OverwritingSearch, type OverwritingOptions } from './frontier-overwrite.ts';
import { rolesOf } from './frontier-roles.ts';
import { compile, rowsOf } from './problem.ts';
import type { Engine } from './decision.ts';

export const frontier: Engine = {
  name: 'frontier',
  prepare(table, model) {
    const problem = compile(table, model);
    const { values } = problem;
    const roles = values === undefined ? undefined : rolesOf(problem, values);
    if (values === undefined || roles === undefined) return undefined;
    return function* (budget) {
      const options: OverwritingOptions = {};
      const search = new OverwritingSearch(problem, values, roles, options);
      for (;;) {
        const end = search.advance(20_000);
        if (end?.type === 'died') {
          return { type: 'not-linearizable', byRank: end.rank, conflict: undefined, cuts: [] };
        }
        if (end?.type === 'survived') {
          const { codes, ranks } = search.log.path(end.log);
          const order = new Reconstruction(problem, values, roles).order(codes, ranks);
          return { type: 'linearizable', order: rowsOf(problem, order) };
        }
        const provenRank = search.rank;
        if (search.bytes > budget.memoryBytesMax) {
          return { type: 'unknown', reason: 'memory', provenRank };
        }
        if (budget.now() >= budget.deadlineNs) {
          return { type: 'unknown', reason: 'time', provenRank };
        }
        yield 'running';
      }
    };
  },
};
