import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defined } from '../assert.ts';
import type { Json, Operation } from '../history.ts';
import { canonicalJson } from '../json.ts';
import { smallOptions } from '../testing/agreement.ts';
import { simulate } from '../testing/simulate.ts';
import { inferModel, MODELS } from './index.ts';
import { REJECTED, type Model } from './model.ts';
import { replayOf } from './replay.ts';

const named = (name: string): Model => defined(MODELS.get(name), 'a model');

function call(
  f: string,
  input: Json,
  output: Json = null,
  parts: Partial<Operation> = {},
): Operation {
  return {
    id: 0,
    process: 1,
    f,
    key: undefined,
    input,
    output,
    outcome: 'ok',
    applied: true,
    invoke: 0,
    return: 1,
    invokeTime: 0,
    returnTime: 1,
    node: undefined,
    servedBy: undefined,
    ...parts,
  };
}

const crashed = (f: string, input: Json = null, process = 1): Operation =>
  call(f, input, null, { outcome: 'info', return: Infinity, returnTime: Infinity, process });

/** The state after all of them; the place of the first that is rejected. */
function run(
  model: string,
  operations: readonly Operation[],
): Json | { readonly rejected: number } {
  const object = named(model);
  let state = object.initial;
  for (const [at, operation] of operations.entries()) {
    const next = object.step(state, operation);
    if (next === REJECTED) return { rejected: at };
    state = next;
  }
  return state;
}

