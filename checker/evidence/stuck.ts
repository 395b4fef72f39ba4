import { defined } from '../assert.ts';
import { decideTable, type Decided } from '../engines/auto.ts';
import { compile, rowsOf } from '../engines/problem.ts';
import type { Slice } from '../engines/run.ts';
import { Search } from '../engines/wgl.ts';
import type { Json, Operation } from '../history.ts';
import { canonicalJson, sameJson } from '../json.ts';
import { REJECTED, type Model } from '../models/model.ts';
import { show } from '../models/register.ts';
import { Table } from '../table.ts';
import type { Budget, Candidate, Stuck } from '../verdict.ts';

/** More would not be read. */
const CANDIDATES_MAX = 50;

/** What is known of a violation before it is explained. */
export interface Refutation {
  /** A completion by which the history was certainly no longer linearizable, where one is known. */
  readonly provedBy: Operation | undefined;
  /** What to report where the budget ends before the exact operation is found. */
  readonly operation: Operation;
  /** Ids of a legal order without it. */
  readonly order: ArrayLike<number>;
}

/**
 * Finds where a history that is not linearizable stops being so. Linearizability is closed under
 * prefixes: of the completions in order there is a first one after which no order remains, found by
 * bisection; the operation that completed there is the one that could not be placed. This does not
 * depend on how an engine searches.
 *
 * @param operations - of one key, not linearizable
 */
export function* explainStuck(
  operations: readonly Operation[],
  model: Model,
  budget: Budget,
  refutation: Refutation,
): Generator<Slice, Stuck> {
  const completed = operations
    .filter((operation) => operation.outcome === 'ok')
    .toSorted((a, b) => a.return - b.return);
  const { provedBy } = refutation;
  // Invariant: after `low` completions linearizable, as `order` shows; after `high` not.
  let low = 0;
  let high = provedBy === undefined ? completed.length : completed.indexOf(provedBy) + 1;
  let order: ArrayLike<number> = [];
  // A proof of its own is most often the first violation, too. Without one, double first: a prefix
  // costs more the longer it is.
  let middle = provedBy === undefined ? 1 : high - 1;
  while (high - low > 1) {
    const prefix = upTo(operations, completed, middle, model);
    const result = yield* decide(prefix, model, budget);
    if (result.type === 'unknown') {
      return describe({ ...refutation, operations, states: [], isExact: false, model });
    }
    if (result.type === 'linearizable') {
      low = middle;
      order = result.ids;
    } else {
      high = middle;
    }
    middle = Math.min(low * 2, (low + high) >>> 1);
    if (middle <= low) middle = (low + high) >>> 1;
  }
  const operation = defined(completed[high - 1], 'a history without completions is linearizable');
  const prefix = upTo(operations, completed, high, model);
  const states = yield* lastStates(prefix, model, budget);
  return describe({ operations: prefix, operation, order, states, isExact: true, model });
}

/**
 * The history up to and including its `count`-th completion. What completes later is pending there:
 * a mutation may or may not have happened, a read-only operation is left out.
 */
function upTo(
  operations: readonly Operation[],
  completed: readonly Operation[],
  count: number,
  model: Model,
): readonly Operation[] {
  const end = defined(completed[count - 1], 'count is within the completions').return;
  return operations
    .filter((operation) => operation.invoke < end)
    .filter((operation) => operation.return <= end || !model.isReadOnly(operation))
    .map((operation) =>
      operation.return <= end
        ? operation
        : { ...operation, outcome: 'info', output: null, return: Infinity },
    );
}

type Decision =
  | { readonly type: 'linearizable'; readonly ids: Int32Array }
  | Exclude<Decided, { readonly type: 'linearizable' }>;

function* decide(
  operations: readonly Operation[],
  model: Model,
  budget: Budget,
): Generator<Slice, Decision> {
  const table = Table.of(operations);
  const decided = yield* decideTable(table, model, budget);
  if (decided.type !== 'linearizable') return decided;
  return { type: 'linearizable', ids: idsOf(table, decided.order) };
}

/** States after orders of everything but the last completion: what a search meets within a slice. */
function* lastStates(
  operations: readonly Operation[],
  model: Model,
  budget: Budget,
): Generator<Slice, readonly Json[]> {
  const table = Table.of(operations);
  const problem = compile(table, model);
  const search = new Search(problem, { isLookingAhead: false });
  // Only an illustration: it must not cost more than what was decided.
  for (let slice = 0; slice < 20; slice++) {
    if (search.advance(5_000) !== undefined || budget.now() > budget.deadlineNs) break;
    if (search.bytes > budget.memoryBytesMax) break;
    yield 'running';
  }
  return [...search.ends].map((order) =>
    replay(operations, model, idsOf(table, rowsOf(problem, order))),
  );
}

function describe(parts: {
  readonly operations: readonly Operation[];
  readonly operation: Operation;
  readonly order: ArrayLike<number>;
  readonly states: readonly Json[];
  readonly isExact: boolean;
  readonly model: Model;
}): Stuck {
  const { operations, operation, order, isExact, model } = parts;
  const state = replay(operations, model, order);
  const placed = new Set(Array.from(order));
  const states = new Map([state, ...parts.states].map((each) => [canonicalJson(each), each]));
  return {
    operation,
    isExact,
    order: Array.from(order),
    state,
    rejection: rejection(state, operation, model),
    states: [...states.values()],
    candidates: concurrent(operations, operation)
      .slice(-CANDIDATES_MAX)
      .map((each): Candidate => {
        const isPlaced = placed.has(each.id);
        return {
          operation: each,
          isPlaced,
          rejection: isPlaced ? undefined : rejection(state, each, model),
        };
      }),
    note: noteOn(operations, operation, model),
  };
}

/** A reason that needs no search: the value was never written, or not before it was seen. */
function noteOn(
  operations: readonly Operation[],
  operation: Operation,
  model: Model,
): string | undefined {
  const required = model.overwrite?.(operation)?.requires;
  if (required === undefined || sameJson(required, model.initial)) return undefined;
  let isWritten = false;
  for (const each of operations) {
    const effect = model.isReadOnly(each) ? {} : model.overwrite?.(each);
    if (effect === undefined) return undefined; // it could have come about some other way
    if (effect.produces !== undefined && sameJson(effect.produces, required)) isWritten = true;
  }
  return isWritten ? undefined : `nobody had begun to write ${show(required)} by then`;
}

function rejection(state: Json, operation: Operation, model: Model): string | undefined {
  return model.step(state, operation) === REJECTED
    ? model.explainRejection(state, operation)
    : undefined;
}

function concurrent(operations: readonly Operation[], operation: Operation): readonly Operation[] {
  return operations.filter(
    (each) =>
      each.id !== operation.id && each.invoke < operation.return && each.return > operation.invoke,
  );
}

function replay(operations: readonly Operation[], model: Model, order: ArrayLike<number>): Json {
  const byId = new Map(operations.map((operation) => [operation.id, operation]));
  let state = model.initial;
  for (const id of Array.from(order)) {
    const next = model.step(state, defined(byId.get(id), 'an order names known operations'));
    if (next !== REJECTED) state = next;
  }
  return state;
}

/** Ids of operations in rows of a table. */
export function idsOf(table: Table, rows: Int32Array): Int32Array {
  return rows.map((row) => table.id(row));
}
