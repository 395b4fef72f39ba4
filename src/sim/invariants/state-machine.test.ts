import { expect, test } from 'vitest';
import { nodeId } from '../../raft/core/types.ts';
import type { Answer } from '../../raft/driver/requests.ts';
import type { Command } from '../../raft/kv/commands.ts';
import type { Result } from '../../raft/kv/result.ts';
import { encodeStamped } from '../../raft/kv/stamped-command.ts';
import { makeStateMachineInvariants } from './state-machine.ts';
import { entry } from './testing/told-cluster.ts';

const [n1, n2] = [nodeId('n1'), nodeId('n2')];
const PUT: Command = { type: 'put', key: 'k', value: 'v' };
const acquire = (ttlMs: number): Command => ({ type: 'acquire', key: 'k', owner: '', ttlMs });

/** What nodes apply and answer, told by hand; what broke, by name. */
class Told {
  readonly broken: string[] = [];
  readonly invariants = makeStateMachineInvariants((invariant) => this.broken.push(invariant));
  #requests = 0;

  apply(
    node: typeof n1,
    index: number,
    {
      value = null,
      command = PUT,
      timeMs = 0,
      sequence,
      isRepeated = false,
    }: {
      readonly value?: number | null;
      readonly command?: Command;
      readonly timeMs?: number;
      readonly sequence?: number;
      readonly isRepeated?: boolean;
    } = {},
  ): this {
    const result: Result = { type: 'done', applied: true, value };
    const data = encodeStamped({ timeMs, acknowledged: 0, command });
    const client = sequence === undefined ? {} : { client: { id: 1, sequence } };
    const applied = { result, isRepeated, expired: { sessions: 0, locks: 0 } };
    this.invariants.applied(node, { ...entry(index, 1), data, ...client }, applied);
    return this;
  }

  answer(node: typeof n1, sequence: number, answer: Answer): this {
    const session = { id: 1, sequence, acknowledged: 0 };
    this.#requests += 1;
    this.invariants.submitted(node, this.#requests, { type: 'command', command: PUT, session });
    this.invariants.answered(node, this.#requests, answer);
    return this;
  }
}

function ok(value: number | null): Answer {
  return { type: 'ok', value, applied: true, servedBy: n1, term: 1, appliedIndex: 9 };
}

test('an entry that does something else at another node breaks applied-alike', () => {
  expect(new Told().apply(n1, 1).apply(n2, 1).broken).toEqual([]);
  expect(new Told().apply(n1, 1).apply(n2, 1, { value: 7 }).broken).toEqual(['applied-alike']);
  const told = new Told().apply(n1, 1, { sequence: 1 });
  expect(told.apply(n2, 1, { sequence: 1, isRepeated: true }).broken).toEqual(['applied-alike']);
});

test('a number of a session that takes effect again breaks session-once (thesis §6.3)', () => {
  const told = new Told().apply(n1, 1, { sequence: 1 }).apply(n1, 2, { sequence: 2 });
  told.apply(n1, 3, { sequence: 1, isRepeated: true }).apply(n2, 1, { sequence: 1 });
  expect(told.broken).toEqual([]);
  expect(told.apply(n1, 4, { sequence: 2 }).broken).toEqual(['session-once']);
});

test('a repetition with another result, or of nothing, breaks it (thesis §6.3)', () => {
  const another = new Told().apply(n1, 1, { sequence: 1 });
  another.apply(n1, 2, { sequence: 1, isRepeated: true, value: 7 });
  expect(another.broken).toEqual(['session-once']);
  const none = new Told().apply(n1, 1, { sequence: 1, isRepeated: true });
  expect(none.broken).toEqual(['session-once']);
});

test('an answer that is not the first one breaks it; to be refused is no answer (thesis §6.3)', () => {
  const told = new Told().apply(n1, 1, { sequence: 1, value: 7 });
  told.answer(n1, 1, ok(7)).answer(n2, 1, ok(7));
  told.answer(n1, 1, { type: 'unknown', error: 'no answer' });
  told.answer(n1, 1, { type: 'refused', error: 'no leader' });
  told.answer(n1, 1, { type: 'refused', error: 'over', reason: 'session' });
  expect(told.broken).toEqual([]);
  expect(told.answer(n2, 1, ok(8)).broken).toEqual(['session-once']);
  expect(new Told().answer(n1, 5, ok(null)).broken).toEqual(['session-once']);
});

test('a lock that is granted while it is held breaks lock-fenced, by log time alone', () => {
  const told = new Told().apply(n1, 1, { command: acquire(10), value: 1 });
  told.apply(n1, 2, { command: acquire(10), value: 2, timeMs: 10 });
  expect(told.broken).toEqual([]);
  told.apply(n1, 3, { command: acquire(10), value: 3, timeMs: 15 });
  expect(told.broken).toEqual(['lock-fenced']);
});

test('so does a token that is not greater than all before, of whatever lock', () => {
  const told = new Told().apply(n1, 1, { command: acquire(1), value: 7 });
  const other: Command = { type: 'acquire', key: 'other', owner: '', ttlMs: 1 };
  expect(told.apply(n1, 2, { command: other, value: 7 }).broken).toEqual(['lock-fenced']);
});

test('renewed, it is held for longer; released, it is free; both by its last token alone', () => {
  const renew = (token: number): Command => ({ type: 'renew', key: 'k', token, ttlMs: 10 });
  const release = (token: number): Command => ({ type: 'release', key: 'k', token });
  const begin = (): Told => new Told().apply(n1, 1, { command: acquire(10), value: 1 });
  const released = begin().apply(n1, 2, { command: release(1) });
  expect(released.apply(n1, 3, { command: acquire(1), value: 3 }).broken).toEqual([]);
  const renewed = begin().apply(n1, 2, { command: renew(1), timeMs: 9 });
  renewed.apply(n1, 3, { command: acquire(1), value: 3, timeMs: 12 });
  expect(renewed.broken).toEqual(['lock-fenced']);
  expect(begin().apply(n1, 2, { command: renew(5) }).broken).toEqual(['lock-fenced']);
  expect(begin().apply(n1, 2, { command: release(5) }).broken).toEqual(['lock-fenced']);
});
