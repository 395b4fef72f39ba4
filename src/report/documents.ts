import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { UserError } from '../lib/user-error.ts';
import type { RunPaths } from '../rundir/paths.ts';
import type { LoadReport } from '../statistics/load.ts';
import type { RunStatisticsSnapshot } from '../statistics/run-statistics.ts';
import type { StoredVerdict } from './verdict-file.ts';

/** A JSON file of a run directory, or one sentence on why there is none. */
export type ReadDocument<T> =
  | { readonly document: T; readonly missing?: undefined }
  | { readonly document?: undefined; readonly missing: string };

const VERDICT_FIELDS = ['valid', 'keys', 'failures', 'stale', 'unknown', 'completed'] as const;
const STATISTICS_FIELDS = [
  'rows',
  'phases',
  'thresholds',
  'operations',
  'unavailability',
  'startNs',
  'endNs',
] as const;

export async function readVerdict({ verdict }: RunPaths): Promise<ReadDocument<StoredVerdict>> {
  return readDocument(verdict, VERDICT_FIELDS, 'the history was not judged');
}

/** `stats.json`: what was measured, and of which load. */
export type StoredStatistics = RunStatisticsSnapshot & { readonly load?: LoadReport };

export async function readStatistics({ stats }: RunPaths): Promise<ReadDocument<StoredStatistics>> {
  return readDocument(stats, STATISTICS_FIELDS, 'clients never began, or the run was killed');
}

async function readDocument<T>(
  path: string,
  fields: readonly (keyof T & string)[],
  without: string,
): Promise<ReadDocument<T>> {
  const name = basename(path);
  if (!existsSync(path)) return { missing: `there is no ${name}: ${without}` };
  try {
    const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null) {
      return { missing: `${name} is damaged: it is no object` };
    }
    const lost = fields.find((field) => !(field in parsed));
    return lost === undefined
      ? { document: parsed as T }
      : { missing: `${name} is damaged: it has no "${lost}"` };
  } catch (error) {
    return { missing: `${name} is damaged: ${reasonOf(error)}` };
  }
}

/** Without the directory's own path: reports read the same wherever it was moved to. */
export function reasonOf(error: unknown): string {
  if (error instanceof UserError) return error.why;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return error instanceof Error ? error.message : String(error);
}
