import { ColumnPairing, FOLLOWS, type ColumnHistory, type Step } from '../column-pairing.ts';
import type { HistoryError } from '../history-error.ts';
import { ABSENT } from '../table.ts';
import { NULL } from '../values.ts';
import { LINE_BYTES_MAX, parseLine, type LineError } from './jsonl.ts';

/** Why bytes are no history: a line is no event, or an event cannot follow those before it. */
export type ScanError =
  ({ readonly type: 'line' } & LineError) | ({ readonly type: 'history' } & HistoryError);

export interface ScanOptions {
  /**
   * Columns and values lie in shared memory, for worker threads (where there is `SharedArrayBuffer`).
   * Default false.
   */
  readonly isShared?: boolean;
  /** Size of the input, about: what is known of it spares copies. Default 0. */
  readonly bytesExpected?: number;
}

/** A history as it was scanned. */
export interface ScannedHistory extends ColumnHistory {
  /** True when the last line had no newline: its writer was interrupted. */
  readonly torn: boolean;
}

export type ScanResult =
  | { readonly ok: true; readonly history: ScannedHistory }
  | { readonly ok: false; readonly error: ScanError };

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LETTER_E = 0x65;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;
const TILDE = 0x7e;

/** Of two short lines. Memory for too many operations is not touched, and costs nothing. */
const OPERATION_BYTES = 128;

/** 1 for bytes that stand for themselves in a string; all others are for the general parser. */
const IS_PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= SPACE && byte <= TILDE && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);

/** Digits that an integer of 32 bits holds whatever they are, and what two of them give. */
const HALF = 9;
/** More digits are for the general parser: these are exact. */
const DIGITS_MAX = 15;
const POWERS_OF_10 = Float64Array.from({ length: DIGITS_MAX - HALF + 1 }, (_, i) => 10 ** i);

/** Arrays within arrays; deeper ones are for the general parser. */
const DEPTH_MAX = 16;

/** What the fast path says of anything that it does not know. */
const UNKNOWN = -1;
/** No array has this id. */
const NO_ARRAY = 0;
/** No value has this id. */
const NO_ELEMENT = 0x7fff_ffff;

/** Fields: a bit to tell whether it was seen, and above it the length of its name and both quotes. */
const SEEN = 0xffff;
const NAME = 16;
const INDEX = 0x1 | (7 << NAME);
const TIME = 0x2 | (6 << NAME);
const TYPE = 0x4 | (6 << NAME);
const PROCESS = 0x8 | (9 << NAME);
const F = 0x10 | (3 << NAME);
const VALUE = 0x20 | (7 << NAME);
const KEY = 0x40 | (5 << NAME);
const NODE = 0x80 | (6 << NAME);
const INTENDED = 0x100 | (10 << NAME);
const APPLIED = 0x200 | (9 << NAME);
const ERROR = 0x400 | (7 << NAME);
const SERVED_BY = 0x800 | (10 << NAME);
const TERM = 0x1000 | (6 << NAME);
const APPLIED_INDEX = 0x2000 | (14 << NAME);
const REQUIRED = (INDEX | TIME | TYPE | PROCESS | F | VALUE) & SEEN;

/** JSON types, as far as fields tell them apart; `null` and arrays are OTHER. */
const NUMBER = 0;
const TEXT = 1;
const BOOLEAN = 2;
const OTHER = 3;

/** Types of events. */
const INVOKE = 0;
const OK = 1;
const FAIL = 2;
const INFO = 3;

/**
 * Reads `history.jsonl` from chunks of bytes that may end anywhere, straight into columns: the bytes
 * become numbers without text, objects or events in between.
 *
 * Lines as recorders write them (fields in any order; integers, strings without escapes, `true`,
 * `false`, `null` and arrays of them as values) are scanned at once. Any other line, and any line with
 * something wrong, goes as a whole to the general parser, which decides what it means: results and
 * errors are those of `JsonlReader` and `Pairing`.
 */