describe('what objects do', () => {
  test('a set takes an element twice, and reads come in any order but without repetition', () => {
    const added = [call('add', 3), call('add', 1), call('add', 3)];
    expect(run('set', [...added, call('read', null, [3, 1])])).toEqual([1, 3]);
    expect(run('set', [...added, call('read', null, [3, 1, 3])])).toEqual({ rejected: 3 });
    expect(run('set', [...added, call('read', null, [3])])).toEqual({ rejected: 3 });
    expect(run('set', [call('read', null)])).toEqual([]);
  });

  test('a queue gives the oldest, a stack the newest, an unordered queue any', () => {
    const lines = [
      ['queue', 'enqueue', 'dequeue', { rejected: 2 }, [2]],
      ['stack', 'push', 'pop', [1], { rejected: 2 }],
      ['unordered-queue', 'enqueue', 'dequeue', [1], [2]],
    ] as const;
    for (const [model, put, take, second, first] of lines) {
      const both = [call(put, 1), call(put, 2)];
      expect(run(model, [...both, call(take, null, 2)]), model).toEqual(second);
      expect(run(model, [...both, call(take, null, 1)]), model).toEqual(first);
      expect(run(model, [call(take, null), ...both]), model).toEqual([1, 2]);
      expect(run(model, [...both, call(take, null)]), model).toEqual({ rejected: 2 });
      expect(run(model, [call(put, 1), crashed(take), call(take, null)]), model).toEqual([]);
      expect(run(model, [crashed(take)]), model).toEqual({ rejected: 0 });
    }
  });

  test('a crashed dequeue of an unordered queue takes the least by text', () => {
    const both = [call('enqueue', 'b'), call('enqueue', 'a')];
    expect(run('unordered-queue', [...both, crashed('dequeue')])).toEqual(['b']);
  });

  test('a mutex is released by anybody, and never twice', () => {
    const release = call('release', null, null, { process: 2 });
    expect(run('mutex', [call('acquire', null), release])).toBe(false);
    expect(run('mutex', [call('acquire', null), call('acquire', null)])).toEqual({ rejected: 1 });
    expect(run('mutex', [release])).toEqual({ rejected: 0 });
  });

  test('a reentrant mutex counts what its owner acquires, and is nobody else’s', () => {
    const twice = [call('acquire', null), call('acquire', null), call('release', null)];
    expect(run('reentrant-mutex', twice)).toEqual([1, 1]);
    const other = call('release', null, null, { process: 2 });
    expect(run('reentrant-mutex', [...twice, other])).toEqual({ rejected: 3 });
    const acquire = call('acquire', null, null, { process: 2 });
    expect(run('reentrant-mutex', [...twice, call('release', null), acquire])).toEqual([2, 1]);
  });

  test('a fenced lock never gives a token that is not greater; a crashed acquire leaves it as it was', () => {
    const first = [call('acquire', null, 7), call('release', null)];
    expect(run('fenced-lock', [...first, call('acquire', null, 7)])).toEqual({ rejected: 2 });
    expect(run('fenced-lock', [...first, call('acquire', null, 8)])).toEqual([1, 8]);
    const unknown = [crashed('acquire', null, 2), crashed('release', null, 2)];
    expect(run('fenced-lock', [...first, ...unknown, call('acquire', null, 8)])).toEqual([1, 8]);
    const other = call('release', null, null, { process: 2 });
    expect(run('fenced-lock', [call('acquire', null, 7), other])).toEqual({ rejected: 1 });
  });

  test('an incr tells the sum with it; a crashed one only adds', () => {
    const twice = [call('incr', 2, 2), call('add', 1), call('incr', 2, 5)];
    expect(run('counter', twice)).toBe(5);
    expect(run('counter', [...twice, call('incr', 2, 5)])).toEqual({ rejected: 3 });
    expect(run('counter', [crashed('incr', 4), call('incr', 0, 4)])).toBe(4);
  });

  test('a lease lock that does not expire is held until its token is released', () => {
    const held = call('acquire', null, 3);
    const refused = { applied: false };
    expect(run('lease-lock', [held, call('acquire', null, 4)])).toEqual({ rejected: 1 });
    const still = [call('acquire', 9, null, refused), call('renew', [3, null]), call('release', 3)];
    expect(run('lease-lock', [held, ...still])).toEqual([null, 3]);
    const late = [call('release', 3, 3, refused), call('renew', [3, 5])];
    expect(run('lease-lock', [held, ...still, ...late])).toEqual({ rejected: 5 });
    expect(run('lease-lock', [held, call('renew', [3, 5], null, refused)])).toEqual({
      rejected: 1,
    });
    expect(run('lease-lock', [call('acquire', 9, null, refused)])).toEqual({ rejected: 0 });
  });

  test('one that may expire is granted again, with a greater token; then the old one is void', () => {
    const held = call('acquire', 5, 3);
    expect(run('lease-lock', [held, call('acquire', null, 3)])).toEqual({ rejected: 1 });
    const again = [held, call('acquire', null, 4)];
    expect(run('lease-lock', again)).toEqual([[4, false], 4]);
    expect(run('lease-lock', [...again, call('renew', [3, 5])])).toEqual({ rejected: 2 });
    expect(run('lease-lock', [...again, crashed('release', 3)])).toEqual({ rejected: 2 });
    // Whoever is told that it expired learnt it for all: it is free now.
    const told = [held, call('renew', [3, 5], 3, { applied: false })];
    expect(run('lease-lock', [...told, call('release', 3)])).toEqual({ rejected: 2 });
    const unknown = [held, crashed('acquire', 5), call('release', 3, 3, { applied: false })];
    expect(run('lease-lock', unknown)).toEqual([[null, true], 3]);
    expect(run('lease-lock', [...unknown, call('renew', [3, 5])])).toEqual({ rejected: 3 });
    expect(run('lease-lock', [...unknown, call('renew', [5, 9])])).toEqual([[5, true], 5]);
  });

  test('a conditional transaction does all where its comparisons hold, and else nothing', () => {
    const asked = [
      ['if', 'x', null],
      ['write', 'x', 1],
      ['read', 'y', null],
    ] as const;
    const write = call('txn', [['write', 'y', 7]], [['write', 'y', 7]]);
    const done = call('txn', asked, [...asked.slice(0, 2), ['read', 'y', 7]]);
    const notDone = call('txn', asked, asked, { applied: false });
    expect(run('txn-kv', [write, done])).toEqual([
      ['x', 1],
      ['y', 7],
    ]);
    expect(run('txn-kv', [notDone])).toEqual({ rejected: 0 });
    expect(run('txn-kv', [write, done, notDone])).toEqual(run('txn-kv', [write, done]));
    expect(run('txn-kv', [write, done, crashed('txn', asked)])).toEqual({ rejected: 2 });
    expect(run('txn-kv', [write, crashed('txn', [['delete', 'y', null]])])).toEqual([]);
  });

  test('a transaction reads what it wrote, and a crashed one only writes', () => {
    const asked = [
      ['read', 'x', null],
      ['write', 'x', 1],
      ['r', 'x', null],
    ] as const;
    const done = [
      ['read', 'x', null],
      ['write', 'x', 1],
      ['r', 'x', 1],
    ] as const;
    expect(run('multi-register', [call('txn', asked, done)])).toEqual([['x', 1]]);
    const wrong = [
      ['read', 'x', 2],
      ['write', 'x', 1],
      ['r', 'x', 1],
    ] as const;
    expect(run('multi-register', [call('txn', asked, wrong)])).toEqual({ rejected: 0 });
    expect(run('multi-register', [crashed('txn', asked)])).toEqual([['x', 1]]);
    const keys = [
      ['w', 'b', 1],
      ['w', 1, 2],
      ['w', '1', 3],
      ['w', 'b', 4],
    ] as const;
    expect(run('multi-register', [crashed('txn', keys)])).toEqual([
      ['1', 3],
      ['b', 4],
      [1, 2],
    ]);
  });
});

