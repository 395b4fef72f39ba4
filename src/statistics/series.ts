import {
  decodeCounts,
  encodeCounts,
  LatencyCells,
  mergeCounts,
  NO_COUNTS,
  quantileNs,
  type SparseCounts,
} from './latency-cells.ts';
import type { Outcome } from './outcome.ts';

/** What became of the operations of one f that completed in one interval. */
export interface SeriesPoint {
  /** A multiple of the interval's length, counted from the beginning of the run. */
  readonly startNs: number;
  readonly f: string;
  readonly ok: number;
  readonly fail: number;
  readonly info: number;
  /** Latencies of the ok ones; zero when there are none. Quantiles have two significant digits. */
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
  /** Those latencies, as `encodeCounts` writes them: for merging. */
  readonly histogram: string;
}

/**
 * The run over time. Every f has a point for every interval that the run touches, also where nothing
 * completed; the first interval and the last may be cut short by the run's start and end.
 */
export interface SeriesSnapshot {
  /** A second, or a second doubled as often as it takes to have no more than 3,600 intervals. */
  readonly intervalNs: number;
  /** By time, then by f. */
  readonly points: readonly SeriesPoint[];
}

export interface SeriesBounds {
  /** How long an interval is at first. */
  readonly intervalNs: number;
  /** More are not kept: neighbours become one, and every interval is twice as long. */
  readonly intervalsMax: number;
}

export const SERIES_BOUNDS: SeriesBounds = { intervalNs: 1_000_000_000, intervalsMax: 3_600 };

/** One f in an interval in which something completed. */
export interface SeriesCell {
  /** The interval starts so many of its lengths after the beginning of the run. */
  readonly index: number;
  ok: number;
  fail: number;
  info: number;
  maxNs: number;
  latency: SparseCounts;
}

/** One f over time, in bounded memory. Operations come in the order of their completion. */
export class FunctionSeries {
  readonly #intervalsMax: number;
  readonly #latencies = new LatencyCells();
  #intervalNs: number;
  /** Intervals that are over, in their order; those without a completion are left out. */
  #cells: SeriesCell[] = [];
  /** The interval of now; its latencies are still in `#latencies`. */
  #open: SeriesCell = emptyCell(0);
  #openEndNs: number;

  constructor({ intervalNs, intervalsMax }: SeriesBounds = SERIES_BOUNDS) {
    this.#intervalNs = intervalNs;
    this.#intervalsMax = intervalsMax;
    this.#openEndNs = intervalNs;
  }

  /** An operation counts in the interval in which it completed. */
  record(outcome: Outcome, completedNs: number, latencyNs: number): void {
    if (completedNs >= this.#openEndNs) this.#openAt(completedNs);
    const open = this.#open;
    open[outcome]++;
    if (outcome !== 'ok') return;
    this.#latencies.record(latencyNs);
    if (latencyNs > open.maxNs) open.maxNs = latencyNs;
  }

