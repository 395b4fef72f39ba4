import { expect, test } from 'vitest';
import { makeConfiguration } from './configuration.ts';
import { encodeConfiguration } from './configuration-codec.ts';
import { acknowledge, append, change, command, from, requestVote } from './testing/messages.ts';
import { ELECTION_NS, type Flight, HEARTBEAT_NS, TestNetwork } from './testing/network.ts';
import {
  type ChangeProgress,
  type Entry,
  logIndex,
  type Message,
  nodeId,
  type Ready,
  term,
} from './types.ts';

/** Voters, and who votes beside them while joint, in words: `n1 n2 n3 -> n4 n5 n6`. */
function inForce({ configuration: { voters, outgoing, learners } }: Ready): string {
  const old = outgoing.length === 0 ? '' : `${outgoing.join(' ')} -> `;
  return old + voters.join(' ') + (learners.length === 0 ? '' : ` + ${learners.join(' ')}`);
}

/** Remembers what became of changes on every node. */
function watched(size: number, spares: number, seed: number = 1) {
  const changes: ChangeProgress[] = [];
  const network = new TestNetwork({
    size,
    spares,
    seed,
    onReady: (_, ready) => void changes.push(...ready.changes),
  });
  return { network, changes };
}

const among =
  (...names: readonly string[]) =>
  ({ from: sender, to }: Flight): boolean =>
    names.some((name) => name === sender) && names.some((name) => name === to);

/** What the leader has behind this index arrives nowhere. */
const isUpTo =
  (last: number) =>
  ({ message }: Flight): boolean =>
    message.type !== 'append-entries' || message.entries.every(({ index }) => index <= last);

/** Of the three that the cluster begins with, those that follow. */
function followersOf(leader: string): readonly string[] {
  return ['n1', 'n2', 'n3'].filter((name) => name !== leader);
}

/** n1, n2, n3 are to be replaced by n4, n5, n6; these have caught up, and C_old,new is in the leader's log only. */
function joint(seed: number = 1) {
  const { network, changes } = watched(3, 3, seed);
  const leader = network.elect();
  network.step(leader.id, change(1, 'n4', 'n5', 'n6'));
  // Everything arrives but C_old,new itself: it stays with the leader.
  network.runUntil(
    () => changes.some(({ type }) => type === 'appended'),
    ({ message }) => message.type !== 'append-entries' || message.entries.every(isNotJoint),
  );
  network.flights = [];
  expect(inForce(leader.ready)).toBe('n1 n2 n3 -> n4 n5 n6');
  return { network, changes, leader };
}

function isNotJoint({ kind, data }: Entry): boolean {
  const other = encodeConfiguration(
    makeConfiguration(['n4', 'n5', 'n6'].map(nodeId), { outgoing: ['n1', 'n2', 'n3'].map(nodeId) }),
  );
  return kind !== 'configuration' || !other.every((byte, i) => byte === data[i]);
}

function isRefusal(message: Message): boolean {
  return message.type === 'append-response' && !message.result.success;
}

test('before C_old,new is on a quorum C_old decides alone; the entry goes, and with it what it said (§6, Figure 11)', () => {
  const { network, leader } = joint();
  const rest = followersOf(leader.id);
  network.runUntil(() => network.leaders.some(({ id }) => id !== leader.id), among(...rest));
  const next = network.leaders.find(({ id }) => id !== leader.id);
  if (next === undefined) throw new Error('two of three elect one of them');
  network.step(next.id, command(7));
  network.settle(among(...rest));
  expect(next.applied.at(-1)).toMatchObject({ kind: 'command', data: Uint8Array.of(7) });
  network.runUntil(() => leader.ready.commitIndex === next.ready.commitIndex);
  // It followed the later leader: its C_old,new is truncated, and what was before is in force.
  expect(leader.ready.role).toBe('follower');
  expect(inForce(leader.ready)).toBe('n1 n2 n3 + n4 n5 n6');
});

