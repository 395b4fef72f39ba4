import { expect, test } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { makeRandom } from '../../lib/prng.ts';
import { type Configuration, makeConfiguration } from './configuration.ts';
import { makeRaftCore, type RaftCore, type Restored } from './core.ts';
import { LOG_START } from './log.ts';
import { PAPER_RULES } from './rules.ts';
import { acknowledge, append, command, from, requestVote, vote } from './testing/messages.ts';
import { ELECTION_NS, HEARTBEAT_NS, logOf } from './testing/network.ts';
import {
  type Input,
  type InstallSnapshot,
  logIndex,
  type LogPosition,
  type Message,
  nodeId,
  type Ready,
  term,
} from './types.ts';

const CLUSTER = makeConfiguration(['n1', 'n2', 'n3'].map(nodeId));
const N2 = nodeId('n2');
const N3 = nodeId('n3');

function position(index: number, at: number): LogPosition {
  return { index: logIndex(index), term: term(at) };
}

/** One core, `n1` of three, and the clock that it is stepped by. */
class One {
  readonly core: RaftCore;
  nowNs = 0;
  ready: Ready;

  constructor(restored: Partial<Restored> = {}) {
    const entries = restored.entries ?? [];
    this.core = makeRaftCore({
      config: {
        id: nodeId('n1'),
        configuration: CLUSTER,
        electionTimeout: ELECTION_NS,
        heartbeatIntervalNs: HEARTBEAT_NS,
        maxEntriesPerAppend: 4,
        maxBytesPerAppend: 1024,
        maxInflightAppends: 3,
        catchUpTimeoutNs: 10 * ELECTION_NS.maxNs,
        preVote: true,
        checkQuorum: true,
        leaseDriftPpm: 0,
      },
      rules: PAPER_RULES,
      random: makeRandom('snapshots'),
      restored: {
        hardState: { term: entries.at(-1)?.term ?? term(0), votedFor: undefined },
        base: LOG_START,
        entries,
        ...restored,
      },
      nowNs: 0,
    });
    this.ready = this.core.step([], 0);
  }

  step(...inputs: readonly Input[]): Ready {
    this.ready = this.core.step(inputs, this.nowNs);
    return this.ready;
  }

  pass(ns: number): Ready {
    this.nowNs += ns;
    return this.step({ type: 'tick' });
  }

  /** Everything that was written is durable. */
  sync(): Ready {
    return this.step({ type: 'synced', write: this.ready.write ?? Infinity });
  }

  /** Leads the term after its last, with `n2`'s votes; its own entries are durable. */
  lead(): Ready {
    this.pass(ELECTION_NS.maxNs);
    this.step(from('n2', vote(this.ready.term + 1, true, true)));
    this.step(from('n2', vote(this.ready.term, true)));
    expect(this.ready.role).toBe('leader');
    return this.sync();
  }
}

/** Ten entries of term 1, all applied, and the first eight of them compacted away. */
function compacted(): One {
  const one = new One({ entries: logOf(1, 1, 1, 1, 1, 1, 1, 1, 1, 1) });
  one.step(from('n2', append(1, [10, 1], { leaderCommit: logIndex(10) })));
  one.step({ type: 'compact', upTo: logIndex(8) });
  return one;
}

function chunk(
  at: number,
  last: LogPosition,
  more: Partial<InstallSnapshot> = {},
): InstallSnapshot {
  return {
    type: 'install-snapshot',
    term: term(at),
    last,
    configuration: CLUSTER,
    offset: 0,
    data: Uint8Array.of(1, 2, 3),
    done: true,
    ...more,
  };
}

function received(last: LogPosition, configuration: Configuration = CLUSTER): Input {
  return { type: 'snapshot-received', last, configuration };
}

function to(ready: Ready, name: string): Message[] {
  return ready.messages.flatMap((one) => (one.to === nodeId(name) ? [one.message] : []));
}

function rejection(at: number, prevIndex: number, hint: LogPosition, round: number): Message {
  const result = { success: false, prevIndex: logIndex(prevIndex), hint } as const;
  return { type: 'append-response', term: term(at), round, result };
}

test('entries that a durable snapshot holds leave the log, which begins behind them (§7)', () => {
  const one = compacted();
  expect(one.ready.logChange).toMatchObject({
    type: 'compacted',
    base: position(8, 1),
    configuration: CLUSTER,
  });
  expect(one.ready).toMatchObject({ firstIndex: 9, lastIndex: 10, entries: [] });
  expect(one.step({ type: 'compact', upTo: logIndex(5) }).logChange, 'never back').toBeUndefined();
});

test('what is not applied here is in no snapshot of this node (§7)', () => {
  const one = new One({ entries: logOf(1, 1, 1) });
  one.step(from('n2', append(1, [3, 1], { leaderCommit: logIndex(2) })));
  expect(() => one.step({ type: 'compact', upTo: logIndex(3) })).toThrow('applied');
});

