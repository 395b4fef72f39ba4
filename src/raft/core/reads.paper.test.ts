import { expect, test } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { PAPER_RULES } from './rules.ts';
import { acknowledge, append, command, from, requestVote } from './testing/messages.ts';
import { ELECTION_NS, HEARTBEAT_NS, TestNetwork, type TestNode } from './testing/network.ts';
import {
  type Input,
  logIndex,
  type Message,
  type NodeId,
  type ReadIndexRequest,
  type Ready,
  term,
} from './types.ts';

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

/** A follower's question to its leader, as it left. */
function asked({ messages }: Ready): ReadIndexRequest {
  const questions = messages.flatMap(({ message }) =>
    message.type === 'read-index' ? [message] : [],
  );
  expect(questions, 'one question').toHaveLength(1);
  return defined(questions[0], 'asked');
}

function readIndex(at: number, ask: number, index: number | undefined): Message {
  const found = index === undefined ? undefined : logIndex(index);
  return { type: 'read-index-response', term: term(at), ask, readIndex: found, lease: false };
}

test('a follower asks for the read index: one message for all reads of a turn (thesis §6.4)', () => {
  const { network, leader, followers, served } = reading(3);
  const [follower = leader.id] = followers;
  const ready = network.step(follower, read(1), read(2), read(3));
  expect(ready.messages.map(({ to }) => to)).toEqual([leader.id]);
  expect(ready.reads).toEqual([]);
  network.settle();
  const { commitIndex } = leader.ready;
  expect(served).toEqual([1, 2, 3].map((id) => ({ id, readIndex: commitIndex })));
});

test('the leader confirms a follower’s question by a round that begins after it (thesis §6.4)', () => {
  const { network, leader, followers } = reading(5);
  const [asker = leader.id, first = leader.id, second = leader.id] = followers;
  const at = leader.ready.term;
  const before = leader.ready.commitIndex;
  const { ask } = asked(network.step(asker, read(1)));
  const round = roundOf(
    network.step(leader.id, from(asker, { type: 'read-index', term: at, ask, lease: false })),
  );
  network.step(leader.id, from(first, acknowledge(at, before, round - 1)));
  expect(network.step(leader.id, from(first, acknowledge(at, before, round))).messages).toEqual([]);
  const { messages, reads } = network.step(leader.id, from(second, acknowledge(at, before, round)));
  expect(messages).toEqual([{ to: asker, message: readIndex(at, ask, before) }]);
  expect(reads, 'it is no read of its own').toEqual([]);
});

test('what comes while a question is on the way shares the next one (thesis §6.4)', () => {
  const { network, leader, followers, served } = reading(3);
  const [follower = leader.id] = followers;
  const at = leader.ready.term;
  const first = asked(network.step(follower, read(1)));
  expect(network.step(follower, read(2), read(3)).messages).toEqual([]);
  const second = asked(network.step(follower, from(leader.id, readIndex(at, first.ask, 1))));
  expect(second.ask).toBeGreaterThan(first.ask);
  expect(served.map(({ id }) => id)).toEqual([1]);
  network.step(follower, from(leader.id, readIndex(at, first.ask, 1)));
  expect(served, 'an answer to an older question answers no newer one').toHaveLength(1);
  network.step(follower, from(leader.id, readIndex(at, second.ask, 1)));
  expect(served.map(({ id }) => id)).toEqual([1, 2, 3]);
});

test('a question that is lost is followed by another; its answer answers both (thesis §6.4)', () => {
  const { network, leader, followers, served } = reading(3);
  const [follower = leader.id] = followers;
  const at = leader.ready.term;
  const lost = asked(network.step(follower, read(1)));
  expect(network.node(follower).ready.deadlineNs).toBe(network.nowNs + HEARTBEAT_NS);
  network.nowNs += HEARTBEAT_NS;
  const again = asked(network.step(follower, { type: 'tick' }, read(2)));
  expect(again.ask).toBeGreaterThan(lost.ask);
  network.step(follower, from(leader.id, readIndex(at, again.ask, 1)));
  expect(served.map(({ id }) => id)).toEqual([1, 2]);
});

