import { makeConfiguration } from './configuration.ts';
import { expect, test } from 'vitest';
import { makeRandom } from '../../lib/prng.ts';
import { PAPER_RULES, isUpToDate } from './rules.ts';
import { ELECTION_NS, HEARTBEAT_NS, logOf, TestNetwork } from './testing/network.ts';
import { append, command, from, requestVote } from './testing/messages.ts';
import { logIndex, type Message, nodeId, term } from './types.ts';

const n1 = nodeId('n1');
const n2 = nodeId('n2');
const n3 = nodeId('n3');

test('a higher term makes any server a follower of it (§5.1)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  const other = [n1, n2, n3].find((id) => id !== leader.id) ?? n1;
  const after = network.step(leader.id, from(other, append(9, [0, 0], {})));
  expect(after).toMatchObject({ role: 'follower', term: 9, leader: other });
});

test('who is no member is heard all the same: it may know of a later configuration (§6)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  const ready = network.step(leader.id, from('n9', append(9, [0, 0], {})));
  expect(ready).toMatchObject({ role: 'follower', term: 9, leader: 'n9' });
});

test('requests of an older term are answered with the current one, not dropped (§5.1)', () => {
  const network = new TestNetwork({
    size: 3,
    seed: 1,
    hardStates: { n1: { term: term(5), votedFor: undefined } },
  });
  const toAppend = network.step('n1', from('n2', append(3, [0, 0], {})));
  expect(toAppend.messages).toEqual([
    { to: n2, message: expect.objectContaining({ type: 'append-response', term: 5 }) },
  ]);
  const toVote = network.step('n1', from('n2', requestVote(4, 0, 0)));
  expect(toVote.messagesAfterSync).toEqual([
    { to: n2, message: expect.objectContaining({ granted: false, term: 5 }) },
  ]);
});

test('a follower that hears nothing asks for pre-votes within the range, at random (§5.2)', () => {
  const waits = new Set<number>();
  for (let seed = 1; seed <= 30; seed++) {
    const network = new TestNetwork({ size: 3, seed });
    const { deadlineNs } = network.step('n1');
    expect(deadlineNs).toBeGreaterThanOrEqual(ELECTION_NS.minNs);
    expect(deadlineNs).toBeLessThanOrEqual(ELECTION_NS.maxNs);
    waits.add(deadlineNs);
    network.nowNs = deadlineNs;
    const before = network.step('n1', { type: 'tick' });
    expect(before).toMatchObject({ role: 'pre-candidate', term: 0 });
    expect(before.hardState, 'a pre-vote starts no term').toBeUndefined();
    expect(before.deadlineNs - network.nowNs, 'its own wait is random, too').not.toBe(deadlineNs);
  }
  expect(waits.size).toBeGreaterThan(25);
});

test('one vote per term, first come first served, and it survives a restart (§5.2)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const first = network.step('n1', from('n2', requestVote(1, 0, 0)));
  expect(first.hardState).toEqual({ term: 1, votedFor: n2 });
  expect(first.messages, 'the vote leaves when it is durable').toEqual([]);
  expect(first.messagesAfterSync).toMatchObject([{ to: n2, message: { granted: true } }]);
  network.sync('n1');
  network.crash('n1');
  network.restart('n1');
  network.nowNs += ELECTION_NS.minNs;
  const second = network.step('n1', from('n3', requestVote(1, 0, 0)));
  expect(second.messagesAfterSync).toMatchObject([{ to: n3, message: { granted: false } }]);
  const again = network.step('n1', from('n2', requestVote(1, 0, 0)));
  expect(again.messagesAfterSync).toMatchObject([{ to: n2, message: { granted: true } }]);
});

test('a vote that was not durable was never given: after a crash another may have it (§5.2)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  network.step('n1', from('n2', requestVote(1, 0, 0)));
  network.crash('n1');
  network.restart('n1');
  expect(network.flights).toEqual([]);
  network.nowNs += ELECTION_NS.minNs;
  const other = network.step('n1', from('n3', requestVote(1, 0, 0)));
  expect(other.messagesAfterSync).toMatchObject([{ to: n3, message: { granted: true } }]);
});

