import { expect, test } from 'vitest';
import type { Completion, Invocation } from '../../contracts/client.ts';
import type { Answer, ClientDefinition, TargetDefinition } from '../../contracts/target.ts';
import { NeverSentError } from '../http/http-client.ts';
import { guardedTarget } from './guarded-target.ts';
import { UserCode } from './user-code.ts';

const SECOND = 1_000_000_000;
const READ: Invocation = { f: 'read', key: 'k', value: null };
const WRITE: Invocation = { f: 'write', key: 'k', value: 5 };
const CAS: Invocation = { f: 'cas', key: 'k', value: [5, 6] };

function targetWith(parts: Partial<TargetDefinition>) {
  const code = new UserCode('./my-target.ts');
  const definition: TargetDefinition = {
    functions: ['read', 'write', 'cas'],
    promises: () => ({ consistency: 'linearizable' }),
    probe: async () => ({}),
    connect: () => ({ invoke: async () => ({ type: 'ok', value: null }) }),
    ...parts,
  };
  return { code, target: guardedTarget(definition, { code, name: 'mine' }) };
}

function clientWith(invoke: (invocation: Invocation) => unknown, close?: () => Promise<void>) {
  const client = { invoke, ...(close === undefined ? {} : { close }) };
  return targetWith({ connect: () => client as ClientDefinition }).target.connect('x:', {
    readMode: 'default',
    model: 'cas-register',
    inSessions: false,
  });
}

const answering =
  (answer: unknown) =>
  async (invocation: Invocation): Promise<Completion> =>
    clientWith(async () => answer).invoke(invocation, SECOND);

test('what makes sense passes through, and what changes something need not repeat it', async () => {
  expect(await answering({ type: 'ok', value: null })(READ)).toEqual({ type: 'ok', value: null });
  expect(await answering({ type: 'ok' })(WRITE)).toEqual({ type: 'ok', value: 5 });
  expect(await answering({ type: 'ok', value: 5, term: 3 })(WRITE)).toEqual({
    type: 'ok',
    value: 5,
    term: 3,
  });
  expect(await answering({ type: 'ok', applied: true })(CAS)).toEqual({
    type: 'ok',
    value: [5, 6],
  });
  expect(await answering({ type: 'ok', applied: false, servedBy: 'a' })(CAS)).toEqual({
    type: 'ok',
    value: [5, 6],
    applied: false,
    servedBy: 'a',
  });
  const add: Invocation = { f: 'add', key: 'k', value: 3 };
  expect(await answering({ type: 'ok' })(add)).toEqual({ type: 'ok', value: 3 });
  for (const type of ['fail', 'info'] as const) {
    expect(await answering({ type, error: 'why' })(WRITE)).toEqual({ type, error: 'why' });
  }
});

test.each<[unknown, Invocation, RegExp]>([
  [undefined, READ, /the answer to read of k is no object/],
  [{}, WRITE, /the answer to write 5 of k must have the type/],
  [{ type: 'okay', value: 1 }, READ, /must have the type/],
  [{ type: 'ok' }, READ, /must have a value that is JSON/],
  [{ type: 'ok', value: Number.NaN }, READ, /must have a value that is JSON/],
  [{ type: 'ok', value: 1n }, READ, /must have a value that is JSON/],
  [{ type: 'ok', value: [new Date()] }, READ, /must have a value that is JSON/],
  [{ type: 'ok', value: 6 }, WRITE, /must have the value that was asked for/],
  [{ type: 'ok' }, CAS, /must say applied/],
])('the answer %o to %o is no completion, and is told', async (answer, invocation, what) => {
  await expect(answering(answer)(invocation)).rejects.toMatchObject({
    name: 'UserError',
    kind: 'usage',
    code: 'GONG-E145',
    message: expect.stringMatching(what),
  });
});

test('a number that comes back as text is a mistake of the target, not a violation', async () => {
  const { target } = targetWith({
    connect: () => ({
      invoke: async ({ f }): Promise<Answer> =>
        f === 'read' ? { type: 'ok', value: '5' } : { type: 'ok' },
    }),
  });
  const client = target.connect('x:', {
    readMode: 'default',
    model: 'cas-register',
    inSessions: false,
  });
  await client.invoke(WRITE, SECOND);
  await expect(client.invoke(READ, SECOND)).rejects.toMatchObject({
    code: 'GONG-E145',
    message: expect.stringContaining('has a text for its value'),
  });
});

test('a rejection is info, a throw as well; what certainly was not sent is fail', async () => {
  const rejecting = clientWith(async () => {
    throw new TypeError('x is not a function');
  });
  expect(await rejecting.invoke(WRITE, SECOND)).toEqual({
    type: 'info',
    error: 'TypeError: x is not a function',
  });
  const throwing = clientWith(() => {
    throw new Error('reset');
  });
  expect(await throwing.invoke(WRITE, SECOND)).toEqual({ type: 'info', error: 'reset' });
  const refused = clientWith(async () => {
    throw new NeverSentError('ECONNREFUSED');
  });
  expect(await refused.invoke(WRITE, SECOND)).toEqual({ type: 'fail', error: 'ECONNREFUSED' });
});

