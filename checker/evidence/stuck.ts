import { defined } from '../assert.ts';
import type { Decision, Refuted } from '../engines/decision.ts';
import { compile, rowsOf } from '../engines/problem.ts';
import type { Slice } from '../engines/run.ts';
import { Search } from '../engines/wgl.ts';
import type { Json, Operation } from '../history.ts';
import { canonicalJson, sameJson } from '../json.ts';
import { REJECTED, type Model } from '../models/model.ts';
import { show } from '../models/register.ts';
import { replayOf } from '../models/replay.ts';
import { Cursor, type Table } from '../table.ts';
import { ORDER_MAX, type Budget, type Candidate, type Stuck } from '../verdict.ts';
import { Effort } from './effort.ts';
import { asOpen, prefixOf } from './weakening.ts';

/** More would not be read. */
const CANDIDATES_MAX = 50;
/** Of longer histories no other ends are looked for, and no values: they only illustrate. */
const ENDS_EVENTS_MAX = 40_000;

/**
 * Finds where a history that is not linearizable stops being so. Linearizability is closed under
 * prefixes: of the completions in order there is a first one after which no order remains, found by
 * bisection; the operation that completed there is the one that could not be placed. This does not
 * depend on how an engine searches.
 *
 * @param table - of one key, not linearizable
 * @param refuted - what the engine knows of the place: where it knows it exactly, nothing is decided again
 */
export function* explainStuck(
  table: Table,
  model: Model,
  budget: Budget,
  { byRank: provedBy, orderBefore, provenRank = 0 }: Place,
): Generator<Slice, Stuck> {
  if (provedBy !== undefined && orderBefore !== undefined) {
    const states = yield* lastStates(table, provedBy + 1, model, budget);
    const order = { table, rows: orderBefore() };
    const row = (table.events[provedBy] as number) >>> 1;
    return describe({ table, row, order, states, isExact: true, model });
  }
  const effort = Effort.ofPlace(budget, table.size);
  const completions = completionRanks(table);
  // Invariant: after `low` completions linearizable, as `order` shows; after `high` not.
  let high = provedBy === undefined ? completions.length : completions.indexOf(provedBy) + 1;
  const proven = completions.findLastIndex((rank) => rank < provenRank) + 1;
  let low = Math.min(proven, high - 1);
  let order: Order | undefined;
  // A proof of its own is most often the first violation, too. Without one, double first: a prefix
  // costs more the longer it is.
  let middle = provedBy === undefined ? low + 1 : high - 1;
  while (high - low > 1) {
    const prefix = prefixOf(table, endOf(completions, middle), model);
    const decided: Decision = yield* effort.decide(prefix, model);
    if (decided.type === 'unknown') {
      const row = rowOf(table, completions, high);
      return describe({ table, row, order, states: [], isExact: false, model });
    }
    if (decided.type === 'linearizable') {
      low = middle;
      order = { table: prefix, rows: decided.order };
    } else {
      high = middle;
    }
    middle = Math.min(Math.max(low * 2, low + 1), (low + high) >>> 1);
    if (middle <= low) middle = (low + high) >>> 1;
  }
  if (order === undefined && low > 0) {
    // That these are linearizable was known, without an order of theirs.
    const prefix = prefixOf(table, endOf(completions, low), model);
    const decided: Decision = yield* effort.decide(prefix, model);
    if (decided.type === 'linearizable') order = { table: prefix, rows: decided.order };
  }
  const states = yield* lastStates(table, endOf(completions, high), model, budget);
  const row = rowOf(table, completions, high);
  return describe({ table, row, order, states, isExact: true, model });
}

/** What an engine knows of the place where a history stops being linearizable. */
type Place = Pick<Refuted, 'byRank' | 'orderBefore' | 'provenRank'>;

/** A legal order, as rows of a table of its own. */
interface Order {
  readonly table: Table;
  readonly rows: Int32Array;
}

function completionRanks(table: Table): Int32Array {
  const ranks = new Int32Array(table.completed);
  let next = 0;
  for (let rank = 0; rank < table.events.length; rank++) {
    if (((table.events[rank] as number) & 1) === 1) ranks[next++] = rank;
  }
  return ranks;
}

/** The first rank behind the `count`-th completion. */
function endOf(completions: Int32Array, count: number): number {
  return defined(completions[count - 1], 'a history without completions is linearizable') + 1;
}

function rowOf(table: Table, completions: Int32Array, count: number): number {
  return (table.events[endOf(completions, count) - 1] as number) >>> 1;
}

