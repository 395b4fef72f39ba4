import { expect, test } from 'vitest';
import { type Input, nodeId, type NodeId, type Ready } from '../core/types.ts';
import { decodePeerMessage, encodePeerMessage } from './peer-message.ts';
import type { Answer, Request } from './requests.ts';
import { TestDrivers } from './testing/drivers.ts';

const put = (value: string): Request => ({
  type: 'command',
  command: { type: 'put', key: 'k', value },
});
const cas = (from: string, to: string): Request => ({
  type: 'command',
  command: { type: 'cas', key: 'k', from, to },
});
const read = (consistency: 'linearizable' | 'stale' = 'linearizable'): Request => ({
  type: 'read',
  key: 'k',
  consistency,
});

async function upAndLeader(size = 3): Promise<{ drivers: TestDrivers; leader: NodeId }> {
  const drivers = new TestDrivers(size);
  await drivers.startAll();
  return { drivers, leader: await drivers.elect() };
}

function others(drivers: TestDrivers, leader: NodeId): NodeId[] {
  return drivers.ids.filter((id) => id !== leader);
}

test('every node serves every request; the answer says who did, and how much it had applied', async () => {
  const { drivers, leader } = await upAndLeader();
  for (const [i, id] of drivers.ids.entries()) {
    expect(await drivers.ask(id, put(String(i)))).toMatchObject({ type: 'ok', servedBy: leader });
    const answer = await drivers.ask(id, read());
    const appliedIndex = drivers.driver(leader).status().lastApplied;
    expect(answer).toMatchObject({ type: 'ok', value: String(i), servedBy: id, appliedIndex });
  }
  expect(await drivers.ask(leader, cas('2', '9'))).toMatchObject({ applied: true });
  expect(await drivers.ask(leader, cas('2', '9'))).toMatchObject({ type: 'ok', applied: false });
});

test('reads at a follower share questions to its leader, and are answered where they were asked', async () => {
  const { drivers, leader } = await upAndLeader();
  await drivers.ask(leader, put('1'));
  const [follower = leader] = others(drivers, leader);
  const before = drivers.sent;
  const answers: Answer[] = [];
  for (let i = 0; i < 50; i++) drivers.driver(follower).submit(read(), (one) => answers.push(one));
  await drivers.runUntil(() => answers.length === 50);
  const expected = { type: 'ok', value: '1', servedBy: follower };
  expect(answers).toMatchObject(answers.map(() => expected));
  // The question, a round to two followers and their answers, and the answer.
  expect(drivers.sent - before).toBeLessThanOrEqual(6);
});

test('a read at a follower shows what was written after the follower last heard of a commit', async () => {
  const { drivers, leader } = await upAndLeader();
  const [follower = leader] = others(drivers, leader);
  drivers.isOpen = (_from, to) => to !== follower;
  await drivers.ask(leader, put('1'));
  expect(await drivers.ask(follower, read('stale'))).toMatchObject({ value: null });
  drivers.isOpen = () => true;
  expect(await drivers.ask(follower, read())).toMatchObject({ value: '1', servedBy: follower });
  drivers.isOpen = (_from, to) => to !== leader;
  expect(await drivers.ask(follower, read()), 'nobody confirms it').toMatchObject({
    type: 'refused',
  });
});

test('a stale read is answered by the node that was asked, at once', async () => {
  const { drivers, leader } = await upAndLeader();
  await drivers.ask(leader, put('1'));
  const [follower] = others(drivers, leader);
  drivers.isOpen = () => false;
  expect(await drivers.ask(follower ?? leader, read('stale'))).toMatchObject({
    type: 'ok',
    servedBy: follower,
  });
});

test('without a known leader a request is refused: it certainly did not happen', async () => {
  const drivers = new TestDrivers(3);
  await drivers.startAll();
  expect(await drivers.ask(nodeId('n1'), put('1'))).toMatchObject({
    type: 'refused',
  });
});

test('a follower that is not connected to its leader refuses; it never sent anything', async () => {
  const { drivers, leader } = await upAndLeader();
  drivers.isConnected = (from, to) => to !== leader && from !== leader;
  const [follower] = others(drivers, leader);
  expect(await drivers.ask(follower ?? leader, put('1'))).toMatchObject({ type: 'refused' });
});

test('a write that finds no quorum ends unknown, a read refused', async () => {
  const { drivers, leader } = await upAndLeader();
  drivers.isOpen = () => false;
  const wrote = drivers.ask(leader, put('1'));
  expect(await wrote).toMatchObject({ type: 'unknown' });
  const { requests } = drivers.driver(leader).status();
  expect(requests).toMatchObject({ unknown: 1 });
});

