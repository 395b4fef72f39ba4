import { stringify } from 'csv-stringify/sync';
import { writeWhole } from './whole-file.ts';

/** Throughput and latency of one kind of operation with one outcome, in one phase or in all. */
export interface SummaryRow {
  readonly f: string;
  readonly outcome: string;
  /** `steady`, `fault` or `recovery`; absent for all of the run. */
  readonly phase?: string;
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
 * `summary.csv`: one row per f and outcome with the phase `all`, and one for each phase in which there
 * were any. Latencies in milliseconds, `per_second` of the phase's time.
 *
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function writeSummaryCsv(path: string, rows: readonly SummaryRow[]): Promise<void> {
  const quantiles = QUANTILES.map((name) => `${name}_ms`);
  const header = ['f', 'outcome', 'phase', 'count', 'per_second', ...quantiles];
  const records = rows.map(({ f, outcome, phase = 'all', perSecond, latency }) => [
    f,
    outcome,
    phase,
    String(latency.count),
    perSecond.toFixed(2),
    ...QUANTILES.map((name) => (latency[`${name}Ns`] / 1e6).toFixed(3)),
  ]);
  await writeWhole(path, stringify([header, ...records]));
}