/** States after orders of everything but the last completion: what a search meets within a slice. */
function* lastStates(
  table: Table,
  end: number,
  model: Model,
  budget: Budget,
): Generator<Slice, readonly Json[]> {
  if (end > ENDS_EVENTS_MAX) return [];
  const prefix = prefixOf(table, end, model);
  const problem = compile(prefix, model);
  const search = new Search(problem, { isLookingAhead: false });
  // Only an illustration: it must not cost more than what was decided. States that grow cost most.
  const steps = problem.values === undefined ? 50 : 2_000;
  for (let slice = 0; slice < 5; slice++) {
    if (search.advance(steps) !== undefined || budget.now() > budget.deadlineNs) break;
    if (search.bytes > budget.memoryBytesMax) break;
    yield 'running';
  }
  return [...search.ends].map((order) =>
    replay({ table: prefix, rows: rowsOf(problem, order) }, model),
  );
}

function describe(parts: {
  readonly table: Table;
  /** The row that could not be placed: what completes later is as it was then, open. */
  readonly row: number;
  readonly order: Order | undefined;
  readonly states: readonly Json[];
  readonly isExact: boolean;
  readonly model: Model;
}): Stuck {
  const { table, row, order, isExact, model } = parts;
  const operation = table.operation(row);
  const state = order === undefined ? model.initial : replay(order, model);
  const rows = order?.rows ?? new Int32Array(0);
  const states = new Map([state, ...parts.states].map((each) => [canonicalJson(each), each]));
  return {
    operation,
    isExact,
    placed: rows.length,
    order: Array.from(rows.subarray(-ORDER_MAX), (each) => defined(order, 'it').table.id(each)),
    state,
    rejection: rejection(state, operation, model),
    states: [...states.values()],
    candidates: candidates(table, row, order, state, model),
    note: noteOn(table, row, model),
  };
}

/** Others that ran at the same time; those that completed later are as they were then: open. */
function candidates(
  table: Table,
  row: number,
  order: Order | undefined,
  state: Json,
  model: Model,
): readonly Candidate[] {
  const { invoke, return: returns } = table;
  const end = returns[row] as number;
  const concurrent: Operation[] = [];
  for (let each = table.size - 1; each >= 0 && concurrent.length < CANDIDATES_MAX; each--) {
    if (each === row || (invoke[each] as number) > end) continue;
    if ((returns[each] as number) < (invoke[row] as number)) continue;
    const operation = table.operation(each);
    const isOpen = (returns[each] as number) > end;
    if (!isOpen) concurrent.push(operation);
    else if (!model.isReadOnly(operation)) concurrent.push(asOpen(operation));
  }
  const isPlaced = new Uint8Array(order?.table.size ?? 0);
  for (const each of order?.rows ?? []) isPlaced[each] = 1;
  return concurrent.toReversed().map((operation): Candidate => {
    const at = order?.table.rowOf(operation.id);
    if (at !== undefined && isPlaced[at] === 1) {
      return { operation, isPlaced: true, rejection: undefined };
    }
    return { operation, isPlaced: false, rejection: rejection(state, operation, model) };
  });
}

/** A reason that needs no search: the value was never written, or not before it was seen. */
function noteOn(table: Table, row: number, model: Model): string | undefined {
  const cursor = new Cursor(table.columns);
  const required = model.overwrite?.(cursor.at(row))?.requires;
  if (required === undefined || sameJson(required, model.initial)) return undefined;
  const end = table.return[row] as number;
  if (end > ENDS_EVENTS_MAX) return undefined;
  for (let each = 0; each < table.size && (table.invoke[each] as number) < end; each++) {
    if (model.isReadOnly(cursor.at(each))) continue;
    const effect = model.overwrite?.(cursor);
    // Without: it could have come about some other way.
    if (effect === undefined) return undefined;
    if (effect.produces !== undefined && sameJson(effect.produces, required)) return undefined;
  }
  return `nobody had begun to write ${show(required)} by then`;
}

function rejection(state: Json, operation: Operation, model: Model): string | undefined {
  return model.step(state, operation) === REJECTED
    ? model.explainRejection(state, operation)
    : undefined;
}

/** The state after a legal order. */
function replay({ table, rows }: Order, model: Model): Json {
  const cursor = new Cursor(table.columns);
  if (model.overwrite !== undefined) {
    // The last that wrote says it all, where each says so by itself.
    for (let i = rows.length - 1; i >= 0; i--) {
      const effect = model.overwrite(cursor.at(rows[i] as number));
      if (effect === undefined) break;
      if (effect.produces !== undefined) return effect.produces;
      if (i === 0) return model.initial;
    }
  }
  const object = replayOf(model);
  for (const row of rows) object.apply(cursor.at(row));
  return object.state();
}

/** Ids of operations in rows of a table. */
export function idsOf(table: Table, rows: Int32Array): Int32Array {
  return rows.map((row) => table.id(row));
}
