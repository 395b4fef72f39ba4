import { expect, test } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { PAPER_RULES } from './rules.ts';
import { acknowledge, append, command, from } from './testing/messages.ts';
import { TestNetwork, type TestNode } from './testing/network.ts';
import { type Input, logIndex, type NodeId, type Ready } from './types.ts';

const read = (id: number): Input => ({ type: 'read', id });

interface Reading {
  readonly network: TestNetwork;
  readonly leader: TestNode;
  readonly followers: readonly NodeId[];
  /** What was served so far. */
  readonly served: Ready['reads'][number][];
}

/** A leader that has committed an entry of its term, and followers that know. */
function reading(size: number): Reading {
  const served: Ready['reads'][number][] = [];
  const onReady = (_node: TestNode, ready: Ready): void => void served.push(...ready.reads);
  const network = new TestNetwork({ size, seed: 1, onReady });
  const leader = network.elect();
  network.settle();
  const followers = [...network.nodes.keys()].filter((id) => id !== leader.id);
  return { network, leader, followers, served };
}

/** The newest round that was sent. */
function roundOf({ messages }: Ready): number {
  const rounds = messages.map(({ message }) =>
    message.type === 'append-entries' ? message.round : 0,
  );
  return Math.max(...rounds);
}

test('the read index is what was committed when the read came, not when it is served (thesis §6.4)', () => {
  const { network, leader, followers, served } = reading(3);
  const [follower = leader.id] = followers;
  const before = leader.ready.commitIndex;
  const round = roundOf(network.step(leader.id, read(1)));
  network.step(leader.id, command(7));
  network.sync(leader.id);
  const at = leader.ready.term;
  network.step(leader.id, from(follower, acknowledge(at, before + 1, round - 1)));
  expect(leader.ready.commitIndex).toBe(before + 1);
  expect(served).toEqual([]);
  network.step(leader.id, from(follower, acknowledge(at, before + 1, round)));
  expect(served).toEqual([{ id: 1, readIndex: before }]);
});

test('reads of one turn share a round: one message to each follower (thesis §6.4)', () => {
  const { network, leader, followers, served } = reading(5);
  const ready = network.step(leader.id, read(1), read(2), read(3));
  expect(ready.messages.map(({ to }) => to)).toEqual(followers);
  network.settle();
  expect(served.map(({ id }) => id)).toEqual([1, 2, 3]);
});

test('a round is confirmed by a majority, the leader included, and by no less (thesis §6.4)', () => {
  const { network, leader, followers, served } = reading(5);
  const [first = leader.id, second = leader.id] = followers;
  const at = leader.ready.term;
  const round = roundOf(network.step(leader.id, read(1)));
  network.step(leader.id, from(first, acknowledge(at, 1, round)));
  network.step(leader.id, from(first, acknowledge(at, 1, round)));
  expect(served).toEqual([]);
  network.step(leader.id, from(second, acknowledge(at, 1, round)));
  expect(served).toHaveLength(1);
});

test('answers to an older round confirm no newer one, in whatever order they come (thesis §6.4)', () => {
  const { network, leader, followers, served } = reading(5);
  const [first = leader.id, second = leader.id, third = leader.id] = followers;
  const at = leader.ready.term;
  const older = roundOf(network.step(leader.id, read(1)));
  const newer = roundOf(network.step(leader.id, read(2)));
  expect(newer).toBeGreaterThan(older);
  const ids = (): number[] => served.map(({ id }) => id);
  network.step(leader.id, from(first, acknowledge(at, 1, newer)));
  network.step(leader.id, from(first, acknowledge(at, 1, older)));
  expect(ids()).toEqual([]);
  network.step(leader.id, from(second, acknowledge(at, 1, older)));
  expect(ids(), 'a newer answer answers the older round, too').toEqual([1]);
  network.step(leader.id, from(third, acknowledge(at, 1, newer)));
  expect(ids()).toEqual([1, 2]);
});

test('answers of an older term confirm nothing (§5.1, thesis §6.4)', () => {
  const { network, leader, followers, served } = reading(3);
  const [follower = leader.id] = followers;
  network.step(leader.id, read(1));
  network.step(leader.id, from(follower, acknowledge(leader.ready.term - 1, 1, 1000)));
  expect(served).toEqual([]);
});

test('a follower that refuses an append confirms the round all the same: it follows (thesis §6.4)', () => {
  const { network, leader, followers, served } = reading(3);
  const [follower = leader.id] = followers;
  const round = roundOf(network.step(leader.id, read(1)));
  const index = logIndex(9);
  const hint = { index: logIndex(0), term: network.node('n1').disk.hardState.term };
  network.step(
    leader.id,
    from(follower, {
      type: 'append-response',
      term: leader.ready.term,
      round,
      result: { success: false, prevIndex: index, hint },
    }),
  );
  expect(served).toHaveLength(1);
});

test('reads that come before the term’s first commit wait for it, and are served then (§8)', () => {
  const served: number[] = [];
  const network = new TestNetwork({
    size: 3,
    seed: 1,
    onReady: (_node, ready) => served.push(...ready.reads.map(({ id }) => id)),
  });
  network.runUntil(
    () => network.leaders.length === 1,
    ({ message }) => message.type !== 'append-entries',
  );
  const leader = defined(network.leaders[0], 'elected');
  const { refusedReads } = network.step(leader.id, read(1));
  expect(refusedReads).toEqual([]);
  network.runUntil(() => served.length > 0);
  expect(leader.ready.commitIndex).toBe(1);
});

test('a leader that is deposed before the round is answered refuses its reads (thesis §6.4)', () => {
  const { network, leader, followers, served } = reading(3);
  const [follower = leader.id] = followers;
  network.step(leader.id, read(1));
  const later = append(leader.ready.term + 1, [1, 1], {});
  const ready = network.step(leader.id, read(2), from(follower, later));
  expect(ready).toMatchObject({ role: 'follower', refusedReads: [1, 2] });
  network.settle();
  expect(served).toEqual([]);
});

test('rounds are never used twice, also when it leads again (thesis §6.4)', () => {
  const { network, leader, followers } = reading(3);
  const [follower = leader.id] = followers;
  const first = roundOf(network.step(leader.id, read(1)));
  network.step(leader.id, from(follower, append(leader.ready.term + 1, [1, 1], {})));
  network.flights = [];
  network.runUntil(
    () => leader.ready.role === 'leader',
    ({ from: sender, message }) => message.type !== 'request-vote' || sender === leader.id,
  );
  network.runUntil(() => leader.ready.commitIndex === leader.ready.lastIndex);
  expect(roundOf(network.step(leader.id, read(2)))).toBeGreaterThan(first);
});

test('of two servers the leader serves no read without the other (thesis §6.4)', () => {
  const { network, leader, served } = reading(2);
  network.step(leader.id, read(1));
  expect(served).toEqual([]);
  network.settle();
  expect(served).toHaveLength(1);
});

test('a read is served when its index is applied and not before: rule alone (thesis §6.4)', () => {
  const at = (readIndex: number, appliedIndex: number): boolean =>
    PAPER_RULES.mayServeRead({
      readIndex: logIndex(readIndex),
      appliedIndex: logIndex(appliedIndex),
    });
  expect([at(5, 4), at(5, 5), at(5, 6)]).toEqual([false, true, true]);
});
