import { describe, expect, test } from 'vitest';
import { checkKey, findStaleReads, MODELS, pair, verifyWitness } from '../index.ts';
import type { HistoryEvent, Json, Operation } from '../index.ts';
import { casRegister, register } from '../models/register.ts';
import { kv } from '../models/kv.ts';
import { defined } from '../assert.ts';

const UNLIMITED = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };

/**
 * Operations from a drawing: one letter per process, upper case at the invocation and lower case at
 * the completion, in the order of events; a letter without a lower case crashed.
 */
function draw(
  order: string,
  what: Readonly<Record<string, readonly [f: string, value: Json, applied?: boolean]>>,
): readonly Operation[] {
  const events = Array.from(order, (letter, index): HistoryEvent => {
    const [f, value, applied] = defined(what[letter.toLowerCase()], letter);
    const isInvoke = letter !== letter.toLowerCase();
    return {
      index,
      time: index * 1_000_000,
      type: isInvoke ? 'invoke' : 'ok',
      process: letter.toLowerCase().charCodeAt(0) - 97,
      f,
      key: 'k',
      value: isInvoke && (f === 'read' || f === 'get') ? null : value,
      node: 'n1',
      ...(applied === undefined || isInvoke ? undefined : { applied }),
    };
  });
  const paired = pair(events);
  if (!paired.ok) throw new Error(paired.error.message);
  return paired.history.operations;
}

describe('verifyWitness', () => {
  const operations = draw('AaBCcbD', {
    a: ['write', 1],
    b: ['write', 2],
    c: ['read', 1],
    d: ['write', 3],
  });

  test('accepts legal orders, with a crashed operation or without', () => {
    expect(verifyWitness(operations, register, [0, 3, 2])).toBeUndefined();
    expect(verifyWitness(operations, register, [0, 3, 2, 6])).toBeUndefined();
  });

  test.each([
    ['a completed operation is missing', [0, 2], /completed and is missing/],
    ['one stands there twice', [0, 3, 2, 0], /twice/],
    ['one is unknown', [0, 3, 2, 99], /unknown/],
    ['the model rejects a result', [0, 2, 3], /rejected: it returned 1, but the state is 2/],
    ['real time forbids it', [2, 0, 3], /returned before/],
  ])('rejects an order where %s', (_, order, message) => {
    expect(verifyWitness(operations, register, order)).toMatch(message);
  });
});

