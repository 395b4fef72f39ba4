import type { Refuted } from '../engines/decision.ts';
import type { Slice } from '../engines/run.ts';
import type { Model } from '../models/model.ts';
import type { Table } from '../table.ts';
import type { Budget, Counterexample, Stuck } from '../verdict.ts';
import { findCounterexample } from './counterexample.ts';
import { Effort } from './effort.ts';
import { sentenceOf } from './sentence.ts';
import { findStaleReads, type StaleRead } from './stale-read.ts';
import { explainStuck } from './stuck.ts';

/** What shows that an object is not linearizable. */
export interface Evidence {
  readonly stuck: Stuck;
  readonly counterexample: Counterexample | undefined;
  readonly staleReads: readonly StaleRead[];
  readonly sentence: string;
}

/** Gathers it all, under what is left of the budget. */
export function* collectEvidence(
  table: Table,
  model: Model,
  budget: Budget,
  refuted: Refuted,
): Generator<Slice, Evidence> {
  const staleReads = findStaleReads(table, model);
  const first = staleReads[0]?.read;
  const proof = refuted.byRank ?? (first === undefined ? undefined : rankOf(table, first.id));
  const stuck = yield* explainStuck(table, model, budget, { ...refuted, byRank: proof });
  // No order gets beyond that completion: what comes later does not matter.
  const byRank = rankOf(table, stuck.operation.id) ?? table.events.length - 1;
  const effort = Effort.of(budget, table.size);
  const stale = staleReads.find(({ read }) => read.id === stuck.operation.id);
  const wanted = model.overwrite?.(stuck.operation)?.requires;
  const known = { ...refuted, byRank, stale, wanted };
  const found = yield* findCounterexample(table, model, known, effort);
  const sentence = sentenceOf(found?.whole, stuck, model);
  return { stuck, counterexample: found?.counterexample, staleReads, sentence };
}

function rankOf(table: Table, id: number): number | undefined {
  const row = table.rowOf(id);
  return row === undefined ? undefined : table.return[row];
}
