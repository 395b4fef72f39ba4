import { expect, test } from 'vitest';
import { defined } from '../../lib/assert.ts';
import type { NodeId } from '../core/types.ts';
import type { Command } from '../kv/commands.ts';
import { LogClock } from './log-clock.ts';
import type { Answer, Request } from './requests.ts';
import { TestDrivers } from './testing/drivers.ts';

const MS = 1_000_000;
const INCR: Command = { type: 'incr', key: 'n', by: 1 };
const VALUE: Request = { type: 'read', key: 'n', consistency: 'linearizable' };

function write(id: number, sequence: number, command: Command = INCR): Request {
  return { type: 'command', command, session: { id, sequence, acknowledged: 0 } };
}

/** Three nodes with a leader, and a session of this expiry. */
async function begin(expiryMs: number) {
  const drivers = new TestDrivers(3);
  await drivers.startAll();
  const leader = await drivers.elect();
  const opened = await drivers.ask(leader, {
    type: 'command',
    command: { type: 'open-session', expiryMs },
  });
  const id = opened?.type === 'ok' ? Number(opened.value) : NaN;
  const followers = drivers.ids.filter((node) => node !== leader);
  const [follower, other] = [followers[0], followers[1]].map((one) => defined(one, 'three'));
  return {
    drivers,
    leader,
    id,
    follower: defined(follower, 'a follower'),
    other: defined(other, 'another'),
  };
}

const ok = (value: unknown) => expect.objectContaining({ type: 'ok', value }) as Answer;

test('a number that is asked for at every node takes effect once, with one answer (thesis §6.3)', async () => {
  const { drivers, id, leader } = await begin(60_000);
  for (const node of [...drivers.ids, ...drivers.ids]) {
    expect(await drivers.ask(node, write(id, 1))).toEqual(ok(1));
  }
  expect(await drivers.ask(leader, VALUE)).toEqual(ok('1'));
});

test('a retry that comes before the first was applied stands in the log, too, and does nothing (thesis §6.3)', async () => {
  const { drivers, id, leader, follower } = await begin(60_000);
  const before = drivers.driver(leader).status().lastApplied;
  const answers: Answer[] = [];
  for (const node of [leader, follower, leader]) {
    drivers.driver(node).submit(write(id, 1), (answer) => answers.push(answer));
  }
  await drivers.runUntil(() => answers.length === 3);
  expect(answers).toEqual([ok(1), ok(1), ok(1)]);
  expect(drivers.driver(leader).status().lastApplied).toBe(before + 3);
});

test('who got no answer, since the leader died, asks the next one and gets the first answer (thesis §6.3)', async () => {
  const { drivers, id, leader, follower } = await begin(60_000);
  let isAnswered = false;
  drivers.driver(leader).submit(write(id, 1), () => (isAnswered = true));
  // It leaves for the others, and the leader dies before it hears of them.
  drivers.isOpen = (_, to) => to !== leader;
  await drivers.pass(20 * MS);
  expect(isAnswered).toBe(false);
  drivers.crash(leader);
  drivers.isOpen = () => true;
  await drivers.runUntil(() => drivers.leader !== undefined && drivers.leader !== leader);
  await drivers.pass(500 * MS);
  expect(await drivers.ask(follower, write(id, 1))).toEqual(ok(1));
  expect(await drivers.ask(follower, write(id, 2))).toEqual(ok(2));
});

test('a session that is over is an error, at every node, and after a restart (thesis §6.3)', async () => {
  const { drivers, id, leader } = await begin(2000);
  await drivers.ask(leader, write(id, 1));
  await drivers.pass(1500 * MS);
  expect(await drivers.ask(leader, write(id, 2)), 'in time').toEqual(ok(2));
  await drivers.pass(2500 * MS);
  const over = { type: 'refused', reason: 'session' };
  for (const node of drivers.ids) {
    expect(await drivers.ask(node, write(id, 2))).toMatchObject(over);
  }
  for (const node of drivers.ids) drivers.crash(node);
  for (const node of drivers.ids) await drivers.start(node);
  await drivers.elect();
  expect(await drivers.ask(defined(drivers.leader, 'elected'), write(id, 3))).toMatchObject(over);
});

test('what was applied is applied alike by a node that starts again, sessions and all', async () => {
  const { drivers, id, leader } = await begin(60_000);
  for (let sequence = 1; sequence <= 5; sequence++) await drivers.ask(leader, write(id, sequence));
  for (const node of drivers.ids) drivers.crash(node);
  for (const node of drivers.ids) await drivers.start(node);
  const next = await drivers.elect();
  for (let sequence = 1; sequence <= 5; sequence++) {
    expect(await drivers.ask(next, write(id, sequence))).toEqual(ok(sequence));
  }
});

test('a lock outlives its leader by as much log time as it was granted for', async () => {
  const { drivers, leader, follower } = await begin(60_000);
  const acquire = (): Request => ({
    type: 'command',
    command: { type: 'acquire', key: 'l', owner: 'me', ttlMs: 20_000 },
  });
  const first = await drivers.ask(leader, acquire());
  expect(first).toMatchObject({ type: 'ok', applied: true });
  drivers.crash(leader);
  await drivers.runUntil(() => drivers.leader !== undefined && drivers.leader !== leader);
  await drivers.pass(1000 * MS);
  expect(await drivers.ask(follower, acquire())).toMatchObject({ type: 'ok', applied: false });
  await drivers.pass(20_000 * MS);
  const second = await drivers.ask(follower, acquire());
  expect(second).toMatchObject({ type: 'ok', applied: true });
  const tokens = [first, second].map((answer) => (answer?.type === 'ok' ? answer.value : null));
  expect(Number(tokens[1])).toBeGreaterThan(Number(tokens[0]));
});

/** A state machine that refuses is told from a node that cannot: also over a follower. */
test('a refusal keeps its reason on the way back from the leader', async () => {
  const { drivers, leader, follower, other } = await begin(60_000);
  await drivers.ask(leader, { type: 'command', command: { type: 'put', key: 'n', value: 'x' } });
  for (const node of [leader, follower, other] satisfies NodeId[]) {
    expect(await drivers.ask(node, { type: 'command', command: INCR })).toEqual({
      type: 'refused',
      reason: 'conflict',
      error: 'the value is no integer',
    });
  }
});

test('log time goes on from the latest that was applied, at the rate of the own clock', () => {
  const clock = new LogClock(5e12);
  expect(clock.readMs(5e12 + 3 * MS)).toBe(3);
  clock.applied(1000, 5e12 + 4 * MS);
  expect(clock.readMs(5e12 + 4 * MS)).toBe(1000);
  expect(clock.readMs(5e12 + 6 * MS + 1)).toBe(1002);
});

test('log time never runs backwards: neither by what is applied late nor by a clock that does', () => {
  const clock = new LogClock(0);
  clock.applied(1000, 0);
  expect(clock.readMs(500 * MS)).toBe(1500);
  clock.applied(1200, 500 * MS);
  expect(clock.readMs(500 * MS)).toBe(1500);
  expect(clock.readMs(-7 * MS)).toBe(1000);
  clock.applied(Number.MAX_SAFE_INTEGER, 600 * MS);
  expect(clock.readMs(9e15)).toBe(Number.MAX_SAFE_INTEGER);
});
