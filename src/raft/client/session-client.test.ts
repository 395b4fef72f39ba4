import { expect, test } from 'vitest';
import type { Invocation } from '../../contracts/client.ts';
import { MILLISECOND, SECOND } from '../../lib/duration.ts';
import type { Call } from './calls.ts';
import { type Attempted, SessionClient, type SessionStamp } from './session-client.ts';

const WRITE: Invocation = { f: 'write', key: 'k', value: 5 };
const READ: Invocation = { f: 'read', key: 'k', value: null };
const done = (value: number | null = null, applied = true): Attempted => ({
  type: 'ok',
  value,
  applied,
  served: {},
});
const LOST: Attempted = { type: 'unknown', error: 'lost' };
const NO_LEADER: Attempted = { type: 'refused', error: 'no leader' };
const OVER: Attempted = { type: 'refused', error: 'the session is over', reason: 'session' };

/** A client whose attempts end as told, one after the other; a fifth of a second each. */
function clientOf(...ends: readonly Attempted[]) {
  let nowNs = 0;
  const left = [...ends];
  const sent: { call: Call; stamp: SessionStamp | undefined; deadlineNs: number }[] = [];
  const client = new SessionClient({
    model: 'cas-register',
    callOf: ({ f, key = '' }) =>
      f === 'read'
        ? { type: 'read', of: 'value', key }
        : { type: 'command', command: { type: 'put', key, value: '5' } },
    attempt: async (call, stamp, deadlineNs) => {
      sent.push({ call, stamp, deadlineNs });
      nowNs += 200 * MILLISECOND;
      return left.shift() ?? LOST;
    },
    clock: {
      now: () => nowNs,
      sleep: async (ns) => void (nowNs += ns),
    },
    close: async () => {},
  });
  const stamps = (): unknown => sent.map(({ stamp }) => stamp && [stamp.id, stamp.sequence]);
  return { client, sent, stamps };
}

test('a session is opened once; every write has the next number', async () => {
  const { client, stamps } = clientOf(done(7), done(), done(), done());
  for (let i = 0; i < 3; i++)
    expect(await client.invoke(WRITE, SECOND)).toMatchObject({ type: 'ok' });
  expect(stamps()).toEqual([undefined, [7, 0], [7, 1], [7, 2]]);
});

test('a write without an answer is asked for again with its number, and what it is told then counts', async () => {
  const { client, stamps } = clientOf(done(7), LOST, NO_LEADER, LOST, done(null, false), done());
  const cas: Invocation = { f: 'cas', key: 'k', value: [1, 2] };
  expect(await client.invoke(cas, 5 * SECOND)).toMatchObject({ type: 'ok', applied: false });
  await client.invoke(WRITE, SECOND);
  expect(stamps()).toEqual([undefined, [7, 0], [7, 0], [7, 0], [7, 0], [7, 1]]);
});

test('a refusal is certain for a first attempt, and proves nothing after one that was lost', async () => {
  expect(await clientOf(done(7), NO_LEADER).client.invoke(WRITE, SECOND)).toEqual({
    type: 'fail',
    error: 'no leader',
  });
  const late = clientOf(done(7), LOST, NO_LEADER, NO_LEADER, NO_LEADER, NO_LEADER, NO_LEADER);
  expect(await late.client.invoke(WRITE, SECOND)).toEqual({ type: 'info', error: 'lost' });
});

test('a session that is over: certain at first, unknown after a loss; then another one is opened', async () => {
  const first = clientOf(done(7), OVER, done(8), done());
  expect(await first.client.invoke(WRITE, SECOND)).toMatchObject({ type: 'fail' });
  expect(await first.client.invoke(WRITE, SECOND)).toMatchObject({ type: 'ok' });
  expect(first.stamps()).toEqual([undefined, [7, 0], undefined, [8, 1]]);
  const second = clientOf(done(7), LOST, OVER);
  expect(await second.client.invoke(WRITE, 5 * SECOND)).toMatchObject({ type: 'info' });
});

test('without a session nothing was sent: it certainly did not happen', async () => {
  const { client, stamps } = clientOf(LOST, LOST, LOST, LOST, LOST, LOST);
  expect(await client.invoke(WRITE, SECOND)).toMatchObject({ type: 'fail' });
  expect(new Set(stamps() as unknown[])).toEqual(new Set([undefined]));
});

test('reads are asked once, outside of sessions, with all the time there is', async () => {
  const { client, sent } = clientOf(LOST);
  expect(await client.invoke(READ, SECOND)).toMatchObject({ type: 'info' });
  expect(sent).toMatchObject([{ stamp: undefined, deadlineNs: SECOND }]);
});

test('no attempt outlives the operation', async () => {
  const { client, sent } = clientOf(done(7));
  await client.invoke(WRITE, SECOND);
  let beganNs = 0;
  for (const { deadlineNs } of sent) {
    expect(beganNs + deadlineNs).toBeLessThanOrEqual(SECOND);
    expect(deadlineNs).toBeGreaterThan(0);
    beganNs += 200 * MILLISECOND;
  }
  expect(sent.length).toBeGreaterThan(3);
});
