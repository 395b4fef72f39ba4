import { expect, test } from 'vitest';
import { makeRandom } from '../../lib/prng.ts';
import { acknowledge, append, command, from } from './testing/messages.ts';
import { type Flight, HEARTBEAT_NS, logOf, TestNetwork, type TestNode } from './testing/network.ts';
import { type Input, logIndex, type NodeId, term } from './types.ts';

function others(network: TestNetwork, leader: TestNode): NodeId[] {
  return [...network.nodes.keys()].filter((id) => id !== leader.id);
}

test('a leader never overwrites or deletes entries of its own log (Leader Append-Only, §5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1, logs: { n1: logOf(1, 1), n2: logOf(1) } });
  const leader = network.elect();
  network.settle();
  const before = network.logOf(leader.id);
  const [peer = leader.id] = others(network, leader);
  const at = leader.ready.term;
  const foreign = logOf(at, at, at);
  const ready = network.step(leader.id, from(peer, append(at, [0, 0], { entries: foreign })));
  expect(ready).toMatchObject({ role: 'leader', entries: [], messages: [] });
  expect(network.logOf(leader.id)).toEqual(before);
});

test('only entries that are not in the log yet are appended (Figure 2, AppendEntries 4)', () => {
  const network = new TestNetwork({ size: 3, seed: 1, logs: { n1: logOf(1, 1, 1) } });
  const entries = logOf(1, 1, 1, 2, 2).slice(1);
  const ready = network.step('n1', from('n2', append(2, [1, 1], { entries })));
  expect(ready.entries.map((entry) => entry.index)).toEqual([4, 5]);
});

test('the same AppendEntries again writes nothing and is answered alike (§5.5)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const message = from(
    'n2',
    append(1, [0, 0], { entries: logOf(1, 1), leaderCommit: logIndex(1) }),
  );
  network.step('n1', message);
  network.sync('n1');
  expect(network.flights).toHaveLength(1);
  const again = network.step('n1', message);
  expect(again).toMatchObject({ entries: [], hardState: undefined, committed: [] });
  expect(again.messages.map((envelope) => envelope.message)).toEqual(
    network.flights.slice(0, 1).map((flight) => flight.message),
  );
});

test('what leaves a gap is refused, and fits when the gap is closed (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const later = from('n2', append(1, [2, 1], { entries: logOf(1, 1, 1).slice(2) }));
  const refused = network.step('n1', later);
  expect(refused.messages).toMatchObject([{ message: { result: { success: false } } }]);
  expect(refused.lastIndex).toBe(0);
  network.step('n1', from('n2', append(1, [0, 0], { entries: logOf(1, 1) })));
  expect(network.step('n1', later).lastIndex).toBe(3);
});

test('one step that stores entries and replaces them writes only what stays (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1, logs: { n1: logOf(1, 1) } });
  const ready = network.step(
    'n1',
    from('n2', append(2, [2, 1], { entries: logOf(1, 1, 2, 2).slice(2) })),
    from('n3', append(3, [2, 1], { entries: logOf(1, 1, 3).slice(2) })),
  );
  expect(ready.entries.map((entry) => [entry.index, entry.term])).toEqual([[3, 3]]);
  network.sync('n1');
  expect(network.node('n1').disk.entries.map((entry) => entry.term)).toEqual([1, 1, 3]);
  expect(network.flights.at(-1)?.message).toMatchObject({ term: 3, result: { matchIndex: 3 } });
});

test('a leader retries until every follower has every entry, also after it is committed (§5.3, §5.5)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  const [lossy = leader.id, crashed = leader.id] = others(network, leader);
  network.settle();
  network.crash(crashed);
  network.step(leader.id, command(1), command(2));
  const random = makeRandom('loss');
  const oneOfThree = ({ to }: Flight): boolean => to === leader.id || random.float() < 0.33;
  network.runUntil(() => leader.applied.length === 3, oneOfThree);
  network.restart(crashed);
  network.runUntil(
    () => [lossy, crashed].every((id) => network.node(id).applied.length === 3),
    oneOfThree,
  );
  expect(network.node(crashed).disk.entries).toEqual(leader.disk.entries);
});

test('an older leaderCommit does not take commitIndex back (Figure 2)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const entries = logOf(1, 1, 1);
  const first = append(1, [0, 0], { entries, leaderCommit: logIndex(3) });
  expect(network.step('n1', from('n2', first)).committed).toHaveLength(3);
  const late = append(1, [0, 0], { entries, leaderCommit: logIndex(1) });
  expect(network.step('n1', from('n2', late))).toMatchObject({ commitIndex: 3, committed: [] });
});

test('stored is not committed: nothing is applied before the leader says so (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  network.step('n1', from('n2', append(1, [0, 0], { entries: logOf(1, 1, 1) })));
  network.sync('n1');
  expect(network.node('n1').applied).toEqual([]);
  network.step('n1', from('n2', append(1, [3, 1], { leaderCommit: logIndex(2) })));
  expect(network.node('n1').applied.map((entry) => entry.index)).toEqual([1, 2]);
});

test('commitIndex is volatile: a restarted server applies its log again, in order (Figure 2)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  network.step(leader.id, command(1), command(2));
  network.settle();
  const [follower = leader.id] = others(network, leader);
  network.runUntil(() => network.node(follower).applied.length === 3);
  network.crash(follower);
  network.restart(follower);
  expect(network.node(follower).ready.commitIndex).toBe(0);
  network.runUntil(() => network.node(follower).applied.length === 3);
  expect(network.node(follower).applied.map((entry) => entry.index)).toEqual([1, 2, 3]);
});

