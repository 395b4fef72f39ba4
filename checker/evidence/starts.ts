import type { Cut, Refuted } from '../engines/decision.ts';
import type { Slice } from '../engines/run.ts';
import type { Json } from '../history.ts';
import { sameJson } from '../json.ts';
import type { Model } from '../models/model.ts';
import type { Table } from '../table.ts';
import { behindCut, overlappingCut } from './behind-cut.ts';
import { EffectStates } from './effect-states.ts';
import type { Effort } from './effort.ts';
import type { StaleRead } from './stale-read.ts';
import { traceCuts } from './trace-cuts.ts';
import { Weakening } from './weakening.ts';

/** Events that are looked at for cuts, first few: they are wanted near the end. */
const WINDOWS = [256, 2_048, 16_384, Infinity] as const;
/** Of what is left, for looking for cuts. */
const CUTS_SHARE = 0.4;
/** Events that a cut may be away to be preferred because it is of the state that tells most. */
const NEAR = 200;

/** What is known of a refutation. */
export interface Known extends Pick<Refuted, 'conflict' | 'cuts'> {
  /** Rank of a completion by which no order exists. */
  readonly byRank: number;
  /** The operation that no order can place, where it is a stale read by proof. */
  readonly stale: StaleRead | undefined;
  /** The state that the operation which no order can place requires: a cut there tells most. */
  readonly wanted: Json | undefined;
}

/** Where the search for a counterexample begins: a history that is refuted with these strong. */
export interface Start {
  readonly weakening: Weakening;
  /** Rows that may be strong, those that are preferred first. */
  readonly pool: number[];
  /** False: that they refute it is to be decided first. */
  readonly isKnown: boolean;
  /** Where it begins in the middle: the state there, and the ids of the checker's own operations that lead there. */
  readonly before?: { readonly state: Json; readonly ownIds: ReadonlySet<number> };
}

/** Looks for beginnings of one kind. */
export type Stage = (effort: Effort) => Generator<Slice, Iterable<Start>>;

/**
 * Kinds of beginnings, from what costs least to what always works: the engine's own conflict; what stands behind a
 * point where all agree on the state (where values repeat, any weak write of a value may explain a read of it,
 * so that from the beginning almost everything would stay in); all that had completed.
 */
export function stagesOf(table: Table, model: Model, known: Known): readonly Stage[] {
  const { conflict, stale, byRank } = known;
  // An engine does not tell states apart that nobody looks at: it may call such a one the initial one.
  const cuts = known.cuts.filter(({ state }) => !sameJson(state, model.initial));
  const states = new EffectStates(table, model);
  const stages: Stage[] = [];
  const fromWhole = (pool: (whole: Weakening) => number[], isKnown: boolean): void => {
    stages.push(function* (effort) {
      effort.spend(table.size);
      yield 'running';
      const weakening = new Weakening(table, model);
      return [{ weakening, pool: pool(weakening), isKnown }];
    });
  };
  if (stale !== undefined) fromWhole((whole) => aroundStale(whole, stale), false);
  if (conflict !== undefined && conflict.length > 0) {
    fromWhole(() => conflict.filter((row) => table.isCompleted(row)), false);
  }
  if (cuts.length > 0) {
    stages.push(function* () {
      yield 'running';
      return startsBehind(cuts, table, model, known);
    });
  }
  for (const window of WINDOWS) {
    const first = Math.max(0, byRank + 1 - window);
    stages.push(function* (effort) {
      const stretch = { first, last: byRank };
      const found = yield* traceCuts(table, states, stretch, effort.part(CUTS_SHARE));
      return startsBehind(found, table, model, known);
    });
    if (first === 0) break;
  }
  fromWhole(() => completedBy(table, byRank), true);
  return stages;
}

/** What stands behind each cut, the latest first; before all, behind those near by of the wanted state. */
function* startsBehind(
  cuts: readonly Cut[],
  table: Table,
  model: Model,
  { byRank, wanted }: Known,
): Generator<Start> {
  const isMatch = ({ rank, state }: Cut): boolean =>
    wanted !== undefined && byRank - rank < NEAR && sameJson(state, wanted);
  const sorted = cuts
    .filter(({ rank }) => rank <= byRank)
    .toSorted((a, b) => Number(isMatch(b)) - Number(isMatch(a)) || b.rank - a.rank);
  for (const cut of sorted) {
    for (const begin of [overlappingCut, behindCut]) {
      const rest = begin(cut, table, model, byRank);
      if (rest === undefined) continue;
      const isOwn = (row: number): boolean => rest.ownIds.has(rest.table.id(row));
      const rows = completedBy(rest.table, undefined).filter((row) => !rest.isWeak(row));
      // The checker's own are the last to be preferred.
      const pool = [...rows.filter((row) => !isOwn(row)), ...rows.filter(isOwn)];
      const before = { state: cut.state, ownIds: rest.ownIds };
      yield { weakening: new Weakening(rest.table, model), pool, isKnown: false, before };
    }
  }
}

/** A stale read, what overwrote its value, and all that wrote or saw that value. */
function aroundStale({ table, overwrites }: Weakening, stale: StaleRead): number[] {
  const rows = [stale.read, stale.overwrittenBy].map(({ id }) => table.rowOf(id) ?? -1);
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
