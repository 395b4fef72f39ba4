import { UserError } from '../lib/user-error.ts';

/** Reasons that a user can act on, by the operating system's code. */
const FIXES: Readonly<Record<string, string>> = {
  EACCES: 'make it writable, or pass --results-dir with a directory that is',
  EPERM: 'make it writable, or pass --results-dir with a directory that is',
  EROFS: 'the file system is read-only: pass --results-dir with a directory that is not',
  ENOSPC: 'free some space, or pass --results-dir on another disk',
  EDQUOT: 'free some space, or pass --results-dir on another disk',
  ENOTDIR: 'a file is where a directory is needed: move it away, or pass another --results-dir',
  EISDIR:
    'a directory is where a file or link is needed: move it away, or pass another --results-dir',
  EEXIST: 'a file is where a directory is needed: move it away, or pass another --results-dir',
};

/**
 * `GONG-E041`: something in the results directory could not be created or written.
 *
 * @param fix - for a file somewhere else
 */
export function cannotWrite(path: string, cause: unknown, fix?: string): UserError {
  const code =
    cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return new UserError({
    kind: 'infrastructure',
    code: 'GONG-E041',
    what: `cannot write ${path}`,
    why: cause instanceof Error ? cause.message : String(cause),
    fix: fix ?? FIXES[code] ?? 'check the results directory, or pass another with --results-dir',
    cause,
  });
}