test.each<[string, Operation, RegExp | undefined]>([
  ['register', call('write', 1, 1, { applied: false }), /applied: false/],
  ['register', call('cas', [1, 2]), /model register knows read, write/],
  ['kv', call('append', 'x', 'x', { applied: false }), /applied: false/],
  ['kv', call('delete', null, null, { applied: false }), undefined],
  ['set', call('add', null), /no element/],
  ['set', call('read', null, 3), /expected an array/],
  ['set', call('read', null, null), undefined],
  ['set', crashed('read'), undefined],
  ['append-list', call('read', null, 'ab'), /expected an array/],
  ['counter', call('add', 1.5), /expected an integer/],
  ['counter', call('add', -1), undefined],
  ['grow-counter', call('add', -1), /never falls/],
  ['counter', call('read', null, null), /expected an integer/],
  ['queue', call('enqueue', null), /no element/],
  ['queue', call('push', 1), /model queue knows enqueue, dequeue/],
  ['stack', call('pop', null, null, { applied: false }), /applied: false/],
  ['mutex', call('lock', null), /knows acquire, release/],
  ['fenced-lock', call('acquire', null), /expected a token/],
  ['fenced-lock', crashed('acquire'), undefined],
  ['counter', call('incr', 1, null), /expected an integer/],
  ['counter', call('incr', 1, 1, { applied: false }), /applied: false/],
  ['grow-counter', call('incr', -1, 1), /never falls/],
  ['lease-lock', call('acquire', null), /expected a token/],
  ['lease-lock', call('acquire', null, null, { applied: false }), undefined],
  ['lease-lock', call('release', null), /expected a token/],
  ['lease-lock', call('renew', 3), /expected \[token, time\]/],
  ['lease-lock', call('lock', null), /knows acquire, renew, release/],
  ['txn-kv', call('txn', 1), /expected a list/],
  ['txn-kv', crashed('txn', [['r', 'x', null]]), /expected a list/],
  ['txn-kv', crashed('txn', [['write', 'x', null]]), /null/],
  [
    'txn-kv',
    crashed('txn', [
      ['read', 'x', null],
      ['if', 'x', 1],
    ]),
    /comparisons come first/,
  ],
  ['txn-kv', call('txn', [['write', 'x', 1]], [], { applied: false }), /nothing to compare/],
  ['txn-kv', call('txn', [['write', 'x', 1]], [['write', 'x', 2]]), /another transaction/],
  ['multi-register', call('txn', 1), /expected a list/],
  ['multi-register', crashed('txn', [['swap', 'x', 1]]), /expected a list/],
  ['multi-register', crashed('txn', [['write', 'x', null]]), /null/],
  ['multi-register', call('txn', [['write', 'x', 1]], [['write', 'x', 2]]), /another transaction/],
])('%s: what is malformed is told (%#)', (model, operation, message) => {
  const found = named(model).malformed(operation);
  expect(found ?? 'nothing').toMatch(message ?? /^nothing$/);
});

