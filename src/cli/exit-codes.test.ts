import { expect, test } from 'vitest';
import { UserError } from '../lib/user-error.ts';
import { EXIT, worstExit } from './exit-codes.ts';
import { exitCodeOf, failureMessage } from './failure-message.ts';

test('nothing masks a violation, and the rest follows the order of DESIGN', () => {
  const order = [1, 70, 130, 143, 75, 64, 5, 2, 3, 4, 0] as const;
  for (const [i, code] of order.entries()) {
    expect(worstExit(order.slice(i).toReversed())).toBe(code);
  }
  expect(worstExit([])).toBe(EXIT.pass);
});

test('what is thrown never ends with 1', () => {
  const parts = { code: 'GONG-E001', what: 'w', why: 'y', fix: 'f' };
  expect(exitCodeOf(new UserError({ kind: 'usage', ...parts }))).toBe(64);
  expect(exitCodeOf(new UserError({ kind: 'infrastructure', ...parts }))).toBe(75);
  for (const thrown of [new Error('x'), 'x', undefined]) expect(exitCodeOf(thrown)).toBe(70);
});

test('a message has code, what, why and fix, and never a stack', () => {
  const error = new UserError({
    kind: 'usage',
    code: 'GONG-E031',
    what: 'port 7101 is in use',
    why: 'pid 7',
    fix: 'pass --base-port',
    log: 'n2.log',
  });
  expect(failureMessage(error)).toBe(
    'GONG-E031  port 7101 is in use\n  why   pid 7\n  fix   pass --base-port\n  log   n2.log\n',
  );
  expect(failureMessage(new TypeError('boom'))).toContain('TypeError: boom');
  expect(failureMessage(new TypeError('boom'))).not.toMatch(/^\s+at /m);
});

test('what an error quotes of a file says nothing to the terminal, and is seen', () => {
  const cause = new UserError({
    kind: 'usage',
    code: 'GONG-E102',
    what: 'a.jsonl:1: no JSON: "\uFEFF\u001b[2J\u0007"',
    why: 'one\ntwo',
    fix: 'three',
  });
  expect(failureMessage(cause)).toBe(
    'GONG-E102  a.jsonl:1: no JSON: "\\ufeff\\u001b[2J\\u0007"\n  why   one\ntwo\n  fix   three\n',
  );
});