test('a server that restarts acknowledges only what its disk kept (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  network.step('n1', from('n2', append(1, [0, 0], { entries: logOf(1) })));
  network.sync('n1');
  network.step('n1', from('n2', append(1, [1, 1], { entries: logOf(1, 1).slice(1) })));
  network.crash('n1');
  network.restart('n1');
  const lost = network.step('n1', from('n2', append(1, [2, 1], {})));
  expect(lost.messages).toMatchObject([
    { message: { result: { success: false, prevIndex: 2, hint: { index: 1, term: 1 } } } },
  ]);
  const kept = network.step('n1', from('n2', append(1, [1, 1], {})));
  expect(kept.messages).toMatchObject([{ message: { result: { matchIndex: 1 } } }]);
});

test('acknowledgements of an older term commit nothing (§5.1, §5.3)', () => {
  const hardStates = { n1: { term: term(4), votedFor: undefined } };
  const network = new TestNetwork({ size: 3, seed: 1, hardStates });
  network.runUntil(
    () => network.node('n1').ready.role === 'leader',
    ({ to, message }) => to === 'n1' || message.type === 'request-vote',
  );
  const leader = network.node('n1');
  network.sync('n1');
  const at = leader.ready.term;
  network.step('n1', from('n2', acknowledge(at - 1, 1)));
  expect(leader.ready.commitIndex).toBe(0);
  network.step('n1', from('n2', acknowledge(at, 1)));
  expect(leader.ready.commitIndex).toBe(1);
});

test('an acknowledgement beyond the end of the leader’s log is worth its log and no more (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  const [peer = leader.id] = others(network, leader);
  network.step(leader.id, command(1));
  const ready = network.step(leader.id, from(peer, acknowledge(leader.ready.term, 99)));
  expect(ready, 'its own disk has not got it').toMatchObject({ commitIndex: 1, lastIndex: 2 });
  network.sync(leader.id);
  expect(leader.ready.commitIndex).toBe(2);
});

test('of two servers a write needs both disks (§5.3)', () => {
  const network = new TestNetwork({ size: 2, seed: 1 });
  const leader = network.elect();
  const [follower = leader.id] = others(network, leader);
  network.step(leader.id, command(1));
  network.sync(leader.id);
  network.deliverAll();
  network.deliverAll();
  expect(leader.applied).toHaveLength(1);
  network.sync(follower);
  network.deliverAll();
  expect(leader.applied).toHaveLength(2);
});

test('a late refusal is no reason to believe less of what was acknowledged since (§5.3, §5.5)', () => {
  // Full, and so sent ahead of the answer to the one before.
  const network = new TestNetwork({ size: 3, seed: 1, pipeline: { maxEntriesPerAppend: 1 } });
  const leader = network.elect();
  network.settle();
  const [peer = leader.id, other = leader.id] = others(network, leader);
  network.crash(other);
  network.step(leader.id, command(1));
  const first = network.flights;
  network.flights = [];
  network.step(leader.id, command(2));
  network.deliverAll();
  const refusals = network.flights;
  expect(refusals).toMatchObject([{ from: peer, message: { result: { success: false } } }]);
  network.flights = [...first];
  network.settle();
  network.advance(HEARTBEAT_NS);
  network.settle();
  const applied = leader.applied.length;
  for (const refusal of [...refusals, ...refusals]) network.deliver(refusal);
  network.settle();
  network.step(leader.id, command(3));
  network.settle();
  expect(leader.applied).toHaveLength(applied + 1);
});

test('while an append is on the way, the next waits until it is full or that one is answered (RFC 896)', () => {
  const network = new TestNetwork({ size: 3, seed: 1, pipeline: { maxEntriesPerAppend: 4 } });
  const leader = network.elect();
  network.settle();
  const [peer = leader.id] = others(network, leader);
  /** Data of the appends that leave for one follower. */
  const sent = (...inputs: readonly Input[]): number[] => {
    const { messages } = network.step(leader.id, ...inputs);
    return messages.flatMap(({ to, message }) =>
      to === peer && message.type === 'append-entries' ? message.entries.length : [],
    );
  };
  expect(sent(command(1)), 'nothing is on the way').toEqual([1]);
  expect(sent(command(2), command(3))).toEqual([]);
  expect(sent(command(4), command(5), command(6)), 'one is full').toEqual([4]);
  network.settle();
  expect(leader.applied.length, 'the rest left when the first was answered').toBe(7);
});

test('what waits for an answer that is lost leaves after a heartbeat (RFC 896, §5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  network.settle();
  network.step(leader.id, command(1));
  network.flights = [];
  network.step(leader.id, command(2));
  expect(network.flights, 'it waits').toEqual([]);
  network.runUntil(() => leader.applied.length === 3);
});

test('a leader that has another entry before its new ones, where one is committed here, gets no answer (§5.4.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const entries = logOf(1, 1);
  network.step('n1', from('n2', append(1, [0, 0], { entries, leaderCommit: logIndex(2) })));
  for (const prev of [
    [2, 2],
    [1, 3],
  ] as [number, number][]) {
    const ready = network.step('n1', from('n3', append(3, prev, {})));
    // An answer would be followed by another attempt, and that by an answer, at once and for ever.
    expect(ready).toMatchObject({ messages: [], commitIndex: 2 });
    expect(ready.rejected).toHaveLength(1);
  }
});