test.each([
  ['old', ['n1', 'n2', 'n3']],
  ['new', ['n4', 'n5', 'n6']],
])('while joint all of the %s servers together commit nothing (§6)', (_, half) => {
  const { network, leader } = joint();
  const { commitIndex } = leader.ready;
  network.step(leader.id, command(7));
  for (let round = 0; round < 8; round++) {
    network.advance(HEARTBEAT_NS);
    network.settle(among(leader.id, ...half));
  }
  expect(leader.ready).toMatchObject({ role: 'leader', commitIndex });
  network.runUntil(() => leader.ready.commitIndex > commitIndex);
});

test.each([
  ['old', ['n1', 'n2', 'n3']],
  ['new', ['n4', 'n5', 'n6']],
])('once C_old,new is committed the %s servers alone elect nobody (§6, Figure 11)', (_, half) => {
  const { network, leader } = joint();
  const own = leader.ready.lastIndex;
  // C_new stays with the leader: everybody else knows C_old,new, and that is committed.
  network.runUntil(() => leader.ready.commitIndex >= own, isUpTo(own));
  expect(inForce(leader.ready)).toBe('n4 n5 n6');
  network.crash(leader.id);
  network.flights = [];
  for (let waitedNs = 0; waitedNs < 10 * ELECTION_NS.maxNs; waitedNs += HEARTBEAT_NS) {
    network.advance(HEARTBEAT_NS);
    network.settle(among(...half));
    expect(network.leaders).toEqual([]);
  }
  // Both together do, and go on with the change.
  network.runUntil(() => network.leaders.length === 1);
  const next = network.leaders[0];
  network.runUntil(() => next?.ready.configuration.outgoing.length === 0);
});

test('C_new decides alone as soon as it is in the log; the leader that is no part of it does not count itself (§6, Figure 11)', () => {
  const { network, leader, changes } = joint();
  const own = leader.ready.lastIndex;
  network.runUntil(() => leader.ready.commitIndex >= own, undefined);
  const cNew = leader.ready.configurationIndex;
  expect(cNew).toBeGreaterThan(own);
  expect(changes).toEqual([expect.objectContaining({ type: 'appended', id: 1, index: own })]);
  // No other old server hears of anything any more.
  network.runUntil(
    () => (['n4', 'n5', 'n6'] as const).some((name) => network.node(name).ready.role === 'leader'),
    among(leader.id, 'n4', 'n5', 'n6'),
  );
  expect(leader.ready.commitIndex).toBeGreaterThanOrEqual(cNew);
});

test('a leader that is not in C_new leads until C_new is committed, and steps down then (§6)', () => {
  const { network, leader } = joint();
  const own = leader.ready.lastIndex;
  network.runUntil(() => leader.ready.commitIndex >= own, isUpTo(own));
  network.flights = [];
  const cNew = leader.ready.configurationIndex;
  expect(inForce(leader.ready)).toBe('n4 n5 n6');
  const { term: led } = leader.ready;
  // By the acknowledgements of two new servers.
  for (const name of ['n4', 'n5']) {
    expect(leader.ready.role).toBe('leader');
    network.step(leader.id, from(name, acknowledge(led, cNew)));
  }
  const committing = leader.ready;
  expect(committing).toMatchObject({ role: 'leader', commitIndex: cNew });
  const told = committing.messages.filter(
    ({ message }) => message.type === 'append-entries' && message.leaderCommit === cNew,
  );
  expect(new Set(told.map(({ to }) => to)), 'who leaves is told as well').toEqual(
    new Set(['n1', 'n2', 'n3', 'n4', 'n5', 'n6'].filter((name) => name !== leader.id)),
  );
  const successors = committing.messages.filter(({ message }) => message.type === 'timeout-now');
  expect(
    successors.map(({ to }) => to),
    'nobody need wait to notice (thesis §3.10)',
  ).toEqual(['n4']);
  expect(committing.deadlineNs, 'at once').toBe(network.nowNs);
  const asked = network.step(leader.id, change(2, 'n1', 'n2', 'n3'), command(8));
  expect(asked).toMatchObject({ role: 'follower', term: led, entries: [], refused: [8] });
  expect(asked.changes).toEqual([{ type: 'refused', id: 2, why: 'not-leader' }]);
  // It knows of its removal, and never stands again.
  for (let i = 0; i < 20; i++) {
    network.nowNs += ELECTION_NS.maxNs;
    expect(network.step(leader.id, { type: 'tick' })).toMatchObject({
      role: 'follower',
      term: led,
    });
  }
});