test('votes go only to logs that are at least as up to date (§5.4.1)', () => {
  const at = (t: number, i: number) => ({ term: term(t), index: logIndex(i) });
  expect(isUpToDate(at(2, 1), at(1, 9))).toBe(true);
  expect(isUpToDate(at(1, 9), at(2, 1))).toBe(false);
  expect(isUpToDate(at(2, 3), at(2, 3))).toBe(true);
  expect(isUpToDate(at(2, 2), at(2, 3))).toBe(false);
  const network = new TestNetwork({ size: 3, seed: 1, logs: { n1: logOf(1, 1, 2) } });
  const behind = network.step('n1', from('n2', requestVote(3, 2, 2)));
  expect(behind.messagesAfterSync).toMatchObject([{ message: { granted: false } }]);
  const equal = network.step('n1', from('n3', requestVote(3, 2, 3)));
  expect(equal.messagesAfterSync).toMatchObject([{ message: { granted: true } }]);
});

test('a granted pre-vote changes neither term nor vote nor timer (thesis §9.6)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const before = network.step('n1');
  const ready = network.step('n1', from('n2', requestVote(1, 0, 0, true)));
  expect(ready.messages).toMatchObject([{ to: n2, message: { granted: true, preVote: true } }]);
  expect(ready.hardState).toBeUndefined();
  expect(ready).toMatchObject({ role: 'follower', term: 0, deadlineNs: before.deadlineNs });
});

test('votes are refused while a leader was heard within the minimum timeout (§6)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  network.step('n1', from('n2', append(1, [0, 0], {})));
  network.nowNs += ELECTION_NS.minNs - 1;
  for (const preVote of [true, false]) {
    const refused = network.step('n1', from('n3', requestVote(7, 9, 9, preVote)));
    expect(refused.messagesAfterSync).toMatchObject([{ message: { granted: false, term: 1 } }]);
    expect(refused.term).toBe(1);
  }
  network.nowNs += 1;
  const granted = network.step('n1', from('n3', requestVote(7, 9, 9)));
  expect(granted.messagesAfterSync).toMatchObject([{ message: { granted: true, term: 7 } }]);
});

test('a leader opens its term with a no-op and sends heartbeats (§5.2, §8)', () => {
  const network = new TestNetwork({ size: 3, seed: 4 });
  const leader = network.elect();
  expect(leader.applied).toMatchObject([{ kind: 'noop', index: 1, term: leader.ready.term }]);
  network.advance(HEARTBEAT_NS);
  const beats = network.flights.filter(({ message }) => message.type === 'append-entries');
  expect(beats.map(({ to }) => to).toSorted()).toEqual(
    [n1, n2, n3].filter((id) => id !== leader.id),
  );
});

test('an entry is committed when a majority has it on disk, the leader included (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  const ready = network.step(leader.id, command(7));
  expect(ready.accepted).toEqual([{ id: 7, index: 2, term: leader.ready.term }]);
  // Both followers have it and are about to write it; nobody has synced yet.
  for (const flight of network.flights) network.deliver(flight);
  expect(network.flights, 'nobody acknowledges what is not durable').toEqual([]);
  const [follower] = [...network.nodes.values()].filter((node) => node !== leader);
  network.sync(follower?.id ?? '');
  for (const flight of network.flights) network.deliver(flight);
  expect(leader.applied, 'one follower alone is no majority').toHaveLength(1);
  network.sync(leader.id);
  expect(leader.applied).toHaveLength(2);
});

test('the leader counts itself only after its own disk; two followers do without it (thesis §10.2.1)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  network.step(leader.id, command(1));
  for (const flight of network.flights) network.deliver(flight);
  for (const node of network.nodes.values()) if (node !== leader) network.sync(node.id);
  for (const flight of network.flights) network.deliver(flight);
  expect(leader.writes).not.toEqual([]);
  expect(leader.applied).toHaveLength(2);
});

test('a follower refuses what does not fit its log, and says where to look (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1, logs: { n1: logOf(1, 1, 2, 2, 2) } });
  const short = network.step('n1', from('n2', append(5, [9, 4], {})));
  expect(short.messages).toMatchObject([
    { message: { result: { success: false, prevIndex: 9, hint: { index: 5, term: 2 } } } },
  ]);
  const conflict = network.step('n1', from('n2', append(5, [4, 1], {})));
  expect(conflict.messages, 'a term at a time').toMatchObject([
    { message: { result: { success: false, hint: { index: 2, term: 1 } } } },
  ]);
});