export class HistoryScanner {
  readonly #pairing: ColumnPairing;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  /** The line that has no newline yet. */
  #partial = new Uint8Array(1024);
  #partialBytes = 0;
  /** Where the array or element that was read ends. */
  #end = 0;

  constructor(options: ScanOptions = {}) {
    const { isShared = false, bytesExpected = 0 } = options;
    this.#pairing = new ColumnPairing(isShared, bytesExpected / OPERATION_BYTES);
  }

  /**
   * The chunk may be reused by its owner after the call.
   *
   * @returns the first error, after which nothing more may be pushed
   */
  push(chunk: Uint8Array): ScanError | undefined {
    const last = chunk.lastIndexOf(NEWLINE);
    if (last < 0) return this.#hold(chunk);
    let at = 0;
    if (this.#partialBytes > 0) {
      at = chunk.indexOf(NEWLINE) + 1;
      const error = this.#hold(chunk.subarray(0, at - 1)) ?? this.#endPartial();
      if (error !== undefined) return error;
    }
    const error = this.#lines(chunk, at, last + 1);
    return error ?? this.#hold(chunk.subarray(last + 1));
  }

  /**
   * Ends the input. A last line without its newline was torn by a crash of its writer: it is used
   * when it is a whole event, and is never a malformed line.
   */
  finish(): ScanResult {
    const torn = this.#partialBytes > 0;
    if (torn) {
      const error = this.#endPartial();
      if (error?.type === 'history') return { ok: false, error };
    }
    return { ok: true, history: { ...this.#pairing.finish(), torn } };
  }

  #hold(piece: Uint8Array): ScanError | undefined {
    const length = this.#partialBytes + piece.length;
    if (length > LINE_BYTES_MAX) return this.#tooLong();
    if (length >= this.#partial.length) {
      const grown = new Uint8Array(2 * length + 1);
      grown.set(this.#partial.subarray(0, this.#partialBytes));
      this.#partial = grown;
    }
    this.#partial.set(piece, this.#partialBytes);
    this.#partialBytes = length;
    return undefined;
  }

  #endPartial(): ScanError | undefined {
    const length = this.#partialBytes;
    this.#partial[length] = NEWLINE;
    this.#partialBytes = 0;
    return this.#lines(this.#partial, 0, length + 1);
  }

  /** Whole lines. @param end - after a newline: the scanner cannot run beyond it */
  #lines(bytes: Uint8Array, start: number, end: number): ScanError | undefined {
    let at = start;
    while (at < end) {
      const next = this.#line(bytes, at);
      if (next !== UNKNOWN) {
        at = next;
        continue;
      }
      const newline = bytes.indexOf(NEWLINE, at);
      const error = this.#parse(bytes.subarray(at, newline));
      if (error !== undefined) return error;
      at = newline + 1;
    }
    return undefined;
  }

