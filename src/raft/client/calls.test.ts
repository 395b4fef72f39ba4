import { describe, expect, test } from 'vitest';
import { MODELS, type Json } from '../../../checker/index.ts';
import { encodeStamped } from '../kv/stamped-command.ts';
import { StateMachine } from '../kv/state-machine.ts';
import { FUNCTIONS_KNOWN, callOf, completionOf, MODELS_KNOWN } from './calls.ts';

/** A store of one machine, at log time 0: what a client is told there. */
class LoneStore {
  readonly #machine = new StateMachine();
  #index = 0;

  ask(model: string, f: string, value: Json = null, key = 'k') {
    const invocation = { f, key, value };
    const call = callOf(model, invocation);
    if (call === undefined) throw new Error(`${model} cannot ${f}`);
    const served = { servedBy: 'n1' };
    if (call.type === 'read') {
      const read = this.#machine.read(call.key, call.of);
      return completionOf(model, invocation, { value: read, applied: true, served });
    }
    const data = encodeStamped({ timeMs: 0, acknowledged: 0, command: call.command });
    const { result } = this.#machine.apply({ index: ++this.#index, data });
    if (result.type === 'refused') throw new Error(result.error);
    return completionOf(model, invocation, { ...result, served });
  }
}

const ok = (value: Json, applied?: boolean): object => ({
  type: 'ok',
  value,
  ...(applied === undefined ? {} : { applied }),
  servedBy: 'n1',
});

test('every function of a model that it knows is one of the model, and the other way round but for what no store can do', () => {
  for (const name of MODELS_KNOWN) {
    const { functions = [] } = MODELS.get(name) ?? {};
    expect(functions.length, name).toBeGreaterThan(0);
    for (const f of functions) expect(FUNCTIONS_KNOWN).toContain(f);
  }
  expect(callOf('mutex', { f: 'acquire', key: 'k', value: null })).toBeUndefined();
  expect(callOf('set', { f: 'write', key: 'k', value: 1 })).toBeUndefined();
});

describe('what the state machine answers, as the model wants it', () => {
  test('registers: any JSON, null is absent, a CAS that found another value is an observation', () => {
    const store = new LoneStore();
    expect(store.ask('register', 'read')).toEqual(ok(null));
    expect(store.ask('register', 'write', { a: [1, 'x'] })).toEqual(ok({ a: [1, 'x'] }));
    expect(store.ask('register', 'read')).toEqual(ok({ a: [1, 'x'] }));
    expect(store.ask('cas-register', 'cas', [3, 4])).toEqual(ok([3, 4], false));
    store.ask('register', 'write', null);
    expect(store.ask('cas-register', 'cas', [null, 4])).toEqual(ok([null, 4]));
    expect(store.ask('cas-register', 'read')).toEqual(ok(4));
  });

  test('texts: stored as they are, appended to, deleted', () => {
    const store = new LoneStore();
    expect(store.ask('kv', 'append', 'a1 ')).toEqual(ok('a1 '));
    store.ask('kv', 'append', 'a2 ');
    expect(store.ask('kv', 'get')).toEqual(ok('a1 a2 '));
    expect(store.ask('kv', 'cas', ['a1 a2 ', 'c3 '])).toEqual(ok(['a1 a2 ', 'c3 ']));
    expect(store.ask('kv', 'cas', [null, 'c4 '])).toEqual(ok([null, 'c4 '], false));
    expect(store.ask('kv', 'delete')).toEqual(ok(null));
    expect(store.ask('kv', 'get')).toEqual(ok(null));
    expect(callOf('kv', { f: 'put', key: 'k', value: 7 })).toBeUndefined();
  });

  test('counters tell sums, and begin at 0', () => {
    const store = new LoneStore();
    expect(store.ask('counter', 'read')).toEqual(ok(0));
    expect(store.ask('counter', 'incr', -3)).toEqual(ok(-3));
    expect(store.ask('counter', 'add', 5)).toEqual(ok(5));
    expect(store.ask('counter', 'read')).toEqual(ok(2));
  });

  test('lists come back in order, sets in any, whatever the elements are', () => {
    const store = new LoneStore();
    const elements: readonly Json[] = ['a,b', 2, [3, '4'], { x: null }];
    expect(store.ask('append-list', 'read')).toEqual(ok(null));
    for (const each of elements) {
      expect(store.ask('append-list', 'append', each)).toEqual(ok(each));
      expect(store.ask('set', 'add', each, 's')).toEqual(ok(each));
    }
    expect(store.ask('append-list', 'read')).toEqual(ok(elements));
    store.ask('set', 'add', 2, 's');
    const read = store.ask('set', 'read', null, 's');
    expect(read.type === 'ok' && new Set(read.value as readonly Json[])).toEqual(new Set(elements));
  });

  test('queues give the oldest, and null where they are empty: no observation, but a result', () => {
    const store = new LoneStore();
    store.ask('queue', 'enqueue', 1);
    store.ask('queue', 'enqueue', 'two');
    expect(store.ask('queue', 'dequeue')).toEqual(ok(1));
    expect(store.ask('queue', 'dequeue')).toEqual(ok('two'));
    expect(store.ask('queue', 'dequeue')).toEqual(ok(null));
  });

  test('locks give tokens; who is refused observed it', () => {
    const store = new LoneStore();
    const first = store.ask('lease-lock', 'acquire', 500);
    const token = first.type === 'ok' ? first.value : null;
    expect(token).toEqual(expect.any(Number));
    expect(store.ask('lease-lock', 'acquire', null)).toEqual(ok(null, false));
    expect(store.ask('lease-lock', 'renew', [token, null])).toEqual(ok([token, null]));
    expect(store.ask('lease-lock', 'renew', [0, 5])).toEqual(ok([0, 5], false));
    expect(store.ask('lease-lock', 'release', token)).toEqual(ok(token));
    expect(store.ask('lease-lock', 'release', token)).toEqual(ok(token, false));
    const second = store.ask('lease-lock', 'acquire', 500);
    expect(second.type === 'ok' && Number(second.value)).toBeGreaterThan(Number(token));
  });

  test('a lock that does not expire is held for longer than any run', () => {
    const call = callOf('lease-lock', { f: 'acquire', key: 'k', value: null });
    expect(call).toMatchObject({ command: { ttlMs: 24 * 3600 * 1000 } });
  });

  test('transactions: what was read at its place, all or nothing, a group apart from another', () => {
    const store = new LoneStore();
    const change: Json = [
      ['if', 'a', null],
      ['write', 'a', 1],
      ['read', 'a', null],
      ['read', 'b', null],
      ['delete', 'b', null],
    ];
    const done: Json = [
      ['if', 'a', null],
      ['write', 'a', 1],
      ['read', 'a', 1],
      ['read', 'b', null],
      ['delete', 'b', null],
    ];
    expect(store.ask('txn-kv', 'txn', change)).toEqual(ok(done));
    expect(store.ask('txn-kv', 'txn', change)).toEqual(ok(change, false));
    expect(store.ask('txn-kv', 'txn', change, 'other')).toEqual(ok(done));
    const micros: Json = [
      ['r', 'a', null],
      ['w', 'a', 2],
    ];
    expect(store.ask('multi-register', 'txn', micros)).toEqual(
      ok([
        ['r', 'a', 1],
        ['w', 'a', 2],
      ]),
    );
  });
});