test('a client that does not keep its deadline is given up as info, closed, and connected anew', async () => {
  const closed: number[] = [];
  let connections = 0;
  const { target } = targetWith({
    connect() {
      const id = ++connections;
      return {
        invoke: ({ f }) =>
          f === 'write' ? new Promise(() => {}) : Promise.resolve({ type: 'ok', value: null }),
        // Does not come back either.
        close: () => {
          closed.push(id);
          return new Promise(() => {});
        },
      };
    },
  });
  const client = target.connect('x:', {
    readMode: 'default',
    model: 'cas-register',
    inSessions: false,
  });
  expect(await client.invoke(WRITE, SECOND / 100)).toMatchObject({
    type: 'info',
    error: expect.stringContaining('deadline'),
  });
  expect(closed).toEqual([1]);
  expect(await client.invoke(READ, SECOND)).toMatchObject({ type: 'ok' });
  expect(connections).toBe(2);
  await client[Symbol.asyncDispose]();
  expect(closed).toEqual([1, 2]);
});

test('clients that answer at once, always, leave the others their turn', async () => {
  for (const answer of [async () => ({ type: 'ok', value: null }), () => Promise.reject(Error())]) {
    const client = clientWith(answer);
    let turns = 0;
    const others = setInterval(() => turns++, 0);
    const endMs = performance.now() + 200;
    while (performance.now() < endMs) await client.invoke(READ, SECOND);
    clearInterval(others);
    expect(turns).toBeGreaterThan(0);
  }
});

test('a connection that is refused has sent nothing; a connect that makes no client is told', async () => {
  const open = (connect: () => unknown) =>
    targetWith({ connect: connect as TargetDefinition['connect'] })
      .target.connect('x:', { readMode: 'default', model: 'cas-register', inSessions: false })
      .invoke(WRITE, SECOND / 10);
  expect(await open(() => Promise.reject(new Error('refused')))).toEqual({
    type: 'fail',
    error: 'not connected: refused',
  });
  expect(await open(() => new Promise(() => {}))).toMatchObject({ type: 'fail' });
  const notCalled = { code: 'GONG-E144', kind: 'usage' };
  await expect(open(() => ({ invoce: 1 }))).rejects.toMatchObject(notCalled);
  await expect(
    open(() => {
      throw new Error('no such driver');
    }),
  ).rejects.toMatchObject({ ...notCalled, message: expect.stringContaining('no such driver') });
});

test('a probe may throw, hang or answer nonsense: the node does not answer, and why is told', async () => {
  const probing = (probe: () => unknown, hasLeader = false) =>
    targetWith({ probe: probe as TargetDefinition['probe'], hasLeader }).target.probe(
      'x:',
      SECOND / 100,
    );
  expect(await probing(async () => ({}))).toEqual({});
  expect(await probing(async () => undefined)).toBeUndefined();
  expect(await probing(() => Promise.reject(new Error('refused')))).toEqual({
    failure: 'its probe failed: refused',
  });
  expect(await probing(() => new Promise(() => {}))).toMatchObject({
    failure: expect.stringMatching(/in time/),
  });
  expect(await probing(async () => true)).toMatchObject({
    failure: expect.stringMatching(/neither an object/),
  });
  expect(await probing(async () => ({}), true)).toMatchObject({
    failure: expect.stringMatching(/must tell a role \(leader, .*\) and a term/),
  });
  expect(await probing(async () => ({ role: 'primary', term: '3' }), true)).toMatchObject({
    failure: expect.stringContaining('told {"role":"primary","term":"3"}'),
  });
  expect(await probing(async () => ({ role: 'leader', term: 3, pid: 'x' }), true)).toMatchObject({
    role: 'leader',
    term: 3,
    pid: undefined,
  });
});

test('after an error has escaped, the next probe and the next operation tell it', async () => {
  const { code, target } = targetWith({});
  code.noteEscaped(new Error('ECONNRESET'));
  const told = { code: 'GONG-E146', message: expect.stringContaining('ECONNRESET') };
  await expect(target.probe('x:', SECOND)).rejects.toMatchObject(told);
  const client = target.connect('x:', {
    readMode: 'default',
    model: 'cas-register',
    inSessions: false,
  });
  await expect(client.invoke(READ, SECOND)).rejects.toMatchObject(told);
});

test.each<[string, () => unknown, string]>([
  ['an object', () => ({ code: 'EBUSY' }), '{"code":"EBUSY"}'],
  ['an object without a prototype', () => ({ __proto__: null }), '{}'],
  ['a cycle', () => cycle(), 'an object that cannot be shown'],
  ['an error whose message is an object', () => withMessage({ a: 1 }), '{"a":1}'],
  ['an error without a message', () => new RangeError(), 'RangeError'],
  [
    'an error for each address of a name',
    () => new AggregateError([new Error('refused ::1'), new Error('refused 127.0.0.1')]),
    'AggregateError: refused ::1, refused 127.0.0.1',
  ],
])(
  'a client that throws %s is no bug in Gong, and the history says what it was',
  async (_, thrown, error) => {
    const client = clientWith(async () => {
      throw thrown();
    });
    expect(await client.invoke(READ, SECOND)).toEqual({ type: 'info', error });
  },
);

test('of an error as long as a page a history keeps the beginning', async () => {
  const page = `<html>${'x'.repeat(100_000)}`;
  for (const invoke of [
    async () => ({ type: 'info', error: page }),
    async () => Promise.reject(new Error(page)),
    async () => Promise.reject(new NeverSentError(page)),
  ]) {
    const completion = await clientWith(invoke).invoke(WRITE, SECOND);
    expect(JSON.stringify(completion).length).toBeLessThan(500);
    expect(completion).toMatchObject({ error: expect.stringMatching(/^<html>x/) });
  }
});

function cycle(): unknown {
  const object: Record<string, unknown> = { __proto__: null };
  object['self'] = object;
  return object;
}

function withMessage(message: unknown): Error {
  return Object.assign(new Error('x'), { message });
}