  /** The general path. */
  #parse(line: Uint8Array): ScanError | undefined {
    // The fast path may have left in the middle of an array.
    this.#pairing.values.abandonArrays();
    if (line.length > LINE_BYTES_MAX) return this.#tooLong();
    const event = parseLine(this.#decoder, line);
    if (typeof event === 'string') {
      return { type: 'line', line: this.#pairing.position + 1, message: event };
    }
    const error = this.#pairing.add(event);
    return error === undefined ? undefined : { type: 'history', ...error };
  }

  #tooLong(): ScanError {
    const message = `the line is longer than ${LINE_BYTES_MAX} bytes, expected one event`;
    return { type: 'line', line: this.#pairing.position + 1, message };
  }

  /**
   * One line, if it is as expected. Nothing in here accepts a newline but as the end of the line, so
   * nothing reads on beyond it.
   *
   * @returns where the next line begins; UNKNOWN: nothing has changed
   */
  #line(bytes: Uint8Array, start: number): number {
    const pairing = this.#pairing;
    const { values } = pairing;
    let at = start;
    if (bytes[at] !== OPEN_BRACE) return UNKNOWN;
    at = afterSpaces(bytes, at + 1);
    let seen = 0;
    let time = 0;
    let type = 0;
    let process = 0;
    let f = NULL;
    let key = NULL;
    let value = NULL;
    let node = 0;
    let nodeEnd = 0;
    let servedBy = NULL;
    let applied = 1;
    for (;;) {
      const field = fieldAt(bytes, at);
      if (field === UNKNOWN || (seen & field & SEEN) !== 0) return UNKNOWN;
      seen |= field & SEEN;
      at = afterSpaces(bytes, at + (field >>> NAME));
      if (bytes[at] !== COLON) return UNKNOWN;
      at = afterSpaces(bytes, at + 1);

      // The value, whatever its field: its type, and what it is.
      const begin = at;
      const byte = bytes[at] as number;
      let kind = OTHER;
      let number = 0;
      let id = NULL;
      if (byte === QUOTE) {
        kind = TEXT;
        do at++;
        while (IS_PLAIN[bytes[at] as number] === 1);
        if (bytes[at++] !== QUOTE) return UNKNOWN;
      } else if ((byte - ZERO) >>> 0 <= 9 || byte === MINUS) {
        kind = NUMBER;
        const first = byte === MINUS ? at + 1 : at;
        let digit = (bytes[first] as number) - ZERO;
        at = first;
        while (digit >>> 0 <= 9 && at < first + HALF) {
          number = (Math.imul(number, 10) + digit) | 0;
          digit = (bytes[++at] as number) - ZERO;
        }
        if (at === first + HALF) {
          let low = 0;
          while (digit >>> 0 <= 9 && at < first + DIGITS_MAX) {
            low = (Math.imul(low, 10) + digit) | 0;
            digit = (bytes[++at] as number) - ZERO;
          }
          number = number * (POWERS_OF_10[at - first - HALF] as number) + low;
        }
        // No digits, a needless zero, or -0, which is not 0 everywhere. One digit too many ends the line
        // below, as anything does that is not expected.
        if (at === first) return UNKNOWN;
        if (bytes[first] === ZERO && (at > first + 1 || byte === MINUS)) return UNKNOWN;
        if (byte === MINUS) number = -number;
      } else if (byte === OPEN_BRACKET) {
        id = this.#array(bytes, at, DEPTH_MAX);
        if (id === NO_ARRAY) return UNKNOWN;
        at = this.#end;
      } else {
        at = literalEnd(bytes, at);
        if (at === UNKNOWN) return UNKNOWN;
        if (byte !== LETTER_N) kind = BOOLEAN;
      }

      switch (field) {
        case INDEX:
          if (kind !== NUMBER || number !== pairing.position) return UNKNOWN;
          break;
        case TIME:
          if (kind !== NUMBER) return UNKNOWN;
          time = number;
          break;
        case TYPE:
          if (kind !== TEXT) return UNKNOWN;
          type = typeAt(bytes, begin);
          if (type === UNKNOWN) return UNKNOWN;
          break;
        case PROCESS:
          if (kind !== NUMBER) return UNKNOWN;
          process = number;
          break;
        case F:
          if (kind !== TEXT) return UNKNOWN;
          f = values.ascii(bytes, begin + 1, at - 1);
          break;
        case VALUE:
          if (kind === NUMBER) value = values.number(number);
          else if (kind === TEXT) value = values.ascii(bytes, begin + 1, at - 1);
          else value = kind === BOOLEAN ? values.boolean(byte === LETTER_T) : id;
          break;
        case KEY:
          if (kind !== TEXT) return UNKNOWN;
          key = values.ascii(bytes, begin + 1, at - 1);
          break;
        case NODE:
          if (kind !== TEXT) return UNKNOWN;
          // Completions repeat it: it is looked up where it counts.
          node = begin + 1;
          nodeEnd = at - 1;
          break;
        case SERVED_BY:
          if (kind !== TEXT) return UNKNOWN;
          servedBy = values.ascii(bytes, begin + 1, at - 1);
          break;
        case APPLIED:
          if (kind !== BOOLEAN) return UNKNOWN;
          applied = byte === LETTER_T ? 1 : 0;
          break;
        case ERROR:
          if (kind !== TEXT) return UNKNOWN;
          break;
        default:
          if (kind !== NUMBER) return UNKNOWN;
      }

      at = afterSpaces(bytes, at);
      const after = bytes[at++];
      if (after === COMMA) at = afterSpaces(bytes, at);
      else if (after === CLOSE_BRACE) break;
      else return UNKNOWN;
    }
    at = afterSpaces(bytes, at);
    if (bytes[at] === RETURN) at++;
    if (bytes[at] !== NEWLINE || at - start > LINE_BYTES_MAX) return UNKNOWN;
    if ((seen & REQUIRED) !== REQUIRED) return UNKNOWN;

    // Names are numbered here, where the line is known to be one of an operation.
    const functionNumber = pairing.functionNumber(f);
    const keyNumber = key === NULL ? ABSENT : pairing.keyNumber(key);
    let step: Step;
    if (type === INVOKE) {
      const on = node === 0 ? ABSENT : pairing.nodeNumber(values.ascii(bytes, node, nodeEnd));
      step = pairing.invoke(process, functionNumber, keyNumber, value, on, time);
    } else if (type === OK) {
      const by = servedBy === NULL ? ABSENT : pairing.nodeNumber(servedBy);
      step = pairing.ok(process, functionNumber, keyNumber, value, applied, by, time);
    } else if (type === FAIL) {
      step = pairing.fail(process, functionNumber, keyNumber);
    } else {
      step = pairing.info(process, functionNumber, keyNumber);
    }
    return step === FOLLOWS ? at + 1 : UNKNOWN;
  }

