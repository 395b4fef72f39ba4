import { expect, test } from 'vitest';
import type { Command } from './commands.ts';
import { APPENDED_UNITS_MAX, SET_MAX, TXN_ANSWER_UNITS_MAX } from './limits.ts';
import type { Result } from './result.ts';
import { encodeStamped } from './stamped-command.ts';
import { StateMachine } from './state-machine.ts';

/** Applies commands one after the other at a log time. */
function log() {
  const machine = new StateMachine();
  let index = 0;
  const apply = (command: Command, timeMs = 0): Result => {
    const data = encodeStamped({ timeMs, acknowledged: 0, command });
    return machine.apply({ index: ++index, data }).result;
  };
  return { machine, apply };
}

const CONFLICT = { type: 'refused', reason: 'conflict' };
const MISSED = { type: 'done', applied: false, value: null };
const DONE = { type: 'done', applied: true, value: null };

test('put, delete and cas do what they say; null means absent', () => {
  const { machine, apply } = log();
  expect(machine.read('a')).toBeNull();
  expect(apply({ type: 'cas', key: 'a', from: null, to: '1' })).toEqual(DONE);
  expect(apply({ type: 'cas', key: 'a', from: null, to: '2' })).toEqual(MISSED);
  expect(machine.read('a')).toBe('1');
  expect(apply({ type: 'put', key: 'a', value: '' })).toEqual(DONE);
  expect(machine.read('a')).toBe('');
  expect(apply({ type: 'cas', key: 'a', from: '', to: null })).toEqual(DONE);
  expect(machine.read('a')).toBeNull();
  apply({ type: 'put', key: 'b', value: 'x' });
  expect(apply({ type: 'delete', key: 'b' })).toEqual(DONE);
  expect(machine.size).toBe(0);
});

test.each(['x', '', ' 1', '1 ', '01', '-0', '1.0', '1e3', '0x1', '9007199254740992', 'NaN'])(
  'nothing is added to "%s", which is no integer as incr writes them',
  (value) => {
    const { machine, apply } = log();
    apply({ type: 'put', key: 'n', value });
    expect(apply({ type: 'incr', key: 'n', by: 1 })).toMatchObject(CONFLICT);
    expect(machine.read('n')).toBe(value);
  },
);

test('a sum beyond the safe integers is refused, and nothing wraps', () => {
  const { machine, apply } = log();
  const { MAX_SAFE_INTEGER: max } = Number;
  expect(apply({ type: 'incr', key: 'n', by: max })).toMatchObject({ value: max });
  expect(apply({ type: 'incr', key: 'n', by: 1 })).toMatchObject(CONFLICT);
  expect(machine.read('n')).toBe(String(max));
  apply({ type: 'incr', key: 'm', by: -max });
  expect(apply({ type: 'incr', key: 'm', by: -1 })).toMatchObject(CONFLICT);
});

test('what is appended stays within the limit, or is not appended', () => {
  const { machine, apply } = log();
  const half = 'é'.repeat(APPENDED_UNITS_MAX / 2);
  expect(apply({ type: 'append', key: 'k', value: half })).toMatchObject({ value: half.length });
  expect(apply({ type: 'append', key: 'k', value: half })).toMatchObject({ applied: true });
  expect(apply({ type: 'append', key: 'k', value: 'x' })).toMatchObject(CONFLICT);
  expect(machine.read('k')).toBe(half + half);
});

test('a transaction does one branch, all at one index, each operation seeing those before', () => {
  const { machine, apply } = log();
  const txn = {
    type: 'txn',
    compares: [
      { key: 'a', is: '=', value: null },
      { key: 'b', is: '!=', value: 'x' },
    ],
    success: [
      { type: 'put', key: 'a', value: '4' },
      { type: 'incr', key: 'a', by: 3 },
      { type: 'get', key: 'a' },
      { type: 'append', key: 'b', value: 'x' },
      { type: 'delete', key: 'a' },
      { type: 'get', key: 'a' },
    ],
    failure: [{ type: 'get', key: 'b' }],
  } as const;
  const first = [null, 7, '7', 1, null, null];
  expect(apply(txn)).toEqual({ type: 'done', applied: true, value: first });
  expect(machine.read('a')).toBeNull();
  expect(apply(txn), 'b is x now').toEqual({ type: 'done', applied: false, value: ['x'] });
});

test('a transaction of which one operation is refused does nothing at all', () => {
  const { machine, apply } = log();
  apply({ type: 'put', key: 'word', value: 'x' });
  const success = [
    { type: 'put', key: 'a', value: '1' },
    { type: 'delete', key: 'word' },
    { type: 'append', key: 'word', value: 'y' },
    { type: 'incr', key: 'word', by: 1 },
  ] as const;
  expect(apply({ type: 'txn', compares: [], success, failure: [] })).toMatchObject(CONFLICT);
  expect([machine.read('a'), machine.read('word')]).toEqual([null, 'x']);
});

test('a transaction that would answer with too much is refused', () => {
  const { apply } = log();
  apply({ type: 'put', key: 'k', value: 'x'.repeat(TXN_ANSWER_UNITS_MAX / 2) });
  const get = { type: 'get', key: 'k' } as const;
  const txn = (...success: readonly (typeof get)[]): Command => ({
    type: 'txn',
    compares: [],
    success,
    failure: [],
  });
  expect(apply(txn(get))).toMatchObject({ applied: true });
  expect(apply(txn(get, get, get))).toMatchObject(CONFLICT);
});