test('the logs of Figure 7 are brought to the leader’s, faster than one by one (§5.3)', () => {
  const leaderLog = logOf(1, 1, 1, 4, 4, 5, 5, 6, 6, 6);
  const followers = {
    a: logOf(1, 1, 1, 4, 4, 5, 5, 6, 6),
    b: logOf(1, 1, 1, 4),
    c: logOf(1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6),
    d: logOf(1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7),
    e: logOf(1, 1, 1, 4, 4, 4, 4),
    f: logOf(1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3),
  };
  for (const [name, log] of Object.entries(followers)) {
    const network = new TestNetwork({
      size: 3,
      seed: name,
      logs: { n1: leaderLog, n2: log, n3: leaderLog },
      hardStates: { n1: { term: term(7), votedFor: undefined } },
    });
    network.nowNs += ELECTION_NS.maxNs;
    network.step('n1', { type: 'tick' });
    network.runUntil(
      () => network.node('n2').applied.length === 11,
      ({ message }) => message.type !== 'request-vote' || message.term >= 8,
    );
    expect(network.node('n2').disk.entries, name).toEqual(network.node('n1').disk.entries);
    expect(network.node('n1').ready.role, name).toBe('leader');
  }
});

test('an old, shorter AppendEntries does not truncate what came after it (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const entries = logOf(1, 1, 1);
  network.step('n1', from('n2', append(1, [0, 0], { entries })));
  network.sync('n1');
  const late = network.step('n1', from('n2', append(1, [0, 0], { entries: entries.slice(0, 1) })));
  expect(late.entries).toEqual([]);
  expect(late.lastIndex).toBe(3);
});

test('the same leader in a newer term is another leadership: nothing is known to be equal (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const entries = logOf(1, 1, 1);
  network.step('n1', from('n2', append(1, [0, 0], { entries, round: 50 })));
  network.sync('n1');
  // n2 was killed before its own disk had them, and leads again without them.
  const ready = network.step('n1', from('n2', append(3, [0, 0], { round: 1 })));
  expect(ready.messages).toMatchObject([
    { message: { round: 1, result: { success: true, matchIndex: 0 } } },
  ]);
});

test('an entry that was replaced and came back is durable only by its second write (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const first = logOf(2);
  const twice = logOf(2, 2, 2).slice(1);
  network.step('n1', from('n2', append(2, [0, 0], { entries: first })));
  network.sync('n1');
  const { write = 0 } = network.step('n1', from('n2', append(2, [1, 2], { entries: twice })));
  network.step('n1', from('n3', append(3, [1, 2], { entries: logOf(2, 3).slice(1) })));
  network.step('n1', from('n2', append(4, [1, 2], { entries: twice })));
  const ready = network.step('n1', { type: 'synced', write });
  expect(ready.messages).toMatchObject([{ message: { result: { matchIndex: 1 } } }]);
});

test('a heartbeat is answered while the disk is slow: a healthy leader is not deposed (thesis §6.2)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  network.settle();
  network.step(leader.id, command(1));
  for (let ns = 0; ns < 3 * ELECTION_NS.maxNs; ns += HEARTBEAT_NS) {
    network.advance(HEARTBEAT_NS);
    while (network.flights[0] !== undefined) network.deliver(network.flights[0]);
  }
  expect(leader.ready.role).toBe('leader');
  expect(leader.applied, 'nothing is committed that no disk has').toHaveLength(1);
  network.settle();
  expect(leader.applied).toHaveLength(2);
});

test('a follower that lost what it acknowledged catches up again (a disk that does not sync)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  network.step(leader.id, ...[1, 2, 3, 4, 5].map((id) => command(id)));
  network.settle();
  const loser = [n1, n2, n3].find((id) => id !== leader.id) ?? n1;
  network.crash(loser);
  network.node(loser).disk.entries.length = 1;
  network.restart(loser);
  network.runUntil(() => network.node(loser).applied.length === 6);
  expect(network.node(loser).disk.entries).toEqual(leader.disk.entries);
});

test('a real conflict truncates, also what is still being written (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1, logs: { n1: logOf(1, 1, 1) } });
  const inFlight = logOf(1, 1, 1, 2).slice(3);
  network.step('n1', from('n2', append(2, [3, 1], { entries: inFlight })));
  const replacing = logOf(1, 3, 3).slice(1);
  const ready = network.step('n1', from('n3', append(3, [1, 1], { entries: replacing })));
  expect(ready.entries).toEqual(replacing);
  network.sync('n1');
  expect(network.node('n1').disk.entries.map((entry) => entry.term)).toEqual([1, 3, 3]);
});

