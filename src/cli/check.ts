import { statSync } from 'node:fs';
// Most runs of this verb judge a small file: what they do not need is loaded when it is (modules by their
// own names, not rooms by their doors), since loading would take longer than judging.
import { ENGINES, type EngineName } from '../../checker/index.ts';
import { judgeFile } from '../judge/judge.ts';
import type { JudgeVerdict } from '../judge/verdict.ts';
import { type CheckJson, JSON_SCHEMA } from '../report/json.ts';
import type { AppliedExpectations } from '../rundir/expectations.ts';
import type { Manifest } from '../rundir/manifest.ts';
import { EXIT, type ExitCode, worstExit } from './exit-codes.ts';
import type { ExpectationFile } from './expectations.ts';
import { exitCodeOf, failureMessage, stackOf, usageError } from './failure-message.ts';
import { type Budget, budgetFlag } from './flag-values.ts';
import { onSignals } from './signals.ts';

/** The options of `gong check` as the parser gives them. */
export interface CheckFlags {
  readonly model?: string;
  readonly expect?: string;
  readonly budget: string;
  readonly engine: string;
  /** `--no-verify` sets it to false. */
  readonly verify: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly explain?: boolean;
  /** Implies `explain`. */
  readonly explainDir?: string;
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
  const engine = engineFlag(flags.engine);
  const expected =
    flags.expect === undefined
      ? undefined
      : await (await import('./expectations.ts')).expectationsOf(flags);
  using signals = onSignals('the keys that are not decided yet become unknown');
  const codes: ExitCode[] = [];
  for (const [i, file] of files.entries()) {
    if (signals.exit !== undefined) break;
    const stem = files.length === 1 ? 'explain' : `explain-${i + 1}`;
    const { signal } = signals;
    codes.push(await checkOne(file, flags, { budget, engine, expected, signal, stem }));
  }
  if (signals.exit !== undefined) codes.push(signals.exit);
  return worstExit(codes);
}

interface CheckParts {
  readonly budget: Budget;
  readonly engine: EngineName | undefined;
  readonly expected: ExpectationFile | undefined;
  readonly signal: AbortSignal;
  /** What names of files with the explanation begin with. */
  readonly stem: string;
}

async function checkOne(
  file: string,
  flags: CheckFlags,
  { budget, engine, expected, signal, stem }: CheckParts,
): Promise<ExitCode> {
  let code: ExitCode;
  try {
    const { path, manifest } = await locate(file);
    const model = flags.model ?? manifest?.model;
    if (expected !== undefined && manifest === undefined) throw nothingToExpect(file);
    const { verdict, isWhole } = await judgeFile(path, {
      model,
      budgetNs: budget.timeNs,
      memoryBytesMax: budget.memoryBytes,
      engine,
      isVerified: flags.verify,
      signal,
    });
    const applied =
      expected === undefined || manifest === undefined
        ? undefined
        : await appliedTo(verdict, expected, manifest);
    code = exitOfVerdict(verdict, applied);
    if (!isWhole) process.stderr.write(readInPart(file, verdict));
    if (code === EXIT.provedNothing) process.stderr.write(provedNothing(file, verdict));
    process.stdout.write(
      flags.json === true
        ? `${JSON.stringify(checkJson(file, verdict, applied))}\n`
        : await checkText(file, verdict, applied),
    );
    if (verdict.valid === false)
      code = worstExit([code, await explained(file, verdict, flags, stem)]);
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

/** The verdict is told by now: that it cannot be explained takes nothing from it. */
async function explained(
  file: string,
  verdict: JudgeVerdict,
  flags: CheckFlags,
  stem: string,
): Promise<ExitCode> {
  if (flags.explain !== true && flags.explainDir === undefined) return EXIT.pass;
  try {
    const { explainCheck } = await import('./explain-check.ts');
    const written = await explainCheck(file, verdict, { directory: flags.explainDir, stem });
    process.stderr.write(`explained in ${written}\n`);
    return EXIT.pass;
  } catch (error) {
    process.stderr.write(failureMessage(error));
    if (flags.verbose === true) process.stderr.write(stackOf(error));
    return exitCodeOf(error);
  }
}

async function appliedTo(
  verdict: JudgeVerdict,
  expected: ExpectationFile,
  manifest: Manifest,
): Promise<AppliedExpectations> {
  const { applyExpectations, dayOf } = await import('./expectations.ts');
  return applyExpectations(expected, { ...manifest, today: dayOf(new Date()) }, verdict);
}

async function checkText(
  file: string,
  verdict: JudgeVerdict,
  applied: AppliedExpectations | undefined,
): Promise<string> {
  const { explain } = await import('../judge/explain.ts');
  const { coloured } = await import('./coloured.ts');
  const known =
    applied === undefined ? '' : (await import('./result-text.ts')).describeKnown(applied);
  return coloured(`${file}\n${explain(verdict)}${known}`, process.stdout);
}

/** What `--engine` may name: those that force one, and the choice of the best. */
export const ENGINE_FLAGS: readonly string[] = ['auto', ...ENGINES.keys()];

/** @returns undefined for `auto`. @throws UserError (`usage`) GONG-E116 naming the engines there are */
function engineFlag(name: string): EngineName | undefined {
  if (name === 'auto') return undefined;
  for (const engine of ENGINES.keys()) if (engine === name) return engine;
  throw usageError({
    code: 'GONG-E116',
    what: `there is no engine "${name}"`,
    why: `known engines: ${ENGINE_FLAGS.join(', ')}`,
    fix: 'pass one of them with --engine, or leave it out: the best one is chosen',
  });
}

/** What an interruption leaves: counts that look like those of the whole file, and are not. */
function readInPart(file: string, { operations }: JudgeVerdict): string {
  return (
    `GONG-E131  ${file} was not read to its end\n` +
    `  why   the interruption came after ${operations} operations\n` +
    '  fix   let it run longer: what is said holds for those operations alone\n'
  );
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
  const { runPaths } = await import('../rundir/paths.ts');
  const { readManifest } = await import('../rundir/manifest.ts');
  const paths = runPaths(file);
  return { path: paths.history, manifest: await readManifest(paths.manifest) };
}
