import { describe, expect, test } from 'vitest';
import { pair, type HistoryEvent, type Json } from './index.ts';

type Short = readonly [
  HistoryEvent['type'],
  number | 'nemesis',
  string,
  Json,
  Partial<HistoryEvent>?,
];

function events(...shorts: readonly Short[]): readonly HistoryEvent[] {
  return shorts.map(([type, process, f, value, more], index) => ({
    index,
    time: index * 1000,
    type,
    process,
    f,
    value,
    ...more,
  }));
}

test('operations come in order of invocation; what failed is counted, what hangs is info', () => {
  const paired = pair(
    events(
      ['invoke', 0, 'write', 1, { node: 'n1' }],
      ['invoke', 1, 'read', null],
      ['info', 'nemesis', 'kill', { phase: 'start' }],
      ['ok', 1, 'read', 1, { servedBy: 'n2' }],
      ['invoke', 1, 'cas', [1, 2]],
      ['ok', 1, 'cas', [1, 2], { applied: false }],
      ['invoke', 1, 'write', 9],
      ['fail', 1, 'write', 9],
      ['invoke', 2, 'write', 3],
      ['info', 2, 'write', 3],
    ),
  );
  expect(paired).toMatchObject({ ok: true, history: { failed: 1, events: 10 } });
  const history = paired.ok ? paired.history : undefined;
  expect(history?.nemesis.map((event) => event.index)).toEqual([2]);
  expect(history?.operations).toMatchObject([
    { id: 0, outcome: 'info', return: Infinity, input: 1, node: 'n1' },
    { id: 1, outcome: 'ok', output: 1, invoke: 1, return: 3, servedBy: 'n2', applied: true },
    { id: 4, outcome: 'ok', applied: false, input: [1, 2] },
    { id: 8, outcome: 'info', return: Infinity, returnTime: Infinity },
  ]);
});

test('an empty history is one without operations', () => {
  expect(pair([])).toEqual({
    ok: true,
    history: { operations: [], failed: 0, nemesis: [], events: 0 },
  });
});

describe('what is no history is an error with its line', () => {
  const write: Short = ['invoke', 0, 'write', 1];
  test.each<[string, number, readonly Short[]]>([
    ['completion-without-invoke', 1, [['ok', 0, 'write', 1]]],
    ['completion-without-invoke', 3, [write, ['fail', 0, 'write', 1], ['info', 0, 'write', 1]]],
    ['process-busy', 2, [write, ['invoke', 0, 'read', null]]],
    ['process-retired', 3, [write, ['info', 0, 'write', 1], ['invoke', 0, 'read', null]]],
    ['wrong-function', 2, [write, ['ok', 0, 'read', 1]]],
    ['wrong-key', 2, [write, ['ok', 0, 'write', 1, { key: 'k1' }]]],
    ['index-mismatch', 2, [write, ['ok', 0, 'write', 1, { index: 2 }]]],
    ['nemesis-type', 1, [['ok', 'nemesis', 'kill', null]]],
  ])('%s at line %i', (code, line, shorts) => {
    expect(pair(events(...shorts))).toMatchObject({ ok: false, error: { code, line } });
  });
});
