import { defined } from '../assert.ts';
import type { Json, Operation } from '../history.ts';
import { canonicalJson } from '../json.ts';
import { REJECTED, type Model } from '../models/model.ts';

/** Return position of a crashed operation. Real positions are far below. */
export const NEVER = 0x7fff_ffff;
/** No value, no state. */
export const NONE = -1;

/**
 * One key's history as integers. Operations are numbered: completed ones 0 … completed-1 by
 * invocation, then crashed ones by class and invocation.
 */
export interface Problem {
  readonly model: Model;
  readonly operations: readonly Operation[];
  readonly completed: number;
  /** Position of the invocation, per operation. */
  readonly invoke: Int32Array;
  /** Position of the completion, NEVER when crashed. */
  readonly return: Int32Array;
  readonly isReadOnly: Uint8Array;
  /** Operations of one class are interchangeable (`Model.effectKey`). */
  readonly classOf: Int32Array;
  readonly classes: number;
  /** Runs of crashed operations of one class: [first, end) as operation numbers. */
  readonly crashedRuns: readonly { readonly first: number; readonly end: number }[];
  readonly initial: number;
  /** The state after an operation, NONE when it is rejected. */
  readonly transition: (state: number, operation: number) => number;
  /** Present when every operation overwrites (`Model.overwrite`): what pruning needs. */
  readonly values: Values | undefined;
}

/** Demand and supply of states; indexed by operation or by state. */
export interface Values {
  /** Per operation: the only state it can happen in, the state it cannot happen in, the next one. */
  readonly requires: Int32Array;
  readonly forbids: Int32Array;
  readonly produces: Int32Array;
  readonly states: number;
  /** Per state: crashed operations that can happen in it only. */
  readonly crashedDemand: Int32Array;
}

/**
 * Compiles the history of one key. Crashed reads are left out: they change nothing and say nothing.
 *
 * @param operations - of one key, ordered by invocation, well formed
 */
export function compile(operations: readonly Operation[], model: Model): Problem {
  const completed = operations.filter((operation) => operation.outcome === 'ok');
  const crashed = operations.filter(
    (operation) => operation.outcome === 'info' && !model.isReadOnly(operation),
  );
  const effects = compileOverwrites(completed, crashed, model);
  return effects === undefined
    ? compileGeneric(completed, crashed, model)
    : compileOverwriting(completed, effects, model);
}

interface Effect {
  readonly operation: Operation;
  /** State ids, before those that nobody can tell apart are merged. */
  readonly requires: number;
  readonly forbids: number;
  readonly produces: number;
}

interface Effects {
  readonly states: number;
  readonly initial: number;
  readonly completed: readonly Effect[];
  readonly crashed: readonly Effect[];
}

function compileOverwrites(
  completed: readonly Operation[],
  crashed: readonly Operation[],
  model: Model,
): Effects | undefined {
  if (model.overwrite === undefined) return undefined;
  const states = new Interner();
  const initial = states.id(model.initial);
  const effect = (operation: Operation): Effect | undefined => {
    const overwrite = model.overwrite?.(operation);
    if (overwrite === undefined) return undefined;
    const id = (value: Json | undefined): number => (value === undefined ? NONE : states.id(value));
    return {
      operation,
      requires: id(overwrite.requires),
      forbids: id(overwrite.forbids),
      produces: id(overwrite.produces),
    };
  };
  const all = [...completed, ...crashed].map(effect);
  const known = all.filter((each) => each !== undefined);
  if (known.length < all.length) return undefined;
  return {
    states: states.size,
    initial,
    completed: known.slice(0, completed.length),
    crashed: useful(known.slice(0, completed.length), known.slice(completed.length)),
  };
}

/**
 * Leaves out crashed operations that no order needs. `c` can matter only by producing a state that
 * another operation requires, or by leaving a state that a completed one forbids.
 *
 * Proof that the others can go, all at once: take a legal order and remove them. Between a removed
 * `c` and the next mutation the state was what `c` produced, `x`, and is now what it was before `c`,
 * `s`. Nothing there required `x`: no completed operation and no crashed one that stayed does, by
 * definition. Nothing there forbids `s`: where `c` is a CAS it left its `from`, which nobody forbids,
 * or `c` would have stayed; where it is a write, nobody forbids anything. And the next mutation
 * produces the same state whatever was before.
 */
function useful(completed: readonly Effect[], crashed: readonly Effect[]): readonly Effect[] {
  const required = new Set(completed.map((each) => each.requires));
  const forbidden = new Set(completed.map((each) => each.forbids));
  required.delete(NONE);
  forbidden.delete(NONE);
  let kept: Effect[] = [];
  let rest = [...crashed];
  for (;;) {
    // What a kept one requires is required: close this backwards along chains of CAS.
    const isUseful = (each: Effect): boolean =>
      required.has(each.produces) ||
      (each.requires === NONE ? forbidden.size > 0 : forbidden.has(each.requires));
    const found = new Set(rest.filter(isUseful));
    if (found.size === 0) return kept;
    for (const each of found) if (each.requires !== NONE) required.add(each.requires);
    kept = [...kept, ...found];
    rest = rest.filter((each) => !found.has(each));
  }
}

