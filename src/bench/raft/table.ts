import type { CellFigures, Spread } from './figures.ts';
import type { Measurement } from './load.ts';

/** Said wherever a ratio to etcd is. */
export const GATEWAY_NOTE =
  "Ratios are to etcd's JSON gateway: etcd's own gRPC clients are up to 2.2 × faster than it.";

const COLUMNS = [
  ['operation', 18],
  ['conns', 6],
  ['system', 16],
  ['req/s', 8],
  ['p50 ms', 8],
  ['p99 ms', 8],
  ['server µs', 10],
  ['client µs', 10],
  ['per fsync', 10],
  ['throughput', 20],
  ['p99', 20],
] as const;

function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => {
      const width = COLUMNS[i]?.[1] ?? 0;
      return i < 3 ? cell.padEnd(width) : cell.padStart(width);
    })
    .join(' ')
    .trimEnd();
}

/** Two lines of headings. */
export function tableHead(): string {
  const above = COLUMNS.map(([name]) =>
    name === 'throughput' || name === 'p99' ? "of etcd's" : '',
  );
  return `${line(above)}\n${line(COLUMNS.map(([name]) => name))}`;
}

/** A line for each system; the ratios stand in ours. A cell that others disturbed is marked. */
export function tableRows(figures: CellFigures): string {
  const { cell, gong, etcd, bare, throughputToEtcd, p99ToEtcd, throughputToBare } = figures;
  const mark = figures.quiet === 0 ? ' *' : '';
  const share =
    throughputToBare === undefined ? '' : `${Math.round(100 * throughputToBare.median)} % of it`;
  const rows = [
    [
      cell.operation,
      String(cell.connections) + mark,
      ...columnsOf('gong', gong),
      spread(throughputToEtcd),
      spread(p99ToEtcd),
    ],
    ...(etcd === undefined ? [] : [['', '', ...columnsOf('etcd', etcd)]]),
    ['', '', ...columnsOf('bare node:http', bare), share],
  ];
  return rows.map(line).join('\n');
}

function columnsOf(name: string, measured: Measurement): string[] {
  const { requestsPerSync } = measured;
  return [
    name,
    String(Math.round(measured.requestsPerSecond)),
    measured.p50Ms.toFixed(2),
    measured.p99Ms.toFixed(2),
    measured.serverMicroseconds.toFixed(1),
    measured.generatorMicroseconds.toFixed(1),
    requestsPerSync === undefined ? '' : requestsPerSync.toFixed(1),
  ];
}

function spread(found: Spread | undefined): string {
  if (found === undefined) return '';
  const { median, min, max } = found;
  return `${median.toFixed(2)} (${min.toFixed(2)}..${max.toFixed(2)})`;
}