test('a new leader goes on with the change that it finds in its log (§6)', () => {
  const { network, leader } = joint();
  // Two old and two new servers get C_old,new; then the leader is gone.
  const got = [followersOf(leader.id)[0] ?? '', 'n4', 'n5'];
  network.advance(HEARTBEAT_NS);
  network.settle(({ to, message }) => got.includes(to) || isRefusal(message));
  expect(got.map((name) => inForce(network.node(name).ready))).toEqual(
    got.map(() => 'n1 n2 n3 -> n4 n5 n6'),
  );
  network.crash(leader.id);
  network.flights = [];
  const names = ['n4', 'n5', 'n6'];
  network.runUntil(() => names.every((name) => inForce(network.node(name).ready) === 'n4 n5 n6'));
  const [last] = network.leaders;
  expect(last?.ready.term).toBeGreaterThan(leader.ready.term);
});

test('who has left stands until it knows that this is committed: nobody else may be electable (thesis §4.2.2)', () => {
  const network = new TestNetwork({ size: 2, seed: 1 });
  const leader = network.elect();
  network.settle();
  const stays = leader.id === 'n1' ? 'n2' : 'n1';
  network.step(leader.id, change(1, stays));
  const own = leader.ready.lastIndex;
  // C_old,new is committed, and C_new stands in the leader's log only when it dies.
  network.runUntil(() => leader.ready.commitIndex >= own, isUpTo(own));
  network.sync(leader.id);
  network.crash(leader.id);
  network.flights = [];
  network.restart(leader.id);
  expect(inForce(leader.ready)).toBe(stays);
  expect(inForce(network.node(stays).ready)).toBe(`n1 n2 -> ${stays}`);
  // Whoever stays needs the vote of who has left, whose log is longer.
  network.runUntil(() => network.leaders.some(({ id }) => id === stays));
  expect(inForce(network.node(stays).ready)).toBe(stays);
});

test('a learner is sent the log and is not counted; it stands for no election (§6, thesis §4.2.1)', () => {
  const { network, changes } = watched(3, 1);
  const leader = network.elect();
  network.step(leader.id, change(1, 'n1', 'n2', 'n3', 'n4'));
  const { commitIndex } = leader.ready;
  // The leader and the learner are two of four, and one of three.
  for (let i = 0; i < 12; i++) {
    network.advance(HEARTBEAT_NS);
    network.settle(among(leader.id, 'n4'));
  }
  expect(leader.ready).toMatchObject({ commitIndex, role: 'follower' });
  expect(network.logOf('n4').at(-1)?.index).toBe(leader.ready.lastIndex);
  expect(inForce(network.node('n4').ready)).toBe('n1 n2 n3 + n4');
  for (let i = 0; i < 5; i++) {
    network.nowNs += ELECTION_NS.maxNs;
    expect(network.step('n4', { type: 'tick' })).toMatchObject({ role: 'follower', messages: [] });
  }
  expect(changes).toEqual([{ type: 'refused', id: 1, why: 'leadership-lost' }]);
});

test('a server votes for a candidate that it does not know, and follows a leader that it does not know (§6)', () => {
  const { network } = watched(3, 1);
  const vote = network.step('n4', from('n2', requestVote(3, 0, 0)));
  expect(vote.messagesAfterSync).toMatchObject([{ to: 'n2', message: { granted: true } }]);
  const heard = network.step('n1', from('n9', append(3, [0, 0], {})));
  expect(heard).toMatchObject({ role: 'follower', term: 3, leader: 'n9' });
});

test('new members that do not catch up are given up before anybody else votes (thesis §4.2.1)', () => {
  const { network, changes } = watched(3, 1);
  const leader = network.elect();
  network.crash('n4');
  network.step(leader.id, change(1, 'n1', 'n2', 'n4'));
  network.settle();
  expect(inForce(leader.ready)).toBe('n1 n2 n3 + n4');
  network.runUntil(() => changes.length > 0);
  expect(changes).toEqual([{ type: 'refused', id: 1, why: 'behind' }]);
  expect(inForce(leader.ready)).toBe('n1 n2 n3');
  // And the next change may come.
  network.settle();
  network.step(leader.id, change(2, 'n1', 'n2'));
  expect(changes.at(-1)).toMatchObject({ type: 'appended', id: 2 });
});