test('an element is in a set once; a read has all of them in order; a full set takes no more', () => {
  const { machine, apply } = log();
  const add = (element: string) => apply({ type: 'set-add', key: 's', element });
  for (const element of ['b', 'a', '']) expect(add(element)).toEqual(DONE);
  expect(add('a')).toEqual(MISSED);
  expect(machine.read('s', 'set')).toEqual(['', 'a', 'b']);
  expect(machine.read('', 'set'), 'another set').toEqual([]);
  expect(apply({ type: 'set-remove', key: 's', element: 'a' })).toEqual(DONE);
  expect(apply({ type: 'set-remove', key: 's', element: 'a' })).toEqual(MISSED);
  expect(add('x'.repeat(SET_MAX.units))).toMatchObject(CONFLICT);
  for (let i = 2; i < SET_MAX.elements; i++) add(String(i));
  expect(add('one more')).toMatchObject(CONFLICT);
  expect(add('b'), 'it is inside').toEqual(MISSED);
  apply({ type: 'set-remove', key: 's', element: 'b' });
  expect(add('one more')).toEqual(DONE);
});

test('first in, first out; an empty queue answers null, and leaves nothing behind', () => {
  const { machine, apply } = log();
  const dequeue = (key: string) => apply({ type: 'dequeue', key });
  expect(dequeue('q')).toEqual(MISSED);
  for (const element of ['1', '2', '1']) apply({ type: 'enqueue', key: 'q', element });
  apply({ type: 'enqueue', key: 'r', element: 'other' });
  expect(machine.read('q', 'queue')).toBe(3);
  expect(dequeue('q')).toEqual({ ...DONE, value: '1' });
  expect(dequeue('q')).toEqual({ ...DONE, value: '2' });
  expect(dequeue('q')).toEqual({ ...DONE, value: '1' });
  expect(dequeue('q')).toEqual(MISSED);
  expect(dequeue('r')).toEqual({ ...DONE, value: 'other' });
  expect(machine.size).toBe(0);
});

const acquire = (ttlMs: number): Command => ({ type: 'acquire', key: 'l', owner: 'me', ttlMs });

test('a lock is one holder’s until it is released or its time is over by the log', () => {
  const { machine, apply } = log();
  expect(apply(acquire(100), 10)).toMatchObject({ applied: true, value: 1 });
  expect(machine.read('l', 'lock')).toEqual({ owner: 'me', token: 1, leftMs: 100 });
  expect(apply(acquire(100), 109), 'its holder cannot either').toEqual(MISSED);
  expect(apply({ type: 'release', key: 'l', token: 2 }, 109), 'not his token').toEqual(MISSED);
  expect(apply(acquire(100), 110)).toMatchObject({ applied: true, value: 4 });
  expect(apply({ type: 'release', key: 'l', token: 1 }, 111), 'too late').toEqual(MISSED);
  expect(apply({ type: 'release', key: 'l', token: 4 }, 111)).toEqual(DONE);
  expect(machine.read('l', 'lock')).toBeNull();
  expect(apply(acquire(1), 111)).toMatchObject({ value: 7 });
});

test('a renewal counts from now, longer or shorter; what is over cannot be renewed', () => {
  const { machine, apply } = log();
  const renew = (ttlMs: number): Command => ({ type: 'renew', key: 'l', token: 1, ttlMs });
  apply(acquire(100), 0);
  expect(apply(renew(100), 50)).toEqual(DONE);
  expect(apply(acquire(1), 149)).toEqual(MISSED);
  expect(apply(renew(10), 149)).toEqual(DONE);
  expect(machine.read('l', 'lock')).toMatchObject({ leftMs: 10 });
  expect(apply(renew(100), 159)).toEqual(MISSED);
  expect(apply(acquire(1), 159)).toMatchObject({ applied: true });
});

test('locks that nobody released are cleared away, those that were renewed are not', () => {
  const { machine, apply } = log();
  for (const key of ['a', 'b', 'c']) {
    apply({ type: 'acquire', key, owner: '', ttlMs: 100 });
  }
  apply({ type: 'renew', key: 'b', token: 2, ttlMs: 500 }, 50);
  apply({ type: 'delete', key: 'x' }, 100);
  expect(machine.size).toBe(1);
  expect(machine.read('b', 'lock')).toMatchObject({ token: 2 });
  apply({ type: 'delete', key: 'x' }, 550);
  expect(machine.size).toBe(0);
});

test('values, sets, queues and locks of one name are apart', () => {
  const { machine, apply } = log();
  apply({ type: 'put', key: 'k', value: 'v' });
  apply({ type: 'set-add', key: 'k', element: 'e' });
  apply({ type: 'enqueue', key: 'k', element: '1' });
  apply({ type: 'acquire', key: 'k', owner: 'me', ttlMs: 9 });
  apply({ type: 'delete', key: 'k' });
  expect(machine.read('k')).toBeNull();
  expect(machine.read('k', 'set')).toEqual(['e']);
  expect(machine.read('k', 'queue')).toBe(1);
  expect(machine.read('k', 'lock')).toMatchObject({ owner: 'me' });
});
