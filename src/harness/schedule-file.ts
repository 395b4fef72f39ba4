import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Json } from '../../checker/index.ts';
import { parseDuration } from '../lib/duration.ts';
import { UserError } from '../lib/user-error.ts';
import { parseClusterLog } from '../rundir/cluster-log.ts';

type JsonRecord = Readonly<Record<string, Json>>;

/** A fault as a file names it; nothing of it is checked but its form. */
export interface ScheduledFault {
  /** For people: `my.json, faults[1]`. */
  readonly place: string;
  readonly kind: string;
  readonly shape: string;
  readonly atNs: number;
  readonly durationNs: number;
  readonly seed: string | undefined;
  readonly word: string | undefined;
  /** Absent when the file leaves it to the shape whom it hits. */
  readonly victims: readonly string[] | undefined;
  readonly value: Json | undefined;
}

export interface ScheduleFile {
  readonly faults: readonly ScheduledFault[];
  /** How long clients of the recorded run were to run, where the file says so. */
  readonly recordedNs: number | undefined;
}

const FORMS =
  'a run directory, its cluster.jsonl or manifest.json, what --dry-run --json printed, or a file ' +
  'such as {"schema":1,"faults":[{"kind":"kill","shape":"one","at":"5s","duration":"2s"}]}';

/**
 * Reads the faults of a recorded run (those that were injected, or else its plan), of a plan, or of a
 * file written by hand: `{"schema":1,"faults":[{"kind","shape","at","duration","nodes"?,"value"?,"seed"?}]}`
 * with durations as text (`"5s"`) or in nanoseconds.
 *
 * @throws UserError (`usage`): GONG-E122 when there is no such file, or something else in it, with the
 *   place; GONG-E044 for a damaged line of a cluster log
 */
export function readScheduleFile(path: string): ScheduleFile {
  let isDirectory = false;
  let text = '';
  try {
    isDirectory = statSync(path).isDirectory();
    if (!isDirectory) text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw malformed(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (isDirectory) return ofRunDirectory(path);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    if (isClusterLog(text)) return ofClusterLog(path);
    throw malformed(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
  return isEvent(parsed) ? ofClusterLog(path) : ofJson(path, parsed);
}

function ofRunDirectory(path: string): ScheduleFile {
  const log = join(path, 'cluster.jsonl');
  const manifest = join(path, 'manifest.json');
  if (!existsSync(manifest)) throw malformed(path, 'it holds no manifest.json: no run wrote it');
  const injected = existsSync(log) ? injectedIn(log) : [];
  if (injected.length === 0) return readScheduleFile(manifest);
  return { faults: injected, recordedNs: recordedIn(manifest) };
}

function ofClusterLog(path: string): ScheduleFile {
  const faults = injectedIn(path);
  if (faults.length === 0) throw malformed(path, 'none of its faults was injected');
  const manifest = join(dirname(path), 'manifest.json');
  return { faults, recordedNs: existsSync(manifest) ? recordedIn(manifest) : undefined };
}

function injectedIn(path: string): readonly ScheduledFault[] {
  return parseClusterLog(path).flatMap((event) =>
    event.type === 'fault' && event.outcome === 'injected'
      ? [fault(event as unknown as JsonRecord, `${path}, fault ${event.fault + 1}`)]
      : [],
  );
}

/** The duration that the run was given: a manifest holds it as text. */
function recordedIn(manifest: string): number | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(manifest, 'utf8'));
    const config = isRecord(parsed) ? parsed['config'] : undefined;
    const duration = isRecord(config) ? config['duration'] : undefined;
    return typeof duration === 'string' ? parseDuration(duration) : undefined;
  } catch {
    // The faults are there; only the leniency for their end is lost.
    return undefined;
  }
}

function ofJson(path: string, parsed: unknown): ScheduleFile {
  if (!isRecord(parsed)) throw malformed(path, `it is no schedule; a schedule is ${FORMS}`);
  const { plan, faults, schema } = parsed;
  if (Array.isArray(plan)) return { faults: all(path, 'plan', plan), recordedNs: undefined };
  if (!Array.isArray(faults)) {
    throw malformed(path, `it has neither "faults" nor "plan"; a schedule is ${FORMS}`);
  }
  // What `gong run --json` prints holds records, and a schema of its own.
  const records = faults.filter((one) => isRecord(one) && one['outcome'] !== undefined);
  if (records.length > 0) {
    const injected = faults.flatMap((one, i) =>
      isRecord(one) && one['outcome'] === 'injected' ? [fault(one, `${path}, faults[${i}]`)] : [],
    );
    if (injected.length === 0) throw malformed(path, 'none of its faults was injected');
    return { faults: injected, recordedNs: undefined };
  }
  if (schema !== 1) {
    const why = `its "schema" is ${JSON.stringify(schema) ?? 'missing'}, this Gong reads 1`;
    throw malformed(path, why);
  }
  const written = all(path, 'faults', faults);
  for (const [i, one] of faults.entries()) refuseUnknown(one, `${path}, faults[${i}]`);
  return { faults: written, recordedNs: undefined };
}

