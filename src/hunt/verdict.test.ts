import { expect, test } from 'vitest';
import type { HistoryEvent, Json } from '../../checker/index.ts';
import { InvariantError } from '../lib/assert.ts';
import { decideHistory } from './verdict.ts';

/** Operations of one process each, one after the other: `[f, key, value]`. */
function sequential(operations: readonly (readonly [string, string, Json])[]): HistoryEvent[] {
  return operations.flatMap(([f, key, value], process) => {
    const common = { process, f, key, time: process };
    const asked = f === 'read' ? null : value;
    return [
      { index: 2 * process, type: 'invoke', ...common, value: asked } as const,
      { index: 2 * process + 1, type: 'ok', ...common, value } as const,
    ];
  });
}

test('a history is decided key by key, and the first illegal key is told with a sentence', () => {
  const legal = sequential([
    ['write', 'a', 1],
    ['write', 'b', 1],
    ['read', 'a', 1],
  ]);
  expect(decideHistory('rw-register', legal)).toMatchObject({
    valid: true,
    keys: 2,
    operations: 3,
  });
  const stale = sequential([
    ['write', 'a', 1],
    ['write', 'b', 1],
    ['write', 'b', 2],
    ['read', 'b', 1],
  ]);
  const { valid, illegal } = decideHistory('rw-register', stale);
  expect(valid).toBe(false);
  expect(illegal).toMatchObject({ key: 'b', sentence: expect.stringContaining('read') as unknown });
});

test('a key that needs more work than its bound is neither right nor wrong, and is named', () => {
  // Values that come again and again: no special case decides it at a glance.
  const long = sequential(
    Array.from({ length: 9000 }, (_, i): [string, string, Json] => [
      i % 2 === 0 ? 'write' : 'read',
      'k',
      Math.floor(i / 2) % 3,
    ]),
  );
  expect(decideHistory('register', long, 0)).toMatchObject({ valid: 'unknown', undecided: ['k'] });
  expect(decideHistory('register', long)).toMatchObject({ valid: true, undecided: [] });
});

test('a malformed history is a bug of the simulation', () => {
  const [first, second] = sequential([['write', 'a', 1]]);
  if (first === undefined || second === undefined) throw new Error('one operation has two events');
  expect(() => decideHistory('register', [second, first])).toThrow(InvariantError);
});