test('a forwarded write whose answer is lost ends unknown, though it took effect', async () => {
  const { drivers, leader } = await upAndLeader();
  const [follower = leader, witness = leader] = others(drivers, leader);
  drivers.isOpen = (from, to) => !(from === leader && to === follower);
  expect(await drivers.ask(follower, put('7'))).toMatchObject({ type: 'unknown' });
  expect(await drivers.ask(witness, read())).toMatchObject({ type: 'ok', value: '7' });
});

test('a write is refused for certain only once another entry is committed at its index', async () => {
  const { drivers, leader } = await upAndLeader(5);
  await drivers.ask(leader, put('0'));
  const cutOff = (id: NodeId) => id === leader;
  drivers.isOpen = (from, to) => cutOff(from) === cutOff(to);
  const answers: string[] = [];
  drivers.driver(leader).submit(put('lost'), (answer) => answers.push(answer.type));
  // The old leader keeps its time-out out of the way: the answer must come from the log.
  await drivers.runUntil(() => drivers.leader !== leader || answers.length > 0);
  expect(answers, 'not before: the next leader may still commit it').not.toContain('refused');
  const next = await drivers.elect();
  expect(next).not.toBe(leader);
  await drivers.ask(next, put('1'));
  drivers.isOpen = () => true;
  expect(await drivers.ask(leader, read())).toBeDefined();
  await drivers.runUntil(
    () => drivers.driver(leader).status().term === drivers.driver(next).status().term,
  );
  await drivers.runUntil(
    () => drivers.driver(leader).status().lastApplied >= drivers.driver(next).status().lastApplied,
  );
  expect(await drivers.ask(leader, read('stale'))).toMatchObject({ value: '1' });
  expect(answers).toHaveLength(1);
});

/** A leader of three that has stored a write which no majority has; nobody else can hear it. */
async function pendingWrite(reaches: 'nobody' | 'one'): Promise<{
  readonly drivers: TestDrivers;
  readonly leader: NodeId;
  readonly answers: Answer[];
}> {
  const drivers = new TestDrivers(3, 'always', { requestTimeoutNs: 600_000_000_000 });
  await drivers.startAll();
  const leader = await drivers.elect();
  await drivers.ask(leader, put('0'));
  const [holder = leader, away = leader] = others(drivers, leader);
  if (reaches === 'one') drivers.crash(away);
  drivers.isOpen = (from, to) => reaches === 'one' && from === leader && to === holder;
  const answers: Answer[] = [];
  drivers.driver(leader).submit(put('pending'), (answer) => answers.push(answer));
  await drivers.runUntil(() => drivers.driver(leader).status().role === 'follower');
  if (reaches === 'one') await drivers.start(away);
  drivers.isOpen = (from, to) => from !== leader && to !== leader;
  await drivers.runUntil(() => drivers.leader !== undefined);
  return { drivers, leader, answers };
}

test('a deposed leader refuses a pending write once another entry is committed there (§5.3)', async () => {
  const { drivers, leader, answers } = await pendingWrite('nobody');
  await drivers.ask(await drivers.elect(), put('1'));
  expect(answers, 'it cannot know yet').toEqual([]);
  drivers.isOpen = () => true;
  await drivers.runUntil(() => answers.length > 0);
  expect(answers).toMatchObject([{ type: 'refused' }]);
  expect(await drivers.ask(leader, read())).toMatchObject({ value: '1' });
});

test('a deposed leader acknowledges a pending write that its successor commits (§5.3, §5.4)', async () => {
  const { drivers, leader, answers } = await pendingWrite('one');
  expect(answers).toEqual([]);
  drivers.isOpen = () => true;
  await drivers.runUntil(() => answers.length > 0);
  expect(answers).toMatchObject([{ type: 'ok', servedBy: leader }]);
  const successor = await drivers.elect();
  expect(successor).not.toBe(leader);
  expect(await drivers.ask(successor, read())).toMatchObject({ value: 'pending' });
});

