import { expect, test } from 'vitest';
import { makeConfiguration } from '../raft/core/configuration.ts';
import { LOG_START } from '../raft/core/log.ts';
import {
  type Entry,
  type Input,
  logIndex,
  type Message,
  type NodeId,
  nodeId,
  type Ready,
  term,
} from '../raft/core/types.ts';
import type { Command } from '../raft/kv/commands.ts';
import type { Applied } from '../raft/kv/state-machine.ts';
import { encodeStamped } from '../raft/kv/stamped-command.ts';
import type { Answer } from '../raft/driver/requests.ts';
import {
  COVERAGE,
  COVERAGE_NAMES,
  type CoverageName,
  makeCoverage,
  neverCounted,
  noCounts,
} from './coverage.ts';
import { DISK_COUNTERS } from './disk-events.ts';
import { entry, hard, logOf } from './invariants/testing/told-cluster.ts';
import { PORT_CALLS } from './node-ports.ts';

const nodes = ['n1', 'n2', 'n3'].map(nodeId);
const [n1, n2] = [nodeId('n1'), nodeId('n2')];

/** Three nodes that run, and what is counted of what they do. */
class Counted {
  readonly coverage = makeCoverage({ nodes });
  readonly #last = new Map<NodeId, Ready>();

  constructor() {
    for (const node of nodes) this.start(node, 1);
  }

  start(node: NodeId, life: number, entries: readonly Entry[] = [], tornBytes: number = 0): this {
    const configuration = makeConfiguration(nodes);
    const restored = { hardState: hard(0), base: LOG_START, configuration, entries };
    this.coverage.started?.({ node, number: life }, restored, tornBytes);
    return this;
  }

  /** A step, in which what is not said stays as it was. */
  step(node: NodeId, said: Partial<Ready>, inputs: readonly Input[] = []): this {
    const { role, term: at, leader, commitIndex, lastIndex } = this.#last.get(node) ?? READY;
    const ready = { ...READY, role, term: at, leader, commitIndex, lastIndex, ...said };
    this.#last.set(node, ready);
    this.coverage.stepped?.({ node, number: 1 }, inputs, ready);
    return this;
  }

  lead(node: NodeId, at: number): this {
    this.step(node, { role: 'candidate', term: term(at), hardState: hard(at, node) });
    return this.step(node, { role: 'leader', leader: node, messages: [append(n2, { at })] });
  }

  /** What was counted beside what `but` names. */
  counted(...but: readonly CoverageName[]): Partial<Record<CoverageName, number>> {
    const counts = this.coverage.counts();
    return Object.fromEntries(
      COVERAGE_NAMES.filter((name) => counts[name] > 0 && !but.includes(name)).map((name) => [
        name,
        counts[name],
      ]),
    );
  }
}

const READY: Ready = {
  hardState: undefined,
  entries: [],
  write: undefined,
  messages: [],
  messagesAfterSync: [],
  committed: [],
  accepted: [],
  refused: [],
  reads: [],
  refusedReads: [],
  transfers: [],
  transferee: undefined,
  changes: [],
  configuration: makeConfiguration(nodes),
  configurationIndex: logIndex(0),
  rejected: [],
  chunks: [],
  needSnapshot: [],
  role: 'follower',
  term: term(0),
  leader: undefined,
  commitIndex: logIndex(0),
  firstIndex: logIndex(1),
  lastIndex: logIndex(0),
  deadlineNs: 0,
};

function append(
  to: NodeId,
  what: { at: number; prev?: number; entries?: readonly Entry[]; round?: number },
) {
  const { at, prev = 0, entries = [], round = 0 } = what;
  const message = {
    type: 'append-entries',
    term: term(at),
    prev: { index: logIndex(prev), term: term(prev === 0 ? 0 : at) },
    entries,
    leaderCommit: logIndex(0),
    round,
  } as const;
  return { to, message };
}

function response(success: boolean, at: number): Message {
  const refused = { success: false, prevIndex: logIndex(3), hint: LOG_START } as const;
  const result = success ? ({ success: true, matchIndex: logIndex(1) } as const) : refused;
  return { type: 'append-response', term: term(at), round: 0, result };
}

function ask(preVote: boolean, at: number, last: { index: number; term: number }): Message {
  const lastLog = { index: logIndex(last.index), term: term(last.term) };
  return { type: 'request-vote', preVote, term: term(at), lastLog };
}

function refusal(preVote: boolean, at: number): Message {
  return { type: 'vote-response', preVote, term: term(at), granted: false };
}