test.each<[string, readonly Operation[], Operation, RegExp]>([
  ['set', [call('add', 1)], call('read', null, [2]), /returned 2, .* did not return 1/],
  ['set', [call('add', 1)], call('read', null, [1, 1]), /1 more than once/],
  ['queue', [call('enqueue', 1)], call('dequeue', null, 2), /the oldest was 1/],
  ['queue', [call('enqueue', 1)], call('dequeue', null), /found it empty, but 1 element inside/],
  ['stack', [], call('pop', null, 2), /but it was empty/],
  ['unordered-queue', [], call('dequeue', null, 2), /2, which was not inside/],
  ['counter', [call('add', 2)], call('read', null, 3), /returned 3, but the sum is 2/],
  ['append-list', [call('append', 1)], call('read', null, []), /last 1 element, 1 first/],
  ['append-list', [call('append', 1)], call('read', null, [1, 2]), /2 at position 1/],
  ['mutex', [call('acquire', null)], call('acquire', null), /is held/],
  ['reentrant-mutex', [], call('release', null), /is free/],
  ['fenced-lock', [], call('release', null), /is free/],
  ['counter', [call('add', 2)], call('incr', 2, 3), /returned 3, but the sum is 4/],
  ['lease-lock', [call('acquire', null, 2)], call('acquire', null, 3), /is held with token 2/],
  [
    'lease-lock',
    [call('acquire', 1, 2)],
    call('acquire', null, 2),
    /token 2, but 2 had been given/,
  ],
  ['lease-lock', [], call('renew', [4, null]), /named token 4, but the lock is free/],
  ['lease-lock', [], call('acquire', 1, null, { applied: false }), /refused, but the lock is free/],
  ['txn-kv', [], call('txn', [['if', 'x', 1]], [['if', 'x', 1]]), /expects 1 of "x"/],
  ['txn-kv', [], call('txn', [['if', 'x', null]], null, { applied: false }), /all do in this/],
  ['multi-register', [], call('txn', [['read', 'x', null]], [['read', 'x', 1]]), /read 1 of "x"/],
])('%s: why it is rejected is told (%#)', (model, before, operation, message) => {
  const state = run(model, before);
  expect(named(model).step(state, operation)).toBe(REJECTED);
  expect(named(model).explainRejection(state, operation)).toMatch(message);
});

