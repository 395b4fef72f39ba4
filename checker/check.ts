import { defined } from './assert.ts';
import { compile } from './engines/problem.ts';
import { runSearch, type Slice } from './engines/run.ts';
import { Search } from './engines/wgl.ts';
import { sentenceOf } from './evidence/sentence.ts';
import { findStaleReads } from './evidence/stale-read.ts';
import { explainStuck, idsOf, type Refutation } from './evidence/stuck.ts';
import type { Operation } from './history.ts';
import type { Model } from './models/model.ts';
import { combine, type Budget, type KeyVerdict, type Verdict } from './verdict.ts';

/** An operation that its model cannot read. */
export interface ModelError {
  /** Line of the invocation, from 1. */
  readonly line: number;
  /** What was found and what was expected, one line. */
  readonly message: string;
}

/** The first operation that the model does not know, or whose value it cannot read. */
export function findMalformed(
  operations: readonly Operation[],
  model: Model,
): ModelError | undefined {
  for (const operation of operations) {
    const message = model.malformed(operation);
    if (message !== undefined) return { line: operation.invoke + 1, message };
  }
  return undefined;
}

/**
 * Splits a history by key: it is linearizable exactly when every key's part is (P-compositionality,
 * Horn & Kroening 2015). Operations without a key are one object.
 *
 * @returns in order of each key's first invocation
 */
export function partition(
  operations: readonly Operation[],
): ReadonlyMap<string | undefined, readonly Operation[]> {
  const byKey = new Map<string | undefined, Operation[]>();
  for (const operation of operations) {
    const part = byKey.get(operation.key);
    if (part === undefined) byKey.set(operation.key, [operation]);
    else part.push(operation);
  }
  return byKey;
}

/**
 * Decides one key in slices: a caller that wants to stay responsive drains it little by little, one
 * that gives up calls `return`. Deterministic but for where a budget ends.
 *
 * @param operations - of one key, ordered by invocation, well formed (`findMalformed`)
 */
export function* decideKey(
  operations: readonly Operation[],
  model: Model,
  budget: Budget,
): Generator<Slice, KeyVerdict> {
  const key = operations[0]?.key;
  const common = { key, operations: operations.length };
  const staleReads = findStaleReads(operations, model);
  const stale = staleReads[0]?.read;
  let refutation: Refutation;
  if (stale === undefined) {
    const problem = compile(operations, model);
    const search = new Search(problem);
    const result = yield* runSearch(search, budget);
    if (result.type === 'unknown') return { ...common, valid: 'unknown', reason: result.reason };
    if (result.type === 'linearizable') {
      return { ...common, valid: true, witness: idsOf(problem, result.order) };
    }
    const deepest = defined(search.deepest, 'a refutation got somewhere');
    const operation = defined(problem.operations[deepest.blocked], 'a number of an operation');
    refutation = { provedBy: undefined, operation, order: idsOf(problem, deepest.order) };
  } else {
    // A proof that needs no search, and shows how far to look for something worse.
    refutation = { provedBy: stale, operation: stale, order: [] };
  }
  const stuck = yield* explainStuck(operations, model, budget, refutation);
  const sentence = sentenceOf(stuck, staleReads, model);
  return { ...common, valid: false, stuck, staleReads, sentence };
}

/** Decides one key at once. */
export function checkKey(
  operations: readonly Operation[],
  model: Model,
  budget: Budget,
): KeyVerdict {
  const decision = decideKey(operations, model, budget);
  for (;;) {
    const step = decision.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Decides a history at once, key by key; each key may use an equal share of the time that is left.
 *
 * @param operations - ordered by invocation, well formed (`findMalformed`). None at all is `valid`
 *   and proves nothing: the caller must tell.
 */
export function checkHistory(
  operations: readonly Operation[],
  model: Model,
  budget: Budget,
): Verdict {
  const parts = [...partition(operations).values()].toSorted((a, b) => a.length - b.length);
  const keys = parts.map((part, i) => {
    const now = budget.now();
    const deadlineNs = now + (budget.deadlineNs - now) / (parts.length - i);
    return checkKey(part, model, { ...budget, deadlineNs });
  });
  return { valid: combine(keys), keys };
}
