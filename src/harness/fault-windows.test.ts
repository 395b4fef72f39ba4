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
  windows.open(0, [nodeId('n1')], 1_000 * MILLISECOND);
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
  });
  expect(counted({ ...sent, completion: ok('n1') })).toEqual({ ok: 1 });
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
