import { expect, test } from 'vitest';
import type { Completion } from '../contracts/client.ts';
import { nodeId } from '../contracts/names.ts';
import { MILLISECOND } from '../lib/duration.ts';
import type { VictimOperations } from '../rundir/cluster-log.ts';
import { FaultWindows } from './fault-windows.ts';

const ok = (servedBy: string): Completion => ({ type: 'ok', value: null, servedBy });
const info: Completion = { type: 'info', error: 'timeout' };

/** What one operation at n1 counts for a fault that hits n1 from 1,000 ms on. */
function counted(operation: {
  readonly healedMs?: number;
  readonly invokedMs: number;
  readonly completedMs: number;
  readonly completion: Completion;
}): Partial<VictimOperations> {
  const { healedMs = 2_000, invokedMs, completedMs, completion } = operation;
  const windows = new FaultWindows();
  windows.open(0, { victims: [nodeId('n1')], startedNs: 1_000 * MILLISECOND });
  // As in a run: the heal is known to operations that complete after it, and only to them.
  if (completedMs >= healedMs) windows.close(0, healedMs * MILLISECOND);
  windows.record({
    process: 0,
    node: nodeId('n1'),
    invocation: { f: 'read', value: null },
    intendedNs: invokedMs * MILLISECOND,
    invokedNs: invokedMs * MILLISECOND,
    completedNs: completedMs * MILLISECOND,
    completion,
  });
  const counts = Object.entries(windows.operations(0)).filter(([, count]) => count !== 0);
  return Object.fromEntries(counts);
}

test('an answer from the other side before the heal has leaked; after it, it was delayed', () => {
  const sent = { invokedMs: 1_100, completedMs: 1_110 };
  expect(counted({ ...sent, completion: ok('n2') })).toEqual({
    ok: 1,
    servedElsewhere: 1,
    leaked: 1,
    answered: 1,
  });
  expect(counted({ ...sent, completion: ok('n1') })).toEqual({ ok: 1, answered: 1 });
  expect(counted({ ...sent, completedMs: 2_010, completion: ok('n2') })).toEqual({
    ok: 1,
    servedElsewhere: 1,
    delayed: 1,
  });
});

test('an operation sent just before the heal was not held up by the fault', () => {
  const late = { invokedMs: 1_999, completedMs: 2_010, completion: ok('n2') };
  expect(counted(late)).toEqual({ ok: 1, servedElsewhere: 1 });
});

test('one that was under way before the fault counts when it had to wait for the heal', () => {
  const early = { invokedMs: 995, completion: ok('n2') };
  expect(counted({ ...early, completedMs: 1_010 })).toEqual({});
  expect(counted({ ...early, completedMs: 2_010 })).toEqual({ delayed: 1 });
  expect(counted({ ...early, healedMs: 1_040, completedMs: 1_050 })).toEqual({ delayed: 1 });
});

test('one that was under way before the fault and never answered counts once, as delayed', () => {
  expect(counted({ invokedMs: 995, completedMs: 1_900, completion: info })).toEqual({ delayed: 1 });
  expect(counted({ invokedMs: 995, completedMs: 1_005, completion: info })).toEqual({});
  expect(counted({ invokedMs: 1_000, completedMs: 1_900, completion: info })).toEqual({ info: 1 });
});

test('an answer over nodes that still reach each other did not leak', () => {
  const counts = (reaches: (from: string, to: string) => boolean) => {
    const windows = new FaultWindows();
    windows.open(0, { victims: [nodeId('n1')], startedNs: 0, reaches });
    windows.record({ ...operation('n1', 10, 20), completion: ok('n2') });
    return windows.operations(0);
  };
  expect(counts(() => true)).toMatchObject({ servedElsewhere: 1, leaked: 0 });
  expect(counts(() => false)).toMatchObject({ servedElsewhere: 1, leaked: 1 });
});

const operation = (node: string, invokedNs: number, completedNs: number) => ({
  process: 0,
  node: nodeId(node),
  invocation: { f: 'read', value: null },
  intendedNs: invokedNs,
  invokedNs,
  completedNs,
  completion: ok(node),
});

test('an operation was slowed when it spent at least the delay in the window', () => {
  const windows = new FaultWindows();
  windows.open(0, { victims: [nodeId('n1')], startedNs: 100, delayNs: 50 });
  windows.record(operation('n1', 90, 149));
  windows.record(operation('n1', 100, 149));
  windows.record(operation('n2', 100, 300));
  expect(windows.operations(0).slowed).toBe(0);
  windows.record(operation('n1', 90, 150));
  windows.close(0, 200);
  windows.record(operation('n1', 160, 300));
  expect(windows.operations(0).slowed).toBe(1);
  windows.record(operation('n1', 150, 300));
  expect(windows.operations(0).slowed).toBe(2);
});

test('operations at other nodes count while the fault is in force', () => {
  const windows = new FaultWindows();
  windows.record(operation('n2', 10, 20));
  windows.open(0, { victims: [nodeId('n1')], startedNs: 100 });
  windows.record(operation('n2', 10, 99));
  expect(windows.otherOperations(0)).toBe(0);
  windows.record(operation('n2', 10, 100));
  windows.close(0, 200);
  windows.record(operation('n2', 199, 300));
  windows.record(operation('n2', 200, 300));
  expect(windows.otherOperations(0)).toBe(2);
  expect(windows.asked(0)).toEqual(['n2']);
});

test('a fault that began while an earlier one was still healing takes nothing from it', () => {
  const windows = new FaultWindows();
  windows.open(0, { victims: [nodeId('n1')], startedNs: 100 });
  windows.open(1, { victims: [nodeId('n2')], startedNs: 150 });
  windows.close(1, 160);
  windows.record(operation('n1', 170, 180));
  windows.close(0, 200);
  windows.record(operation('n1', 190, 210));
  windows.record(operation('n1', 200, 210));
  expect([windows.operations(0).ok, windows.operations(1).ok]).toEqual([2, 0]);
});

test('what is under way counts as it would if the fault healed now', () => {
  const windows = new FaultWindows();
  const early = operation('n1', 90, 0);
  const [late, other] = [operation('n1', 150, 0), operation('n2', 170, 0)];
  for (const one of [early, late, other]) windows.started(one);
  windows.open(0, { victims: [nodeId('n1')], startedNs: 100, delayNs: 60 });
  const soFar = (nowNs: number) => windows.soFar(0, nowNs);
  // A quarter of the window is what it takes: the later one has not waited so long yet.
  expect(soFar(160)).toMatchObject({ victims: { ok: 1, delayed: 1, slowed: 1 }, others: 0 });
  expect(soFar(220)).toMatchObject({ victims: { ok: 1, delayed: 2, slowed: 2 }, others: 1 });
  expect(soFar(220).victims).toMatchObject({ answered: 0, leaked: 0 });
  expect([soFar(160).asked, soFar(220).asked]).toEqual([['n1'], ['n1', 'n2']]);
  for (const one of [early, late, other]) windows.ended(one);
  expect(soFar(220)).toMatchObject({ victims: { ok: 0, delayed: 0 }, others: 0, asked: [] });
  expect(windows.operations(0)).toMatchObject({ ok: 0, delayed: 0, slowed: 0 });
});
