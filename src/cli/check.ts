import { statSync } from 'node:fs';
import { explain, type JudgeVerdict, judgeFile } from '../judge/index.ts';
import { readManifest } from '../rundir/manifest.ts';
import { runPaths } from '../rundir/paths.ts';
import { EXIT, type ExitCode, worstExit } from './exit-codes.ts';
import { exitCodeOf, failureMessage, stackOf } from './failure-message.ts';
import { type Budget, budgetFlag } from './flag-values.ts';
import { onSignals } from './signals.ts';

/** The options of `gong check` as the parser gives them. */
export interface CheckFlags {
  readonly model?: string;
  readonly budget: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** The exit code that a verdict stands for; the only place that returns 1. */
export function exitOfVerdict(verdict: JudgeVerdict): ExitCode {
  if (verdict.valid === false) return EXIT.violation;
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
  using signals = onSignals('the keys that are not decided yet become unknown');
  const codes: ExitCode[] = [];
  for (const file of files) {
    if (signals.exit !== undefined) break;
    codes.push(await checkOne(file, flags, budget, signals.signal));
  }
  if (signals.exit !== undefined) codes.push(signals.exit);
  return worstExit(codes);
}

async function checkOne(
  file: string,
  flags: CheckFlags,
  budget: Budget,
  signal: AbortSignal,
): Promise<ExitCode> {
  let code: ExitCode;
  try {
    const { path, model } = await locate(file, flags.model);
    const { verdict } = await judgeFile(path, {
      model,
      budgetNs: budget.timeNs,
      memoryBytesMax: budget.memoryBytes,
      signal,
    });
    code = exitOfVerdict(verdict);
    if (code === EXIT.provedNothing) process.stderr.write(provedNothing(file, verdict));
    process.stdout.write(
      flags.json === true
        ? `${JSON.stringify({ file, ...verdict })}\n`
        : `${file}\n${explain(verdict)}`,
    );
  } catch (error) {
    code = exitCodeOf(error);
    process.stderr.write(failureMessage(error));
    if (flags.verbose === true) process.stderr.write(stackOf(error));
    if (flags.json === true) {
      const message = error instanceof Error ? error.message : String(error);
      process.stdout.write(`${JSON.stringify({ file, valid: null, error: message })}\n`);
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

/** A run directory names its model; a file does not. */
async function locate(
  file: string,
  model: string | undefined,
): Promise<{ readonly path: string; readonly model: string | undefined }> {
  const isDirectory = statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isDirectory) return { path: file, model };
  const paths = runPaths(file);
  return { path: paths.history, model: model ?? (await readManifest(paths.manifest)).model };
}
