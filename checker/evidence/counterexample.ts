import { ENGINES } from '../engines/auto.ts';
import type { Cut, Refuted } from '../engines/decision.ts';
import { overwritesOf } from '../engines/problem.ts';
import type { Slice } from '../engines/run.ts';
import type { Json, Operation } from '../history.ts';
import { sameJson } from '../json.ts';
import type { Model } from '../models/model.ts';
import type { Table } from '../table.ts';
import type { Counterexample } from '../verdict.ts';
import { behindCut } from './behind-cut.ts';
import type { Effort } from './effort.ts';
import type { StaleRead } from './stale-read.ts';
import { traceCuts } from './trace-cuts.ts';
import { Weakening } from './weakening.ts';

/** More are no counterexample that anybody reads; without a proof that all are needed, fewer. */
const SIZE_MAX = 2_000;
const SIZE_MAX_UNPROVED = 200;
/** As many as a screen shows: up to here all weak operations that can matter are told. */
const SIZE_GOOD = 12;
/** Cuts that are tried, the latest first. */
const CUTS_MAX = 3;
/** Of what is left, for looking for cuts. */
const CUTS_SHARE = 0.4;

/** What is known of a refutation. */
export interface Known extends Pick<Refuted, 'byRank' | 'conflict' | 'cuts'> {
  /** The operation that no order can place, where it is a stale read by proof. */
  readonly stale: StaleRead | undefined;
  /** The state that the operation which no order can place requires: a cut there tells most. */
  readonly wanted: Json | undefined;
}

/** Where the search for a counterexample begins: a history that is refuted with these strong. */
interface Start {
  readonly weakening: Weakening;
  /** Rows that may be strong, those that are preferred first. */
  readonly pool: number[];
  /** False: that they refute it is to be decided first. */
  readonly isKnown: boolean;
  /** Where it begins in the middle: the state there, and the id of the checker's own write of it. */
  readonly before?: { readonly state: Json; readonly ownId: number };
}

/**
 * Few operations that refute the history with all others weakened: from the engine's own conflict, or
 * behind a point where all agree on the state, or from what had completed by the refuting event.
 *
 * @param refuted - of this table
 * @returns undefined when the effort ends before there is one that can be told
 */
export function* findCounterexample(
  table: Table,
  model: Model,
  refuted: Known,
  effort: Effort,
): Generator<Slice, Counterexample | undefined> {
  let best: Counterexample | undefined;
  let known = refuted;
  let hasAskedForCuts = false;
  const tried = new Set<string>();
  for (;;) {
    const next = starts(table, model, known).find(({ name }) => !tried.has(name));
    if (next === undefined || effort.isSpent) break;
    if (next.needsCuts && !hasAskedForCuts) {
      hasAskedForCuts = true;
      known = { ...known, cuts: yield* withCuts(table, model, known, effort) };
      continue;
    }
    tried.add(next.name);
    const start = next.begin();
    if (start === undefined) continue;
    effort.spend(start.weakening.table.size);
    const found = yield* new Minimization(start, effort).run();
    if (found === undefined) continue;
    best = better(best, found);
    if (best.isMinimal && best.operations.length <= SIZE_GOOD) break;
  }
  if (best === undefined) return undefined;
  return best.operations.length <= (best.isMinimal ? SIZE_MAX : SIZE_MAX_UNPROVED)
    ? best
    : undefined;
}

/**
 * Where the engine knows no cut: the frontier's, if it can decide this history; else those that following every
 * configuration finds. Where values repeat, any weak write of a value may explain a read of it, so that
 * without a cut almost everything stays in.
 */
function* withCuts(
  table: Table,
  model: Model,
  known: Known,
  effort: Effort,
): Generator<Slice, readonly Cut[]> {
  if (known.cuts.length > 0) return known.cuts;
  const frontier = ENGINES.get('frontier')?.prepare(table, model);
  if (frontier !== undefined) {
    const decided = yield* effort.part(CUTS_SHARE).run(table.size, frontier);
    if (decided.type === 'not-linearizable' && decided.cuts.length > 0) return decided.cuts;
  }
  const last = known.byRank ?? table.events.length - 1;
  return yield* traceCuts(table, model, last, effort.part(CUTS_SHARE), known.wanted);
}

function better(a: Counterexample | undefined, b: Counterexample): Counterexample {
  if (a === undefined) return b;
  if (a.isMinimal !== b.isMinimal) return a.isMinimal ? a : b;
  return b.operations.length < a.operations.length ? b : a;
}

interface Attempt {
  readonly name: string;
  /** Worth its cost only where no cut is known. */
  readonly needsCuts: boolean;
  readonly begin: () => Start | undefined;
}