  /** @returns the array's id, with its end in `#end`; NO_ARRAY when it is for the general parser */
  #array(bytes: Uint8Array, start: number, depth: number): number {
    const { values } = this.#pairing;
    const array = values.beginArray();
    let at = afterSpaces(bytes, start + 1);
    if (bytes[at] === CLOSE_BRACKET) {
      this.#end = at + 1;
      return values.endArray(array);
    }
    for (;;) {
      const first = at;
      let digit = (bytes[at] as number) - ZERO;
      let id = 0;
      if (digit >>> 0 <= 9) {
        // Most arrays are sets of small integers, and long.
        do {
          id = (Math.imul(id, 10) + digit) | 0;
          digit = (bytes[++at] as number) - ZERO;
        } while (digit >>> 0 <= 9);
        if (at > first + HALF || (bytes[first] === ZERO && at > first + 1)) return NO_ARRAY;
      } else {
        id = this.#element(bytes, at, depth);
        if (id === NO_ELEMENT) return NO_ARRAY;
        at = this.#end;
      }
      values.element(id);
      if (bytes[at] === SPACE) at = afterSpaces(bytes, at);
      const after = bytes[at++];
      if (after === CLOSE_BRACKET) break;
      if (after !== COMMA) return NO_ARRAY;
      if (bytes[at] === SPACE) at = afterSpaces(bytes, at);
    }
    this.#end = at;
    return values.endArray(array);
  }

  /** No small integer. @returns its id, with its end in `#end`; NO_ELEMENT like NO_ARRAY */
  #element(bytes: Uint8Array, start: number, depth: number): number {
    const { values } = this.#pairing;
    const byte = bytes[start] as number;
    if (byte === QUOTE) {
      let at = start + 1;
      while (IS_PLAIN[bytes[at] as number] === 1) at++;
      if (bytes[at] !== QUOTE) return NO_ELEMENT;
      this.#end = at + 1;
      return values.ascii(bytes, start + 1, at);
    }
    if (byte === OPEN_BRACKET) {
      const id = depth > 1 ? this.#array(bytes, start, depth - 1) : NO_ARRAY;
      return id === NO_ARRAY ? NO_ELEMENT : id;
    }
    this.#end = literalEnd(bytes, start);
    if (this.#end === UNKNOWN) return NO_ELEMENT;
    return byte === LETTER_N ? NULL : values.boolean(byte === LETTER_T);
  }
}

