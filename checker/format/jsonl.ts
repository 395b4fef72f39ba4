import type { EventType, HistoryEvent, Json } from '../history.ts';
import { isArray } from '../json.ts';

/** A longer line is an error: no event is that large, and a reader must not buffer without bound. */
export const LINE_BYTES_MAX: number = 8 * 1024 * 1024;

/** Values are walked by recursion: one that is nested more deeply than this is an error. */
const DEPTH_MAX = 256;

const NEWLINE = 0x0a;

/** Why a line is no event. */
export interface LineError {
  /** From 1. */
  readonly line: number;
  /** What was found and what was expected, one line. */
  readonly message: string;
}

export interface Lines {
  /** Events of the lines that became complete with this call, in order; those before an error too. */
  readonly events: readonly HistoryEvent[];
  /** The first malformed line; nothing may be fed after it. */
  readonly error?: LineError;
}

/**
 * Reads `history.jsonl` from chunks of bytes that may end anywhere. Each byte is looked at a bounded
 * number of times, and no more than one line is held back.
 */
export class JsonlReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  /** Pieces of the line that has no newline yet. */
  #partial: Uint8Array[] = [];
  #partialBytes = 0;
  #line = 1;

  /** The chunk may be reused by its owner after the call. */
  push(chunk: Uint8Array): Lines {
    const events: HistoryEvent[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end);
      if (this.#partialBytes + piece.length > LINE_BYTES_MAX) {
        const message = `the line is longer than ${LINE_BYTES_MAX} bytes, expected one event`;
        return { events, error: { line: this.#line, message } };
      }
      if (end < 0) {
        if (piece.length > 0) {
          // Not slice(): a Buffer's shares its memory.
          this.#partial.push(new Uint8Array(piece));
          this.#partialBytes += piece.length;
        }
        return { events };
      }
      const parsed = parseLine(this.#decoder, this.#complete(piece));
      if (typeof parsed === 'string')
        return { events, error: { line: this.#line, message: parsed } };
      events.push(parsed);
      this.#line++;
      start = end + 1;
    }
  }

  /**
   * Ends the input. A last line without its newline was torn by a crash of its writer: it is used
   * when it is a whole event, and never an error.
   */
  end(): Lines & { readonly torn: boolean } {
    if (this.#partialBytes === 0) return { events: [], torn: false };
    const parsed = parseLine(this.#decoder, this.#complete(new Uint8Array(0)));
    return { events: typeof parsed === 'string' ? [] : [parsed], torn: true };
  }

  #complete(piece: Uint8Array): Uint8Array {
    if (this.#partialBytes === 0) return piece;
    const whole = new Uint8Array(this.#partialBytes + piece.length);
    let offset = 0;
    for (const part of this.#partial) {
      whole.set(part, offset);
      offset += part.length;
    }
    whole.set(piece, offset);
    this.#partial = [];
    this.#partialBytes = 0;
    return whole;
  }
}

export type JsonlResult =
  | { readonly ok: true; readonly events: readonly HistoryEvent[]; readonly torn: boolean }
  | { readonly ok: false; readonly error: LineError };

/** Reads a whole history into memory. */
export async function readJsonl(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<JsonlResult> {
  const reader = new JsonlReader();
  const events: HistoryEvent[] = [];
  for await (const chunk of chunks) {
    const lines = reader.push(chunk);
    if (lines.error !== undefined) return { ok: false, error: lines.error };
    for (const event of lines.events) events.push(event);
  }
  const last = reader.end();
  events.push(...last.events);
  return { ok: true, events, torn: last.torn };
}

/** One event as one line, its newline included; keys in the order that people read them. */
export function writeJsonlLine(event: HistoryEvent): string {
  const { index, time, type, process, f, key, value, node } = event;
  const { intended, applied, error, servedBy, term, appliedIndex } = event;
  // JSON.stringify leaves out what is undefined.
  const ordered = { index, time, type, process, f, key, value, node, intended };
  return `${JSON.stringify({ ...ordered, applied, error, servedBy, term, appliedIndex })}\n`;
}

/**
 * One line, without its newline.
 *
 * @param decoder - of UTF-8, `fatal` and `ignoreBOM`
 * @returns what is wrong, when the line is no event
 */
export function parseLine(decoder: TextDecoder, bytes: Uint8Array): HistoryEvent | string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return 'the line is not UTF-8';
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return `the line is no JSON value: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'expected an object {"index":…,"time":…,"type":…,"process":…,"f":…,"value":…}';
  }
  const fields = value as Readonly<Record<string, Json | undefined>>;
  // A line of nothing but brackets must not exhaust the stack of whatever walks the value.
  if (isDeeper(fields as Json, DEPTH_MAX + 1)) {
    return `values are nested more than ${DEPTH_MAX} levels deep, expected fewer`;
  }
  const inexact = MANY_DIGITS.test(text) ? findInexact(text) : undefined;
  if (inexact !== undefined) {
    const number = inexact.length > 40 ? `${inexact.slice(0, 39)}…` : inexact;
    return (
      `the number ${number} is too large or too exact to be told from its neighbours, ` +
      'expected a string'
    );
  }
  return toEvent(fields);
}

/** Only a line that has this may hold a number that a double does not: the others need no second look. */
const MANY_DIGITS = /[\d.]{16}|\d[eE][+-]?\d{3}/;

/** More decimals of a double than this nobody prints, and `toPrecision` does not either. */
const PRECISION_MAX = 100;

/**
 * A number that a double cannot hold: two different values would read as the same, and a violation
 * might pass, or a set seem to hold an element twice. The event's own times are not compared and may be
 * such numbers; a member of a value is compared, whatever its name.
 */
function findInexact(text: string): string | undefined {
  const found: { readonly holder: unknown; readonly key: string; readonly source: string }[] = [];
  const event: unknown = JSON.parse(
    text,
    function (this: unknown, key: string, value: unknown, context?: { readonly source?: string }) {
      const source = context?.source ?? '';
      if (typeof value === 'number' && !isExact(value, source)) {
        found.push({ holder: this, key, source });
      }
      return value;
    },
  );
  const isTime = (key: string): boolean => key === 'time' || key === 'intended';
  return found.find(({ holder, key }) => holder !== event || !isTime(key))?.source;
}

/**
 * Whether the text is what a printer makes of the double that it is read as: that double, rounded to as
 * many digits. Of two texts with as many digits only one is that. Integers must be safe ones as well:
 * who writes them as such has others, too.
 */
function isExact(value: number, source: string): boolean {
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value);
  const digits = digitsOf(source);
  if (digits === '' || digits.length > PRECISION_MAX) return digits === '';
  return digitsOf(value.toPrecision(digits.length)) === digits;
}

/** The digits of a number without zeros before and after them: empty for 0. */
function digitsOf(source: string): string {
  const [mantissa = ''] = source.split(/[eE]/);
  return mantissa.replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '');
}

/** Unknown fields are tolerated and left out. */
function toEvent(fields: Readonly<Record<string, Json | undefined>>): HistoryEvent | string {
  const { index, time, type, process, f, key, value, node } = fields as Fields;
  const { intended, applied, error, servedBy, term, appliedIndex } = fields as Fields;
  const wrong = (field: string, expected: string): string =>
    `"${field}" is ${shown(fields[field])}, expected ${expected}`;
  if (!isInteger(index) || index < 0) return wrong('index', 'an integer from 0');
  if (typeof time !== 'number') return wrong('time', 'a number of nanoseconds');
  if (!isEventType(type)) return wrong('type', 'invoke, ok, fail or info');
  if (process !== 'nemesis' && !isInteger(process))
    return wrong('process', 'an integer or "nemesis"');
  if (typeof f !== 'string') return wrong('f', 'a string');
  if (value === undefined) return wrong('value', 'a JSON value (null for none)');
  if (!isOptional(key, 'string')) return wrong('key', 'a string, or no such field');
  if (!isOptional(node, 'string')) return wrong('node', 'a string, or no such field');
  if (!isOptional(intended, 'number')) return wrong('intended', 'a number, or no such field');
  if (!isOptional(applied, 'boolean')) return wrong('applied', 'true or false, or no such field');
  if (!isOptional(error, 'string')) return wrong('error', 'a string, or no such field');
  if (!isOptional(servedBy, 'string')) return wrong('servedBy', 'a string, or no such field');
  if (!isOptional(term, 'number')) return wrong('term', 'a number, or no such field');
  if (!isOptional(appliedIndex, 'number')) {
    return wrong('appliedIndex', 'a number, or no such field');
  }
  // Assigned one by one: objects spread into one another take several times as long to make, and a
  // judge that follows a run makes tens of thousands of these each second.
  const event: Writable<HistoryEvent> = { index, time, type, process, f, value };
  if (key !== undefined) event.key = key;
  if (node !== undefined) event.node = node;
  if (intended !== undefined) event.intended = intended;
  if (applied !== undefined) event.applied = applied;
  if (error !== undefined) event.error = error;
  if (servedBy !== undefined) event.servedBy = servedBy;
  if (term !== undefined) event.term = term;
  if (appliedIndex !== undefined) event.appliedIndex = appliedIndex;
  return event;
}

function isDeeper(value: Json, levels: number): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (levels === 0) return true;
  if (isArray(value)) return value.some((each) => isDeeper(each, levels - 1));
  for (const name in value) if (isDeeper(value[name] ?? null, levels - 1)) return true;
  return false;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

type Fields = Readonly<Partial<Record<keyof HistoryEvent, Json>>>;

interface Named {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
}

function isOptional<T extends keyof Named>(
  value: Json | undefined,
  type: T,
): value is Named[T] | undefined {
  return value === undefined || typeof value === type;
}

function isInteger(value: Json | undefined): value is number {
  return Number.isSafeInteger(value);
}

function isEventType(value: Json | undefined): value is EventType {
  return value === 'invoke' || value === 'ok' || value === 'fail' || value === 'info';
}

function shown(value: Json | undefined): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