describe('findStaleReads', () => {
  const ids = (operations: readonly Operation[], model = register): readonly unknown[] =>
    findStaleReads(operations, model).map((stale) => [
      stale.read.id,
      stale.overwrittenBy.id,
      stale.staleByNs / 1_000_000,
    ]);

  test('names the earliest completion by which the value was overwritten', () => {
    const operations = draw('AaBbCcDd', {
      a: ['write', 1],
      b: ['write', 2],
      c: ['write', 3],
      d: ['read', 1],
    });
    expect(ids(operations)).toEqual([[6, 2, 3]]);
    expect(findStaleReads(operations, register)[0]).toMatchObject({ value: 1, newerValue: 2 });
  });

  test('absent after a write was acknowledged is stale', () => {
    expect(ids(draw('AaBb', { a: ['write', 1], b: ['read', null] }))).toEqual([[2, 0, 1]]);
  });

  test('a read of another value is no witness: it may be the stale one (w(1) ‖ w(2), r→2, r→1)', () => {
    // Not linearizable, but which read is stale only the store knows: 1 may have come after 2.
    const what = { a: ['write', 1], b: ['write', 2], c: ['read', 2], d: ['read', 1] } as const;
    expect(ids(draw('ABabCcDd', what))).toEqual([]);
    expect(checkKey(draw('ABabCcDd', what), register, UNLIMITED).valid).toBe(false);
  });

  test('a fresh read is not blamed for a stale one before it', () => {
    const what = {
      a: ['write', 12],
      b: ['cas', [12, 13]],
      c: ['write', 14],
      d: ['cas', [14, 15]],
      e: ['read', 12],
      f: ['read', 15],
    } as const;
    // All mutations at once, so real time says only that 12 → 13 is over. Were the read of 12 taken
    // for a witness that 12 came after 15, the read of 15 would be blamed.
    expect(ids(draw('ABCDabcdEeFf', what), casRegister)).toEqual([[8, 1, 3]]);
  });

  test('a crashed write is not named, even when a read saw it', () => {
    const what = { a: ['write', 1], b: ['write', 2], c: ['read', 2], d: ['read', 1] } as const;
    expect(ids(draw('AaBDdCc', what))).toEqual([]);
    expect(ids(draw('AaBCcDd', what))).toEqual([]);
  });

  test('a value was in force by the first read of it, though that read may be stale', () => {
    const what = { a: ['write', 1], b: ['read', 1], c: ['write', 2], d: ['read', 1] } as const;
    expect(ids(draw('ABbCcDd', what))).toEqual([[5, 3, 1]]);
    // That read may still come after the other write: then nothing orders the two.
    expect(ids(draw('ABCbcDd', what))).toEqual([]);
  });

  test('an acknowledged cas ends what it expects, and along the chain what led there', () => {
    const what = {
      a: ['write', 1],
      b: ['cas', [1, 2]],
      c: ['cas', [2, 3]],
      d: ['read', 1],
    } as const;
    // b overlaps a, so real time does not order them: b is its own proof.
    expect(ids(draw('ABabDd', what), casRegister)).toEqual([[4, 1, 1]]);
    // b crashed, but 2 was there for c.
    expect(ids(draw('ABCacDd', what), casRegister)).toEqual([[5, 2, 1]]);
    // Without the proof that 1 → 2 took effect, nothing is.
    expect(ids(draw('ABaDd', what), casRegister)).toEqual([]);
    // Nor where 2 may have been there without it: 2, 3, 1 is possible.
    const twice = { ...what, e: ['write', 2] } as const;
    expect(ids(draw('ABECecaDd', twice), casRegister)).toEqual([]);
  });

  test('cas that go round in a circle, as no store can, are refuted like anything else', () => {
    const what = { a: ['cas', [1, 2]], b: ['cas', [2, 1]], c: ['read', 1] } as const;
    expect(checkKey(draw('ABabCc', what), casRegister, UNLIMITED).valid).toBe(false);
    // And no value is said to have overwritten itself.
    const other = { ...what, c: ['read', 2] } as const;
    expect(ids(draw('ABabCc', other), casRegister)).toEqual([[4, 1, 1]]);
  });

  test('a read that overlaps the overwriting write is not stale', () => {
    const what = { a: ['write', 1], b: ['write', 2], c: ['read', 1] } as const;
    expect(ids(draw('AaBCbc', what))).toEqual([]);
  });

  test('a stale read is no evidence against a fresh one after it', () => {
    const what = { a: ['write', 1], b: ['write', 2], c: ['read', 1], d: ['read', 2] } as const;
    expect(ids(draw('AaBbCcDd', what))).toEqual([[4, 2, 1]]);
  });

  test('nothing is claimed about a value that was written twice', () => {
    const what = { a: ['write', 1], b: ['write', 2], c: ['read', 1], d: ['write', 1] } as const;
    expect(ids(draw('AaBbDCc', what))).toEqual([]);
  });

  test('an applied cas overwrites; a delete makes absent ambiguous, and overwrites too', () => {
    const cas = { a: ['write', 1], b: ['cas', [1, 2]], c: ['read', 1] } as const;
    expect(ids(draw('AaBbCc', cas), casRegister)).toEqual([[4, 2, 1]]);
    const observed = { ...cas, b: ['cas', [1, 2], false] } as const;
    expect(ids(draw('AaBbCc', observed), casRegister)).toEqual([]);
    const deleted = {
      a: ['put', 1],
      b: ['delete', null],
      c: ['get', 1],
      d: ['get', null],
    } as const;
    expect(ids(draw('AaBbDdCc', deleted), kv)).toEqual([[6, 2, 3]]);
  });
});

