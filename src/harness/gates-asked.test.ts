import { expect, test } from 'vitest';
import type { FaultRecord } from '../rundir/cluster-log.ts';
import { checkGates, type GateInput } from './gates.ts';
import { gatesAsked, gatesKept } from './gates-asked.ts';

const injected: FaultRecord = {
  fault: 1,
  kind: 'kill',
  shape: 'leader',
  outcome: 'injected',
  victims: [],
  leader: null,
  value: {},
  atNs: 0,
  durationNs: 1e9,
  startedNs: 1e9,
  healedNs: 2e9,
  required: ['election', 'new-process'],
  election: null,
  processes: [],
  victimOperations: { ok: 0, fail: 0, info: 0, servedElsewhere: 0 },
};

const input = (okCount: number, faults: readonly FaultRecord[]): GateInput => ({
  functions: ['read', 'cas'],
  okCount: () => okCount,
  refusedCount: (f) => (f === 'cas' ? okCount : 0),
  contention: { overlaps: 0, readsOfOthers: 0 },
  faults,
  promises: [],
  electionTimeoutNsMax: 2e9,
  finalAnswers: [{ node: 'n1', reads: 3, ok: 0, error: 'no answer' }] as unknown as NonNullable<
    GateInput['finalAnswers']
  >,
});

const cut: FaultRecord = {
  ...injected,
  fault: 2,
  kind: 'partition',
  required: ['cut-off-side'],
  otherOperations: 0,
};
const unresolved: FaultRecord = {
  fault: 3,
  kind: 'kill',
  shape: 'leader',
  outcome: 'unresolved',
  waitedNs: 1e9,
};
const phases: GateInput['phases'] = {
  okCount: () => 0,
  lengthNs: () => 10e9,
  recoveryNs: 1e9,
  nodes: 3,
};

test('every gate that fails is one that is said to have been asked', () => {
  for (const okCount of [0, 3, 100_000]) {
    const asking = { ...input(okCount, [injected, cut, unresolved]), phases };
    const names = gatesAsked(asking).flatMap((gate) => gate.names);
    const failed = checkGates(asking).map(({ gate }) => gate);
    expect(failed.length).toBeGreaterThan(3);
    expect(failed).toContain('fault-3-both-sides');
    expect(failed).toContain('fault-4-injected');
    expect(failed.filter((gate) => !names.includes(gate))).toEqual([]);
  }
});

test('the phases of a run are asked as well', () => {
  const failed = checkGates({ ...input(100_000, []), phases }).map(({ gate }) => gate);
  expect(failed).toContain('enough-read-steady');
});

test('what was asked and did not fail was kept', () => {
  const asking = input(100, [injected]);
  const failures = checkGates(asking);
  const failed = failures.map(({ gate }) => gate);
  expect(failed).toEqual(expect.arrayContaining(['applied-cas', 'overlap', 'final-reads']));
  expect(gatesKept(asking, failures)).toEqual(['enough-read', 'enough-cas', 'fault-2-injected']);
});

test('too few operations in one phase are too few', () => {
  const failures = [{ gate: 'enough-read-recovery', sentence: 'too few' }];
  const kept = gatesKept(input(100, []), failures);
  expect(kept).not.toContain('enough-read');
  expect(kept).toContain('enough-cas');
});
