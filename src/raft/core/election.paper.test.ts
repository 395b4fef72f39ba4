import { expect, test } from 'vitest';
import { acknowledge, append, from, requestVote, vote } from './testing/messages.ts';
import { ELECTION_NS, type Flight, HEARTBEAT_NS, logOf, TestNetwork } from './testing/network.ts';
import { nodeId, type Ready, term, type Term } from './types.ts';

/** n1 asked for votes in term 1; nobody has answered it. */
function candidate(size: number): TestNetwork {
  const network = new TestNetwork({ size, seed: 1 });
  network.nowNs += ELECTION_NS.maxNs;
  network.step('n1', { type: 'tick' });
  for (let peer = 2; peer <= size; peer++)
    network.step('n1', from(`n${peer}`, vote(1, true, true)));
  network.sync('n1');
  expect(network.node('n1').ready).toMatchObject({ role: 'candidate', term: 1 });
  return network;
}

test('term and vote are persisted whenever they change, the vote forgotten with its term (Figure 2)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const voted = network.step('n1', from('n2', requestVote(1, 0, 0)));
  expect(voted.hardState).toEqual({ term: 1, votedFor: 'n2' });
  const same = network.step('n1', from('n2', requestVote(1, 0, 0)));
  expect(same.hardState, 'nothing changed').toBeUndefined();
  const newer = network.step('n1', from('n3', append(4, [0, 0], {})));
  expect(newer.hardState).toEqual({ term: 4, votedFor: undefined });
});

test('a candidate that finds a higher term in an answer becomes its follower (§5.1)', () => {
  const network = candidate(3);
  const ready = network.step('n1', from('n2', vote(7, false)));
  expect(ready).toMatchObject({ role: 'follower', term: 7, leader: undefined });
  expect(ready.hardState).toEqual({ term: 7, votedFor: undefined });
});

test('a leader that finds a higher term in an answer becomes its follower (§5.1)', () => {
  for (const message of [acknowledge(7, 0), vote(7, false), vote(7, false, true)]) {
    const network = new TestNetwork({ size: 3, seed: 1 });
    const leader = network.elect();
    const peer = leader.id === nodeId('n2') ? 'n3' : 'n2';
    expect(network.step(leader.id, from(peer, message))).toMatchObject({
      role: 'follower',
      term: 7,
    });
  }
});

test('votes of an older term elect nobody (§5.1)', () => {
  const network = candidate(3);
  network.nowNs += ELECTION_NS.maxNs;
  network.step('n1', { type: 'tick' });
  network.step('n1', from('n2', vote(2, true, true)));
  expect(network.node('n1').ready).toMatchObject({ role: 'candidate', term: 2 });
  expect(network.step('n1', from('n2', vote(1, true)))).toMatchObject({ role: 'candidate' });
  expect(network.step('n1', from('n2', vote(2, true)))).toMatchObject({ role: 'leader' });
});

test('a candidate votes for itself on disk, then asks everybody at once (§5.2)', () => {
  const network = new TestNetwork({ size: 5, seed: 1 });
  network.nowNs += ELECTION_NS.maxNs;
  network.step('n1', { type: 'tick' });
  network.step('n1', from('n2', vote(1, true, true)));
  const ready = network.step('n1', from('n3', vote(1, true, true)));
  expect(ready.hardState).toEqual({ term: 1, votedFor: 'n1' });
  expect(ready.messages).toEqual([]);
  const asked = ready.messagesAfterSync.map(({ to, message }) => [to, message.type]);
  expect(asked).toEqual(['n2', 'n3', 'n4', 'n5'].map((id) => [id, 'request-vote']));
});

test('a majority of the full cluster elects, one less does not, a repeated vote is one (§5.2, §5.5)', () => {
  const network = candidate(5);
  for (const _twice of [1, 2]) {
    expect(network.step('n1', from('n2', vote(1, true)))).toMatchObject({ role: 'candidate' });
    expect(network.step('n1', from('n5', vote(1, false)))).toMatchObject({ role: 'candidate' });
  }
  expect(network.step('n1', from('n3', vote(1, true)))).toMatchObject({ role: 'leader', term: 1 });
});

test('of two servers each needs the other to lead (§5.2)', () => {
  const network = new TestNetwork({ size: 2, seed: 1 });
  network.crash('n2');
  for (let round = 0; round < 10; round++) network.advance(ELECTION_NS.maxNs);
  expect(network.node('n1').ready).toMatchObject({ role: 'pre-candidate', term: 0 });
  network.restart('n2');
  expect(network.elect().ready.term).toBeGreaterThan(0);
});

test('a candidate follows the leader of its term, and ignores one of an older term (§5.2)', () => {
  const network = candidate(3);
  const older = network.step('n1', from('n2', append(0, [0, 0], {})));
  expect(older).toMatchObject({ role: 'candidate', term: 1, leader: undefined });
  expect(older.messages).toMatchObject([{ to: 'n2', message: { term: 1 } }]);
  const equal = network.step('n1', from('n2', append(1, [0, 0], {})));
  expect(equal).toMatchObject({ role: 'follower', term: 1, leader: 'n2' });
  expect(equal.hardState, 'its vote in the term stays').toBeUndefined();
});

test('a split vote ends by waiting a random time for a new term (§5.2)', () => {
  const network = candidate(3);
  network.step('n1', from('n2', vote(1, false)));
  network.step('n1', from('n3', vote(1, false)));
  network.nowNs += ELECTION_NS.maxNs;
  network.step('n1', { type: 'tick' });
  const again = network.step('n1', from('n2', vote(2, true, true)));
  expect(again).toMatchObject({ role: 'candidate', term: 2 });
  expect(again.hardState).toEqual({ term: 2, votedFor: 'n1' });
});

