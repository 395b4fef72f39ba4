import { expect, test } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { append, command, from, requestVote, vote } from './testing/messages.ts';
import {
  ELECTION_NS,
  type Flight,
  HEARTBEAT_NS,
  TestNetwork,
  type TestNode,
} from './testing/network.ts';
import { type Input, type Message, type NodeId, nodeId, type Ready, term } from './types.ts';

const transfer = (to?: NodeId): Input => ({ type: 'transfer', id: 1, to });
const timeoutNow = (at: number): Message => ({ type: 'timeout-now', term: term(at) });
const isTimeoutNow = ({ message }: { readonly message: Message }): boolean =>
  message.type === 'timeout-now';

interface Led {
  readonly network: TestNetwork;
  readonly leader: TestNode;
  readonly followers: readonly [NodeId, NodeId];
  /** How transfers ended so far. */
  readonly ends: Ready['transfers'][number][];
}

function led(size = 3): Led {
  const ends: Ready['transfers'][number][] = [];
  const onReady = (_node: TestNode, ready: Ready): void => void ends.push(...ready.transfers);
  const network = new TestNetwork({ size, seed: 4, onReady });
  const leader = network.elect();
  network.runUntil(() => leader.ready.commitIndex === leader.ready.lastIndex);
  const [first, second] = [...network.nodes.keys()].filter((id) => id !== leader.id);
  return {
    network,
    leader,
    followers: [defined(first, 'a follower'), defined(second, 'another')],
    ends,
  };
}

/** Followers hear the leader right now: none of them would vote for anybody else. */
function heard(network: TestNetwork): void {
  network.advance(HEARTBEAT_NS);
  network.settle();
}

test('a target that has the whole log is asked to stand at once, and is elected (thesis §3.10)', () => {
  const { network, leader, followers, ends } = led();
  const [target] = followers;
  heard(network);
  const before = leader.ready.term;
  const ready = network.step(leader.id, transfer(target));
  expect(ready).toMatchObject({ role: 'leader', transferee: target });
  expect(ready.messages.filter(isTimeoutNow)).toEqual([
    { to: target, message: timeoutNow(before) },
  ]);
  network.settle();
  expect(network.node(target).ready).toMatchObject({ role: 'leader', term: before + 1 });
  expect(leader.ready).toMatchObject({ role: 'follower', leader: target, transferee: undefined });
  expect(ends).toEqual([{ id: 1, type: 'done', leader: target }]);
});

test('it takes one election without a pre-vote, in which voters hear their leader (thesis §3.10)', () => {
  const { network, leader, followers } = led();
  const [target, voter] = followers;
  heard(network);
  network.step(leader.id, transfer(target));
  network.deliverAll(isTimeoutNow);
  const { ready } = network.node(target);
  expect(ready).toMatchObject({ role: 'candidate', term: leader.ready.term + 1 });
  const asked = ready.messagesAfterSync.map(({ message }) => message);
  expect(asked).toMatchObject([
    { type: 'request-vote', preVote: false, transfer: true },
    { type: 'request-vote', preVote: false, transfer: true },
  ]);
  const [request] = asked;
  const plain = { ...requestVote(ready.term, 9, 9) };
  expect(network.step(voter, from(target, plain)).term, 'a disturbance').toBe(ready.term - 1);
  const granted = network.step(voter, from(target, defined(request, 'asked')));
  expect(granted.messagesAfterSync).toEqual([{ to: target, message: vote(ready.term, true) }]);
});

test('the wish of a leader does not make a pre-vote, nor a shorter log, win (§5.4.1)', () => {
  const { network, leader, followers } = led();
  const [target, voter] = followers;
  heard(network);
  const at = leader.ready.term + 1;
  const preVote = { ...requestVote(at, 9, 9, true), transfer: true } as const;
  expect(network.step(voter, from(target, preVote)).messages).toEqual([]);
  const behind = { ...requestVote(at, 0, 0), transfer: true } as const;
  const { messagesAfterSync } = network.step(voter, from(target, behind));
  expect(messagesAfterSync).toEqual([{ to: target, message: vote(at, false) }]);
});

