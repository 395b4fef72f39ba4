import { accessSync, constants, statSync } from 'node:fs';
import type { Nemesis, PlannedFault } from '../contracts/nemesis.ts';
import { usageError } from './failure-message.ts';

/**
 * The scripts that a plan calls, `--nemesis exec:./cut.sh`, each seen to be one before anything starts.
 *
 * @throws UserError (`usage`, GONG-E150)
 */
export function scriptsOf(
  plan: readonly PlannedFault[],
  nemeses: ReadonlyMap<string, Nemesis>,
): readonly string[] {
  const hooked = plan.filter(({ kind }) => nemeses.get(kind)?.requires === 'hooks');
  const scripts = [...new Set(hooked.map(({ shape }) => shape))];
  for (const script of scripts) {
    const why = cannotRun(script);
    if (why === undefined) continue;
    throw usageError({
      code: 'GONG-E150',
      what: `the fault script ${script} cannot be run`,
      why,
      fix: 'name an executable file: chmod +x, and #!/bin/sh or the like in its first line',
    });
  }
  return scripts;
}

function cannotRun(script: string): string | undefined {
  try {
    if (!statSync(script).isFile()) return 'it is no file';
    accessSync(script, constants.X_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'there is no such file (as seen from here)';
    return code === 'EACCES' ? 'it is not executable' : String(error);
  }
}
