import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs';
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
    return cannotInterpret(script);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'there is no such file (as seen from here)';
    return code === 'EACCES' ? 'it is not executable' : String(error);
  }
}

/** As much of a script as says who interprets it. */
const HEAD_BYTES = 256;

/** The system would say of the script itself that it does not exist. */
function cannotInterpret(script: string): string | undefined {
  const interpreter = /^#![ \t]*([^ \t\n\0]+)/.exec(headOf(script))?.[1];
  if (interpreter === undefined || existsSync(interpreter)) return undefined;
  return interpreter.endsWith('\r')
    ? 'its lines end in CR LF, as on Windows, and so its first one names no interpreter that there is'
    : `its first line names ${interpreter}, and there is no such file`;
}

function headOf(script: string): string {
  let file: number;
  try {
    file = openSync(script, 'r');
  } catch {
    // A program may be executed that cannot be read.
    return '';
  }
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.toString('latin1', 0, readSync(file, head, 0, HEAD_BYTES, 0));
  } finally {
    closeSync(file);
  }
}