describe('the sentence', () => {
  test('says when the value that a stale read returned had been deleted', () => {
    const what = { a: ['put', 3], b: ['delete', null], e: ['get', 3] } as const;
    expect(checkKey(draw('AaBbEe', what), kv, UNLIMITED)).toMatchObject({
      sentence: expect.stringMatching(
        /returned 3, but its deletion had been acknowledged at 0.003 s/,
      ),
    });
  });

  test('names a stale read, what it missed, who wrote that and how much earlier', () => {
    const what = { a: ['write', 3], b: ['write', 5], e: ['read', 3] } as const;
    expect(checkKey(draw('AaBbEe', what), register, UNLIMITED)).toMatchObject({
      valid: false,
      sentence:
        'read of key k by process 4 at 0.004 s on n1 returned 3, but 5 had been acknowledged ' +
        'at 0.003 s by process 1 on n1 (1.00 ms earlier)',
    });
  });

  test('says when nobody wrote the value', () => {
    const what = { a: ['write', 3], b: ['read', 4] } as const;
    const verdict = checkKey(draw('AaBb', what), register, UNLIMITED);
    expect(verdict).toMatchObject({ stuck: { operation: { id: 2 }, order: [0], state: 3 } });
    expect(verdict).toMatchObject({
      sentence: expect.stringContaining('nobody had begun to write 4'),
    });
  });

  test('names the operation that no order can place, though others complete later', () => {
    const what = { a: ['write', 1], b: ['write', 2], c: ['cas', [1, 3]], d: ['read', 2] } as const;
    const verdict = checkKey(draw('AaBbCDcd', what), casRegister, UNLIMITED);
    expect(verdict).toMatchObject({
      valid: false,
      staleReads: [],
      stuck: { operation: { id: 4 }, rejection: 'it expects 1, but the state is 2', isExact: true },
    });
  });
});

describe('the sentence', () => {
  test.each<[string, string, string, Parameters<typeof draw>[1], RegExp]>([
    [
      'of a counter that forgets',
      'grow-counter',
      'AaBb',
      { a: ['incr', 2], b: ['read', 1] },
      /read → 1 by process 1 .*; all that happened before had left 2/,
    ],
    [
      'of a counter that counts twice',
      'counter',
      'ACaBb',
      { a: ['incr', 2], b: ['read', 6], c: ['add', 2] },
      /^read .* returned 6, but no more than 4 had been asked for by then, by 2 additions$/,
    ],
    [
      'of two who were told one sum',
      'counter',
      'ABabCc',
      { a: ['incr', 2], b: ['incr', 2], c: ['add', 2] },
      /^incr .* process 0 .* returned 2, and so did incr .* process 1 .*: one of them did not count$/,
    ],
    [
      'of a lock whose token does not grow',
      'lease-lock',
      'AaBb',
      { a: ['acquire', 7], b: ['acquire', 7] },
      /^acquire .* process 1 .*: the lock is held with token 7; all that happened before had left the lock/,
    ],
    [
      'of a lock that gives one token to two',
      'lease-lock',
      'ABab',
      { a: ['acquire', 7], b: ['acquire', 7] },
      /^acquire .* process 1 .*: the lock is held with token 7; all that happened before had left the lock/,
    ],
    [
      'of a lock that accepts a released token',
      'lease-lock',
      'AaBbCc',
      { a: ['acquire', 7], b: ['release', 7], c: ['renew', 7] },
      /^no order of these 2 operations .*: release 7 .*, renew \[7,null\] /,
    ],
  ])('%s says so', (_, name, order, what, expected) => {
    const known = defined(MODELS.get(name), 'a model');
    const operations = draw(order, what).map((each) =>
      each.f === 'acquire' ? { ...each, input: null } : { ...each, input: inputOf(each) },
    );
    const verdict = checkKey(operations, known, UNLIMITED);
    expect(verdict.valid === false ? verdict.sentence : verdict.valid).toMatch(expected);
  });
});

/** A drawing gives results: what an operation asked for is that, but for sums, of 2 each. */
function inputOf({ f, output }: Operation): Json {
  return f === 'incr' || f === 'add'
    ? 2
    : f === 'read'
      ? null
      : f === 'renew'
        ? [output, null]
        : output;
}