test('a new member that is always a round behind is given up after ten of them (thesis §4.2.1)', () => {
  const { network, changes } = watched(1, 1);
  const leader = network.elect();
  const { term: led } = leader.ready;
  network.step(leader.id, change(1, 'n1', 'n2'));
  network.settle(() => false);
  for (let round = 1; round <= 10; round++) {
    expect(changes, `round ${round}`).toEqual([]);
    const reached = leader.ready.lastIndex;
    network.step(leader.id, command(round));
    // It answers heartbeats meanwhile, and has a round of entries only after an election timeout.
    network.nowNs += ELECTION_NS.minNs;
    network.step(leader.id, from('n2', acknowledge(led, reached)));
    network.settle(() => false);
  }
  expect(changes).toEqual([{ type: 'refused', id: 1, why: 'behind' }]);
});

test('the log that comes while new members catch up is caught up with in rounds (thesis §4.2.1)', () => {
  const { network, changes } = watched(1, 1);
  const leader = network.elect();
  const { term: led } = leader.ready;
  network.step(leader.id, change(1, 'n1', 'n2'));
  network.settle(() => false);
  const first = leader.ready.lastIndex;
  network.step(leader.id, command(1));
  network.settle(() => false);
  network.nowNs += ELECTION_NS.minNs;
  network.step(leader.id, from('n2', acknowledge(led, first)));
  expect(changes, 'it took an election timeout: another round').toEqual([]);
  network.step(leader.id, from('n2', acknowledge(led, first)));
  expect(changes, 'what came meanwhile is not there yet').toEqual([]);
  network.step(leader.id, from('n2', acknowledge(led, first + 1)));
  expect(changes).toMatchObject([{ type: 'appended', id: 1 }]);
});

test('only a leader that has committed in its term changes members, one change at a time (§6)', () => {
  const { network, changes } = watched(3, 3);
  network.step('n2', change(1, 'n1'));
  expect(changes.pop()).toEqual({ type: 'refused', id: 1, why: 'not-leader' });
  const leader = network.elect();
  network.settle();
  const own = leader.ready.lastIndex;
  expect(leader.ready.commitIndex).toBe(own);
  network.step(leader.id, change(2));
  expect(changes.pop()).toEqual({ type: 'refused', id: 2, why: 'bad-voters' });
  network.step(leader.id, change(3, 'n1', 'n1'));
  expect(changes.pop()).toEqual({ type: 'refused', id: 3, why: 'bad-voters' });
  network.step(leader.id, change(4, 'n1', 'n2', 'n4'), change(5, 'n1', 'n2', 'n5'));
  expect(changes.pop()).toEqual({ type: 'refused', id: 5, why: 'change-under-way' });
  network.runUntil(() => changes.length > 0);
  expect(changes.pop()).toMatchObject({ type: 'appended', id: 4 });
  // It leads no more where it was the one to go.
  const why = leader.ready.role === 'leader' ? 'change-under-way' : 'not-leader';
  network.step(leader.id, change(6, 'n1'));
  expect(changes.pop()).toEqual({ type: 'refused', id: 6, why });
});

test('a leader that has committed nothing in its term changes nothing yet (raft-dev 2015, etcd#12359)', () => {
  const { network, changes } = watched(3, 0);
  const noAppends = ({ message }: Flight): boolean => message.type !== 'append-entries';
  network.runUntil(() => network.leaders.length === 1, noAppends);
  const [leader] = network.leaders;
  network.step(leader?.id ?? '', change(1, 'n1', 'n2'));
  expect(changes).toEqual([{ type: 'refused', id: 1, why: 'too-early' }]);
});

