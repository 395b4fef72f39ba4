import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type RunPaths, runPaths } from './paths.ts';
import { makeDirectories } from './make-directories.ts';
import { cannotWrite } from './write-error.ts';

const NAME_TRIES_MAX = 100;

export interface RunDirRequest {
  /** Usually `results`. */
  readonly resultsDir: string;
  /** `run` for a single run, or the name of the suite. */
  readonly suite: string;
  readonly seed: string;
  /** The time of day that names the directory. */
  readonly startedAt: Date;
}

/** The suite of what simulated runs leave behind: their directories are not those of runs. */
export const SIM_SUITE = 'sim';

/**
 * Makes `results/<suite>/<utc>-<seed>/` with `logs/` in it and points `results/latest` at it. A
 * second run of the same second and seed gets `-2` behind its name.
 *
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function createRunDir(request: RunDirRequest): Promise<RunPaths> {
  const root = await makeNamed(request);
  try {
    await mkdir(join(root, 'logs'));
  } catch (cause) {
    throw cannotWrite(root, cause);
  }
  await pointLatest(request.resultsDir, root);
  return runPaths(root);
}

/**
 * Makes `results/sim/<utc>-<seed>/` for what is left of a simulated run. `results/latest` stays: it
 * points at a run.
 *
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function createSimDir(request: Omit<RunDirRequest, 'suite'>): Promise<string> {
  return makeNamed({ ...request, suite: SIM_SUITE });
}

async function makeNamed({ resultsDir, suite, seed, startedAt }: RunDirRequest): Promise<string> {
  const parent = join(resultsDir, fileName(suite));
  const name = `${utcName(startedAt)}-${fileName(seed)}`;
  let root = join(parent, name);
  try {
    await makeDirectories(parent);
    for (let attempt = 2; !(await makeNew(root)); attempt++) {
      if (attempt > NAME_TRIES_MAX) throw new Error(`${NAME_TRIES_MAX} directories are named so`);
      root = join(parent, `${name}-${attempt}`);
    }
    return root;
  } catch (cause) {
    throw cannotWrite(root, cause);
  }
}

/** False when there is something of that name. */
async function makeNew(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Replaces the symlink by renaming a new one over it: at every moment it points at a run. */
async function pointLatest(resultsDir: string, root: string): Promise<void> {
  const latest = join(resultsDir, 'latest');
  const neighbour = `${latest}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await symlink(relative(dirname(latest), root), neighbour);
    await rename(neighbour, latest);
  } catch (cause) {
    await rm(neighbour, { force: true }).catch(() => undefined);
    throw cannotWrite(latest, cause);
  }
}

/** `20261121T082207Z`: sorts by time, and no character that a shell or a file system minds. */
function utcName(date: Date): string {
  return date.toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
}

function fileName(text: string): string {
  const safe = text.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 40);
  // A name of dots only would be the directory itself, or its parent.
  return /^\.*$/.test(safe) ? '_' : safe;
}