const from = (node: NodeId, message: Message): Input => ({ type: 'message', from: node, message });

const ELECTED: readonly CoverageName[] = ['election-started', 'election-won'];

test('elections, lost and won, and how leaders step down (§5.2, thesis §6.2)', () => {
  const seen = new Counted();
  const preVote = { to: n2, message: ask(true, 1, { index: 0, term: 0 }) };
  seen.step(n1, { role: 'pre-candidate', messages: [preVote] });
  seen
    .step(n1, { messages: [preVote] })
    .lead(n1, 1)
    .step(n1, { role: 'follower' });
  seen.lead(n1, 2).step(n1, { role: 'follower', term: term(3) });
  expect(seen.counted()).toEqual({
    'pre-vote-started': 2,
    'pre-vote-failed': 1,
    'election-started': 2,
    'election-won': 2,
    'stepped-down-without-quorum': 1,
    'stepped-down-for-higher-term': 1,
  });
});

test('two candidates that fail split the vote; one that follows gives way (§5.2)', () => {
  const seen = new Counted();
  for (const node of nodes) {
    seen.step(node, { role: 'candidate', term: term(4), hardState: hard(4, node) });
  }
  seen.step(n1, { role: 'pre-candidate' }).step(n2, { role: 'pre-candidate' });
  seen.step(nodeId('n3'), { role: 'follower', leader: n1 });
  expect(seen.counted('election-started')).toEqual({
    'election-failed': 2,
    'split-vote': 1,
    'candidate-gave-way': 1,
  });
});

test.each([
  ['pre-vote-refused-older-log', ask(true, 3, { index: 1, term: 1 })],
  ['pre-vote-refused-disturbance', ask(true, 3, { index: 9, term: 2 })],
  ['vote-refused-older-term', ask(false, 1, { index: 9, term: 1 })],
  ['vote-refused-disturbance', ask(false, 3, { index: 9, term: 2 })],
  ['vote-refused-given-already', ask(false, 2, { index: 9, term: 2 })],
] as const)('%s: the reason why a vote is refused (§5.4.1, §6, thesis §9.6)', (name, message) => {
  const seen = new Counted().start(n1, 1, logOf(1, 2));
  seen.step(n1, { term: term(2), hardState: hard(2, 'n3') });
  const { preVote } = message as { preVote: boolean };
  const answer = { to: n2, message: refusal(preVote, 2) };
  seen.step(n1, { messagesAfterSync: [answer] }, [from(n2, message)]);
  const expected = preVote ? { 'pre-vote-refused': 1, [name]: 1 } : { [name]: 1 };
  expect(seen.counted()).toEqual(expected);
});

test('vote-refused-older-log: nobody else has the vote (§5.4.1)', () => {
  const seen = new Counted().start(n1, 1, logOf(1, 2)).step(n1, { term: term(3) });
  const answer = { to: n2, message: refusal(false, 3) };
  const asked = from(n2, ask(false, 3, { index: 9, term: 1 }));
  seen.step(n1, { messagesAfterSync: [answer] }, [asked]);
  expect(seen.counted()).toEqual({ 'vote-refused-older-log': 1 });
});

test('what followers make of appends: truncated, rejected, repeated, too old (§5.3)', () => {
  const seen = new Counted().start(n1, 1, logOf(1, 1, 1)).step(n1, { term: term(2) });
  const repeated = append(n1, { at: 2, entries: logOf(1, 1, 1) }).message;
  seen.step(n1, {}, [from(n2, repeated)]);
  seen.step(n1, {}, [from(n2, append(n1, { at: 2, entries: logOf(1) }).message)]);
  seen.step(n1, {}, [from(n2, append(n1, { at: 1 }).message)]);
  const rejected = { to: n2, message: response(false, 2) };
  seen.step(n1, { messages: [rejected] }, [from(n2, append(n1, { at: 2, prev: 7 }).message)]);
  seen.step(n1, { entries: [entry(2, 2)] });
  expect(seen.counted()).toEqual({
    'append-repeated': 1,
    'append-older': 1,
    'append-of-older-term': 1,
    'append-rejected': 1,
    'conflict-truncated': 1,
    'entry-truncated': 2,
  });
});