test('a follower learns from the answer what is committed: it need not wait for the next append', () => {
  const { network, leader, followers, served } = reading(3);
  const [follower = leader.id] = followers;
  network.step(leader.id, command(7));
  network.settle(({ to, message }) => to !== follower || message.type === 'append-entries');
  const index = leader.ready.commitIndex;
  expect(network.node(follower).ready).toMatchObject({
    commitIndex: index - 1,
    lastIndex: index,
  });
  network.step(follower, read(1));
  network.settle(({ to, message }) => to !== follower || message.type === 'read-index-response');
  expect(served).toEqual([{ id: 1, readIndex: index }]);
  expect(network.node(follower).applied.at(-1)?.index).toBe(index);
});

test('what a follower lacks is not committed by an answer: it waits for the entries (§5.3)', () => {
  const { network, leader, followers } = reading(3);
  const [follower = leader.id] = followers;
  const at = leader.ready.term;
  const { lastIndex } = network.node(follower).ready;
  const { ask } = asked(network.step(follower, read(1)));
  const ready = network.step(follower, from(leader.id, readIndex(at, ask, lastIndex + 5)));
  expect(ready.commitIndex).toBe(lastIndex);
  expect(ready.reads).toEqual([{ id: 1, readIndex: lastIndex + 5 }]);
});

test('reads are refused where no leader is known, and when the leader is lost meanwhile', () => {
  const { network, leader, followers, served } = reading(3);
  const [follower = leader.id] = followers;
  const at = leader.ready.term;
  const { ask } = asked(network.step(follower, read(1)));
  const later = network.step(follower, read(2), from('n9', requestVote(at + 1, 9, 9)));
  expect(later.refusedReads, 'a leader is heard: no vote').toEqual([]);
  network.nowNs += ELECTION_NS.minNs;
  const deposed = network.step(follower, from('n9', requestVote(at + 1, 9, 9)));
  expect(deposed).toMatchObject({ term: at + 1, leader: undefined, refusedReads: [1, 2] });
  expect(network.step(follower, read(3)).refusedReads).toEqual([3]);
  network.step(follower, from(leader.id, readIndex(at, ask, 1)));
  expect(served, 'the answer of the old leader comes too late').toEqual([]);
});

test('who does not lead refuses the question; an older term is told of the newer one (§5.1)', () => {
  const { network, leader, followers } = reading(3);
  const [first = leader.id, second = leader.id] = followers;
  const at = leader.ready.term;
  const question = (of: number): Message => {
    return { type: 'read-index', term: term(of), ask: 77, lease: false };
  };
  for (const of of [at, at - 1]) {
    expect(network.step(first, from(second, question(of))).messages).toEqual([
      { to: second, message: readIndex(at, 77, undefined) },
    ]);
  }
  const { refusedReads } = network.step(second, read(1), from(first, readIndex(at, 77, undefined)));
  expect(refusedReads, 'it asked no such question').toEqual([]);
});

test('a deposed leader refuses what followers asked it (thesis §6.4)', () => {
  const { network, leader, followers } = reading(5);
  const [asker = leader.id, other = leader.id] = followers;
  const at = leader.ready.term;
  network.step(
    leader.id,
    from(asker, { type: 'read-index', term: term(at), ask: 5, lease: false }),
  );
  const { messages } = network.step(leader.id, from(other, append(at + 1, [1, 1], {})));
  expect(messages).toContainEqual({ to: asker, message: readIndex(at + 1, 5, undefined) });
});

test('a node that starts again does not take an answer to its earlier life for a new one', () => {
  const { network, leader, followers, served } = reading(3);
  const [follower = leader.id] = followers;
  const at = leader.ready.term;
  const earlier = asked(network.step(follower, read(1)));
  network.sync(follower);
  network.crash(follower);
  network.nowNs += 1;
  network.restart(follower);
  network.step(follower, from(leader.id, append(at, [1, at], {})));
  const { ask } = asked(network.step(follower, read(2)));
  expect(ask).not.toBe(earlier.ask);
  network.step(follower, from(leader.id, readIndex(at, earlier.ask, 1)));
  expect(served).toEqual([]);
});

test('a leader that never answers is given up after an election timeout', () => {
  const { network, leader, followers } = reading(3);
  const [follower = leader.id] = followers;
  network.step(follower, read(1));
  const refused: number[] = [];
  for (let ns = 0; ns < ELECTION_NS.minNs; ns += HEARTBEAT_NS) {
    network.nowNs += HEARTBEAT_NS;
    const heard = from(leader.id, append(leader.ready.term, [1, leader.ready.term], {}));
    refused.push(...network.step(follower, { type: 'tick' }, heard).refusedReads);
  }
  expect(refused).toEqual([1]);
});

