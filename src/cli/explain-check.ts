import { statSync } from 'node:fs';
import path from 'node:path';
import type { JudgeVerdict } from '../judge/index.ts';
import { runPaths } from '../rundir/paths.ts';
import { explainFile, writeFailure } from './failure-dir.ts';

/**
 * `gong check --explain`: of a run directory into its `failure/`, of a file into the current directory, or
 * into the one that is named.
 *
 * @returns the path of the explanation
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function explainCheck(
  file: string,
  verdict: JudgeVerdict,
  { directory, stem }: { readonly directory: string | undefined; readonly stem: string },
): Promise<string> {
  const isRun = statSync(file).isDirectory();
  const paths = runPaths(file);
  if (isRun && directory === undefined) {
    await writeFailure(paths, verdict);
    return path.join(paths.failureDir, 'explain.md');
  }
  const history = isRun ? paths.history : file;
  return explainFile(history, verdict, { directory: directory ?? '.', stem });
}