test('how leaders replicate: batched, ahead of answers, probing (§5.3, thesis §10.2.1)', () => {
  const seen = new Counted().lead(n1, 1);
  seen.step(n1, { messages: [append(n2, { at: 1, entries: logOf(1, 1) })] });
  seen.step(n1, { messages: [append(n2, { at: 1, entries: [entry(3, 1)] })] });
  seen.step(n1, {}, [from(n2, response(true, 1))]);
  seen.step(n1, { messages: [append(n2, { at: 1, entries: [entry(4, 1)] })] });
  seen.step(n1, {}, [from(n2, response(false, 1)), { type: 'disconnected', peer: n2 }]);
  expect(seen.counted(...ELECTED)).toEqual({
    'append-batched': 1,
    'append-pipelined': 1,
    'probe-after-rejection': 1,
    'probe-after-disconnection': 1,
  });
});

test('an older term is committed with a newer entry, once: not again by the next leader (§5.4.2)', () => {
  const seen = new Counted().lead(n1, 2);
  seen.step(n1, { committed: logOf(1, 2), commitIndex: logIndex(2) });
  seen.lead(n2, 3).step(n2, { committed: logOf(1, 2, 3), commitIndex: logIndex(3) });
  expect(seen.counted(...ELECTED)).toEqual({ 'older-term-committed-with-newer': 1 });
});

test('Figure 8: a later leader brings older entries to a majority (§5.4.2)', () => {
  const seen = new Counted().start(n1, 1, logOf(1, 2)).lead(n1, 4);
  seen.step(n2, { term: term(4), entries: logOf(1, 2) });
  expect(seen.counted(...ELECTED)).toEqual({ 'figure-8': 2 });
});

test('reads wait for the first commit, join a round, and are refused (§8, thesis §6.4)', () => {
  const seen = new Counted().lead(n1, 1);
  const read: Input = { type: 'read', id: 1 };
  seen.step(n1, {}, [read]);
  seen.step(n1, { messages: [append(n2, { at: 1, round: 1 })] }, [read]);
  seen.step(n1, { messages: [append(n2, { at: 1, round: 2 })] }, [read]);
  seen.step(n1, { role: 'follower', refusedReads: [1] }).step(n1, { refusedReads: [2] });
  expect(seen.counted(...ELECTED, 'stepped-down-without-quorum')).toEqual({
    'read-waited-for-own-commit': 1,
    'read-round-opened': 2,
    'read-round-joined': 1,
    'read-refused-leadership-lost': 1,
    'read-refused-leader-lost': 1,
  });
});

const question = (lease: boolean): Message => ({
  type: 'read-index',
  term: term(1),
  ask: 8,
  lease,
});
const answerTo = (lease: boolean, readIndex?: number): Message => ({
  type: 'read-index-response',
  term: term(1),
  ask: 8,
  readIndex: readIndex === undefined ? undefined : logIndex(readIndex),
  lease,
});

test('what followers ask, and what becomes of it (thesis §6.4)', () => {
  const seen = new Counted().step(n2, { leader: n1 });
  seen.step(n2, { messages: [{ to: n1, message: question(false) }] });
  const confirmed = [1, 2].map((id) => ({ id, readIndex: logIndex(1) }));
  seen.step(n2, { reads: confirmed, commitIndex: logIndex(1), committed: [entry(1, 1)] }, [
    from(n1, answerTo(false, 1)),
  ]);
  seen.step(n2, { messages: [{ to: n1, message: answerTo(false) }] }, [from(n1, question(false))]);
  expect(seen.counted()).toEqual({
    'read-index-asked': 1,
    'follower-read-served': 2,
    'read-index-batched': 1,
    'follower-read-committed': 1,
    'read-index-refused': 1,
  });
});

test('reads by a lease, and without one (thesis §6.4.1)', () => {
  const seen = new Counted().lead(n1, 1);
  const lease: Input = { type: 'read', id: 1, lease: true };
  const byLease = { id: 1, readIndex: logIndex(1), leaseEndNs: 9 };
  seen.step(n1, { reads: [byLease] }, [lease]);
  seen.step(n1, { messages: [{ to: n2, message: answerTo(true, 1) }] }, [from(n2, question(true))]);
  seen.step(n1, { messages: [append(n2, { at: 1, round: 1 })] }, [lease]);
  seen.step(n1, { transferee: n2, messages: [append(n2, { at: 1, round: 2 })] }, [lease]);
  expect(seen.counted(...ELECTED)).toEqual({
    'lease-read-served': 1,
    'lease-read-at-follower': 1,
    'lease-lapsed-fell-back': 1,
    'lease-given-up': 1,
    'read-round-opened': 2,
  });
});