test('commitIndex follows the leader only up to what its message proved equal (§5.3)', () => {
  const network = new TestNetwork({ size: 3, seed: 1, logs: { n1: logOf(1, 1, 1, 1) } });
  const ready = network.step('n1', from('n2', append(2, [2, 1], { leaderCommit: logIndex(4) })));
  expect(ready.commitIndex).toBe(2);
});

test('a leader never commits an older term by counting replicas (§5.4.2, Fig. 8)', () => {
  // S1 led term 2 and replicated (2, term 2) to S2; S5 led term 3; S1 leads term 4 now.
  const network = new TestNetwork({
    size: 5,
    seed: 8,
    logs: { n1: logOf(1, 2), n2: logOf(1, 2), n3: logOf(1), n4: logOf(1), n5: logOf(1, 3) },
    hardStates: {
      n1: { term: term(3), votedFor: undefined },
      n2: { term: term(3), votedFor: undefined },
      n3: { term: term(3), votedFor: undefined },
      n4: { term: term(3), votedFor: undefined },
      n5: { term: term(3), votedFor: nodeId('n5') },
    },
  });
  network.nowNs += ELECTION_NS.maxNs;
  network.step('n1', { type: 'tick' });
  const bringsTerm4 = (message: Message) =>
    message.type === 'append-entries' && message.entries.some((entry) => entry.term === 4);
  const leader = network.node('n1');
  // The no-op of term 4 does not get through: only the entry of term 2 reaches a third server.
  network.settle(({ to, message }) => to !== nodeId('n5') && !bringsTerm4(message));
  expect(leader.ready.role).toBe('leader');
  network.step('n1', {
    type: 'message',
    from: n3,
    message: {
      type: 'append-response',
      term: term(4),
      round: 0,
      result: { success: true, matchIndex: logIndex(2) },
    },
  });
  expect(leader.ready.commitIndex, 'on a majority, but of term 2').toBe(0);
  network.advance(HEARTBEAT_NS);
  network.runUntil(() => leader.ready.commitIndex > 0);
  expect(leader.ready.commitIndex, 'committed with the entry of term 4').toBe(3);
});

test('counting needs a majority of the voters: rule alone', () => {
  const match: Record<string, number> = { n1: 5, n2: 4, n3: 3, n4: 1, n5: 0 };
  const commit = (currentTerm: number) =>
    PAPER_RULES.leaderCommitIndex({
      configuration: makeConfiguration(Object.keys(match).map((id) => nodeId(id))),
      matchIndex: (voter) => logIndex(match[voter] ?? 0),
      commitIndex: logIndex(1),
      currentTerm: term(currentTerm),
      termAt: () => term(2),
    });
  expect(commit(2)).toBe(3);
  expect(commit(3)).toBe(1);
});

test('a leader that hears no quorum for an election timeout steps down (thesis §6.2)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  const at = leader.ready.term;
  network.settle();
  network.step(leader.id, { type: 'read', id: 1 });
  network.nowNs += ELECTION_NS.minNs;
  const ready = network.step(leader.id, { type: 'tick' });
  expect(ready).toMatchObject({ role: 'follower', leader: undefined, term: at });
  expect(ready.refusedReads).toEqual([1]);
});

test('a cut-off server comes back without deposing the leader (thesis §9.6)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  const away = [n1, n2, n3].find((id) => id !== leader.id) ?? n1;
  const before = network.nowNs;
  network.runUntil(
    () => network.nowNs - before > 10 * ELECTION_NS.maxNs,
    ({ from: sender, to }) => sender !== away && to !== away,
  );
  network.runUntil(() => network.node(away).ready.leader === leader.id);
  expect(network.node(away).ready.term).toBe(leader.ready.term);
  expect(leader.ready.role).toBe('leader');
});

test('a server with a higher term is not shut out for ever (PreVote with CheckQuorum)', () => {
  const network = new TestNetwork({
    size: 3,
    seed: 1,
    hardStates: { n3: { term: term(9), votedFor: n3 } },
  });
  network.runUntil(
    () => network.leaders.length === 1,
    ({ from: sender, to }) => sender !== n3 && to !== n3,
  );
  network.runUntil(() => network.node('n3').ready.leader !== undefined);
  expect(network.node('n3').ready.term).toBeGreaterThan(9);
});

