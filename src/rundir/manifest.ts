import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Json } from '../../checker/index.ts';
import type { PlannedFault } from '../contracts/nemesis.ts';
import { UserError } from '../lib/user-error.ts';
import { writeJson } from './whole-file.ts';

export const MANIFEST_SCHEMA = 1;

/** `manifest.json`: everything that is needed to repeat the run. Written before the cluster starts. */
export interface Manifest {
  readonly schema: typeof MANIFEST_SCHEMA;
  /** Versions of Gong and of the Node that ran it: the runtime is part of the measurement. */
  readonly gong: string;
  readonly node: string;
  /** `linux-x64`. */
  readonly platform: string;
  /** Commit of Gong's own checkout, with `-dirty` when it was changed; null outside of one. */
  readonly revision: string | null;
  readonly argv: readonly string[];
  /** Time of day, ISO 8601. */
  readonly startedAt: string;
  readonly suite: string;
  readonly seed: string;
  readonly target: string;
  readonly cluster: string;
  readonly nodes: number;
  readonly workload: string;
  /** Name of the checker's model. */
  readonly model: string;
  /** Every option with its final value, defaults included. */
  readonly config: { readonly [key: string]: Json };
  readonly plan: readonly PlannedFault[];
}

/** @throws UserError (`infrastructure`, GONG-E041) */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  await writeJson(path, manifest);
}

/** @throws UserError (`usage`, GONG-E043) when it is missing, no manifest, or of another schema */
export async function readManifest(path: string): Promise<Manifest> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw notAManifest(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (typeof parsed !== 'object' || parsed === null || !('schema' in parsed)) {
    throw notAManifest(path, 'it has no "schema"');
  }
  if (parsed.schema !== MANIFEST_SCHEMA) {
    const why = `its schema is ${JSON.stringify(parsed.schema)}, this Gong reads ${MANIFEST_SCHEMA}`;
    throw notAManifest(path, why);
  }
  for (const name of ['seed', 'target', 'workload', 'model', 'startedAt'] as const) {
    if (typeof Reflect.get(parsed, name) !== 'string') {
      throw notAManifest(path, `its "${name}" is no text`);
    }
  }
  if (!('argv' in parsed) || !Array.isArray(parsed.argv)) {
    throw notAManifest(path, 'its "argv" is no list');
  }
  if (!('config' in parsed) || typeof parsed.config !== 'object' || parsed.config === null) {
    throw notAManifest(path, 'its "config" is no object');
  }
  return parsed as Manifest;
}

function notAManifest(path: string, why: string, cause?: unknown): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E043',
    what: `${path} is not the manifest of a run`,
    why,
    fix: 'name a directory that gong run has written, such as results/latest',
    cause,
  });
}

/** The commit of a checkout, `-dirty` behind it when files were changed; null when there is none. */
export async function gitRevision(directory: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(
      'git',
      ['-C', directory, 'describe', '--always', '--abbrev=40', '--dirty', '--exclude=*'],
      { timeout: 5_000 },
    );
    return stdout.trim() || null;
  } catch {
    return null;
  }
}