test('a target that lacks entries is brought up to date first; nothing new is accepted meanwhile', () => {
  const { network, leader, followers, ends } = led();
  const [target, other] = followers;
  network.step(leader.id, command(5));
  network.settle(({ to }) => to !== target);
  const began = network.step(leader.id, transfer(target), command(6));
  expect(began).toMatchObject({ refused: [6], accepted: [], transferee: target });
  expect(began.messages.filter(isTimeoutNow), 'not yet').toEqual([]);
  network.runUntil(
    () => ends.length > 0,
    ({ from: sender, to }) => sender !== other || to !== target,
  );
  expect(ends).toEqual([{ id: 1, type: 'done', leader: target }]);
  expect(network.node(target).disk.entries.map(({ data }) => data[0])).toContain(5);
  expect(network.step(target, command(7)).accepted).toHaveLength(1);
});

test('a target that cannot be brought up to date in time is given up: refused, and led on', () => {
  const { network, leader, followers, ends } = led();
  const [target] = followers;
  const isAway = ({ to }: Flight): boolean => to !== target;
  network.step(leader.id, command(5));
  network.settle(isAway);
  const { ready } = leader;
  const { deadlineNs } = network.step(leader.id, transfer(target));
  expect(deadlineNs).toBeLessThanOrEqual(network.nowNs + ELECTION_NS.minNs);
  network.runUntil(() => ends.length > 0, isAway);
  expect(ends).toMatchObject([{ id: 1, type: 'refused' }]);
  expect(leader.ready).toMatchObject({ role: 'leader', term: ready.term, transferee: undefined });
  expect(network.step(leader.id, command(6)).accepted).toHaveLength(1);
});

test('where nothing is heard of who was asked to stand, the outcome is unknown; it leads on', () => {
  const { network, leader, followers, ends } = led();
  const [target] = followers;
  network.step(leader.id, transfer(target));
  network.runUntil(
    () => ends.length > 0,
    (flight) => !isTimeoutNow(flight),
  );
  expect(ends).toMatchObject([{ id: 1, type: 'unknown' }]);
  expect(leader.ready).toMatchObject({ role: 'leader', transferee: undefined });
  expect(network.step(leader.id, command(6)).accepted).toHaveLength(1);
});

test('who is asked to stand too late, or by who does not lead it, does not (thesis §3.10)', () => {
  const { network, leader, followers } = led();
  const [target, other] = followers;
  const at = leader.ready.term;
  expect(network.step(target, from(other, timeoutNow(at)))).toMatchObject({ role: 'follower' });
  expect(network.step(target, from(leader.id, timeoutNow(at - 1))).term).toBe(at);
  network.step(target, from(other, append(at + 1, [1, 1], {})));
  expect(network.step(target, from(leader.id, timeoutNow(at)))).toMatchObject({
    role: 'follower',
    term: at + 1,
  });
});

test('a transfer to the leader itself is done; to no voter, from no leader, or twice, refused', () => {
  const { network, leader, followers, ends } = led();
  const [target, other] = followers;
  network.step(leader.id, transfer(leader.id));
  expect(ends).toEqual([{ id: 1, type: 'done', leader: leader.id }]);
  network.step(leader.id, transfer(nodeId('n9')));
  network.step(target, transfer(other));
  expect(ends.slice(1)).toMatchObject([{ type: 'refused' }, { type: 'refused' }]);
  expect(leader.ready.transferee).toBeUndefined();
  network.step(leader.id, transfer(target), { ...transfer(other), id: 2 } as Input);
  expect(ends.slice(3)).toMatchObject([{ id: 2, type: 'refused' }]);
  expect(leader.ready.transferee).toBe(target);
});

test('without a name the one with most of the log is to lead', () => {
  const { network, leader, followers, ends } = led();
  const [behind, ahead] = followers;
  network.step(leader.id, command(5));
  network.settle(({ to }) => to !== behind);
  network.step(leader.id, transfer());
  expect(leader.ready.transferee).toBe(ahead);
  network.settle();
  expect(ends).toEqual([{ id: 1, type: 'done', leader: ahead }]);
});

test('another one that is elected meanwhile ends a transfer: refused', () => {
  const { network, leader, followers, ends } = led();
  const [target, other] = followers;
  network.step(leader.id, transfer(target));
  network.step(leader.id, from(other, append(leader.ready.term + 1, [1, 1], {})));
  expect(ends).toEqual([{ id: 1, type: 'refused', why: `${other} was elected` }]);
});