  /** @param intervalNs - length of their intervals, as `intervalFor` chooses it for the whole run */
  cells(intervalNs: number): SeriesCell[] {
    const open = { ...this.#open, latency: this.#latencies.sparse() };
    return coarser([...this.#cells, open], intervalNs / this.#intervalNs);
  }

  #openAt(timeNs: number): void {
    this.#open.latency = this.#latencies.sparse();
    this.#latencies.reset();
    append(this.#cells, this.#open);
    if (this.#cells.length > this.#intervalsMax) {
      this.#cells = coarser(this.#cells, 2);
      this.#intervalNs *= 2;
    }
    const index = Math.floor(timeNs / this.#intervalNs);
    this.#open = emptyCell(index);
    this.#openEndNs = (index + 1) * this.#intervalNs;
  }
}

function emptyCell(index: number): SeriesCell {
  return { index, ok: 0, fail: 0, info: 0, maxNs: 0, latency: NO_COUNTS };
}

/** Adds a cell at the end, or to the last one when that is the same interval; an empty one vanishes. */
function append(cells: SeriesCell[], cell: SeriesCell): void {
  if (cell.ok + cell.fail + cell.info === 0) return;
  const last = cells.at(-1);
  if (last?.index === cell.index) cells[cells.length - 1] = sum(last, cell);
  else cells.push(cell);
}

function sum(a: SeriesCell, b: SeriesCell): SeriesCell {
  return {
    index: a.index,
    ok: a.ok + b.ok,
    fail: a.fail + b.fail,
    info: a.info + b.info,
    maxNs: Math.max(a.maxNs, b.maxNs),
    latency: mergeCounts(a.latency, b.latency),
  };
}

/** The same in intervals that are `factor` times as long. */
function coarser(cells: readonly SeriesCell[], factor: number): SeriesCell[] {
  const all: SeriesCell[] = [];
  for (const cell of cells) append(all, { ...cell, index: Math.floor(cell.index / factor) });
  return all;
}

/** The shortest interval of which the run touches no more than `intervalsMax`. */
export function intervalFor(
  run: { readonly startNs: number; readonly endNs: number },
  { intervalNs, intervalsMax }: SeriesBounds = SERIES_BOUNDS,
): number {
  let chosenNs = intervalNs;
  for (;;) {
    const { firstIndex, lastIndex } = touched(run, chosenNs);
    if (lastIndex - firstIndex < intervalsMax) return chosenNs;
    chosenNs *= 2;
  }
}

/** Ends belong to the interval before them, but a completion at the very end to its own. */
function touched(run: { readonly startNs: number; readonly endNs: number }, intervalNs: number) {
  const firstIndex = Math.floor(run.startNs / intervalNs);
  return { firstIndex, lastIndex: Math.max(firstIndex, Math.floor(run.endNs / intervalNs)) };
}

/** @param cells - of each f, all of intervals of that length */
export function seriesOf(
  cells: ReadonlyMap<string, readonly SeriesCell[]>,
  run: { readonly startNs: number; readonly endNs: number },
  intervalNs: number,
): SeriesSnapshot {
  const { firstIndex, lastIndex } = touched(run, intervalNs);
  const functions = [...cells.keys()].toSorted();
  const byIndex = new Map(
    functions.map((f) => [f, new Map(cells.get(f)?.map((cell) => [cell.index, cell]))]),
  );
  const points: SeriesPoint[] = [];
  for (let index = firstIndex; index <= lastIndex; index++) {
    for (const f of functions) {
      points.push(pointOf(f, byIndex.get(f)?.get(index) ?? emptyCell(index), intervalNs));
    }
  }
  return { intervalNs, points };
}

function pointOf(f: string, cell: SeriesCell, intervalNs: number): SeriesPoint {
  const { index, ok, fail, info, maxNs, latency } = cell;
  return {
    startNs: index * intervalNs,
    f,
    ok,
    fail,
    info,
    p50Ns: quantileNs(latency, 0.5, maxNs),
    p99Ns: quantileNs(latency, 0.99, maxNs),
    maxNs,
    histogram: encodeCounts(latency),
  };
}

/** Both together, over the time from the earlier start to the later end. */
export function mergeSeries(
  parts: readonly SeriesSnapshot[],
  run: { readonly startNs: number; readonly endNs: number },
): SeriesSnapshot {
  const intervalNs = Math.max(intervalFor(run), ...parts.map((one) => one.intervalNs));
  const cells = new Map<string, SeriesCell[]>();
  const all = parts.flatMap((part) =>
    part.points.map((point) => ({ f: point.f, cell: cellOf(point, intervalNs) })),
  );
  for (const { f, cell } of all.toSorted((a, b) => a.cell.index - b.cell.index)) {
    const of = cells.get(f) ?? [];
    cells.set(f, of);
    append(of, cell);
  }
  return seriesOf(cells, run, intervalNs);
}

function cellOf(point: SeriesPoint, intervalNs: number): SeriesCell {
  const { startNs, ok, fail, info, maxNs, histogram } = point;
  const index = Math.floor(startNs / intervalNs);
  return { index, ok, fail, info, maxNs, latency: decodeCounts(histogram) };
}
