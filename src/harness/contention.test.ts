import { expect, test } from 'vitest';
import { queue } from '../../workloads/queue.ts';
import { register } from '../../workloads/register.ts';
import { set } from '../../workloads/set.ts';
import type { Json } from '../../checker/index.ts';
import type { Completion } from '../contracts/client.ts';
import { nodeId } from '../contracts/names.ts';
import type { Workload } from '../contracts/workload.ts';
import { Contention } from './contention.ts';

interface Told {
  readonly process: number;
  readonly f: string;
  readonly asked?: Json;
  readonly answered?: Json;
  readonly applied?: boolean;
  readonly key?: string;
  readonly from: number;
  readonly to: number;
  readonly type?: 'ok' | 'info';
}

function counted(...operations: readonly Told[]): Contention {
  return countedBy(register, operations);
}

function countedBy(workload: Workload, operations: readonly Told[]): Contention {
  const contention = new Contention(workload);
  for (const {
    process,
    f,
    asked = null,
    answered = asked,
    key = 'k',
    from,
    to,
    ...rest
  } of operations) {
    const { type = 'ok', applied } = rest;
    const completion: Completion =
      type === 'ok'
        ? { type, value: answered, ...(applied === undefined ? {} : { applied }) }
        : { type, error: 'timeout' };
    contention.record({
      process,
      node: nodeId('n1'),
      invocation: { f, key, value: asked },
      intendedNs: from,
      invokedNs: from,
      completedNs: to,
      completion,
    });
  }
  return contention;
}

test('operations overlap when one began before the other had ended, on the same key', () => {
  const first = { process: 0, f: 'read', from: 0, to: 10 };
  const second = { process: 1, f: 'read', from: 9, to: 20 };
  expect(counted(first, second).overlaps).toBe(1);
  expect(counted(first, { ...second, from: 10 }).overlaps).toBe(0);
  expect(counted(first, { ...second, key: 'other' }).overlaps).toBe(0);
});

test('a client that goes on under a new id after a time-out does not overlap with itself', () => {
  const lost = { process: 0, f: 'write', asked: 1, from: 0, to: 10, type: 'info' } as const;
  expect(counted(lost, { process: 10, f: 'read', from: 10, to: 20 }).overlaps).toBe(0);
});

test('a read counts when it returned what another process wrote last', () => {
  const write = { process: 0, f: 'write', asked: 7, from: 0, to: 1 };
  const read = { process: 1, f: 'read', answered: 7, from: 2, to: 3 };
  expect(counted(write, read).readsOfOthers).toBe(1);
  expect(counted(write, { ...read, process: 0 }).readsOfOthers).toBe(0);
  expect(counted(write, { ...read, answered: 6 }).readsOfOthers).toBe(0);
  expect(counted(write, { ...read, key: 'other' }).readsOfOthers).toBe(0);
  expect(counted({ ...write, type: 'info' }, read).readsOfOthers).toBe(0);
});

test('a CAS writes when it was applied, and is refused when it found another value', () => {
  const cas = { process: 0, f: 'cas', asked: [1, 2], from: 0, to: 1 };
  const read = { process: 1, f: 'read', answered: 2, from: 2, to: 3 };
  const applied = counted(cas, read);
  expect([applied.readsOfOthers, applied.refused('cas')]).toEqual([1, 0]);
  const refused = counted({ ...cas, applied: false }, read);
  expect([refused.readsOfOthers, refused.refused('cas')]).toEqual([0, 1]);
});

test('what was written a while ago counts too: a queue gives it back later, a read of a set holds it', () => {
  const put = (f: string) =>
    [1, 2, 3].map((asked) => ({ process: 0, f, asked, from: asked, to: asked + 1 }));
  const take = { process: 1, f: 'dequeue', answered: 1, from: 9, to: 10 };
  expect(countedBy(queue, [...put('enqueue'), take]).readsOfOthers).toBe(1);
  expect(countedBy(queue, [...put('enqueue'), { ...take, process: 0 }]).readsOfOthers).toBe(0);
  expect(countedBy(queue, [...put('enqueue'), { ...take, answered: null }]).readsOfOthers).toBe(0);
  const read = { process: 1, f: 'read', answered: [2, 3], from: 9, to: 10 };
  expect(countedBy(set, [...put('add'), read]).readsOfOthers).toBe(1);
  expect(countedBy(set, [...put('add'), { ...read, answered: [] }]).readsOfOthers).toBe(0);
});

test('of a workload that does not tell what it reads and writes nothing is said', () => {
  expect(new Contention({}).readsOfOthers).toBeUndefined();
});