test('an answer to a request of an earlier life of this node answers nobody', async () => {
  const { drivers, leader } = await upAndLeader();
  const [follower = leader] = others(drivers, leader);
  const ids: number[] = [];
  drivers.tap = (_from, to, bytes) => {
    const message = decodePeerMessage(bytes);
    if (message.type === 'forward' && to === leader) ids.push(message.id);
  };
  for (let i = 0; i < 3; i++) await drivers.ask(follower, put('old'));
  const earlier = [...ids];
  drivers.crash(follower);
  await drivers.start(follower);
  await drivers.runUntil(() => drivers.driver(follower).status().leader === leader);
  drivers.isOpen = (from) => from !== follower;
  const answers: string[] = [];
  drivers.driver(follower).submit(put('new'), ({ type }) => answers.push(type));
  const late: Answer = {
    type: 'ok',
    value: null,
    applied: true,
    servedBy: leader,
    term: 1,
    appliedIndex: 9,
  };
  for (const id of earlier) {
    drivers
      .driver(follower)
      .receive(leader, encodePeerMessage({ type: 'answer', id, answer: late }));
  }
  await drivers.runUntil(() => answers.length > 0);
  expect(earlier).toHaveLength(3);
  expect(answers).toEqual(['unknown']);
});

test('what was acknowledged is there after all nodes crash at once', async () => {
  const { drivers, leader } = await upAndLeader();
  for (let i = 0; i < 20; i++) {
    expect(await drivers.ask(leader, put(String(i)))).toMatchObject({ type: 'ok' });
  }
  for (const id of drivers.ids) drivers.crash(id);
  await drivers.startAll();
  const next = await drivers.elect();
  expect(await drivers.ask(next, read())).toMatchObject({ type: 'ok', value: '19' });
});

test('with fsync=never a crash of all nodes loses acknowledged writes', async () => {
  const drivers = new TestDrivers(3, 'never');
  await drivers.startAll();
  const leader = await drivers.elect();
  expect(await drivers.ask(leader, put('1'))).toMatchObject({ type: 'ok' });
  for (const id of drivers.ids) drivers.crash(id);
  await drivers.startAll();
  const next = await drivers.elect();
  expect(await drivers.ask(next, read())).toMatchObject({ type: 'ok', value: null });
});

test('many requests in one turn share batches and messages (group commit)', async () => {
  const { drivers, leader } = await upAndLeader();
  const before = { sent: drivers.sent, batches: drivers.driver(leader).status().walBatches };
  let answered = 0;
  for (let i = 0; i < 50; i++) {
    drivers.driver(leader).submit(put(String(i)), () => (answered += 1));
    drivers.driver(leader).submit(read(), () => (answered += 1));
  }
  await drivers.runUntil(() => answered === 100);
  expect(drivers.driver(leader).status().walBatches - before.batches).toBeLessThanOrEqual(2);
  expect(drivers.sent - before.sent).toBeLessThan(20);
});

test('while its disk hangs a candidate does not pile up requests for the same vote', async () => {
  const drivers = new TestDrivers(3);
  await drivers.startAll();
  await drivers.pass(1);
  const { promise: gate, resolve: goOn } = Promise.withResolvers<void>();
  for (const disk of drivers.disks.values()) disk.gate = gate;
  await drivers.pass(10_000_000_000);
  expect(Math.max(...drivers.ids.map((id) => drivers.driver(id).status().term))).toBeGreaterThan(0);
  const votes: string[] = [];
  drivers.tap = (from, to, bytes) => {
    const sent = decodePeerMessage(bytes);
    if (sent.type === 'raft') votes.push(`${from} to ${to}: ${JSON.stringify(sent.message)}`);
  };
  goOn();
  // No time passes: only what waited for the disks leaves, and the answers to it.
  await new Promise(setImmediate);
  expect(votes.length).toBeGreaterThan(0);
  expect(votes).toEqual([...new Set(votes)]);
});

test('a failed fsync stops the node, and nothing is acknowledged any more', async () => {
  const { drivers, leader } = await upAndLeader(1);
  const disk = drivers.disks.get(leader);
  if (disk !== undefined) disk.failsNextSync = true;
  const answers: unknown[] = [];
  drivers.driver(leader).submit(put('1'), (answer) => answers.push(answer));
  await drivers.runUntil(() => drivers.fatal.length > 0);
  expect(String(drivers.fatal[0])).toContain('the disk is broken');
  expect(answers).toEqual([]);
});

const transfer = (to?: NodeId): Request => ({ type: 'transfer', to });

test('leadership goes where a client of any node wants it; the answer names who leads (thesis §3.10)', async () => {
  const { drivers, leader } = await upAndLeader();
  const [first = leader, second = leader] = others(drivers, leader);
  expect(await drivers.ask(first, transfer(second))).toMatchObject({ type: 'ok', value: second });
  expect(drivers.leader).toBe(second);
  expect(await drivers.ask(second, transfer(nodeId('n9')))).toMatchObject({ type: 'refused' });
  const answer = await drivers.ask(second, transfer());
  expect(answer).toMatchObject({ type: 'ok', value: drivers.leader });
  expect(drivers.leader).not.toBe(second);
});

