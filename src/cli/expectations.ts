import { readFile } from 'node:fs/promises';
import { type DocumentNode, parse, type ValueNode } from '@humanwhocodes/momoa';
import { isAbout, type StoredVerdict } from '../report/index.ts';
import type {
  AppliedExpectation,
  AppliedExpectations,
  Expectation,
} from '../rundir/expectations.ts';
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
const CHECK = 'linearizable' as const;
const EXAMPLE =
  '[{"target":"raft","workload":"register","check":"linearizable","reason":"…","expires":"2026-12-31"}]';

/**
 * Reads a file of known failures: a JSON array of entries.
 *
 * @throws UserError (`usage`): GONG-E182 it cannot be read, GONG-E183 it is not such a file, with the
 *   line and column
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
  try {
    return { file, entries: readEntries(text) };
  } catch (error) {
    if (!(error instanceof Misplaced)) throw error;
    const { line, column } = error.position;
    throw usageError({
      code: 'GONG-E183',
      what: `${file}:${line}:${column}: no file of known failures`,
      why: error.message,
      fix: `for example ${EXAMPLE}`,
    });
  }
}

/**
 * What `--expect` names; undefined without it.
 *
 * @throws UserError (`usage`): as `readExpectations`; GONG-E185 with `--stop-on-violation`
 */
export async function expectationsOf(flags: {
  readonly expect?: string;
  readonly stopOnViolation?: boolean;
}): Promise<ExpectationFile | undefined> {
  if (flags.expect === undefined) return undefined;
  if (flags.stopOnViolation === true) {
    throw usageError({
      code: 'GONG-E185',
      what: '--expect does not go with --stop-on-violation',
      why: 'a run that stops at a known violation asks no gates, and would pass having proved nothing',
      fix: 'leave one of them out',
    });
  }
  return readExpectations(flags.expect);
}

/** What is wrong, and where; lines and columns from 1. */
class Misplaced extends Error {
  readonly position: { readonly line: number; readonly column: number };

  constructor(position: { readonly line: number; readonly column: number }, why: string) {
    super(why);
    this.position = position;
  }
}

function readEntries(text: string): readonly Expectation[] {
  const { body } = parsed(text);
  if (body.type !== 'Array') throw new Misplaced(body.loc.start, 'it is no array of entries');
  return body.elements.map(({ value }, i) => readEntry(value, `[${i}]`));
}

function parsed(text: string): DocumentNode {
  try {
    return parse(text, { mode: 'json' });
  } catch (error) {
    const { message, offset } = error as Error & { readonly offset?: number };
    // An end that comes too early is told without its place.
    const isEnd = /end of input/.test(message);
    const before = text.slice(0, isEnd ? text.length : offset).split('\n');
    const position = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    throw new Misplaced(position, message);
  }
}

function readEntry(entry: ValueNode, place: string): Expectation {
  if (entry.type !== 'Object') throw new Misplaced(entry.loc.start, `${place} is no object`);
  const fields = new Map<string, string>();
  for (const { name, value } of entry.members) {
    const field = name.type === 'String' ? name.value : name.name;
    const at = `${place}.${field}`;
    if (!FIELDS.has(field)) {
      const why = `${at} is not known: an entry has ${[...FIELDS].join(', ')}`;
      throw new Misplaced(name.loc.start, why);
    }
    if (fields.has(field)) throw new Misplaced(name.loc.start, `${at} stands there twice`);
    const wrong = wrongValue(field, value);
    if (wrong !== undefined) throw new Misplaced(value.loc.start, `${at} ${wrong}`);
    if (value.type === 'String') fields.set(field, value.value);
  }
  for (const name of REQUIRED) {
    if (!fields.has(name)) throw new Misplaced(entry.loc.start, `${place} has no "${name}"`);
  }
  const required = Object.fromEntries(fields) as Record<(typeof REQUIRED)[number], string>;
  return { ...required, check: CHECK };
}

/** Undefined when the field may have this value. */
function wrongValue(field: string, node: ValueNode): string | undefined {
  if (node.type !== 'String' || node.value === '') return 'is no text';
  const shown = JSON.stringify(node.value.slice(0, 60));
  if (field === 'check' && node.value !== CHECK) {
    return `is ${shown}: only "${CHECK}" can be a known failure, gates and thresholds cannot`;
  }
  return field === 'expires' && !isDay(node.value)
    ? `is ${shown}, which is no day such as 2026-12-31`
    : undefined;
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
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