/** From what costs least to what always works. */
function starts(table: Table, model: Model, known: Known): readonly Attempt[] {
  const { conflict, stale, byRank } = known;
  const attempts: Attempt[] = [];
  const add = (name: string, begin: () => Start | undefined): void => {
    attempts.push({ name, needsCuts: name === 'prefix', begin });
  };
  const fromWhole = (pool: number[], isKnown: boolean): Start => ({
    weakening: new Weakening(table, model),
    pool,
    isKnown,
  });
  if (stale !== undefined)
    add('stale read', () => fromWhole(aroundStale(table, model, stale), false));
  if (conflict !== undefined && conflict.length > 0) {
    add('conflict', () =>
      fromWhole(
        conflict.filter((row) => table.isCompleted(row)),
        false,
      ),
    );
  }
  const last = byRank ?? table.events.length - 1;
  const cuts = known.cuts.filter(({ rank }) => rank <= last).toReversed();
  const { wanted } = known;
  const match = cuts.find(({ state }) => wanted !== undefined && sameJson(state, wanted));
  const preferred = match === undefined ? cuts : [match, ...cuts.filter((cut) => cut !== match)];
  for (const cut of preferred.slice(0, CUTS_MAX)) {
    add(`cut at ${cut.rank}`, () => startBehind(cut, table, model, byRank));
  }
  add('prefix', () => fromWhole(completedBy(table, byRank), true));
  return attempts;
}

/** A stale read, what overwrote its value, and all that wrote or saw that value. */
function aroundStale(table: Table, model: Model, stale: StaleRead): number[] {
  const rows = [stale.read, stale.overwrittenBy].map(({ id }) => table.rowOf(id) ?? -1);
  const overwrites = overwritesOf(table, model);
  if (overwrites === undefined) return rows;
  const value = table.columns.values.id(stale.value);
  const { produces, requires } = overwrites;
  const end = table.return[rows[0] as number] as number;
  const around: number[] = [];
  for (let row = 0; row < table.size && (table.invoke[row] as number) < end; row++) {
    if (produces[row] !== value && requires[row] !== value) continue;
    if ((table.return[row] as number) < end && !rows.includes(row)) around.push(row);
  }
  // Writers first: they say most.
  around.sort((a, b) => Number(produces[b] === value) - Number(produces[a] === value) || a - b);
  return [...rows, ...around];
}

/** Rows that completed by a rank, the latest first. */
function completedBy(table: Table, byRank: number | undefined): number[] {
  const { events } = table;
  const rows: number[] = [];
  for (let rank = byRank ?? events.length - 1; rank >= 0; rank--) {
    const event = events[rank] as number;
    if ((event & 1) === 1) rows.push(event >>> 1);
  }
  return rows;
}

/** What stands behind a cut; the checker's own write is the last to be preferred. */
function startBehind(
  cut: Cut,
  table: Table,
  model: Model,
  byRank: number | undefined,
): Start | undefined {
  const last = byRank ?? table.events.length - 1;
  const rest = behindCut(cut, table, model, last);
  if (rest === undefined) return undefined;
  const pool = completedBy(rest.table, undefined).filter((row) => !rest.isWeak(row));
  const before = { state: cut.state, ownId: rest.ownId };
  return { weakening: new Weakening(rest.table, model), pool, isKnown: false, before };
}

/**
 * Finds a set of strong operations that refutes the history while no smaller part of it does. "Refutes" is
 * monotone: of a set that does not, no part does. The pool stands in an order of preference; in each
 * round bisection finds the shortest beginning of it that refutes together with what is kept. Its last
 * operation is needed for good: without it that set does not refute, and what is kept in the end is a part
 * of it. So it is kept, and what stood behind it is not needed.
 */
class Minimization {
  #weakening: Weakening;
  #pool: number[];
  readonly #isKnown: boolean;
  readonly #before: Start['before'];
  readonly #effort: Effort;
  #kept: number[] = [];
  /** No decision was given up so far. */
  #isCertain = true;
  /** Ids of weak operations that some order needed. */
  readonly #needed = new Set<number>();

  constructor({ weakening, pool, isKnown, before }: Start, effort: Effort) {
    this.#before = before;
    this.#weakening = weakening;
    this.#pool = pool;
    this.#isKnown = isKnown;
    this.#effort = effort;
  }