describe.each([...MODELS.values()])('$name', (model) => {
  const RUNS = 300;
  const history = smallOptions(model.name).map((options) => ({
    operations: simulate({ ...options, operations: 3 * options.operations }),
    seed: options.seed,
  }));

  test('replays in place as it steps, also where it rejects', () => {
    const met = { rejected: 0, applied: 0 };
    fc.assert(
      fc.property(history, ({ operations }) => {
        const object = replayOf(model);
        let state = model.initial;
        for (const operation of operations) {
          const next = model.step(state, operation);
          expect(object.apply(operation)).toBe(next !== REJECTED);
          met[next === REJECTED ? 'rejected' : 'applied']++;
          if (next !== REJECTED) state = next;
          expect(canonicalJson(object.state())).toBe(canonicalJson(state));
        }
      }),
      { numRuns: RUNS },
    );
    expect(Math.min(met.rejected, met.applied)).toBeGreaterThan(RUNS / 10);
  });

  test('says of itself what is so: read-only, interchangeable, assigned, well formed', () => {
    let pairs = 0;
    fc.assert(
      fc.property(history, ({ operations }) => {
        const states = statesOf(model, operations);
        expect(operations.map((each) => model.malformed(each))).toEqual(
          operations.map(() => undefined),
        );
        expect(operations.filter((each) => !model.describe(each).includes(each.f))).toEqual([]);
        expect(states.filter((state) => model.describeState(state) === '')).toEqual([]);
        for (const operation of operations) {
          const key = model.effectKey(operation);
          const same = operations.filter(
            (each) => each !== operation && model.effectKey(each) === key,
          );
          pairs += same.length;
          expect(wrongClaim(model, operation, same, states)).toBeUndefined();
        }
        const wrong = states.flatMap((from) => states.filter((to) => !isAssigned(model, from, to)));
        expect(wrong).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    expect(pairs).toBeGreaterThan(RUNS / 10);
  });
});

/** @param same - others whose `effectKey` is the same */
function wrongClaim(
  model: Model,
  operation: Operation,
  same: readonly Operation[],
  states: readonly Json[],
): string | undefined {
  for (const state of states) {
    const text = textAfter(model, state, operation);
    if (text === undefined && model.explainRejection(state, operation) === '') return 'no reason';
    const isKept = text === undefined || text === canonicalJson(state);
    if (model.isReadOnly(operation) && !isKept) return 'read-only, but the state changes';
    if (same.some((other) => textAfter(model, state, other) !== text)) return 'not interchangeable';
  }
  return undefined;
}

/** Undefined when it is rejected. */
function textAfter(model: Model, state: Json, operation: Operation): string | undefined {
  const next = model.step(state, operation);
  return next === REJECTED ? undefined : canonicalJson(next);
}

function isAssigned(model: Model, from: Json, to: Json): boolean {
  const assign = model.assign?.(to);
  if (assign === undefined) return true;
  const operation = call(assign.f, assign.input, assign.input);
  return textAfter(model, from, operation) === canonicalJson(to);
}

/** States that the history leads through, in the order of its invocations. */
function statesOf(model: Model, operations: readonly Operation[]): readonly Json[] {
  const states = [model.initial];
  for (const operation of operations) {
    const next = model.step(defined(states.at(-1), 'a state'), operation);
    if (next !== REJECTED) states.push(next);
  }
  return states;
}

test('functions suggest a model; where they leave a choice, the operations rule out', () => {
  expect(inferModel([])).toBeUndefined();
  expect(inferModel(['read', 'pop'])).toBeUndefined();
  expect(inferModel(['read', 'write'])?.name).toBe('register');
  expect(inferModel(['enqueue', 'dequeue'])?.name).toBe('queue');
  expect(inferModel(['acquire', 'release'])?.name).toBe('mutex');
  expect(inferModel(['txn'])?.name).toBe('multi-register');
  expect(inferModel(['txn'], [crashed('txn', [['if', 'x', 1]])])?.name).toBe('txn-kv');
  expect(inferModel(['incr', 'read'])?.name).toBe('grow-counter');
  expect(inferModel(['acquire', 'renew'])?.name).toBe('lease-lock');
  const adding = ['add', 'read'];
  expect(inferModel(adding)?.name).toBe('set');
  expect(inferModel(adding, [call('add', 1), call('read', null, [1])])?.name).toBe('set');
  expect(inferModel(adding, [call('add', 1), call('read', null, 1)])?.name).toBe('grow-counter');
  expect(inferModel(adding, [call('add', -1), call('read', null, -1)])?.name).toBe('counter');
  const locking = ['acquire', 'release'];
  expect(inferModel(locking, [call('acquire', null), call('release', null)])?.name).toBe('mutex');
  const fenced = [call('acquire', null, 33), call('release', null)];
  expect(inferModel(locking, fenced)?.name).toBe('fenced-lock');
  expect(inferModel(['read', 'append'], [call('append', 1)])?.name).toBe('append-list');
});

test('a long key is cut where an operation is described', () => {
  const key = 'k'.repeat(5_000);
  for (const model of MODELS.values()) {
    const f = defined(model.functions[0], 'it has one');
    expect(model.describe(call(f, [], [], { key })).length).toBeLessThan(400);
  }
});