test('how leadership is handed over, and how not (thesis §3.10)', () => {
  const seen = new Counted().lead(n1, 1);
  const wish = from(n1, { type: 'timeout-now', term: term(1) });
  seen.step(n1, { transfers: [{ id: 1, type: 'refused', why: '' }] });
  seen.step(n1, { transferee: n2, refused: [4, 5] });
  seen.step(n1, { transferee: undefined, transfers: [{ id: 2, type: 'unknown', why: '' }] });
  seen.step(n1, { transferee: n2 }).step(n1, {
    transferee: undefined,
    transfers: [
      { id: 3, type: 'done', leader: n2 },
      { id: 4, type: 'done', leader: n1 },
    ],
  });
  seen.step(n2, { leader: n1, term: term(1) }).step(n2, {}, [wish]);
  const ask = { type: 'request-vote', preVote: false, term: term(2), lastLog: LOG_START } as const;
  const request = { ...ask, transfer: true } as const;
  const stands = { role: 'candidate', term: term(2), leader: undefined } as const;
  const messagesAfterSync = [{ to: n1, message: request }];
  seen.step(n2, { ...stands, hardState: hard(2, n2), messagesAfterSync }, [wish]);
  seen.step(nodeId('n3'), { leader: n1, term: term(1) });
  const granted = { ...refusal(false, 2), granted: true } as Message;
  const voted = { term: term(2), hardState: hard(2, n2), leader: undefined };
  const yes = { ...voted, messagesAfterSync: [{ to: n2, message: granted }] };
  seen.step(nodeId('n3'), yes, [from(n2, request)]);
  seen.step(n2, { role: 'leader', leader: n2 });
  expect(seen.counted()).toEqual({
    'election-started': 2,
    'election-won': 2,
    'vote-granted': 1,
    'proposal-refused': 2,
    'refused-while-transferring': 2,
    'transfer-refused': 1,
    'transfer-aborted': 1,
    'transfer-completed': 1,
    'timeout-now-late': 1,
    'transfer-vote-overrode': 1,
    'transfer-election-won': 1,
  });
});

test('a proposal whose entry another leader replaced; one that nobody took (§5.3)', () => {
  const seen = new Counted().lead(n1, 1);
  seen.step(n1, { accepted: [{ id: 1, index: logIndex(1), term: term(1) }], refused: [2] });
  seen.coverage.applied?.({ node: n1, number: 1 }, entry(1, 2), undefined);
  expect(seen.counted(...ELECTED)).toEqual({ 'proposal-refused': 1, 'proposal-replaced': 1 });
});

test('what becomes of requests: forwarded, answered late or never, lost with their node', () => {
  const seen = new Counted().step(n2, { leader: n1 });
  const { coverage } = seen;
  const life = { node: n2, number: 1 };
  const read = { type: 'read', key: 'k', consistency: 'linearizable' } as const;
  const write = {
    type: 'command',
    command: { type: 'put', key: 'k', value: 'v' },
  } as const;
  const late: Answer = { type: 'refused', error: 'no answer from the cluster in time' };
  coverage.submitted?.(life, 1, write);
  coverage.answered?.(life, 1, late);
  coverage.submitted?.({ node: n1, number: 1 }, 2, read);
  coverage.answered?.({ node: n1, number: 1 }, 2, late);
  coverage.submitted?.(life, 3, { ...read, consistency: 'stale' });
  const ok = { type: 'ok', value: null, applied: false } as const;
  coverage.answered?.(life, 3, { ...ok, servedBy: n2, term: 1, appliedIndex: 1 });
  coverage.submitted?.(life, 4, write);
  coverage.stopped?.(life, { type: 'killed' });
  expect(seen.counted()).toEqual({
    'request-forwarded': 2,
    'forwarded-answer-lost': 1,
    'request-without-leader': 1,
    'request-timed-out': 1,
    'request-lost-with-node': 1,
    killed: 1,
  });
});

