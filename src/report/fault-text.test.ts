import { expect, test } from 'vitest';
import type { AdminRequest } from '../contracts/cluster.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { FaultRecord } from '../rundir/cluster-log.ts';
import { describeFault } from './fault-text.ts';

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

function fault(change: Partial<Injected>): FaultRecord {
  return {
    fault: 2,
    kind: 'membership',
    shape: 'replace',
    outcome: 'injected',
    victims: ['n2', 'n6'],
    leader: null,
    value: null,
    atNs: SECOND,
    durationNs: SECOND,
    startedNs: 2 * SECOND,
    healedNs: 3 * SECOND,
    required: ['members-changed'],
    election: null,
    processes: [],
    victimOperations: { ok: 10, fail: 1, info: 2, servedElsewhere: 0 },
    ...change,
  };
}

const request = (change: Partial<AdminRequest>): AdminRequest => ({
  asked: ['n1', 'n3', 'n6'],
  outcome: { type: 'done' },
  attempts: 1,
  startedNs: 1.88 * SECOND,
  endedNs: 2 * SECOND,
  ...change,
});

const members = {
  before: ['n1', 'n2', 'n3'],
  asked: ['n1', 'n3', 'n6'],
  after: ['n1', 'n3', 'n6'],
  joined: [{ node: 'n6', lastApplied: 40 }],
  committed: 38,
};

test('of other members it is told who voted in the end, and how long the change took', () => {
  expect(describeFault(fault({ members, requests: [request({})] }))).toBe(
    'fault 3  membership:replace  on n2, n6  2.000 s to 3.000 s: 3 of its operations did not ' +
      'succeed, n1, n3, n6 voted after 120 ms',
  );
});

test('of what did not come about it is told what the store said', () => {
  const outcome = { type: 'refused', error: '409 "another change is under way"' } as const;
  expect(describeFault(fault({ members, requests: [request({ outcome })] }))).toContain(
    'asked for n1, n3, n6 to vote: refused (409 "another change is under way")',
  );
});

test('of leadership that was handed over it is told who led which term, and after how long', () => {
  const round = [
    request({ asked: 'n2', led: { term: 4, termBefore: 3 } }),
    request({ asked: 'n3', led: { term: 5, termBefore: 4 }, endedNs: 1.88 * SECOND + MILLISECOND }),
  ];
  const told = describeFault(
    fault({ kind: 'transfer', shape: 'round', victims: ['n2', 'n3'], requests: round }),
  );
  expect(told).toContain('n2 led term 4 after 120 ms, n3 led term 5 after 1.00 ms');
});
