import { defined } from '../assert.ts';
import type { Refuted } from '../engines/decision.ts';
import type { Slice } from '../engines/run.ts';
import type { Model } from '../models/model.ts';
import type { Table } from '../table.ts';
import type { Budget, Counterexample, Stuck } from '../verdict.ts';
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
  const operations = table.operations();
  const staleReads = findStaleReads(operations, model);
  const stale = staleReads[0]?.read;
  const last = operations.filter((each) => each.outcome === 'ok').at(-1);
  const proof =
    refuted.byRank === undefined
      ? stale
      : operations[(table.events[refuted.byRank] as number) >>> 1];
  const operation = defined(proof ?? last, 'a history without completions is linearizable');
  const refutation = { provedBy: proof, operation, order: [] };
  const stuck = yield* explainStuck(operations, model, budget, refutation);
  const sentence = sentenceOf(stuck, staleReads, model);
  return { stuck, counterexample: undefined, staleReads, sentence };
}