  *run(): Generator<Slice, Counterexample | undefined> {
    if (!this.#isKnown && !(yield* this.#refutes(this.#pool))) return undefined;
    const isMinimal = (yield* this.#reduce()) && (yield* this.#verify()) && this.#isCertain;
    return this.#counterexample(isMinimal);
  }

  /** @returns false when the effort ended: then `kept` and `pool` together refute */
  *#reduce(): Generator<Slice, boolean> {
    for (;;) {
      if (this.#effort.isSpent) return false;
      this.#narrow();
      if (this.#kept.length > 0 && (yield* this.#refutes(this.#kept))) {
        this.#pool = [];
        return true;
      }
      // Invariant: the first `low` of the pool do not do, the first `high` do.
      let low = 0;
      let high = this.#pool.length;
      while (high - low > 1) {
        if (this.#effort.isSpent) {
          this.#pool.length = high;
          return false;
        }
        // Double first: what is needed is mostly near, and more of it costs more.
        const middle = Math.min(low === 0 ? 2 : low * 3, (low + high) >>> 1);
        const count = middle <= low ? (low + high) >>> 1 : middle;
        const isEnough = yield* this.#refutes([...this.#kept, ...this.#pool.slice(0, count)]);
        if (isEnough) high = count;
        else low = count;
      }
      const last = this.#pool[high - 1];
      if (last === undefined) return false;
      this.#kept.push(last);
      this.#pool.length = high - 1;
    }
  }

  /** Goes on with a smaller history where that suffices. */
  #narrow(): void {
    const strong = [...this.#kept, ...this.#pool].sort((a, b) => a - b);
    this.#effort.spend(this.#weakening.table.size >>> 2);
    const narrowed = this.#weakening.narrowed(strong, this.#own());
    if (narrowed === undefined) return;
    const numbers = new Map(narrowed.rows.map((row, i) => [row, i]));
    const renumbered = (rows: readonly number[]): number[] =>
      rows.map((row) => numbers.get(row) ?? -1);
    this.#kept = renumbered(this.#kept);
    this.#pool = renumbered(this.#pool);
    this.#weakening = narrowed.weakening;
  }

  /** The row of the checker's own write, if there is one. */
  #own(): readonly number[] {
    const row = this.#before && this.#weakening.table.rowOf(this.#before.ownId);
    return row === undefined ? [] : [row];
  }

  /** Weakens each strong one by itself: some order must come of it, which tells what else it needs. */
  *#verify(): Generator<Slice, boolean> {
    const kept = this.#kept;
    for (const row of kept) {
      const others = this.#kept.filter((each) => each !== row);
      const decided = yield* this.#decide(others);
      if (decided === undefined) return false;
      if (decided.isRefuted) this.#kept = others;
      else for (const id of decided.used) this.#needed.add(id);
    }
    return true;
  }

  *#refutes(strong: readonly number[]): Generator<Slice, boolean> {
    const decided = yield* this.#decide(strong);
    if (decided === undefined) this.#isCertain = false;
    return decided?.isRefuted === true;
  }

  /** @returns `used`: ids of the weak operations in the order that was found; undefined: given up */
  *#decide(
    strong: readonly number[],
  ): Generator<
    Slice,
    { readonly isRefuted: boolean; readonly used: readonly number[] } | undefined
  > {
    const weakening = this.#weakening;
    const sorted = [...strong].sort((a, b) => a - b);
    const table = weakening.tableOf(sorted, weakening.mattering(sorted));
    const decided = yield* this.#effort.decide(table, weakening.model);
    if (decided.type === 'unknown') return undefined;
    if (decided.type === 'not-linearizable') return { isRefuted: true, used: [] };
    const used: number[] = [];
    for (const row of decided.order) if (!table.isCompleted(row)) used.push(table.id(row));
    return { isRefuted: false, used };
  }

  #counterexample(isMinimal: boolean): Counterexample {
    const { table } = this.#weakening;
    const strong = [...this.#kept, ...this.#pool].sort((a, b) => a - b);
    const matter = this.#weakening.mattering(strong);
    const needed = [...this.#needed].map((id) => table.rowOf(id) ?? -1);
    const isStrong = new Set(strong);
    const isScreenful = strong.length + matter.length <= SIZE_GOOD;
    const told = isScreenful || !isMinimal ? matter : this.#weakening.direct(strong, matter);
    const weak = new Set([...told, ...needed]);
    // The write that stands for all before is told in any case: it may as well never happen.
    for (const row of this.#own()) weak.add(row);
    const rows = [...strong, ...[...weak].filter((row) => row >= 0 && !isStrong.has(row))];
    const before = this.#before;
    return {
      isMinimal,
      ...(before === undefined ? undefined : { before: { state: before.state } }),
      operations: rows
        .sort((a, b) => a - b)
        .map((row) => {
          const isWeak = !isStrong.has(row);
          const operation = isWeak ? weakened(table.operation(row)) : table.operation(row);
          return { operation, isWeak, isOwn: operation.id === before?.ownId };
        }),
    };
  }
}

/** A mutation whose outcome is not counted upon. */
function weakened(operation: Operation): Operation {
  const unknown = { outcome: 'info', output: null, applied: true } as const;
  return { ...operation, ...unknown, return: Infinity, returnTime: Infinity };
}