const leaseRead = (id: number): Input => ({ type: 'read', id, lease: true });
const ids = (reads: Ready['reads']): number[] => reads.map(({ id }) => id);

/** A leader whose lease was opened by a read through a round. */
function leased(size = 3, elections: { leaseDriftPpm?: number; checkQuorum?: boolean } = {}) {
  const served: Ready['reads'][number][] = [];
  const onReady = (_node: TestNode, ready: Ready): void => void served.push(...ready.reads);
  const network = new TestNetwork({ size, seed: 1, onReady, elections });
  const leader = network.elect();
  network.settle();
  const openedNs = network.nowNs;
  network.step(leader.id, leaseRead(1));
  network.settle();
  expect(served).toMatchObject([{ id: 1 }]);
  const followers = [...network.nodes.keys()].filter((id) => id !== leader.id);
  return { network, leader, followers, served, openedNs };
}

test('a lease read is served at once, and says how long that is right (thesis §6.4.1)', () => {
  const { network, leader, openedNs, served } = leased();
  expect(served[0], 'the first one had no lease').not.toHaveProperty('leaseEndNs');
  const { reads, messages, commitIndex } = network.step(leader.id, leaseRead(2));
  const leaseEndNs = openedNs + ELECTION_NS.minNs;
  expect(reads).toEqual([{ id: 2, readIndex: commitIndex, leaseEndNs }]);
  expect(messages).toEqual([]);
});

test('a lease counts from when the round left, not from when it was answered (thesis §6.4.1)', () => {
  const { network, leader, openedNs } = leased();
  network.nowNs = openedNs + ELECTION_NS.minNs / 2;
  network.step(leader.id, read(2));
  network.deliverAll();
  network.nowNs += ELECTION_NS.minNs / 4;
  network.deliverAll();
  const { reads } = network.step(leader.id, leaseRead(3));
  expect(reads[0]?.leaseEndNs).toBe(openedNs + 1.5 * ELECTION_NS.minNs);
});

test('a lease is shorter by what clocks may be wrong, leader slow and voters fast (thesis §6.4.1)', () => {
  const end = (clockDriftPpm: number): number =>
    PAPER_RULES.leaseEndNs({ quorumSentNs: 1000, electionTimeoutNsMin: 1e9, clockDriftPpm });
  expect(end(0)).toBe(1000 + 1e9);
  for (const ppm of [1, 500, 10_000, 300_000]) {
    const slowest = (end(ppm) - 1000) / (1 - ppm / 1e6);
    const patience = 1e9 / (1 + ppm / 1e6);
    expect(slowest, `${ppm} ppm`).toBeLessThanOrEqual(patience);
    expect(slowest).toBeGreaterThan(patience - 10);
  }
  const { network, leader, openedNs } = leased(3, { leaseDriftPpm: 100_000 });
  const { reads } = network.step(leader.id, leaseRead(2));
  expect(reads[0]?.leaseEndNs).toBe(openedNs + Math.floor((ELECTION_NS.minNs * 0.9) / 1.1));
});

test('when the lease has lapsed a read goes through a round, and opens it anew (thesis §6.4.1)', () => {
  const { network, leader, openedNs, served } = leased();
  network.nowNs = openedNs + ELECTION_NS.minNs - 1;
  expect(ids(network.step(leader.id, leaseRead(2)).reads)).toEqual([2]);
  // Its followers are heard, but by older rounds.
  for (const peer of network.nodes.keys()) {
    if (peer === leader.id) continue;
    network.step(leader.id, from(peer, acknowledge(leader.ready.term, 1, 0)));
  }
  network.flights = [];
  network.nowNs += 1;
  const lapsed = network.step(leader.id, leaseRead(3));
  expect(lapsed).toMatchObject({ role: 'leader', reads: [] });
  network.settle();
  expect(ids(served)).toEqual([1, 2, 3]);
  expect(ids(network.step(leader.id, leaseRead(4)).reads)).toEqual([4]);
});

