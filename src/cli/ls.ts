import path from 'node:path';
import { styleText } from 'node:util';
import { formatDuration } from '../lib/duration.ts';
import { type ListedRun, listRuns } from '../report/index.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { integerFlag } from './flag-values.ts';
import type { OutputStream } from './coloured.ts';

/** The options of `gong ls` as the parser gives them. */
export interface ListFlags {
  readonly resultsDir: string;
  readonly limit: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/**
 * `gong ls`: the runs of a results directory, the newest first.
 *
 * @throws UserError (`usage`)
 */
export async function listVerb(flags: ListFlags): Promise<ExitCode> {
  const limit = integerFlag('--limit', flags.limit, { min: 1, max: 1_000_000 });
  const list = await listRuns(flags.resultsDir, limit);
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(list)}\n`);
    return EXIT.pass;
  }
  process.stdout.write(listText(list.runs, process.stdout, flags.resultsDir));
  const { runs, total } = list;
  if (total === 0) process.stderr.write(`no runs in ${flags.resultsDir}\n`);
  if (total > runs.length) {
    process.stderr.write(`${runs.length} of ${total} runs; --limit ${total} shows all\n`);
  }
  return EXIT.pass;
}

interface Column {
  readonly title: string;
  readonly cell: (run: ListedRun) => string;
  readonly isNumber?: boolean;
  /** Where the terminal is too narrow, those with the highest go first. */
  readonly dispensable: number;
}

const COLUMNS: readonly Column[] = [
  { title: 'started (UTC)', cell: ({ startedAt }) => startedText(startedAt), dispensable: 4 },
  { title: 'verdict', cell: ({ valid }) => verdictText(valid), dispensable: 0 },
  { title: 'exit', cell: exitText, dispensable: 1 },
  { title: 'workload', cell: ({ workload }) => workload ?? '?', dispensable: 3 },
  { title: 'target', cell: ({ target }) => target ?? '?', dispensable: 7 },
  { title: 'nodes', cell: ({ nodes }) => shown(nodes), isNumber: true, dispensable: 8 },
  { title: 'nemesis', cell: ({ nemesis }) => nemesis ?? '?', dispensable: 2 },
  {
    title: 'ok/s',
    cell: ({ okPerSecond }) => shown(okPerSecond === null ? null : Math.round(okPerSecond)),
    isNumber: true,
    dispensable: 5,
  },
  { title: 'p99', cell: ({ p99Ns }) => duration(p99Ns), isNumber: true, dispensable: 6 },
  { title: 'ran', cell: ({ durationNs }) => duration(durationNs), isNumber: true, dispensable: 9 },
  { title: 'seed', cell: ({ seed }) => seed ?? '?', isNumber: true, dispensable: 10 },
];

function directoryColumn(isTerminal: boolean, resultsDir: string): Column {
  return isTerminal
    ? {
        title: `in ${resultsDir}`,
        cell: ({ directory }) => path.relative(resultsDir, directory),
        dispensable: 0,
      }
    : { title: 'directory', cell: ({ directory }) => directory, dispensable: 0 };
}

/**
 * A table. On a terminal it keeps to its width: columns that can be spared are left out, lines that are
 * still too long are cut, and directories are named from the results directory on. Elsewhere it is whole.
 */
export function listText(
  runs: readonly ListedRun[],
  stream: OutputStream,
  resultsDir: string,
): string {
  if (runs.length === 0) return '';
  const isTerminal = stream.isTTY === true;
  const columns = [...COLUMNS, directoryColumn(isTerminal, resultsDir)];
  const cells = new Map(
    columns.map((column) => [column, runs.map((run) => oneLine(column.cell(run)))]),
  );
  const widthOf = (column: Column): number =>
    Math.max(column.title.length, ...(cells.get(column) ?? []).map((cell) => cell.length));
  const columnsMax = isTerminal ? (stream.columns ?? 80) : Infinity;
  let kept = columns;
  while (tableWidth(kept.map(widthOf)) > columnsMax) {
    const first = kept.toSorted((a, b) => b.dispensable - a.dispensable)[0];
    if (first === undefined || first.dispensable === 0) break;
    kept = kept.filter((column) => column !== first);
  }
  const line = (row: readonly string[]): string => {
    const padded = row.map((cell, i) => {
      const column = kept[i];
      if (column === undefined) return cell;
      const width = widthOf(column);
      return column.isNumber === true ? cell.padStart(width) : cell.padEnd(width);
    });
    return cut(padded.join(GAP).trimEnd(), columnsMax);
  };
  const head = line(kept.map(({ title }) => title));
  const body = runs.map((run, i) =>
    looked(line(kept.map((column) => cells.get(column)?.[i] ?? '')), run, stream),
  );
  return `${[styleText('dim', head, { stream }), ...body].join('\n')}\n`;
}

const GAP = '  ';

function tableWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1);
}

function looked(line: string, run: ListedRun, stream: NodeJS.WritableStream): string {
  if (run.exit === 0) return line;
  const isBad = run.valid === false && run.meaning !== 'known';
  return styleText(isBad ? 'red' : 'yellow', line, { stream });
}

/** The beginning of a line and its end tell most: the middle goes. */
function cut(line: string, width: number): string {
  if (line.length <= width) return line;
  const end = Math.floor((width - 1) / 2);
  return `${line.slice(0, width - 1 - end)}…${line.slice(line.length - end)}`;
}

function verdictText(valid: ListedRun['valid']): string {
  if (valid === null) return 'none';
  if (valid === 'unknown') return 'unknown';
  return valid ? 'valid' : 'INVALID';
}

function exitText({ exit, meaning }: ListedRun): string {
  return exit === null ? meaning : `${exit} ${meaning}`;
}

function startedText(startedAt: string | null): string {
  return startedAt === null ? '?' : startedAt.slice(0, 19).replace('T', ' ');
}

function shown(value: number | null): string {
  return value === null ? '?' : String(value);
}

function duration(ns: number | null): string {
  return ns === null ? '?' : formatDuration(ns);
}

/** Names come from files that anybody may have written. */
function oneLine(cell: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  return cell.replaceAll(/[\u0000-\u001F\u007F-\u009F]/g, '?').slice(0, 200);
}
