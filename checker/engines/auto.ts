import { bag } from './bag.ts';
import { counter } from './counter.ts';
import { frontier } from './frontier.ts';
import { list } from './list.ts';
import { lock } from './lock.ts';
import { decideInTurns, type Decided } from './portfolio.ts';
import { queue } from './queue.ts';
import { wgl } from './search.ts';
import { set } from './set.ts';
import { stack } from './stack.ts';
import { zones } from './zones.ts';
import type { Slice } from './run.ts';
import type { Model } from '../models/model.ts';
import type { Table } from '../table.ts';
import type { Budget, EngineName } from '../verdict.ts';
import type { Engine } from './decision.ts';

export type { Decided } from './portfolio.ts';

/** Those that decide special histories at once; the first that applies is asked. */
export const SPECIALISED: readonly Engine[] = [zones, set, queue, bag, stack, lock, list, counter];

/** Those that share the work with the general search where no special case applies. */
export const RIVALS: readonly Engine[] = [frontier];

/** Every engine, by name. */
export const ENGINES: ReadonlyMap<EngineName, Engine> = new Map(
  [...SPECIALISED, ...RIVALS, wgl].map((engine) => [engine.name, engine]),
);

/**
 * Decides one object with the engine that suits it: a specialised one where one applies, else the general
 * search and its rivals in turns.
 *
 * @param forced - asks that one alone; where it does not apply, the answer is `unknown`
 */
export function* decideTable(
  table: Table,
  model: Model,
  budget: Budget,
  forced?: EngineName,
): Generator<Slice, Decided> {
  const forcedEngine = forced === undefined ? undefined : ENGINES.get(forced);
  const first =
    forced === undefined ? SPECIALISED : forcedEngine === undefined ? [] : [forcedEngine];
  for (const engine of first) {
    const decide = engine.prepare(table, model);
    if (decide !== undefined) return { ...(yield* decide(budget)), engine: engine.name };
  }
  if (forced === undefined) return yield* decideInTurns(table, model, budget, RIVALS);
  return { type: 'unknown', reason: 'engine', provenRank: 0, engine: forced };
}
