import { describe, expect, test } from 'vitest';
import type { FaultRecord } from '../rundir/cluster-log.ts';
import { SECOND } from '../lib/duration.ts';
import type { Phase } from '../statistics/phase.ts';
import { phaseGates, type PhaseGateInput } from './phase-gates.ts';

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

/** A follower was killed for four seconds. */
const killed: Injected = {
  fault: 0,
  kind: 'kill',
  shape: 'one',
  outcome: 'injected',
  victims: ['n2'],
  leader: null,
  leaderBefore: 'n1',
  value: null,
  atNs: 5 * SECOND,
  durationNs: 4 * SECOND,
  startedNs: 5 * SECOND,
  healedNs: 9 * SECOND,
  required: ['new-process'],
  election: null,
  processes: [],
  victimOperations: { ok: 0, fail: 9, info: 0, servedElsewhere: 0 },
};

/** A run of 20 s with one fault and 1,000 reads per second, some of them missing. */
function failing(
  fault: Partial<Injected>,
  seen: Partial<Record<Phase, number>>,
  change: Partial<PhaseGateInput> = {},
): readonly string[] {
  const all = { steady: 14_000, fault: 4_000, recovery: 2_000, ...seen };
  const lengths = { steady: 14 * SECOND, fault: 4 * SECOND, recovery: 2 * SECOND };
  const failures = phaseGates({
    functions: ['read'],
    okCount: () => all.steady + all.fault + all.recovery,
    faults: [{ ...killed, ...fault }],
    electionTimeoutNsMax: SECOND / 2,
    phases: {
      okCount: (_, phase) => all[phase],
      lengthNs: (phase) => lengths[phase],
      recoveryNs: 2 * SECOND,
      nodes: 5,
    },
    ...change,
  });
  return failures.map(({ gate }) => gate);
}

test('in each phase a fiftieth of the average is asked', () => {
  expect(failing({}, {})).toEqual([]);
  // 16,000 in 20 s are 3,200 in 4 s.
  expect(failing({}, { fault: 64 })).toEqual([]);
  for (const phase of ['steady', 'fault', 'recovery'] as const) {
    expect(failing({}, { [phase]: 0 })).toEqual([`enough-read-${phase}`]);
    expect(failing({}, { [phase]: 20 })).toEqual([`enough-read-${phase}`]);
  }
});

test('the sentence tells the phase, what was asked, and what to change', () => {
  const [failure] = phaseGates({
    functions: ['read'],
    okCount: () => 10_000,
    faults: [killed],
    electionTimeoutNsMax: SECOND,
    phases: {
      okCount: (_, phase) => (phase === 'fault' ? 7 : 5_000),
      lengthNs: (phase) => (phase === 'fault' ? 4 : 8) * SECOND,
      recoveryNs: 2 * SECOND,
      nodes: 5,
    },
  });
  expect(failure?.sentence).toMatch(
    /^expected at least 40 ok operations of read while a fault was in force .*saw 7 of 10000.*--concurrency/,
  );
});

test('of few operations nothing is asked: by chance there may be none in a phase', () => {
  expect(failing({}, { steady: 40, fault: 0, recovery: 0 })).toEqual([]);
});

describe('the time of a fault does not count', () => {
  test.each<[string, Partial<Injected>]>([
    ['without a quorum', { victims: ['n2', 'n3', 'n4'] }],
    ['when it hit the leader and nobody took over', { leaderBefore: 'n2' }],
    ['when nobody knows who led', { leaderBefore: null }],
    ['when nobody asked the others', { otherOperations: 0 }],
    ['when links were slow', { required: ['slowed'] }],
    ['when a script did what nobody knows', { required: ['hook-output'] }],
  ])('%s', (_, fault) => {
    const slow = { electionTimeoutNsMax: SECOND };
    expect(failing(fault, { fault: 0 }, slow)).toEqual([]);
    expect(failing(fault, { steady: 0 }, slow)).toEqual(['enough-read-steady']);
  });

  test('until the election that it brought', () => {
    const electedAt = (seconds: number): readonly string[] => {
      const election = { node: 'n3', term: 2, termBefore: 1, atNs: seconds * SECOND };
      return failing({ leaderBefore: 'n2', election }, { fault: 0 });
    };
    expect(electedAt(6)).toEqual(['enough-read-fault']);
    expect(electedAt(8.5)).toEqual([]);
  });

  test('of a store whose elections may take any time', () => {
    expect(failing({}, { fault: 0 }, { electionTimeoutNsMax: undefined })).toEqual([]);
  });
});

test('the time after a fault counts when it left a leader with a quorum, or hindered nobody', () => {
  const none = { recovery: 0 };
  const failed = ['enough-read-recovery'];
  expect(failing({ required: ['slowed'] }, none)).toEqual(failed);
  expect(failing({ required: ['links-cut'] }, none)).toEqual([]);
  expect(failing({ victims: ['n1', 'n2', 'n3'] }, none)).toEqual([]);
  const lost = { leaderBefore: 'n2', healedNs: 6 * SECOND };
  expect(failing(lost, none)).toEqual([]);
  const election = { node: 'n3', term: 2, termBefore: 1, atNs: 5.9 * SECOND };
  expect(failing({ ...lost, election }, none)).toEqual(failed);
});

test('without phases nothing is asked', () => {
  expect(failing({}, { fault: 0 }, { phases: undefined })).toEqual([]);
});