test('a read waits for a round that began after it, and later reads for a later one (thesis §6.4)', () => {
  const served: number[] = [];
  const network = new TestNetwork({
    size: 3,
    seed: 1,
    onReady: (_node, ready) => served.push(...ready.reads.map(({ id }) => id)),
  });
  const leader = network.elect();
  network.settle();
  network.step(leader.id, { type: 'read', id: 1 });
  expect(served).toEqual([]);
  const rounds = network.flights;
  network.flights = [];
  network.step(leader.id, { type: 'read', id: 2 });
  for (const flight of rounds) network.deliver(flight);
  const answers = network.flights.filter(({ to }) => to === leader.id);
  const answer = answers[0];
  expect(answer).toBeDefined();
  if (answer !== undefined) network.deliver(answer);
  expect(served).toEqual([1]);
  network.settle();
  expect(served).toEqual([1, 2]);
});

test('a new leader serves no read before an entry of its own term is committed (§8)', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  network.runUntil(
    () => network.leaders.length === 1,
    ({ message }) => message.type !== 'append-entries' && message.type !== 'append-response',
  );
  const leader = network.leaders[0];
  expect(leader).toBeDefined();
  const served: number[] = [];
  network.step(leader?.id ?? '', { type: 'read', id: 1 });
  network.settle(({ message }) => {
    served.push(...(leader?.ready.reads ?? []).map(({ id }) => id));
    return message.type === 'append-entries' && message.entries.length === 0;
  });
  expect(served).toEqual([]);
  network.advance(HEARTBEAT_NS);
  network.runUntil(() => (leader?.ready.commitIndex ?? 0) > 0);
  network.settle();
  expect(leader?.applied.map((entry) => entry.kind)).toEqual(['noop']);
});

test('appends are sent ahead of their answers, so many at a time and not more', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const leader = network.elect();
  network.settle();
  const ready = network.step(leader.id, ...Array.from({ length: 20 }, (_, i) => command(i)));
  const appends = ready.messages.filter(({ to }) => to !== leader.id);
  const perPeer = new Map<string, number[]>();
  for (const { to, message } of appends) {
    if (message.type !== 'append-entries') continue;
    perPeer.set(to, [...(perPeer.get(to) ?? []), message.entries.length]);
  }
  expect([...perPeer.values()]).toEqual([
    [4, 4, 4],
    [4, 4, 4],
  ]);
  network.settle();
  expect(leader.applied).toHaveLength(21);
});

test('appends out of order cost a few times their number, not its square (§5.3, §5.5)', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const random = makeRandom(`out of order/${seed}`);
    const pipeline = { maxEntriesPerAppend: 1, maxInflightAppends: 16 };
    const network = new TestNetwork({ size: 2, seed, pipeline });
    const leader = network.elect();
    network.step(leader.id, ...Array.from({ length: 40 }, (_, i) => command(i)));
    let delivered = 0;
    while (network.flights.length > 0) {
      for (const node of network.nodes.values()) if (node.writes.length > 0) network.sync(node.id);
      network.deliver(random.pick(network.flights));
      delivered += 1;
    }
    network.settle();
    expect(leader.applied).toHaveLength(41);
    expect(delivered, `seed ${seed}`).toBeLessThan(1200);
  }
});

test('proposals and reads at a follower are refused, with nothing appended', () => {
  const network = new TestNetwork({ size: 3, seed: 1 });
  const ready = network.step('n1', command(5), { type: 'read', id: 6 });
  expect(ready).toMatchObject({ refused: [5], refusedReads: [6], entries: [] });
});

test('a single server elects itself and commits by its own disk', () => {
  const network = new TestNetwork({ size: 1, seed: 1 });
  const leader = network.elect();
  const ready = network.step(leader.id, command(1), { type: 'read', id: 2 });
  expect(ready.reads).toEqual([{ id: 2, readIndex: 1 }]);
  expect(leader.applied).toHaveLength(1);
  network.sync(leader.id);
  expect(leader.applied).toHaveLength(2);
});

test('a leader that is kept from stepping down does not wake for it again and again (thesis §6.2)', () => {
  const rules = { ...PAPER_RULES, mustStepDown: () => false };
  const network = new TestNetwork({ size: 3, seed: 1, rules });
  const leader = network.elect();
  network.nowNs += 10 * ELECTION_NS.maxNs;
  const { role, deadlineNs } = network.step(leader.id, { type: 'tick' });
  expect(role).toBe('leader');
  expect(deadlineNs).toBeGreaterThan(network.nowNs);
});
