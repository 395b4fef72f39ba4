import { expect, test } from 'vitest';
import { nodeId } from '../../contracts/names.ts';
import type { TargetAdmin } from '../../contracts/target.ts';
import { MILLISECOND } from '../../lib/duration.ts';
import { NeverSentError } from '../http/http-client.ts';
import { asDefinition } from './definition.ts';
import { guardedAdmin } from './guarded-admin.ts';
import { UserCode } from './user-code.ts';

const LIMIT_NS = 20 * MILLISECOND;
const VOTERS = [nodeId('n1')];

const guarded = (admin: object): TargetAdmin => guardedAdmin(admin, new UserCode('./mine.ts'));

const changed = (answer: () => unknown) =>
  guarded({ changeMembers: answer }).changeMembers?.('', VOTERS, LIMIT_NS);

const transferred = (answer: () => unknown) =>
  guarded({ transferLeadership: answer }).transferLeadership?.('', nodeId('n1'), LIMIT_NS);

test.each([['a change', changed] as const, ['a hand-over', transferred] as const])(
  'of %s what the file says is passed on, and all else is an unknown outcome',
  async (_, ask) => {
    expect(await ask(async () => ({ type: 'done', more: 1 }))).toEqual({ type: 'done' });
    const refused = { type: 'refused', error: 'not the leader' };
    expect(await ask(() => refused)).toEqual(refused);
    for (const strange of [undefined, null, 7, 'done', {}, { type: 'ok' }, { type: 'refused' }]) {
      expect(await ask(() => strange)).toMatchObject({ type: 'unknown' });
    }
    const lost = new Error('socket hang up');
    expect(await ask(async () => Promise.reject(lost))).toEqual({
      type: 'unknown',
      error: 'socket hang up',
    });
    const unsent = new NeverSentError('nobody listens');
    expect(await ask(async () => Promise.reject(unsent))).toMatchObject({ type: 'refused' });
  },
);

test('a request that does not come back is given up', async () => {
  expect(await changed(() => new Promise(() => {}))).toMatchObject({
    type: 'unknown',
    error: expect.stringContaining('did not end within') as unknown,
  });
});

test('members are lists of names; whoever tells something else tells nothing', async () => {
  const told = async (answer: unknown) =>
    guarded({ members: async () => answer }).members?.('', LIMIT_NS);
  expect(await told({ voters: ['n1', 'n2'] })).toEqual({
    voters: ['n1', 'n2'],
    outgoing: [],
    learners: [],
  });
  const whole = { voters: ['n1'], outgoing: ['n2'], learners: ['n3'] };
  expect(await told(whole)).toEqual(whole);
  for (const strange of [undefined, null, [], { voters: 'n1' }, { voters: [1] }]) {
    expect(await told(strange)).toBeUndefined();
  }
  expect(
    await guarded({ members: async () => Promise.reject(new Error('down')) }).members?.('', 1),
  ).toBeUndefined();
});

test('what the file cannot do is not there', () => {
  expect(guarded({})).toEqual({});
  expect(Object.keys(guarded({ members: () => undefined }))).toEqual(['members']);
});

test('an admin of a target file holds what Gong knows, and functions only', () => {
  const target = {
    functions: ['read'],
    promises: () => ({ consistency: 'linearizable' }),
    probe: async () => ({}),
    connect: () => ({}),
  };
  const read = (admin: unknown) => () => asDefinition('./mine.ts', { ...target, admin });
  expect(read({ members: () => undefined })).not.toThrow();
  expect(read({ members: 'n1' })).toThrow('target.admin is no object of functions');
  expect(read({ member: () => undefined })).toThrow('target.admin.member is not known');
});
