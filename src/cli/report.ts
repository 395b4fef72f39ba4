import { readFile } from 'node:fs/promises';
import { explain, type JudgeVerdict } from '../judge/index.ts';
import { meaningOfExit, readRunRecord, reportJson, writeReports } from '../report/index.ts';
import { coloured } from './coloured.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { writeFailure } from './failure-dir.ts';
import { describeDoubts, describeResult } from './result-text.ts';
import { describeThresholds } from './threshold-text.ts';

/** The options of `gong report` as the parser gives them. */
export interface ReportFlags {
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/**
 * `gong report`: everything derived from a run directory, made again from what the run recorded.
 *
 * @returns 0 when the files were written, whatever the run came to
 * @throws UserError (`usage`, GONG-E181; `infrastructure`, GONG-E041)
 */
export async function reportVerb(directory: string, flags: ReportFlags): Promise<ExitCode> {
  const record = await readRunRecord(directory);
  const { paths, outcome } = record;
  const { files, problems } = await writeReports(record, { opsCsvHistoryBytesMax: Infinity });
  const written = [...files];
  let explained = '';
  if (record.verdict !== undefined) {
    const verdict = JSON.parse(await readFile(paths.verdict, 'utf8')) as JudgeVerdict;
    explained = explain(verdict);
    if (verdict.valid === false && record.historyBytes !== undefined) {
      await writeFailure(paths, verdict);
      written.push('failure/');
    }
  }
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(reportJson(record, written))}\n`);
  } else {
    const asked = record.manifest?.config['thresholds'];
    const { interrupted = false, endedEarly = null } = outcome ?? {};
    const ended = { statistics: record.statistics, interrupted, endedEarly };
    const thresholds = describeThresholds(Array.isArray(asked) ? asked : [], ended);
    const text = [describeResult(record), thresholds, explained, describeDoubts(record)].join('');
    process.stdout.write(coloured(text, process.stdout));
  }
  for (const line of [...record.missing, ...problems]) process.stderr.write(`missing  ${line}\n`);
  const exit =
    outcome === undefined
      ? 'the run did not reach its end'
      : `the run ended with ${outcome.exit} (${meaningOfExit(outcome.exit)})`;
  process.stderr.write(`\n${exit}; written: ${written.join(', ')} in ${directory}\n`);
  return EXIT.pass;
}
