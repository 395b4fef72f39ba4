import { assert, defined } from '../assert.ts';
import { bag } from './bag.ts';
import { counter } from './counter.ts';
import { list } from './list.ts';
import { frontier } from './frontier.ts';
import { compile, rowsOf } from './problem.ts';
import { lock } from './lock.ts';
import { queue } from './queue.ts';
import { stack } from './stack.ts';
import { runSearch, type Slice } from './run.ts';
import { set } from './set.ts';
import { Search } from './wgl.ts';
import { zones } from './zones.ts';
import type { Model } from '../models/model.ts';
import type { Table } from '../table.ts';
import type { Budget, EngineName } from '../verdict.ts';
import type { Decision, Engine } from './decision.ts';

/** A decision and who made it. */
export type Decided = Decision & { readonly engine: EngineName };

/** The general search: decides every history, given time. */
export const wgl: Engine = {
  name: 'wgl',
  prepare: (table, model) =>
    function* (budget) {
      const problem = compile(table, model);
      const search = new Search(problem, { memoryBytesMax: budget.memoryBytesMax });
      const result = yield* runSearch(search, budget);
      assert(result.type !== 'overused', 'all crashed operations are counted');
      if (result.type === 'linearizable') {
        return { type: 'linearizable', order: rowsOf(problem, result.order) };
      }
      if (result.type === 'not-linearizable') {
        return { type: result.type, byRank: undefined, conflict: undefined, cuts: [] };
      }
      // All that completed before the operation that no branch got beyond has a place.
      const blocked = search.deepest?.blocked;
      const provenRank = blocked === undefined ? 0 : (problem.return[blocked] as number);
      return { ...result, provenRank };
    },
};

/** Those that decide special histories at once; the first that applies is asked. */
export const SPECIALISED: readonly Engine[] = [zones, set, queue, bag, stack, lock, list, counter];

/** Every engine, by name. */
export const ENGINES: ReadonlyMap<EngineName, Engine> = new Map(
  [...SPECIALISED, frontier, wgl].map((engine) => [engine.name, engine]),
);

/**
 * Decides one object with the engine that suits it.
 *
 * @param forced - asks that one alone; where it does not apply, the answer is `unknown`
 */
export function* decideTable(
  table: Table,
  model: Model,
  budget: Budget,
  forced?: EngineName,
): Generator<Slice, Decided> {
  const engines = forced === undefined ? [...SPECIALISED, wgl] : [engineNamed(forced)];
  for (const engine of engines) {
    const decide = engine.prepare(table, model);
    if (decide !== undefined) return { ...(yield* decide(budget)), engine: engine.name };
  }
  const engine = forced ?? wgl.name;
  return { type: 'unknown', reason: 'engine', provenRank: 0, engine };
}

function engineNamed(name: EngineName): Engine {
  return defined(ENGINES.get(name), `there is an engine ${name}`);
}