test('who has not answered is asked again, for its pre-vote and for its vote (§5.1)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const asked = ({ messages, messagesAfterSync }: Ready): unknown[] =>
    [...messages, ...messagesAfterSync].map(({ to, message }) => [
      to,
      message.type === 'request-vote' && [message.preVote, message.term],
    ]);
  const wait = (): Ready => {
    network.nowNs += HEARTBEAT_NS;
    expect(network.node('n1').ready.deadlineNs, 'it wakes for that').toBe(network.nowNs);
    return network.step('n1', { type: 'tick' });
  };
  network.nowNs += ELECTION_NS.maxNs;
  network.step('n1', { type: 'tick' });
  const preVotes = [
    ['n2', [true, 1]],
    ['n3', [true, 1]],
  ];
  expect(asked(wait())).toEqual(preVotes);
  expect(asked(wait()), 'and again').toEqual(preVotes);
  network.step('n1', from('n2', vote(1, true, true)));
  network.sync('n1');
  expect(asked(wait()), 'nobody has voted yet').toEqual([
    ['n2', [false, 1]],
    ['n3', [false, 1]],
  ]);
  network.step('n1', from('n2', vote(1, true)));
  expect(network.node('n1').ready.role).toBe('leader');
});

test('a lost vote does not cost an election (§5.1)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  let lost = 0;
  const isOpen = ({ message }: Flight): boolean =>
    message.type !== 'vote-response' || message.preVote || ++lost > 2;
  network.runUntil(() => network.leaders.length > 0, isOpen);
  expect(network.leaders[0]?.ready.term).toBe(1);
  expect(lost).toBeGreaterThan(2);
});

test('a vote that is given resets the election timer, one that is refused does not (Figure 2)', () => {
  const network = new TestNetwork({ size: 3, seed: 1, logs: { n1: logOf(1, 1) } });
  const before = network.step('n1').deadlineNs;
  network.nowNs += ELECTION_NS.minNs / 2;
  const refused = network.step('n1', from('n2', requestVote(2, 1, 1)));
  expect(refused).toMatchObject({ term: 2, deadlineNs: before });
  const given = network.step('n1', from('n3', requestVote(2, 1, 2)));
  expect(given.deadlineNs).toBeGreaterThanOrEqual(network.nowNs + ELECTION_NS.minNs);
});

test('heartbeats keep elections away (§5.2)', () => {
  const network = new TestNetwork({ size: 5, seed: 1 });
  const { id, ready } = network.elect();
  const until = network.nowNs + 20 * ELECTION_NS.maxNs;
  network.runUntil(() => network.nowNs > until);
  for (const node of network.nodes.values()) {
    expect(node.ready).toMatchObject({ leader: id, term: ready.term });
  }
});

test('a leader refuses votes while it hears a quorum, whatever their term (§6)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  const peer = leader.id === nodeId('n2') ? 'n3' : 'n2';
  for (const preVote of [true, false]) {
    const ready = network.step(leader.id, from(peer, requestVote(99, 98, 50, preVote)));
    expect(ready).toMatchObject({ role: 'leader', term: leader.ready.term });
    expect(ready.messagesAfterSync).toMatchObject([{ message: { granted: false } }]);
  }
});

test('pre-votes may go to several, but to no log that is behind (thesis §9.6, Raft §5.4.1)', () => {
  const network = new TestNetwork({ size: 3, seed: 1, logs: { n1: logOf(1, 2) } });
  const granted = (sender: string, lastTerm: number, lastIndex: number): unknown => {
    const ready = network.step('n1', from(sender, requestVote(3, lastTerm, lastIndex, true)));
    const [answer] = [...ready.messages, ...ready.messagesAfterSync];
    return answer?.message.type === 'vote-response' && answer.message.granted;
  };
  expect(granted('n2', 2, 2)).toBe(true);
  expect(granted('n3', 2, 3)).toBe(true);
  expect(granted('n2', 1, 9)).toBe(false);
  expect(granted('n2', 2, 1)).toBe(false);
});

test('without a majority of pre-votes no term begins, however long it lasts (thesis §9.6)', () => {
  const network = new TestNetwork({ size: 5, seed: 1 });
  const terms = new Set<Term>();
  for (let round = 0; round < 20; round++) {
    network.nowNs += ELECTION_NS.maxNs;
    terms.add(network.step('n1', { type: 'tick' }).term);
    terms.add(network.step('n1', from('n2', vote(1, true, true))).term);
  }
  expect([...terms]).toEqual([0]);
});

test('pre-votes that come after their question was settled start no election (thesis §9.6)', () => {
  const network = new TestNetwork({
    size: 3,
    seed: 1,
    hardStates: { n1: { term: term(1), votedFor: undefined } },
  });
  network.nowNs += ELECTION_NS.maxNs;
  network.step('n1', { type: 'tick' });
  network.step('n1', from('n3', append(3, [0, 0], {})));
  expect(network.step('n1', from('n2', vote(2, true, true)))).toMatchObject({ role: 'follower' });
  network.nowNs += ELECTION_NS.maxNs;
  network.step('n1', { type: 'tick' });
  const late = network.step('n1', from('n2', vote(2, true, true)));
  expect(late, 'it asked about term 4').toMatchObject({ role: 'pre-candidate', term: 3 });
});