function compileOverwriting(
  completed: readonly Operation[],
  effects: Effects,
  model: Model,
): Problem {
  // States that no operation requires or forbids cannot be told apart: they become one.
  const all = [...effects.completed, ...effects.crashed];
  const renumbered = new Int32Array(effects.states).fill(NONE);
  let states = 1; // 0 is the merged one
  for (const { requires, forbids } of all) {
    for (const state of [requires, forbids]) {
      if (state !== NONE && renumbered[state] === NONE) renumbered[state] = states++;
    }
  }
  const renumber = (state: number): number =>
    state === NONE ? NONE : Math.max(0, defined(renumbered[state], 'a state id'));
  const merged = all.map((each) => ({
    operation: each.operation,
    requires: renumber(each.requires),
    forbids: renumber(each.forbids),
    produces: renumber(each.produces),
  }));
  const ordered = order(
    merged.slice(0, completed.length),
    merged.slice(completed.length),
    (each) => `${each.requires} ${each.forbids} ${each.produces}`,
  );
  const requires = Int32Array.from(ordered.items, (each) => each.requires);
  const forbids = Int32Array.from(ordered.items, (each) => each.forbids);
  const produces = Int32Array.from(ordered.items, (each) => each.produces);
  const crashedDemand = new Int32Array(states);
  for (const each of ordered.items.slice(completed.length)) {
    if (each.requires !== NONE) crashedDemand[each.requires] = 1;
  }
  return {
    ...layout(ordered, (each) => each.operation, completed.length, model),
    initial: renumber(effects.initial),
    transition: (state, operation) => {
      const required = requires[operation] as number;
      if (required !== NONE && required !== state) return NONE;
      if (forbids[operation] === state) return NONE;
      const next = produces[operation] as number;
      return next === NONE ? state : next;
    },
    values: { requires, forbids, produces, states, crashedDemand },
  };
}

function compileGeneric(
  completed: readonly Operation[],
  crashed: readonly Operation[],
  model: Model,
): Problem {
  const states = new Interner();
  const initial = states.id(model.initial);
  const ordered = order(completed, crashed, (operation) => model.effectKey(operation));
  const known = new Map<number, number>();
  const problem = layout(ordered, (operation) => operation, completed.length, model);
  return {
    ...problem,
    initial,
    transition: (state, operation) => {
      const at = state * problem.classes + (problem.classOf[operation] as number);
      const seen = known.get(at);
      if (seen !== undefined) return seen;
      const step = model.step(
        states.value(state),
        defined(problem.operations[operation], 'a number of an operation'),
      );
      const next = step === REJECTED ? NONE : states.id(step);
      known.set(at, next);
      return next;
    },
    values: undefined,
  };
}

interface Ordered<T> {
  readonly items: readonly T[];
  readonly classOf: Int32Array;
  readonly classes: number;
}

/** Completed as they are, crashed sorted by class (stable: by invocation within one). */
function order<T>(
  completed: readonly T[],
  crashed: readonly T[],
  classText: (item: T) => string,
): Ordered<T> {
  const ids = new Map<string, number>();
  const classId = (item: T): number => {
    const text = classText(item);
    const id = ids.get(text) ?? ids.size;
    ids.set(text, id);
    return id;
  };
  const completedClasses = completed.map(classId);
  const sorted = crashed
    .map((item) => ({ item, id: classId(item) }))
    .toSorted((a, b) => a.id - b.id);
  return {
    items: [...completed, ...sorted.map(({ item }) => item)],
    classOf: Int32Array.from([...completedClasses, ...sorted.map(({ id }) => id)]),
    classes: ids.size,
  };
}

function layout<T>(
  ordered: Ordered<T>,
  operationOf: (item: T) => Operation,
  completed: number,
  model: Model,
): Omit<Problem, 'initial' | 'transition' | 'values'> {
  const operations = ordered.items.map(operationOf);
  const runs: { first: number; end: number }[] = [];
  for (let i = completed; i < operations.length; i++) {
    const last = runs.at(-1);
    if (last !== undefined && ordered.classOf[i] === ordered.classOf[last.first]) last.end = i + 1;
    else runs.push({ first: i, end: i + 1 });
  }
  return {
    model,
    operations,
    completed,
    invoke: Int32Array.from(operations, (each) => each.invoke),
    return: Int32Array.from(operations, (each) => Math.min(each.return, NEVER)),
    isReadOnly: Uint8Array.from(operations, (each) => (model.isReadOnly(each) ? 1 : 0)),
    classOf: ordered.classOf,
    classes: ordered.classes,
    crashedRuns: runs,
  };
}

/** Structurally equal values get equal small integers. */
class Interner {
  readonly #ids = new Map<string, number>();
  readonly #values: Json[] = [];

  get size(): number {
    return this.#values.length;
  }

  id(value: Json): number {
    const text = canonicalJson(value);
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.#values.length;
    this.#ids.set(text, id);
    this.#values.push(value);
    return id;
  }

  value(id: number): Json {
    return defined(this.#values[id], 'an interned id');
  }
}