test('what entries do is counted once, wherever they are applied', () => {
  const seen = new Counted();
  const { coverage } = seen;
  const counted = (index: number, command: Command, applied: Partial<Applied>): void => {
    const data = encodeStamped({ timeMs: 0, acknowledged: 0, command });
    const result = { type: 'done', applied: true, value: null } as const;
    const whole = { result, isRepeated: false, expired: { sessions: 0, locks: 0 }, ...applied };
    for (const node of [n1, n2]) {
      coverage.applied?.({ node, number: 1 }, { ...entry(index, 1), data }, whole);
    }
  };
  const no = { result: { type: 'done', applied: false, value: null } } as const;
  const over = { result: { type: 'refused', reason: 'session', error: 'over' } } as const;
  const txn = { type: 'txn', compares: [], success: [], failure: [] } as const;
  const acquire = { type: 'acquire', key: 'k', owner: '', ttlMs: 1 } as const;
  counted(1, { type: 'open-session', expiryMs: 1 }, { expired: { sessions: 2, locks: 3 } });
  counted(2, txn, {});
  counted(3, txn, no);
  counted(4, acquire, {});
  counted(5, acquire, no);
  counted(6, { type: 'cas', key: 'k', from: null, to: null }, no);
  counted(7, acquire, { isRepeated: true });
  counted(8, txn, over);
  expect(seen.counted()).toEqual({
    'session-opened': 1,
    'session-expired': 2,
    'lock-expired': 3,
    'txn-succeeded': 1,
    'txn-failed-branch': 1,
    'lock-granted': 1,
    'lock-refused': 1,
    'cas-not-applied': 1,
    'duplicate-entry-applied-once': 1,
    'session-refused': 1,
  });
});

test('a number of a session that is asked for again, at any node, and answered (thesis §6.3)', () => {
  const seen = new Counted().step(n1, { leader: n1 }).step(n2, { leader: n2 });
  const { coverage } = seen;
  const session = { id: 7, sequence: 1, acknowledged: 0 };
  const what = { type: 'command', command: { type: 'delete', key: 'k' }, session } as const;
  const ok = { type: 'ok', value: null, applied: true, term: 1, appliedIndex: 9 } as const;
  coverage.submitted?.({ node: n1, number: 1 }, 1, what);
  coverage.submitted?.({ node: n2, number: 1 }, 1, what);
  coverage.answered?.({ node: n1, number: 1 }, 1, { ...ok, servedBy: n1 });
  expect(seen.counted()).toEqual({});
  coverage.answered?.({ node: n2, number: 1 }, 1, { ...ok, servedBy: n1 });
  expect(seen.counted()).toEqual({ 'session-retry-answered': 1 });
});

test('what becomes of lives and their logs', () => {
  const seen = new Counted();
  const { coverage } = seen;
  const life = { node: n1, number: 1 };
  coverage.written?.(life, 'wal-1', 10, [{}, {}]);
  coverage.written?.(life, 'wal-2', 10, [{}]);
  coverage.stopped?.(life, { type: 'failed', error: new Error() });
  coverage.stopped?.({ node: n1, number: 2 }, { type: 'power-failure' });
  coverage.stopped?.({ node: n1, number: 3 }, { type: 'failed', error: new Error() });
  seen.start(n1, 4, [], 17);
  coverage.stopped?.({ node: n1, number: 4 }, { type: 'killed' });
  coverage.stopped?.({ node: n1, number: 5 }, { type: 'refused', error: new Error() });
  expect(seen.counted()).toEqual({
    'group-commit': 1,
    'segment-rotated': 1,
    'stopped-by-disk': 1,
    'power-failure': 1,
    'start-failed': 1,
    'start-refused': 1,
    'crashed-in-recovery': 3,
    restarted: 1,
    'torn-tail-cut': 1,
    killed: 1,
  });
});

test('what faults and chance tell is counted by its name, and a crash by its call as well', () => {
  const seen = new Counted();
  seen.coverage.happened?.({ kind: 'message-lost', node: n1 });
  const detail = 'kill after Disk.sync';
  seen.coverage.happened?.({ kind: 'crashed-at-port', node: n1, detail });
  expect(seen.counted()).toEqual({
    'message-lost': 1,
    'crashed-at-port': 1,
    'crashed-at-Disk.sync': 1,
  });
  const unknown = { kind: 'crashed-at-port', node: n1, detail: 'kill after Disk.format' } as const;
  expect(() => seen.coverage.happened?.(unknown)).toThrow('crashed-at-Disk.format is a name');
});

test('every counter of the disks and every call of a port has its line in the list', () => {
  const calls = PORT_CALLS.map((call) => `crashed-at-${call}`);
  expect(Object.keys(COVERAGE)).toEqual(expect.arrayContaining([...DISK_COUNTERS, ...calls]));
  for (const { says } of Object.values(COVERAGE)) expect(says).toMatch(/^[a-zA-Z].{10,}[^.]$/);
});

test('what was never met is named, but for what needs more nodes', () => {
  const counts = noCounts();
  expect(neverCounted(counts)).toContain('split-vote');
  expect(neverCounted(counts, 2)).not.toContain('split-vote');
  expect(neverCounted({ ...counts, restarted: 1 })).not.toContain('restarted');
});
