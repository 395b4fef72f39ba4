import { assertNever } from '../../lib/assert.ts';
import type { Cell, CellFigures, Spread } from './figures.ts';

/** What the figures are held against. */
export interface Goal {
  readonly says: string;
  /** To miss it is a failure. */
  readonly isMust: boolean;
  readonly isMet: boolean;
}

interface Wanted {
  readonly throughput: number;
  readonly p99: number | undefined;
}

/** Of etcd's, by connections. */
const WRITES: Readonly<Record<number, Wanted>> = {
  1: { throughput: 2, p99: 0.6 },
  16: { throughput: 3.3, p99: 0.4 },
  64: { throughput: 3.8, p99: 0.35 },
  256: { throughput: 4, p99: 0.4 },
};
const LINEARIZABLE_READS: Readonly<Record<number, Wanted>> = {
  1: { throughput: 3, p99: 0.3 },
  16: { throughput: 5.5, p99: 0.3 },
  64: { throughput: 5.5, p99: 0.3 },
  256: { throughput: 5, p99: 0.3 },
};
/** Of etcd's serializable reads; or so much of the ceiling. */
const STALE_READS = { throughput: 4, ofCeiling: 0.7 };
/**
 * On the machine that these are from, etcd takes 151 µs of CPU for a write. Who shares the host's cores adds to
 * both figures, by half and more within minutes, and never takes anything away: what a write costs by itself is
 * what it costs in the repetition that was disturbed least. The median, and etcd's, are said beside it.
 */
const MUST = { connections: 64, writesPerSync: 25, serverMicroseconds: 45 };

/** The goals that these figures can be held against. */
export function goalsOf(figures: CellFigures): readonly Goal[] {
  const { operation, connections } = figures.cell;
  switch (operation) {
    case 'write':
      return [...againstEtcd(figures, WRITES[connections]), ...musts(figures)];
    case 'linearizable read':
      return againstEtcd(figures, LINEARIZABLE_READS[connections]);
    case 'stale read':
      return staleReads(figures);
    default:
      return assertNever(operation);
  }
}

function named({ cell }: CellFigures): string {
  return `${cell.operation}s at ${cell.connections}`;
}

function againstEtcd(figures: CellFigures, wanted: Wanted | undefined): Goal[] {
  const { throughputToEtcd, p99ToEtcd } = figures;
  if (wanted === undefined || throughputToEtcd === undefined) return [];
  const goals: Goal[] = [
    {
      says: `${named(figures)}: ${throughputToEtcd.median.toFixed(2)} of ${wanted.throughput} × etcd's throughput`,
      isMust: false,
      isMet: throughputToEtcd.median >= wanted.throughput,
    },
  ];
  if (wanted.p99 === undefined || p99ToEtcd === undefined) return goals;
  goals.push({
    says: `${named(figures)}: p99 ${p99ToEtcd.median.toFixed(2)} of etcd's, at most ${wanted.p99}`,
    isMust: false,
    isMet: p99ToEtcd.median <= wanted.p99,
  });
  return goals;
}

/** Whether a figure of this cell must be reached. */
export function hasMust({ operation, connections }: Cell): boolean {
  return operation === 'write' && connections === MUST.connections;
}

function musts(figures: CellFigures): Goal[] {
  if (!hasMust(figures.cell)) return [];
  const { requestsPerSync = 0 } = figures.gong;
  return [
    {
      says: `${named(figures)}: ${requestsPerSync.toFixed(1)} writes per fsync, at least ${MUST.writesPerSync}`,
      isMust: true,
      isMet: requestsPerSync >= MUST.writesPerSync,
    },
    serverCpu(figures),
  ];
}

function serverCpu(figures: CellFigures): Goal {
  const { gongMicroseconds: ours, etcdMicroseconds: theirs, counted } = figures;
  const leastAndMedian = ({ min, median }: Spread): string =>
    `${min.toFixed(1)} (median ${median.toFixed(1)})`;
  const etcd = theirs === undefined ? '' : `, etcd ${leastAndMedian(theirs)}`;
  return {
    says:
      `${named(figures)}: ${leastAndMedian(ours)} µs of server CPU for a write, the least of ${counted}${etcd}; ` +
      `at most ${MUST.serverMicroseconds}`,
    isMust: true,
    isMet: ours.min <= MUST.serverMicroseconds,
  };
}

function staleReads(figures: CellFigures): Goal[] {
  const { throughputToEtcd, throughputToBare } = figures;
  if (throughputToBare === undefined) return [];
  const ceiling = `${Math.round(100 * throughputToBare.median)} % of the ceiling`;
  const ratio =
    throughputToEtcd === undefined ? '' : `${throughputToEtcd.median.toFixed(2)} × etcd's and `;
  return [
    {
      says:
        `${named(figures)}: ${ratio}${ceiling}; wanted ${STALE_READS.throughput} × ` +
        `or ${100 * STALE_READS.ofCeiling} %`,
      isMust: false,
      isMet:
        (throughputToEtcd?.median ?? 0) >= STALE_READS.throughput ||
        throughputToBare.median >= STALE_READS.ofCeiling,
    },
  ];
}