test('what comes while leadership is handed over waits for the successor: nothing is refused', async () => {
  const { drivers, leader } = await upAndLeader();
  const [target = leader, other = leader] = others(drivers, leader);
  await drivers.ask(leader, put('0'));
  const answers: Answer[] = [];
  const done = (answer: Answer): void => void answers.push(answer);
  drivers.driver(leader).submit(transfer(target), done);
  for (let i = 1; i <= 5; i++) drivers.driver(leader).submit(put(String(i)), done);
  // These are forwarded to who led, and go on from there.
  for (let i = 6; i <= 9; i++) drivers.driver(other).submit(put(String(i)), done);
  await drivers.runUntil(() => answers.length === 10);
  expect(answers.map(({ type }) => type)).toEqual(answers.map(() => 'ok'));
  expect(answers.filter((one) => one.type === 'ok' && one.servedBy === target)).toHaveLength(9);
  expect(drivers.leader).toBe(target);
});

test('a transfer that comes to nothing lets what waited go on where it was asked', async () => {
  const { drivers, leader } = await upAndLeader();
  const [target = leader, other = leader] = others(drivers, leader);
  drivers.isOpen = (_from, to) => to !== target;
  await drivers.ask(leader, put('0'));
  const answers: Answer[] = [];
  drivers.driver(leader).submit(transfer(target), (answer) => answers.push(answer));
  await drivers.pass(100_000_000);
  drivers.driver(other).submit(put('1'), (answer) => answers.push(answer));
  await drivers.runUntil(() => answers.length === 2);
  expect(answers).toMatchObject([{ type: 'refused' }, { type: 'ok', servedBy: leader }]);
});

test('what waited for a successor until its time was up certainly did not happen', async () => {
  const { drivers, leader } = await upAndLeader();
  const [target = leader] = others(drivers, leader);
  drivers.route = (_from, _to, bytes, arrive) => {
    const message = decodePeerMessage(bytes);
    const isAppend = message.type === 'raft' && message.message.type === 'append-entries';
    // The successor is elected, and nobody hears of it.
    if (!isAppend || message.message.term === 1) setImmediate(arrive);
  };
  const answers: Answer[] = [];
  drivers.driver(leader).submit(transfer(target), () => {});
  drivers.driver(leader).submit(put('1'), (answer) => answers.push(answer));
  await drivers.runUntil(() => answers.length === 1);
  expect(answers).toMatchObject([{ type: 'refused' }]);
});

test('malformed peer messages are refused with a DecodeError, and change nothing', async () => {
  const { drivers, leader } = await upAndLeader();
  const before = drivers.driver(leader).status();
  for (const bytes of [[], [9], [0], [0, 2, 1], [1, 0, 0], [2, 0, 0, 0, 0, 0, 0, 0, 1, 7]]) {
    expect(() =>
      drivers.driver(leader).receive(drivers.ids[1] ?? leader, Uint8Array.from(bytes)),
    ).toThrow(/./);
  }
  expect(drivers.driver(leader).status()).toEqual(before);
});

const leaseRead: Request = { type: 'read', key: 'k', consistency: 'lease' };

test('a lease is looked at again right before the answer: a process may be stopped in between (thesis §6.4.1)', async () => {
  let stoppedNs = 0;
  const stepped = (inputs: readonly Input[], { reads }: Ready): void => {
    if (reads.some(({ leaseEndNs }) => leaseEndNs !== undefined)) drivers.nowNs += stoppedNs;
    given.push(...inputs.filter(({ type }) => type === 'read'));
  };
  const given: Input[] = [];
  const ignored = { restored() {}, written() {}, snapshot() {}, applied() {} };
  const drivers: TestDrivers = new TestDrivers(3, 'always', {
    observer: () => ({ ...ignored, stepped }),
    requestTimeoutNs: 60_000_000_000,
  });
  await drivers.startAll();
  const leader = await drivers.elect();
  await drivers.ask(leader, leaseRead);
  given.length = 0;
  expect(await drivers.ask(leader, leaseRead)).toMatchObject({ type: 'ok', servedBy: leader });
  expect(given).toMatchObject([{ lease: true }]);
  given.length = 0;
  stoppedNs = 999_000_000;
  const answers: Answer[] = [];
  drivers.driver(leader).submit(leaseRead, (answer) => answers.push(answer));
  await drivers.runUntil(() => answers.length > 0);
  expect(given, 'it went through a round in the end').toMatchObject([
    { lease: true },
    { type: 'read' },
  ]);
  expect(given[1]).not.toHaveProperty('lease');
});