test('a server that was removed and does not know it deposes nobody (§6)', () => {
  const { network } = watched(4, 0);
  const leader = network.elect();
  const gone = ['n1', 'n2', 'n3', 'n4'].find((name) => name !== leader.id) ?? '';
  const rest = ['n1', 'n2', 'n3', 'n4'].filter((name) => name !== gone);
  network.step(leader.id, change(1, ...rest));
  const isLost = ({ to }: Flight): boolean => to !== gone;
  network.runUntil(() => leader.ready.configuration.voters.length === 3, isLost);
  // The leader gives up telling it.
  for (let waitedNs = 0; waitedNs < 2 * ELECTION_NS.minNs; waitedNs += HEARTBEAT_NS) {
    network.advance(HEARTBEAT_NS);
    network.settle(isLost);
  }
  const { term: led } = leader.ready;
  for (let waitedNs = 0; waitedNs < 10 * ELECTION_NS.maxNs; waitedNs += HEARTBEAT_NS) {
    network.advance(HEARTBEAT_NS);
    network.settle();
  }
  expect(network.node(gone).ready.role, 'it stands, as far as it is let').toBe('pre-candidate');
  expect(leader.ready).toMatchObject({ role: 'leader', term: led });
  expect(network.node(gone).ready.term).toBe(led);
});

test('a sole voter tells a learner nothing of a term that its disk may forget (§5.2)', () => {
  const configuration = makeConfiguration([nodeId('n1')], { learners: [nodeId('n2')] });
  const entry: Entry = {
    index: logIndex(1),
    term: term(1),
    kind: 'configuration',
    data: encodeConfiguration(configuration),
  };
  const network = new TestNetwork({ size: 1, spares: 1, seed: 1, logs: { n1: [entry] } });
  network.nowNs = network.step('n1').deadlineNs;
  const elected = network.step('n1', { type: 'tick' });
  expect(elected).toMatchObject({ role: 'leader', term: 2, messages: [] });
  network.sync('n1');
  expect(network.flights.map(({ to }) => to)).toEqual(['n2']);
});

test('the entry of a configuration that is replaced takes it along, at any depth (§6)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const of = (index: number, at: number, ...voters: readonly string[]): Entry => ({
    index: logIndex(index),
    term: term(at),
    kind: 'configuration',
    data: encodeConfiguration(makeConfiguration(voters.map(nodeId))),
  });
  const two = [of(1, 1, 'n1', 'n2'), of(2, 1, 'n1')];
  expect(inForce(network.step('n3', from('n1', append(1, [0, 0], { entries: two }))))).toBe('n1');
  const other = [{ ...of(2, 2, 'n2', 'n3'), kind: 'command' as const }];
  const half = network.step('n3', from('n2', append(2, [1, 1], { entries: other })));
  expect(inForce(half)).toBe('n1 n2');
  const none = [{ ...of(1, 3, 'n2'), kind: 'noop' as const }];
  const whole = network.step('n3', from('n2', append(3, [0, 0], { entries: none })));
  expect(inForce(whole)).toBe('n1 n2 n3');
});

test.each([
  ['1 to 3', 1, ['n1', 'n2', 'n3']],
  ['3 to 5', 3, ['n1', 'n2', 'n3', 'n4', 'n5']],
  ['5 to 3', 5, ['n2', 'n4', 'n5']],
  ['3 to 1', 3, ['n2']],
  ['one replaced', 3, ['n1', 'n2', 'n4']],
  ['several at once', 3, ['n1', 'n4', 'n5', 'n6']],
  ['all of them', 3, ['n4', 'n5', 'n6']],
  ['all of them by one', 3, ['n6']],
  ['nobody, which is committed all the same', 3, ['n3', 'n2', 'n1']],
] as const)(
  'members change from %s, whoever leads, and the store goes on (§6)',
  (_, size, voters) => {
    for (let seed = 1; seed <= 8; seed++) {
      const { network } = watched(size, 6 - size, seed);
      const first = network.elect();
      network.step(first.id, command(1));
      network.settle();
      network.step(first.id, change(1, ...voters));
      network.runUntil(() =>
        voters.every((name) => inForce(network.node(name).ready) === voters.join(' ')),
      );
      network.runUntil(() => network.leaders.some(({ id }) => voters.includes(id as never)));
      const leader = network.leaders.find(({ id }) => voters.includes(id as never)) ?? first;
      network.step(leader.id, command(2));
      network.settle();
      const applied = leader.applied.filter(({ kind }) => kind === 'command');
      expect(applied.map(({ data }) => data[0])).toEqual([1, 2]);
    }
  },
);
