import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonlReader, LINE_BYTES_MAX, readJsonl, writeJsonlLine } from './jsonl.ts';
import type { HistoryEvent } from '../history.ts';
import { generateHistory } from '../testing/generate.ts';

const EVENT: HistoryEvent = {
  index: 0,
  time: 1_203_345,
  type: 'ok',
  process: 3,
  f: 'cas',
  key: 'schlüssel 鍵 🔑',
  value: ['ä', { b: [null, true], a: 'line\nbreak' }],
  node: 'n2',
  intended: 1_203_000,
  applied: false,
  servedBy: 'n1',
  term: 7,
  appliedIndex: 912,
};
const LINE = writeJsonlLine(EVENT);

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The bytes in chunks that end at the given places. */
function cut(whole: Uint8Array, places: readonly number[]): readonly Uint8Array[] {
  const ends = [...places.map((place) => place % (whole.length + 1)), whole.length].toSorted(
    (a, b) => a - b,
  );
  return ends.map((end, i) => whole.subarray(ends[i - 1] ?? 0, end));
}

test('an event is one line, with its keys in the order that people read', () => {
  expect(LINE).toMatch(/^\{"index":0,"time":1203345,"type":"ok","process":3,"f":"cas","key":"/);
  expect(LINE.indexOf('\n')).toBe(LINE.length - 1);
});

test('what was written is read back, wherever chunks end, within characters too', async () => {
  const history = [...generateHistory({ seed: 1, model: 'kv', operations: 5, processes: 2 })];
  const all = [...history, { ...EVENT, index: history.length }];
  const whole = bytes(all.map(writeJsonlLine).join(''));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { maxLength: 30 }), async (places) => {
      const read = await readJsonl(cut(whole, places));
      expect(read).toEqual({ ok: true, events: all, torn: false });
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['a Uint8Array', new Uint8Array(40)],
  ['a Buffer, whose slices share its memory', Buffer.alloc(40)],
])('chunks may come in one and the same place, %s', (_, place) => {
  const reader = new JsonlReader();
  const whole = bytes(LINE + LINE);
  const events: HistoryEvent[] = [];
  for (let offset = 0; offset < whole.length; offset += place.length) {
    const piece = whole.subarray(offset, offset + place.length);
    place.set(piece);
    events.push(...reader.push(place.subarray(0, piece.length)).events);
  }
  expect(events).toEqual([EVENT, EVENT]);
});

test('a torn last line is not an error; it is used when it is whole', async () => {
  const whole = bytes(LINE + LINE.trimEnd());
  expect(await readJsonl([whole])).toEqual({ ok: true, events: [EVENT, EVENT], torn: true });
  const torn = whole.subarray(0, whole.length - 5);
  expect(await readJsonl([torn])).toEqual({ ok: true, events: [EVENT], torn: true });
});

test('unknown fields are tolerated', async () => {
  const more = LINE.replace('{', '{"later":{"x":1},');
  expect(await readJsonl([bytes(more)])).toEqual({ ok: true, events: [EVENT], torn: false });
});

test('times beyond 2^53 and digits in strings are no trouble', async () => {
  const line = LINE.replace('1203345', '1700000000000000001').replace(
    'true',
    '"90071992547409930"',
  );
  expect(await readJsonl([bytes(line)])).toMatchObject({ ok: true });
});

test.each([
  '0.1',
  '0.10000000000000001',
  '0.1000000000000000055511151231257827',
  '123456789.12345679',
  '9007199254740992.0',
  '0.0000000000000000000000',
  '0e-999',
  '-1.7976931348623157e+308',
  '5e-324',
  '4.9E-324',
  '1.00000000000000000000',
])('a fraction as some printer writes the double that it is: %s', async (text) => {
  const read = await readJsonl([bytes(LINE.replace('null', text))]);
  const value = ['ä', { b: [Number(text), true] }];
  expect(read).toMatchObject({ ok: true, events: [{ value }] });
});

describe('a malformed line is an error with its number and what was expected', () => {
  test.each([
    ['{"index":0,', /no JSON value/],
    ['', /no JSON value/],
    ['[1]', /expected an object/],
    ['null', /expected an object/],
    [
      LINE.replace('"ok"', '"done"').trimEnd(),
      /"type" is "done", expected invoke, ok, fail or info/,
    ],
    [LINE.replace('"process":3', '"process":"p"').trimEnd(), /"process" is "p"/],
    [LINE.replace('"time":1203345,', '').trimEnd(), /"time" is missing/],
    [LINE.replace('"applied":false', '"applied":0').trimEnd(), /"applied" is 0/],
    [LINE.replace('1203000', '"soon"').trimEnd(), /"intended" is "soon"/],
    [LINE.replace('"index":0', '"index":-1').trimEnd(), /"index" is -1/],
    [LINE.replace('null', '9007199254740993').trimEnd(), /number 9007199254740993 is too large/],
    // Read as the same as its neighbour, too, though a member of the event by that name may be.
    [
      LINE.replace('null', '{"time":9007199254740993}').trimEnd(),
      /number 9007199254740993 is too large/,
    ],
    [
      LINE.replace('null', '[{"intended":-9007199254740993}]').trimEnd(),
      /number -9007199254740993/,
    ],
    // Walking it would exhaust the stack.
    [
      LINE.replace('null', `${'['.repeat(1e6)}9007199254740993${']'.repeat(1e6)}`).trimEnd(),
      /nested more than 256 levels deep/,
    ],
    [`{"x":${'{"y":'.repeat(300)}1${'}'.repeat(300)}}`, /nested more than 256 levels deep/],
    // It would be compared as null: absent.
    [LINE.replace('null', '1e400').trimEnd(), /number 1e400 is too large/],
    [LINE.replace('null', '[-1E+999]').trimEnd(), /number -1E\+999 is too large/],
    // It would be compared as 0.
    [LINE.replace('null', '1e-400').trimEnd(), /number 1e-400 is too large or too exact/],
    [LINE.replace('null', '-2E-324').trimEnd(), /number -2E-324 is too large or too exact/],
    // In whatever notation.
    [LINE.replace('null', '9007199254740993.0').trimEnd(), /number 9007199254740993.0 is too/],
    [LINE.replace('null', '9.007199254740993e15').trimEnd(), /number 9.007199254740993e15 is too/],
    [LINE.replace('null', '[900719925474.09921]').trimEnd(), /number 900719925474.09921 is too/],
    [LINE.replace('null', '0.12345678901234567891').trimEnd(), /number 0.12345678901234567891 is/],
  ])('%.60s', async (line, message) => {
    const read = await readJsonl([bytes(`${LINE}${line}\n${LINE}`)]);
    expect(read).toMatchObject({ ok: false, error: { line: 2 } });
    expect(read.ok ? '' : read.error.message).toMatch(message);
  });

  test('bytes that are not UTF-8', async () => {
    const read = await readJsonl([Uint8Array.of(0x22, 0xff, 0x22, 0x0a)]);
    expect(read).toEqual({ ok: false, error: { line: 1, message: 'the line is not UTF-8' } });
  });
});

test('a line over 8 MiB is an error before it ends, in one chunk or in many', () => {
  const reader = new JsonlReader();
  expect(reader.push(bytes(LINE)).error).toBeUndefined();
  const chunk = new Uint8Array(1 << 20).fill(0x20);
  const errors = Array.from({ length: 9 }, () => reader.push(chunk).error);
  expect(errors.slice(0, 8)).toEqual(Array.from({ length: 8 }));
  expect(errors[8]).toMatchObject({ line: 2 });
  const long = new Uint8Array(LINE_BYTES_MAX + 2).fill(0x20);
  long[long.length - 1] = 0x0a;
  expect(new JsonlReader().push(long).error).toMatchObject({ line: 1 });
});
