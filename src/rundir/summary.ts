import { stringify } from 'csv-stringify/sync';
import { writeWhole } from './whole-file.ts';

/** Throughput and latency of one kind of operation with one outcome. */
export interface SummaryRow {
  readonly f: string;
  readonly outcome: string;
  readonly perSecond: number;
  readonly latency: {
    readonly count: number;
    readonly meanNs: number;
    readonly p50Ns: number;
    readonly p90Ns: number;
    readonly p95Ns: number;
    readonly p99Ns: number;
    readonly p999Ns: number;
    readonly maxNs: number;
  };
}

const QUANTILES = ['mean', 'p50', 'p90', 'p95', 'p99', 'p999', 'max'] as const;

/**
 * `summary.csv`: one row per f and outcome, latencies in milliseconds.
 *
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function writeSummaryCsv(path: string, rows: readonly SummaryRow[]): Promise<void> {
  const header = ['f', 'outcome', 'count', 'per_second', ...QUANTILES.map((name) => `${name}_ms`)];
  const records = rows.map(({ f, outcome, perSecond, latency }) => [
    f,
    outcome,
    String(latency.count),
    perSecond.toFixed(2),
    ...QUANTILES.map((name) => (latency[`${name}Ns`] / 1e6).toFixed(3)),
  ]);
  await writeWhole(path, stringify([header, ...records]));
}
