import { decideTable } from './engines/auto.ts';
import type { Step } from './engines/run.ts';
import { collectEvidence } from './evidence/collect.ts';
import { idsOf } from './evidence/stuck.ts';
import type { Operation } from './history.ts';
import type { Model } from './models/model.ts';
import { Cursor, NEVER, Table, type Columns } from './table.ts';
import { NULL } from './values.ts';
import { combine, type Budget, type EngineName, type KeyVerdict, type Verdict } from './verdict.ts';

/** An operation that its model cannot read. */
export interface ModelError {
  /** Line of the invocation, from 1. */
  readonly line: number;
  /** What was found and what was expected, one line. */
  readonly message: string;
}

/**
 * The first operation that the model does not know, or whose value it cannot read.
 *
 * @param history - operations, or columns, of which no objects are made
 */
export function findMalformed(
  history: Columns | readonly Operation[],
  model: Model,
): ModelError | undefined {
  for (const operation of 'size' in history ? unlikeOperations(history) : history) {
    const message = model.malformed(operation);
    if (message !== undefined) return { line: operation.invoke + 1, message };
  }
  return undefined;
}

/**
 * Enough of the operations to tell whether a model can read them all, in order: the first of each shape.
 * Shapes are functions, outcomes, and which of input and output are `null` or an integer that is its own
 * id: `Model.malformed` makes no difference between those. Where a value is of another kind, every
 * operation is one of its own.
 *
 * @returns the same cursor at each of them
 */
export function* unlikeOperations(columns: Columns): Generator<Operation> {
  const { size, f, input, output, applied } = columns;
  const returns = columns.return;
  const isSeen = new Uint8Array(16 * columns.functions.length);
  const cursor = new Cursor(columns);
  for (let row = 0; row < size; row++) {
    const given = input[row] as number;
    const result = output[row] as number;
    if (given >= NULL && result >= NULL) {
      const values = (given === NULL ? 1 : 0) + (result === NULL ? 2 : 0);
      const outcome = (returns[row] === NEVER ? 4 : 0) + (applied[row] === 0 ? 8 : 0);
      const shape = 16 * (f[row] as number) + outcome + values;
      if (isSeen[shape] === 1) continue;
      isSeen[shape] = 1;
    }
    yield cursor.at(row);
  }
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

/** Choices of one decision. */
export interface DecideOptions {
  /** Forces one engine; where it does not apply the answer is `unknown`. Chosen when absent. */
  readonly engine?: EngineName | undefined;
}

/**
 * Decides one key in slices: a caller that wants to stay responsive drains it little by little, one
 * that gives up calls `return`. Deterministic but for where a budget ends.
 *
 * @param history - of one key; operations ordered by invocation, well formed (`findMalformed`)
 */
export function* decideKey(
  history: Table | readonly Operation[],
  model: Model,
  budget: Budget,
  options: DecideOptions = {},
): Generator<Step, KeyVerdict> {
  const table = history instanceof Table ? history : Table.of(history);
  const common = { key: table.key, operations: table.size };
  const decided = yield* decideTable(table, model, budget, options.engine);
  const { engine } = decided;
  if (decided.type === 'unknown') {
    const { provenRank, reason } = decided;
    const progress = {
      completions: table.completed,
      completionsProven: completionsBefore(table, provenRank),
    };
    return { ...common, valid: 'unknown', engine, reason, progress };
  }
  if (decided.type === 'linearizable') {
    return { ...common, valid: true, engine, witness: idsOf(table, decided.order) };
  }
  yield 'refuted';
  const evidence = yield* collectEvidence(table, model, budget, decided);
  return { ...common, valid: false, engine, ...evidence };
}

function completionsBefore(table: Table, rank: number): number {
  const end = Math.min(rank, table.events.length);
  let count = 0;
  for (let i = 0; i < end; i++) count += (table.events[i] as number) & 1;
  return count;
}

/** Decides one key at once. */
export function checkKey(
  history: Table | readonly Operation[],
  model: Model,
  budget: Budget,
  options: DecideOptions = {},
): KeyVerdict {
  const decision = decideKey(history, model, budget, options);
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