test('heartbeats keep a lease that somebody uses, and let others lapse (thesis §6.4.1)', () => {
  const { network, leader, openedNs } = leased();
  const endAfter = (ns: number, isUsed: boolean): number => {
    let endNs = 0;
    for (let passed = 0; passed < ns; passed += HEARTBEAT_NS) {
      network.advance(HEARTBEAT_NS);
      network.settle();
      if (!isUsed) continue;
      endNs = network.step(leader.id, leaseRead(passed)).reads[0]?.leaseEndNs ?? 0;
    }
    return endNs;
  };
  const usedEndNs = endAfter(5 * ELECTION_NS.minNs, true);
  expect(usedEndNs).toBeGreaterThanOrEqual(openedNs + 5.5 * ELECTION_NS.minNs);
  endAfter(3 * ELECTION_NS.minNs, false);
  expect(leader.ready.role).toBe('leader');
  expect(network.step(leader.id, leaseRead(900)).reads).toEqual([]);
});

test('a new leader serves no lease read before an entry of its term is committed (§8)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  network.runUntil(
    () => network.leaders.length === 1,
    ({ message }) => message.type !== 'append-entries',
  );
  const leader = defined(network.leaders[0], 'elected');
  const [follower = leader.id] = [...network.nodes.keys()].filter((id) => id !== leader.id);
  const at = leader.ready.term;
  const round = roundOf(network.step(leader.id, { type: 'disconnected', peer: follower }));
  const { reads } = network.step(
    leader.id,
    from(follower, acknowledge(at, 0, round)),
    leaseRead(1),
  );
  expect(reads).toEqual([]);
});

test('without CheckQuorum there is no lease: lease reads go through rounds (thesis §6.4.1)', () => {
  const { network, leader, served } = leased(3, { checkQuorum: false });
  expect(network.step(leader.id, leaseRead(2)).reads).toEqual([]);
  network.settle();
  expect(ids(served)).toEqual([1, 2]);
});

test('a follower’s lease read is confirmed by the leader’s lease without a round (thesis §6.4.1)', () => {
  const { network, leader, followers, served } = leased();
  const [follower = leader.id] = followers;
  const { messages } = network.step(follower, leaseRead(2));
  expect(messages).toMatchObject([{ to: leader.id, message: { type: 'read-index', lease: true } }]);
  network.deliverAll();
  expect(network.flights.map(({ message }) => message)).toMatchObject([
    { type: 'read-index-response', lease: true },
  ]);
  network.settle();
  expect(ids(served)).toEqual([1, 2]);
});

test('a leader that hands over gives its lease up, whatever comes of it (thesis §3.10)', () => {
  const { network, leader, followers } = leased();
  const [target = leader.id] = followers;
  expect(
    network.step(leader.id, { type: 'transfer', id: 9, to: target }, leaseRead(2)).reads,
  ).toEqual([]);
  network.flights = [];
  network.nowNs += ELECTION_NS.minNs / 2;
  network.step(leader.id, read(3));
  network.settle();
  network.nowNs += ELECTION_NS.minNs / 2;
  const aborted = network.step(leader.id, { type: 'tick' });
  expect(aborted).toMatchObject({ role: 'leader', transfers: [{ id: 9, type: 'unknown' }] });
  network.step(leader.id, read(4));
  network.settle();
  // The target may still hear of it, and be elected without a wait.
  expect(network.step(leader.id, leaseRead(5)).reads).toEqual([]);
});

test('a voter that started again votes for nobody as long as a lease may count on it (thesis §6.4.1)', () => {
  const { network, leader, followers } = leased();
  const [voter = leader.id, candidate = leader.id] = followers;
  network.sync(voter);
  network.crash(voter);
  network.restart(voter);
  const asked = requestVote(leader.ready.term + 1, 9, 9);
  const early = network.step(voter, from(candidate, asked));
  expect(early).toMatchObject({ term: leader.ready.term });
  expect(early.messagesAfterSync).toMatchObject([{ message: { granted: false } }]);
  expect(ids(network.step(leader.id, leaseRead(2)).reads), 'it counts on it').toEqual([2]);
  network.nowNs += ELECTION_NS.minNs;
  const late = network.step(voter, from(candidate, asked));
  expect(late.messagesAfterSync).toMatchObject([{ message: { granted: true } }]);
});