test('the last compacted entry serves the consistency check of the next append (§7)', () => {
  const one = compacted();
  const entries = logOf(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
  const next = from('n2', append(1, [8, 1], { entries: entries.slice(8) }));
  expect(one.step(next).entries).toMatchObject([{ index: 11, term: 1 }]);
  const before = from('n2', append(1, [3, 1], { entries: entries.slice(3, 5) }));
  expect(to(one.step(before), 'n2'), 'committed, and so equal').toMatchObject([
    { result: { success: true } },
  ]);
});

test('a follower that lacks what is compacted away is sent a snapshot, and heartbeats (§7)', () => {
  const one = compacted();
  one.lead();
  expect(one.ready.needSnapshot).toEqual([]);
  const at = one.ready.term;
  one.step(from('n3', rejection(at, 10, position(4, 1), 0)));
  expect(one.ready.needSnapshot).toEqual([{ to: N3, matchIndex: 0 }]);
  const beat = one.pass(HEARTBEAT_NS);
  expect(to(beat, 'n3')).toMatchObject([
    { type: 'append-entries', prev: position(8, 1), entries: [] },
  ]);
  // Refusals of heartbeats say nothing new, but that it is alive and hears this leader.
  one.step(from('n3', rejection(at, 8, position(4, 1), 99)));
  expect(one.ready.needSnapshot).toEqual([{ to: N3, matchIndex: 0 }]);
  one.step(from('n3', acknowledge(at, 8, 0)));
  expect(one.ready.needSnapshot).toEqual([]);
  expect(to(one.ready, 'n3'), 'and goes on behind it').toMatchObject([
    { type: 'append-entries', prev: position(8, 1), entries: [{ index: 9 }, {}, {}] },
  ]);
});

test('reads are confirmed by a follower that is being sent a snapshot (thesis §6.4)', () => {
  const one = compacted();
  one.lead();
  const at = one.ready.term;
  one.step(from('n2', acknowledge(at, 11, 0)));
  one.step(from('n3', rejection(at, 10, position(4, 1), 0)));
  const asked = one.step({ type: 'read', id: 7 });
  const [message] = to(asked, 'n3');
  const round = message?.type === 'append-entries' ? message.round : 0;
  one.step(from('n3', rejection(at, 8, position(4, 1), round)));
  expect(one.ready.reads).toMatchObject([{ id: 7, readIndex: 11 }]);
});

test('a follower of which nothing is known is asked for the base before it is sent a snapshot', () => {
  const one = compacted();
  one.lead();
  const lost = one.step({ type: 'disconnected', peer: N3 });
  expect(lost.needSnapshot).toEqual([]);
  expect(to(lost, 'n3')).toMatchObject([{ type: 'append-entries', prev: position(8, 1) }]);
});

test('answers to chunks count as hearing from a follower: its leader stays one (thesis §6.2)', () => {
  const one = compacted();
  one.lead();
  const at = one.ready.term;
  for (let i = 0; i < 30; i++) {
    one.pass(HEARTBEAT_NS);
    const last = position(10, 1);
    const answer = { type: 'snapshot-response', last, nextOffset: i, isDamaged: false } as const;
    one.step(from('n3', { ...answer, term: term(at) }));
  }
  expect(one.ready).toMatchObject({ role: 'leader', term: at });
});

test('a chunk is a sign of its leader, and is handed on to be stored (§7)', () => {
  const one = new One();
  one.nowNs = ELECTION_NS.minNs - 1;
  const first = one.step(from('n2', chunk(3, position(9, 2))));
  expect(first).toMatchObject({ term: 3, leader: N2, role: 'follower' });
  expect(first.chunks).toMatchObject([{ from: N2, chunk: { last: position(9, 2) } }]);
  expect(first.deadlineNs).toBeGreaterThanOrEqual(one.nowNs + ELECTION_NS.minNs);
});

test('a chunk of an older term is answered with the current one, and nothing else (§5.1, §7)', () => {
  const one = new One({ hardState: { term: term(5), votedFor: undefined } });
  const ready = one.step(from('n2', chunk(4, position(9, 2))));
  expect(ready.chunks).toEqual([]);
  expect(to(ready, 'n2')).toMatchObject([{ type: 'snapshot-response', term: 5, nextOffset: 0 }]);
  expect(ready.leader).toBeUndefined();
});

test('a snapshot of what is committed here already is answered, and not stored (§7)', () => {
  const one = compacted();
  const ready = one.step(from('n2', chunk(1, position(9, 1))));
  expect(ready.chunks).toEqual([]);
  expect(to(ready, 'n2')).toMatchObject([
    { type: 'append-response', result: { success: true, matchIndex: 10 } },
  ]);
  expect(one.step(received(position(9, 1)))).toMatchObject({ commitIndex: 10, firstIndex: 9 });
  expect(one.ready.installed).toBeUndefined();
});

test('a snapshot takes the place of the whole log where that lacks its last entry (§7)', () => {
  // Uncommitted entries of an older leader, beyond the snapshot, too.
  const one = new One({ entries: logOf(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) });
  one.step(from('n2', chunk(3, position(9, 2))));
  const ready = one.step(received(position(9, 2)));
  expect(ready.logChange).toMatchObject({ type: 'replaced', base: position(9, 2) });
  expect(ready).toMatchObject({
    installed: position(9, 2),
    entries: [],
    committed: [],
    commitIndex: 9,
    firstIndex: 10,
    lastIndex: 9,
  });
  expect(one.step(from('n2', append(3, [9, 2], { leaderCommit: logIndex(9) }))).commitIndex).toBe(
    9,
  );
});

test('entries behind the snapshot stay where the log holds its last one (§7)', () => {
  const one = new One({ entries: logOf(1, 1, 1, 2, 2) });
  one.step(from('n2', chunk(2, position(3, 1))));
  const ready = one.step(received(position(3, 1)));
  expect(ready.logChange).toMatchObject({ type: 'replaced', base: position(3, 1) });
  expect(ready.entries, 'written again behind it').toMatchObject([{ index: 4 }, { index: 5 }]);
  expect(ready).toMatchObject({ commitIndex: 3, firstIndex: 4, lastIndex: 5 });
});

test('an installed snapshot is acknowledged when the log that begins behind it is durable (§7)', () => {
  const one = new One();
  one.step(from('n2', chunk(3, position(9, 2))));
  const installed = one.step(received(position(9, 2)));
  expect(to(installed, 'n2')).toEqual([]);
  const synced = one.step({ type: 'synced', write: defined(installed.write, 'it is written') });
  expect(to(synced, 'n2')).toMatchObject([
    { type: 'append-response', result: { success: true, matchIndex: 9 } },
  ]);
});

test('writes that were on their way when a snapshot replaced the log make nothing durable (§7)', () => {
  const one = new One();
  const entries = logOf(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
  const appended = one.step(from('n2', append(1, [0, 0], { entries })));
  one.step(from('n3', chunk(3, position(9, 2))));
  one.step(received(position(9, 2)));
  const late = one.step({ type: 'synced', write: defined(appended.write, 'it is written') });
  const claims = late.messages.flatMap(({ message }) =>
    message.type === 'append-response' && message.result.success
      ? [message.result.matchIndex as number]
      : [],
  );
  expect(Math.max(0, ...claims)).toBeLessThanOrEqual(9);
});

test('the configuration of an installed snapshot is in force at once (§6, §7)', () => {
  const one = new One();
  one.step(from('n2', chunk(3, position(9, 2))));
  const five = makeConfiguration(['n1', 'n2', 'n3', 'n4', 'n5'].map(nodeId));
  expect(one.step(received(position(9, 2), five)).configuration).toEqual(five);
  one.sync();
  const asked = one.pass(2 * ELECTION_NS.maxNs);
  expect(asked.messages.map((envelope) => envelope.to)).toEqual(['n2', 'n3', 'n4', 'n5']);
  expect(asked.messages[0]?.message).toMatchObject({ lastLog: position(9, 2) });
});

test('a vote asks for no less than what the snapshot holds (§5.4.1, §7)', () => {
  const one = new One();
  one.step(from('n2', chunk(3, position(9, 2))));
  one.step(received(position(9, 2)));
  one.nowNs += 2 * ELECTION_NS.maxNs;
  const refused = one.step(from('n3', requestVote(9, 2, 8)));
  expect(refused.messagesAfterSync).toMatchObject([{ message: { granted: false } }]);
  const granted = one.step(from('n3', requestVote(10, 2, 9)));
  expect(granted.messagesAfterSync).toMatchObject([{ message: { granted: true } }]);
});

test('a leader installs nothing: its own log holds all that is committed (§5.4, §7)', () => {
  const one = new One({ entries: logOf(1, 1, 1) });
  one.lead();
  expect(one.step(received(position(9, 1)))).toMatchObject({ role: 'leader', lastIndex: 4 });
  expect(one.ready.installed).toBeUndefined();
});

test('a node that starts from a snapshot has committed what it holds, and applies what follows (§7)', () => {
  const entries = logOf(1, 1, 1, 1, 1).slice(2);
  const one = new One({ base: position(2, 1), entries, snapshot: position(4, 1) });
  expect(one.ready).toMatchObject({ commitIndex: 4, firstIndex: 3, lastIndex: 5 });
  const ready = one.step(from('n2', append(1, [5, 1], { leaderCommit: logIndex(5) })));
  expect(ready.committed).toMatchObject([{ index: 5 }]);
  const other = { base: position(2, 1), entries, snapshot: position(4, 2) };
  expect(() => new One(other)).toThrow('the log holds what the state machine begins with');
});

test('the log is handed out once, also around a snapshot that comes in the same step (NuRaft#407)', () => {
  const one = new One({ entries: logOf(1, 1, 1) });
  one.step(from('n2', chunk(1, position(3, 1))));
  const ready = one.step(
    from('n2', append(1, [3, 1], { leaderCommit: logIndex(2) })),
    received(position(3, 1)),
    from(
      'n2',
      append(1, [3, 1], { entries: logOf(1, 1, 1, 1).slice(3), leaderCommit: logIndex(4) }),
    ),
  );
  expect(ready.installed).toEqual(position(3, 1));
  expect(ready.committed).toMatchObject([{ index: 4 }]);
  expect(one.step(command(1)).refused).toEqual([1]);
});
