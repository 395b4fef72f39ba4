import { expect, test } from 'vitest';
import type { FaultRecord } from '../rundir/cluster-log.ts';
import { checkGates, type GateInput } from './gates.ts';

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

/** A fault with every evidence. */
const whole: Injected = {
  fault: 1,
  kind: 'kill',
  shape: 'leader',
  outcome: 'injected',
  victims: ['n1'],
  leader: 'n1',
  value: { nodes: ['n1'] },
  startedNs: 1e9,
  healedNs: 4e9,
  required: ['election', 'new-process', 'cut-off-side'],
  election: { node: 'n2', term: 3, termBefore: 2, atNs: 2e9 },
  processes: [{ node: 'n1', pidBefore: 10, pidAfter: 20 }],
  victimOperations: { ok: 0, fail: 3, info: 1, servedElsewhere: 0 },
};

function failures(fault: FaultRecord, change: Partial<GateInput> = {}) {
  return checkGates({ functions: ['read'], okCount: () => 100, faults: [fault], ...change });
}

test('a run with every evidence and enough operations passes', () => {
  expect(failures(whole)).toEqual([]);
});

test('an operation served elsewhere, or failed, or unanswered shows the cut', () => {
  for (const change of [{ servedElsewhere: 1, ok: 1 }, { fail: 1 }, { info: 1 }]) {
    const victimOperations = { ok: 0, fail: 0, info: 0, servedElsewhere: 0, ...change };
    expect(failures({ ...whole, victimOperations })).toEqual([]);
  }
});

const untouched = { ok: 12, fail: 0, info: 0, servedElsewhere: 0 };

test.each<[string, Partial<Injected>, string[], RegExp]>([
  ['no election', { election: null }, ['fault-2-election'], /saw none/],
  [
    'the same process',
    { processes: [{ node: 'n1', pidBefore: 10, pidAfter: 10 }] },
    ['fault-2-new-process'],
    /n1 had pid 10, then 10/,
  ],
  [
    'no process after the heal',
    { processes: [{ node: 'n1', pidBefore: 10, pidAfter: null }] },
    ['fault-2-new-process'],
    /then none/,
  ],
  [
    'clients that felt nothing',
    { victimOperations: untouched },
    ['fault-2-new-process', 'fault-2-cut-off-side'],
    /all 12 were answered by n1/,
  ],
  [
    'no client at the victim',
    { victimOperations: { ...untouched, ok: 0 }, required: ['cut-off-side'] },
    ['fault-2-cut-off-side'],
    /none was sent.*--concurrency/,
  ],
])('%s fails the gate that asks for it', (_, change, gates, sentence) => {
  const failed = failures({ ...whole, ...change });
  expect(failed.map(({ gate }) => gate)).toEqual(gates);
  expect(failed[0]?.sentence).toMatch(sentence);
  expect(failed[0]?.sentence).toContain('fault 2 (kill:leader)');
});

test('evidence that a shape does not ask for is not missed', () => {
  expect(failures({ ...whole, required: ['new-process'], election: null })).toEqual([]);
});

test('a fault that was never injected proves nothing', () => {
  const name = { fault: 0, kind: 'kill', shape: 'leader' };
  expect(failures({ ...name, outcome: 'skipped' })).toMatchObject([{ gate: 'fault-1-injected' }]);
  expect(failures({ ...name, outcome: 'unresolved', waitedNs: 1e10 })).toMatchObject([
    {
      gate: 'fault-1-injected',
      sentence: expect.stringContaining('no leader was known for 10.0 s'),
    },
  ]);
});

test('each f needs ok operations: five at least, and more in a long run', () => {
  const gates = (counts: Record<string, number>, okMin?: number) =>
    checkGates({
      functions: ['read', 'write'],
      okCount: (f) => counts[f] ?? 0,
      faults: [],
      okMin,
    }).map(({ gate }) => gate);
  expect(gates({})).toEqual(['enough-read', 'enough-write']);
  expect(gates({ read: 5, write: 5 })).toEqual([]);
  expect(gates({ read: 5, write: 4 })).toEqual(['enough-write']);
  expect(gates({ read: 100_000, write: 400 })).toEqual(['enough-write']);
  expect(gates({ read: 5, write: 5 }, 6)).toEqual(['enough-read', 'enough-write']);
});
