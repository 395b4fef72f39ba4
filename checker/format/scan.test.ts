import { expect, test, vi } from 'vitest';
import { generateHistory } from '../testing/generate.ts';
import { LINE_BYTES_MAX, parseLine, writeJsonlLine } from './jsonl.ts';
import { HistoryScanner } from './scan.ts';

vi.mock(import('./jsonl.ts'), async (original) => {
  const jsonl = await original();
  return { ...jsonl, parseLine: vi.fn<typeof parseLine>(jsonl.parseLine) };
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** How many lines needed the general parser. */
function parsed(lines: readonly string[]): number {
  vi.mocked(parseLine).mockClear();
  const scanner = new HistoryScanner();
  expect(scanner.push(bytes(lines.join('')))).toBeUndefined();
  expect(scanner.finish()).toMatchObject({ ok: true, history: { events: lines.length } });
  return vi.mocked(parseLine).mock.calls.length;
}

const INVOKE = '{"index":0,"time":1,"type":"invoke","process":0,"f":"read","value":null}\n';
const OK = '{"index":1,"time":2,"type":"ok","process":0,"f":"read","value":null}\n';

test('lines as recorders write them are scanned without the general parser', () => {
  for (const model of ['register', 'cas-register', 'kv'] as const) {
    const options = { seed: 1, model, operations: 500, processes: 5, keys: 3, crashRate: 0.02 };
    const events = generateHistory({ ...options, hasAppends: true });
    expect(parsed(events.map(writeJsonlLine))).toBe(0);
  }
});

test.each([
  ['spaces after colons and commas', OK.replaceAll(/[:,]/g, '$& ')],
  ['carriage returns', OK.replace('\n', '\r\n')],
  ['a set that was read', OK.replace('null', '[1,2,3, "a" ,null,true,[],[4,[5]]]')],
  ['large and negative integers', OK.replace('null', '-123456789012345')],
  [
    'every field, in any order',
    OK.replace('{', '{"appliedIndex":4,"term":3,"error":"x","node":"n",'),
  ],
  ['what was observed', OK.replace('{', '{"servedBy":"n2","applied":false,"intended":1,')],
])('so are lines with %s', (_, line) => {
  expect(parsed([INVOKE, line])).toBe(0);
});

test.each([
  ['escapes', OK.replace('null', '"\\n"')],
  ['characters beyond ASCII', OK.replace('null', '"ü"')],
  ['fractions', OK.replace('null', '0.5')],
  ['objects', OK.replace('null', '{"a":1}')],
  ['unknown fields', OK.replace('{', '{"later":1,')],
  ['one field twice', OK.replace('{', '{"f":"write",')],
  ['numbers of many digits', OK.replace('null', '9007199254740991')],
  ['arrays in many arrays', OK.replace('null', `${'['.repeat(20)}${']'.repeat(20)}`)],
])('the general parser reads lines with %s', (_, line) => {
  expect(parsed([INVOKE, line])).toBe(1);
});

test.each([
  '01',
  '-01',
  '-',
  '-,',
  '[01]',
  '[-]',
  '[1,]',
  '[,1]',
  '[1 2]',
  '[1',
  '1.',
  '+1',
  'nul',
  'truex',
])('%s is no value', (value) => {
  const scanner = new HistoryScanner();
  const line = OK.replace('null', value);
  const message = expect.stringContaining('no JSON value');
  expect(scanner.push(bytes(INVOKE + line))).toEqual({ type: 'line', line: 2, message });
});

test('a line over 8 MiB is an error before it ends, in one chunk or in many, and never at 8 MiB', () => {
  const longest = OK.replace('null', `"${'x'.repeat(LINE_BYTES_MAX + 1 - OK.length + 2)}"`);
  expect(longest.length).toBe(LINE_BYTES_MAX + 1);
  const error = { type: 'line', line: 2, message: expect.stringContaining('longer than 8388608') };
  for (const size of [1 << 20, 16 << 20]) {
    for (const [line, expected] of [
      [longest, undefined],
      [longest.replace('x', 'xx'), error],
      [longest.replace('x', 'xx').trimEnd(), error],
    ] as const) {
      const scanner = new HistoryScanner();
      const whole = bytes(INVOKE + line);
      let found;
      for (let at = 0; at < whole.length; at += size) {
        found ??= scanner.push(whole.subarray(at, at + size));
      }
      expect(found).toEqual(expected);
    }
  }
});
