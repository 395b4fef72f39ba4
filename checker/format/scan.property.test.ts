import { expect, test } from 'vitest';
import { defined } from '../assert.ts';
import type { HistoryError } from '../history-error.ts';
import { Pairing, type Json, type Operation } from '../history.ts';
import { canonicalJson, isArray } from '../json.ts';
import { columnsOf, Cursor, type Columns } from '../table.ts';
import { generateHistory, mulberry32 } from '../testing/generate.ts';
import { JsonlReader, writeJsonlLine, type LineError } from './jsonl.ts';
import { HistoryScanner } from './scan.ts';

type Random = () => number;

function below(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

function pick<T>(random: Random, from: readonly T[]): T {
  return defined(from[below(random, from.length)], 'something to pick from');
}

const TEXTS = [
  '',
  'a',
  'k1',
  'k2',
  'x"y',
  'back\\slash',
  'ünï',
  '鍵',
  '🔑',
  '\ud800',
  '\n',
  '\x7f',
];
const INTEGERS = [0, 1, 5, 17, 999_999_999, 2 ** 30 - 1, 2 ** 30, 2 ** 31, 4_294_967_296];
const NUMBERS = [...INTEGERS, -1, -5, 0.5, 1e21, 999_999_999_999_999, 2 ** 53 - 1, 1e-7];

function value(random: Random, depth: number): Json {
  const chance = random();
  if (chance < 0.25) return null;
  if (chance < 0.5) return below(random, 5);
  if (chance < 0.6) return pick(random, NUMBERS);
  if (chance < 0.7) return pick(random, TEXTS);
  if (chance < 0.75) return random() < 0.5;
  if (depth === 0) return 7;
  if (chance < 0.95)
    return Array.from({ length: below(random, 4) }, () => value(random, depth - 1));
  return { [pick(random, TEXTS)]: value(random, depth - 1), x: 1, __proto__: null };
}

/** How one history is written. Shares of 0 give what recorders write. */
interface Style {
  readonly isShuffled: boolean;
  /** Between tokens. */
  readonly space: readonly string[];
  /** Share of characters that are escaped, and of numbers that are written another way. */
  readonly oddity: number;
  /** Share of events with a field more, twice, or none. */
  readonly fault: number;
  readonly newline: string;
}

function style(random: Random): Style {
  return {
    isShuffled: random() < 0.3,
    space: pick(random, [[''], [''], [' '], ['', ' ', '\t', '\r', '  ']]),
    oddity: pick(random, [0, 0, 0.02, 0.3]),
    fault: pick(random, [0, 0, 0.01, 0.1]),
    newline: pick(random, ['\n', '\n', '\r\n', ' \n']),
  };
}

function written(random: Random, style: Style, json: Json): string {
  const space = (): string => pick(random, style.space);
  const isOdd = (): boolean => random() < style.oddity;
  if (typeof json === 'string') {
    const escaped = (unit: string): string =>
      `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    const quoted = JSON.stringify(json);
    if (quoted.includes('\\')) return quoted;
    return quoted.replaceAll(/[^"]/gu, (unit) =>
      unit.length === 1 && isOdd() ? escaped(unit) : unit,
    );
  }
  if (typeof json === 'number') {
    if (!isOdd() || !Number.isSafeInteger(json)) return JSON.stringify(json);
    if (random() < 0.02)
      return pick(random, [`0${json}`, `-0${json}`, '-', `${json}.`, `+${json}`]);
    return pick(random, [`${json}.0`, `${json}e0`, `${json}E+00`, json === 0 ? '-0' : `${json}`]);
  }
  if (json === null || typeof json !== 'object') return JSON.stringify(json);
  if (isArray(json)) {
    const elements = json.map((each) => space() + written(random, style, each) + space());
    return `[${elements.join(',') || space()}]`;
  }
  return object(random, style, Object.entries(json));
}

function object(
  random: Random,
  style: Style,
  members: readonly (readonly [string, Json])[],
): string {
  const space = (): string => pick(random, style.space);
  const texts = members.map(
    ([name, member]) =>
      `${space()}${written(random, style, name)}${space()}:${space()}` +
      `${written(random, style, member)}${space()}`,
  );
  return `{${texts.join(',') || space()}}`;
}

/** Something that a field must not be, or must not be here. */
function fault(random: Random, fields: Record<string, Json>, processes: readonly number[]): void {
  const others: Readonly<Record<string, readonly Json[]>> = {
    index: [0, (fields['index'] as number) + 1, -1, 0.5],
    process: [...processes, 'nemesis'],
    type: ['invoke', 'ok', 'fail', 'info'],
    f: ['read', 'cas'],
    key: ['k1', 'k2'],
  };
  const name = pick(random, [...Object.keys(fields), 'later', 'indexx', 'val', 'v']);
  const any = [value(random, 2), 2 ** 53 + 2, 1e300, 'ok', 'invoke', 'k1'];
  if (random() < 0.2) delete fields[name];
  else fields[name] = pick(random, random() < 0.3 ? any : (others[name] ?? any));
}

/** One event per line; now and then with something wrong. */
function historyText(random: Random): string {
  const writing = style(random);
  const pending = new Map<number, { readonly f: string; readonly key: Json }>();
  const processes = [0, 1, 2, pick(random, [3, -1, 2 ** 22, 70_000, 2 ** 40])];
  const hasKeys = random() < 0.7;
  const isWild = random() < 0.2;
  let text = '';
  const lines = 1 + below(random, 40);
  let time = 0;
  for (let index = 0; index < lines; index++) {
    const slot = below(random, processes.length);
    const process = defined(processes[slot], 'a process');
    const under = pending.get(process);
    time += below(random, pick(random, [10, 1e9, 1e13]));
    let fields: Record<string, Json> = { index, time };
    if (random() < 0.05) {
      fields = { ...fields, type: 'info', process: 'nemesis', f: 'kill', value: value(random, 2) };
    } else if (under === undefined) {
      const f = pick(random, [
        'read',
        'write',
        'cas',
        'f',
        isWild ? pick(random, TEXTS) : 'append',
      ]);
      const key = pick(random, ['k1', 'k2', isWild ? pick(random, TEXTS) : 'k3']);
      pending.set(process, { f, key });
      fields = { ...fields, type: 'invoke', process, f, value: value(random, 3) };
      if (hasKeys) fields['key'] = key;
    } else {
      const type = pick(random, ['ok', 'ok', 'ok', 'fail', 'info']);
      pending.delete(process);
      if (type === 'info') processes[slot] = process + (random() < 0.05 ? 0 : 10);
      fields = { ...fields, type, process, f: under.f, value: value(random, 3) };
      if (hasKeys && random() < 0.9) fields['key'] = under.key;
    }
    const optional: Record<string, Json> = {
      node: pick(random, ['n1', 'n2', 'n10']),
      servedBy: pick(random, ['n1', 'n3']),
      applied: random() < 0.5,
      intended: time,
      error: 'timed out',
      term: 3,
      appliedIndex: 7,
    };
    for (const [name, each] of Object.entries(optional)) {
      if (random() < 0.3) fields[name] = each;
    }
    if (random() < writing.fault) fault(random, fields, processes);
    let members = Object.entries(fields);
    if (random() < writing.fault)
      members.push(defined(members[below(random, members.length)], 'one'));
    if (writing.isShuffled) {
      members = members
        .map((member) => ({ member, at: random() }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ member }) => member);
    }
    text += object(random, writing, members) + writing.newline;
  }
  return random() < 0.7 ? text : text.slice(0, below(random, text.length + 1));
}

/** Other bytes at random places. */
function mutated(random: Random, bytes: Uint8Array): Uint8Array {
  const pieces = [...bytes];
  for (let i = below(random, 3); i >= 0; i--) {
    const at = below(random, pieces.length + 1);
    const there = pieces[at] ?? 0;
    if (there >= 0x30 && there <= 0x39 && random() < 0.8) {
      pieces[at] = 0x30 + below(random, 10);
      continue;
    }
    const byte = random() < 0.5 ? below(random, 256) : pick(random, [...bytes, 0x22, 0x30, 0x0a]);
    pieces.splice(at, below(random, 2), ...(random() < 0.8 ? [byte] : []));
  }
  return Uint8Array.from(pieces);
}

function chunks(random: Random, bytes: Uint8Array): readonly Uint8Array[] {
  const ends = Array.from({ length: below(random, 8) }, () => below(random, bytes.length + 1));
  const places = [...ends, bytes.length].toSorted((a, b) => a - b);
  return places.map((end, i) => bytes.subarray(places[i - 1] ?? 0, end));
}

interface Outcome {
  readonly error: LineError | HistoryError | undefined;
  readonly operations: readonly Operation[];
  readonly rest: Json;
}

/** By the general parser. */
function general(pieces: readonly Uint8Array[]): Outcome {
  const reader = new JsonlReader();
  const pairing = new Pairing();
  for (const last of [undefined, ...pieces.toReversed()].toReversed()) {
    const lines = last === undefined ? reader.end() : reader.push(last);
    for (const event of lines.events) {
      const error = pairing.add(event);
      if (error !== undefined) return { error, operations: [], rest: null };
    }
    if (lines.error !== undefined) return { error: lines.error, operations: [], rest: null };
    if (!('torn' in lines)) continue;
    const { operations, ...rest } = pairing.finish();
    return { error: undefined, operations, rest: { ...rest, torn: lines.torn } as unknown as Json };
  }
  throw new Error('there is an end');
}

function scanned(
  pieces: readonly Uint8Array[],
  isShared: boolean,
): Outcome & { readonly columns?: Columns } {
  const scanner = new HistoryScanner({ isShared });
  // One place for all chunks: nothing may be kept of it.
  const place = new Uint8Array(Math.max(0, ...pieces.map((piece) => piece.length)));
  let error = undefined;
  for (const piece of pieces) {
    place.fill(0x7b);
    place.set(piece);
    error ??= scanner.push(place.subarray(0, piece.length));
  }
  const result = error === undefined ? scanner.finish() : { ok: false as const, error };
  if (!result.ok) {
    const { type, ...told } = result.error;
    expect(type).toBe('code' in told ? 'history' : 'line');
    return { error: told, operations: [], rest: null };
  }
  const { columns, ...rest } = result.history;
  return { error: undefined, operations: objects(columns), rest: rest as unknown as Json, columns };
}

function objects(columns: Columns): readonly Operation[] {
  const cursor = new Cursor(columns);
  return Array.from({ length: columns.size }, (_, row) => {
    const { id, process, f, key, input, output, outcome, applied, invoke } = cursor.at(row);
    const { return: returns, invokeTime, returnTime, node, servedBy } = cursor;
    const times = { invoke, return: returns, invokeTime, returnTime };
    return { id, process, f, key, input, output, outcome, applied, ...times, node, servedBy };
  });
}

/** Equal texts: equal operations (but for the sign of 0, which no value keeps). */
function text(operation: Operation): string {
  const names = [operation.key ?? [], operation.node ?? [], operation.servedBy ?? []];
  const times = [operation.invoke, String(operation.return), operation.invokeTime];
  const { id, process, f, input, output, outcome, applied } = operation;
  const rest = [id, process, f, input, output, outcome, applied];
  return canonicalJson([...rest, ...names, ...times, String(operation.returnTime)]);
}

/** Compares the two ways. @returns what happened, for counting */
function compared(random: Random, bytes: Uint8Array): string {
  const pieces = chunks(random, bytes);
  const expected = general(pieces);
  const found = scanned(pieces, random() < 0.5);
  expect(found.error).toEqual(expected.error);
  expect(found.operations.map(text)).toEqual(expected.operations.map(text));
  expect(canonicalJson(found.rest)).toBe(canonicalJson(expected.rest));
  const { columns = columnsOf([]) } = found;
  const same = columnsOf(expected.operations);
  expect(new Set(columns.functions)).toEqual(new Set(same.functions));
  expect(objects(same).map(text)).toEqual(found.operations.map(text));
  for (const [row, operation] of expected.operations.entries()) {
    expect(columns.values.id(operation.input)).toBe(columns.input[row]);
    expect(columns.values.id(operation.output)).toBe(columns.output[row]);
  }
  if (expected.error === undefined) return 'ok';
  return 'code' in expected.error ? expected.error.code : 'line';
}

/** How often each outcome occurred. */
function outcomes(seeds: number, bytesOf: (random: Random) => Uint8Array): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let seed = 0; seed < seeds; seed++) {
    const random = mulberry32(seed);
    const kind = attempt(seed, () => compared(random, bytesOf(random)));
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

const ERRORS = [
  'line',
  'index-mismatch',
  'completion-without-invoke',
  'process-busy',
  'process-retired',
  'wrong-function',
  'wrong-key',
  'nemesis-type',
];

test('random histories in many styles: the same columns, or the same error, as by the general parser', () => {
  const counts = outcomes(5000, (random) => new TextEncoder().encode(historyText(random)));
  expect(Object.keys(counts).toSorted()).toEqual(['ok', ...ERRORS].toSorted());
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(5);
  expect(counts['ok']).toBeGreaterThan(1000);
});

test('random bytes changed, lost or added: the same columns, or the same error', () => {
  const counts = outcomes(6000, (random) =>
    mutated(random, new TextEncoder().encode(historyText(random))),
  );
  expect(Object.keys(counts).toSorted()).toEqual(['ok', ...ERRORS].toSorted());
  expect(counts['ok']).toBeGreaterThan(500);
});

test.each(['register', 'cas-register', 'kv'] as const)(
  'a longer history of a %s, with failed and crashed operations, comes as it is',
  (model) => {
    const random = mulberry32(7);
    const options = { seed: 7, model, operations: 6000, processes: 20, keys: 5, values: 9 };
    const events = generateHistory({ ...options, crashRate: 0.05, hasAppends: true });
    const bytes = new TextEncoder().encode(events.map(writeJsonlLine).join(''));
    expect(compared(random, bytes)).toBe('ok');
  },
);

function attempt(seed: number, action: () => string): string {
  try {
    return action();
  } catch (cause) {
    throw new Error(`seed ${seed}`, { cause });
  }
}