function all(path: string, name: string, list: readonly unknown[]): readonly ScheduledFault[] {
  if (list.length === 0) throw malformed(path, `its "${name}" is empty: there is no fault in it`);
  return list.map((one, i) => {
    const place = `${path}, ${name}[${i}]`;
    if (!isRecord(one)) throw malformed(place, 'it is no object');
    return fault(one, place);
  });
}

const WRITTEN = ['kind', 'shape', 'at', 'atNs', 'duration', 'durationNs', 'nodes', 'victims'];
const WRITTEN_TOO = ['value', 'seed', 'leader', 'word', 'resolved'];

/** By hand a word is soon mistyped, and what it was to say would be lost. */
function refuseUnknown(one: unknown, place: string): void {
  const known = [...WRITTEN, ...WRITTEN_TOO];
  const unknown = isRecord(one) ? Object.keys(one).filter((key) => !known.includes(key)) : [];
  if (unknown.length === 0) return;
  throw malformed(
    `${place}.${unknown[0]}`,
    `no fault has that; it has ${WRITTEN.join(', ')}, value`,
  );
}

/** One fault of any of the forms: by hand, planned, or recorded. */
function fault(one: JsonRecord, place: string): ScheduledFault {
  const { resolved } = one;
  const aim = isRecord(resolved) ? resolved : one;
  const victims = aim['victims'] ?? aim['nodes'];
  return {
    place,
    kind: text(one, 'kind', place),
    shape: text(one, 'shape', place),
    atNs: time(one, 'at', place),
    durationNs: time(one, 'duration', place),
    seed: seedOf(one, place),
    word: typeof one['word'] === 'string' ? one['word'] : undefined,
    victims: victims === undefined ? undefined : names(victims, `${place}.nodes`),
    value: aim['value'],
  };
}

function text(one: JsonRecord, key: string, place: string): string {
  const value = one[key];
  if (typeof value === 'string' && value !== '') return value;
  throw malformed(`${place}.${key}`, value === undefined ? 'it is missing' : 'it is no text');
}

function seedOf({ seed }: JsonRecord, place: string): string | undefined {
  if (seed === undefined) return undefined;
  if (typeof seed === 'string' || typeof seed === 'number') return String(seed);
  throw malformed(`${place}.seed`, 'it is neither a text nor a number');
}

/** `"at":"5s"`, or `"atNs":5000000000`, or `"at":5000000000`. */
function time(one: JsonRecord, key: string, place: string): number {
  const value = one[key] ?? one[`${key}Ns`];
  const ns = typeof value === 'string' ? parseDuration(value) : value;
  const whole = typeof ns === 'number' ? Math.round(ns) : NaN;
  const isPossible = Number.isSafeInteger(whole) && whole >= 0;
  if (isPossible && (whole > 0 || key === 'at')) return whole;
  throw malformed(
    `${place}.${key}`,
    value === undefined
      ? 'it is missing'
      : `${JSON.stringify(value)} is no duration, such as "1500ms" or a number of nanoseconds`,
  );
}

function names(value: Json, place: string): readonly string[] {
  const isNames = Array.isArray(value) && value.every((name) => typeof name === 'string');
  if (isNames) return value.map(String);
  throw malformed(place, 'it is no list of nodes, such as ["n1","n2"]');
}

function isClusterLog(content: string): boolean {
  const end = content.indexOf('\n');
  try {
    return isEvent(JSON.parse(end < 0 ? content : content.slice(0, end)));
  } catch {
    return false;
  }
}

function isEvent(value: unknown): boolean {
  return isRecord(value) && typeof value['time'] === 'number' && typeof value['type'] === 'string';
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param place - the file, and where in it */
export function malformed(place: string, why: string, cause?: unknown): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E122',
    what: `${place} is no part of a schedule of faults`,
    why,
    fix: `pass --schedule ${FORMS}`,
    cause,
  });
}
