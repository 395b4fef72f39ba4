import { statSync } from 'node:fs';
import { explain, type JudgeVerdict, judgeFile } from '../judge/index.ts';
import { type CheckJson, JSON_SCHEMA } from '../report/index.ts';
import type { AppliedExpectations } from '../rundir/expectations.ts';
import { type Manifest, readManifest } from '../rundir/manifest.ts';
import { runPaths } from '../rundir/paths.ts';
import { EXIT, type ExitCode, worstExit } from './exit-codes.ts';
import { applyExpectations, dayOf, type ExpectationFile, expectationsOf } from './expectations.ts';
import { exitCodeOf, failureMessage, stackOf, usageError } from './failure-message.ts';
import { type Budget, budgetFlag } from './flag-values.ts';
import { coloured, describeKnown } from './result-text.ts';
import { onSignals } from './signals.ts';

/** The options of `gong check` as the parser gives them. */
export interface CheckFlags {
  readonly model?: string;
  readonly expect?: string;
  readonly budget: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/**
 * The exit code that a verdict stands for; the only place that returns 1.
 *
 * @param expectations - of `--expect`: violations that are all known count no more than if they were
 *   not there, and what else the verdict says counts
 */
export function exitOfVerdict(verdict: JudgeVerdict, expectations?: AppliedExpectations): ExitCode {
  if (verdict.valid === false) {
    if (expectations?.excuses !== true) return EXIT.violation;
    return verdict.keys.unknown > 0 ? EXIT.unknown : EXIT.pass;
  }
  if (verdict.valid === 'unknown') return EXIT.unknown;
  return verdict.completed === 0 ? EXIT.provedNothing : EXIT.pass;
}

/**
 * Judges files one after the other; a file that cannot be judged does not keep the others from it.
 *
 * @returns the worst exit code of all
 */
export async function checkVerb(files: readonly string[], flags: CheckFlags): Promise<ExitCode> {
  const budget = budgetFlag('--budget', flags.budget);
  const expected = await expectationsOf(flags);
  using signals = onSignals('the keys that are not decided yet become unknown');
  const codes: ExitCode[] = [];
  for (const file of files) {
    if (signals.exit !== undefined) break;
    codes.push(await checkOne(file, flags, { budget, expected, signal: signals.signal }));
  }
  if (signals.exit !== undefined) codes.push(signals.exit);
  return worstExit(codes);
}

interface CheckParts {
  readonly budget: Budget;
  readonly expected: ExpectationFile | undefined;
  readonly signal: AbortSignal;
}

async function checkOne(
  file: string,
  flags: CheckFlags,
  { budget, expected, signal }: CheckParts,
): Promise<ExitCode> {
  let code: ExitCode;
  try {
    const { path, manifest } = await locate(file);
    const model = flags.model ?? manifest?.model;
    if (expected !== undefined && manifest === undefined) throw nothingToExpect(file);
    const { verdict } = await judgeFile(path, {
      model,
      budgetNs: budget.timeNs,
      memoryBytesMax: budget.memoryBytes,
      signal,
    });
    const applied =
      expected === undefined || manifest === undefined
        ? undefined
        : applyExpectations(expected, { ...manifest, today: dayOf(new Date()) }, verdict);
    code = exitOfVerdict(verdict, applied);
    if (code === EXIT.provedNothing) process.stderr.write(provedNothing(file, verdict));
    process.stdout.write(
      flags.json === true
        ? `${JSON.stringify(checkJson(file, verdict, applied))}\n`
        : coloured(`${file}\n${explain(verdict)}${describeKnown(applied)}`, process.stdout),
    );
  } catch (error) {
    code = exitCodeOf(error);
    process.stderr.write(failureMessage(error));
    if (flags.verbose === true) process.stderr.write(stackOf(error));
    if (flags.json === true) {
      const message = error instanceof Error ? error.message : String(error);
      const failed: CheckJson = { schema: JSON_SCHEMA, file, valid: null, error: message };
      process.stdout.write(`${JSON.stringify(failed)}\n`);
    }
  }
  return code;
}

function provedNothing(file: string, verdict: JudgeVerdict): string {
  return (
    `GONG-E107  ${file} proves nothing\n` +
    `  why   none of its ${verdict.operations} operations completed\n` +
    '  fix   pass a history in which clients got answers\n'
  );
}

function checkJson(
  file: string,
  verdict: JudgeVerdict,
  expectations: AppliedExpectations | undefined,
): CheckJson {
  const known = expectations === undefined ? {} : { expectations };
  return { file, ...verdict, schema: JSON_SCHEMA, ...known };
}

function nothingToExpect(file: string): Error {
  return usageError({
    code: 'GONG-E184',
    what: `--expect does not go with ${file}`,
    why: 'known failures are those of a target and a workload, which a run directory names and a file does not',
    fix: 'name the run directory, or leave --expect out',
  });
}

/** A run directory names its model, target and workload; a file does not. */
async function locate(
  file: string,
): Promise<{ readonly path: string; readonly manifest: Manifest | undefined }> {
  const isDirectory = statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isDirectory) return { path: file, manifest: undefined };
  const paths = runPaths(file);
  return { path: paths.history, manifest: await readManifest(paths.manifest) };
}
