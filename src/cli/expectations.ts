import { readFile } from 'node:fs/promises';
import { isAbout, type StoredVerdict } from '../report/index.ts';
import type {
  AppliedExpectation,
  AppliedExpectations,
  Expectation,
} from '../rundir/expectations.ts';
import type { UserError } from '../lib/user-error.ts';
import { usageError } from './failure-message.ts';

/** What `--expect` named. */
export interface ExpectationFile {
  readonly file: string;
  readonly entries: readonly Expectation[];
}

const FIELDS: ReadonlySet<string> = new Set([
  'target',
  'workload',
  'check',
  'key',
  'f',
  'reason',
  'expires',
]);
const REQUIRED = ['target', 'workload', 'check', 'reason', 'expires'] as const;
const CHECK = 'linearizable';
const EXAMPLE =
  '[{"target":"raft","workload":"register","check":"linearizable","reason":"…","expires":"2026-12-31"}]';

/**
 * Reads a file of known failures: a JSON array of entries.
 *
 * @throws UserError (`usage`): GONG-E182 it cannot be read, GONG-E183 it is not such a file, with the
 *   position
 */
export async function readExpectations(file: string): Promise<ExpectationFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw usageError({
      code: 'GONG-E182',
      what: `--expect ${file} cannot be read`,
      why: cause instanceof Error ? cause.message : String(cause),
      fix: 'name a file of known failures, or leave --expect out',
    });
  }
  const parsed = parse(file, text);
  if (!Array.isArray(parsed)) throw malformed(file, 'it is no array of entries');
  return { file, entries: parsed.map((entry: unknown, i) => readEntry(entry, `${file}[${i}]`)) };
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // Without a position the text ended too early.
    const position = Number(/at position (\d+)/.exec(message)?.[1] ?? text.length);
    const before = text.slice(0, position).split('\n');
    throw malformed(`${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`, message);
  }
}

function readEntry(entry: unknown, place: string): Expectation {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw malformed(place, 'an entry is an object');
  }
  const fields = new Map<string, unknown>(Object.entries(entry));
  const foreign = [...fields.keys()].find((name) => !FIELDS.has(name));
  if (foreign !== undefined) {
    const why = `an entry has the fields ${[...FIELDS].join(', ')}`;
    throw malformed(`${place}.${foreign}`, why);
  }
  for (const name of REQUIRED) {
    if (!fields.has(name)) throw malformed(place, `it has no "${name}"`);
  }
  for (const [name, value] of fields) {
    if (typeof value !== 'string' || value === '') {
      throw malformed(`${place}.${name}`, `${shown(value)} is no text`);
    }
  }
  if (fields.get('check') !== CHECK) {
    const why =
      `${shown(fields.get('check'))} cannot be a known failure: ${shown(CHECK)} can, ` +
      'gates and thresholds cannot';
    throw malformed(`${place}.check`, why);
  }
  if (!isDay(String(fields.get('expires')))) {
    const why = `${shown(fields.get('expires'))} is no day such as 2026-12-31`;
    throw malformed(`${place}.expires`, why);
  }
  return entry as Expectation;
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 60);
}

function malformed(place: string, why: string): UserError {
  return usageError({
    code: 'GONG-E183',
    what: `${place}: no file of known failures`,
    why,
    fix: `for example ${EXAMPLE}`,
  });
}

/**
 * What the entries make of a verdict. A violation is excused when every key that failed is known: each
 * that the verdict tells of by some entry, and where it tells of the first ones only, the others by one
 * that speaks of all.
 *
 * @param run.today - the day (UTC) by which entries expire: `2026-12-31`
 * @param verdict - undefined when there is none: then nothing was seen, and nothing can be said to be gone
 */
export function applyExpectations(
  { file, entries }: ExpectationFile,
  run: { readonly target: string; readonly workload: string; readonly today: string },
  verdict: StoredVerdict | undefined,
): AppliedExpectations {
  const { target, workload, today } = run;
  const failures = verdict?.failures ?? [];
  const isWhole = verdict !== undefined && verdict.keys.unknown === 0;
  const own = entries.filter((each) => each.target === target && each.workload === workload);
  const applied = own.map((expectation): AppliedExpectation => {
    const keys = failures.filter((failure) => isAbout(expectation, failure)).length;
    const isExpired = today > expectation.expires;
    const seen = isExpired ? 'expired' : 'seen';
    return {
      expectation,
      outcome: keys > 0 ? seen : isWhole ? 'not-seen' : 'undecided',
      isExpired,
      keys,
    };
  });
  const valid = own.filter(({ expires }) => today <= expires);
  const isTold = failures.length >= (verdict?.keys.invalid ?? 0);
  const excuses =
    failures.length > 0 &&
    failures.every((failure) => valid.some((entry) => isAbout(entry, failure))) &&
    (isTold || valid.some(({ key, f }) => key === undefined && f === undefined));
  return { file, today, entries: applied, others: entries.length - own.length, excuses };
}

/** The day of an instant, UTC: `2026-12-31`. */
export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
