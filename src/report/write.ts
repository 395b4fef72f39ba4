import { basename } from 'node:path';
import { writeSummaryCsv } from '../rundir/summary.ts';
import { writeWhole } from '../rundir/whole-file.ts';
import { junitXml } from './junit.ts';
import { writeOpsCsv } from './ops-csv.ts';
import type { RunRecord } from './record.ts';
import { summaryMarkdown } from './summary.ts';

export interface WrittenReports {
  /** By their names in the directory, in the order of writing. */
  readonly files: readonly string[];
  /** What could not be told in full, one sentence each. */
  readonly problems: readonly string[];
}

/**
 * Writes what is derived from a run directory: `junit.xml`, `summary.md`, `summary.csv`, `ops.csv`. The
 * same directory gives the same bytes, wherever it is.
 *
 * @param opsCsvHistoryBytesMax - of a larger history no `ops.csv` is written; Infinity for any
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function writeReports(
  record: RunRecord,
  { opsCsvHistoryBytesMax }: { readonly opsCsvHistoryBytesMax: number },
): Promise<WrittenReports> {
  const { paths, statistics, historyBytes } = record;
  const files: string[] = [];
  const problems: string[] = [];
  await writeWhole(paths.junit, junitXml(record));
  await writeWhole(paths.summaryMarkdown, summaryMarkdown(record));
  files.push(basename(paths.junit), basename(paths.summaryMarkdown));
  if (statistics !== undefined) {
    await writeSummaryCsv(paths.summaryCsv, [...statistics.rows, ...statistics.phases]);
    files.push(basename(paths.summaryCsv));
  }
  if (historyBytes !== undefined && historyBytes <= opsCsvHistoryBytesMax) {
    const problem = await writeOpsCsv(paths.history, paths.opsCsv);
    if (problem !== undefined) problems.push(`ops.csv ends early: ${problem}`);
    files.push(basename(paths.opsCsv));
  }
  return { files, problems };
}