/** Where the next byte is that is no space; other white space is left to the general parser. */
function afterSpaces(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] === SPACE) at++;
  return at;
}

/** The field whose name begins here, quotes included: all of its bytes are compared. */
function fieldAt(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return UNKNOWN;
  if (half(bytes, at + 1) === 0x2266) return F; // f"
  switch (word(bytes, at + 1)) {
    case 0x65646e69: // inde|x"
      return half(bytes, at + 5) === 0x2278 ? INDEX : UNKNOWN;
    case 0x656d6974: // time|"
      return bytes[at + 5] === QUOTE ? TIME : UNKNOWN;
    case 0x65707974: // type|"
      return bytes[at + 5] === QUOTE ? TYPE : UNKNOWN;
    case 0x636f7270: // proc|ess"
      return word(bytes, at + 5) === 0x22737365 ? PROCESS : UNKNOWN;
    case 0x2279656b: // key"
      return KEY;
    case 0x756c6176: // valu|e"
      return half(bytes, at + 5) === 0x2265 ? VALUE : UNKNOWN;
    case 0x65646f6e: // node|"
      return bytes[at + 5] === QUOTE ? NODE : UNKNOWN;
    case 0x65746e69: // inte|nded|"
      return word(bytes, at + 5) === 0x6465646e && bytes[at + 9] === QUOTE ? INTENDED : UNKNOWN;
    case 0x6c707061: // appl|ied" or appl|iedI|ndex|"
      if (word(bytes, at + 5) === 0x22646569) return APPLIED;
      if (word(bytes, at + 5) !== 0x49646569 || word(bytes, at + 9) !== 0x7865646e) return UNKNOWN;
      return bytes[at + 13] === QUOTE ? APPLIED_INDEX : UNKNOWN;
    case 0x6f727265: // erro|r"
      return half(bytes, at + 5) === 0x2272 ? ERROR : UNKNOWN;
    case 0x76726573: // serv|edBy|"
      return word(bytes, at + 5) === 0x79426465 && bytes[at + 9] === QUOTE ? SERVED_BY : UNKNOWN;
    case 0x6d726574: // term|"
      return bytes[at + 5] === QUOTE ? TERM : UNKNOWN;
    default:
      return UNKNOWN;
  }
}

/** The type of event whose name begins here, quotes included. */
function typeAt(bytes: Uint8Array, at: number): number {
  switch (word(bytes, at)) {
    case 0x226b6f22: // "ok"
      return OK;
    case 0x766e6922: // "inv|oke"
      return word(bytes, at + 4) === 0x22656b6f ? INVOKE : UNKNOWN;
    case 0x69616622: // "fai|l"
      return half(bytes, at + 4) === 0x226c ? FAIL : UNKNOWN;
    case 0x666e6922: // "inf|o"
      return half(bytes, at + 4) === 0x226f ? INFO : UNKNOWN;
    default:
      return UNKNOWN;
  }
}

/** Where `null`, `true` or `false` ends, which begins here; UNKNOWN when none does. */
function literalEnd(bytes: Uint8Array, at: number): number {
  const first = word(bytes, at);
  if (first === 0x6c6c756e || first === 0x65757274) return at + 4; // null, true
  return first === 0x736c6166 && bytes[at + 4] === LETTER_E ? at + 5 : UNKNOWN; // fals|e
}

/** Four bytes, the first one lowest. */
function word(bytes: Uint8Array, at: number): number {
  return half(bytes, at) | (half(bytes, at + 2) << 16);
}

/** Two bytes. */
function half(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}
