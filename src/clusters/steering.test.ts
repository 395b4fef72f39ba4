import { expect, test } from 'vitest';
import type { AdminOutcome, AdminRequest, Cluster } from '../contracts/cluster.ts';
import { nodeId, type NodeId } from '../contracts/names.ts';
import type { TargetAdmin } from '../contracts/target.ts';
import { FakeStore } from '../harness/testing/fake-store.ts';
import { SimulatedClock } from '../harness/testing/simulated-clock.ts';
import { defined } from '../lib/assert.ts';
import { SECOND } from '../lib/duration.ts';
import { steeringOf, withSteering } from './steering.ts';

const names = (...all: readonly string[]): readonly NodeId[] => all.map(nodeId);
const FIRST = names('n1', 'n2', 'n3');

function steered(admin?: (store: FakeStore) => TargetAdmin, signal?: AbortSignal) {
  const clock = new SimulatedClock();
  const store = new FakeStore(clock, 3, 2);
  const cluster = withSteering(store.cluster(), {
    target: { ...store.target(), admin: admin?.(store) ?? store.admin },
    clock,
    signal: signal ?? new AbortController().signal,
  });
  const change = (...voters: readonly string[]): Promise<AdminRequest> =>
    clock.drive(defined(cluster.membership, 'it can').change(names(...voters)));
  const transfer = (to: string): Promise<AdminRequest> =>
    clock.drive(defined(cluster.leadership, 'it can').transfer(nodeId(to)));
  return { clock, store, cluster, change, transfer };
}

test('a change is asked of the leader, and done when it is seen and complete', async () => {
  const { store, change, cluster } = steered();
  expect(cluster.membership?.first).toEqual(FIRST);
  store.depose();
  expect(await change('n5', 'n2', 'n3', 'n4')).toMatchObject({
    asked: ['n5', 'n2', 'n3', 'n4'],
    outcome: { type: 'done' },
    attempts: 1,
  });
  expect(store.voters).toEqual(['n2', 'n3', 'n4', 'n5']);
});

test('what is so already is not asked for', async () => {
  const { change, transfer } = steered();
  expect(await change('n3', 'n1', 'n2')).toMatchObject({ outcome: { type: 'done' }, attempts: 0 });
  expect(await transfer('n1')).toMatchObject({ outcome: { type: 'done' }, attempts: 0 });
});

test('whoever refuses is asked again until the time is up; that it refused is told', async () => {
  const { store, change, transfer } = steered();
  store.refusesAdmin = 'not today';
  const changed = await change('n1', 'n2');
  expect(changed.outcome).toEqual({ type: 'refused', error: 'not today' });
  expect(changed.attempts).toBeGreaterThan(10);
  expect(changed.endedNs - changed.startedNs).toBeLessThan(20 * SECOND);
  expect((await transfer('n2')).outcome).toEqual({ type: 'refused', error: 'not today' });
});

test('what was answered as done and is not seen is unknown: it may still come', async () => {
  const { store, change, transfer } = steered();
  store.pretendsAdmin = true;
  expect(await change('n1', 'n2')).toMatchObject({ outcome: { type: 'unknown' } });
  expect(await transfer('n2')).toMatchObject({ outcome: { type: 'unknown' } });
});

test('an answer that was lost does not make a change undone: it is looked at', async () => {
  const lost: AdminOutcome = { type: 'unknown', error: 'no answer in time' };
  const { change, transfer } = steered((store) => ({
    ...store.admin,
    changeMembers: async (...asked) => store.admin.changeMembers(...asked).then(() => lost),
    transferLeadership: async (...asked) =>
      store.admin.transferLeadership(...asked).then(() => lost),
  }));
  expect(await change('n1', 'n2')).toMatchObject({ outcome: { type: 'done' }, attempts: 1 });
  expect(await transfer('n2')).toMatchObject({ outcome: { type: 'done' }, attempts: 1 });
});

test('an unknown outcome is not forgotten for a later refusal', async () => {
  let isFirst = true;
  const { change } = steered((store) => ({
    ...store.admin,
    changeMembers: async () => {
      if (!isFirst) return { type: 'refused', error: 'no' };
      isFirst = false;
      return { type: 'unknown', error: 'lost' };
    },
  }));
  expect((await change('n1', 'n2')).outcome).toEqual({ type: 'unknown', error: 'lost' });
});

test('a hand-over tells the term of the new leader, and that of the one before', async () => {
  const { store, transfer } = steered();
  store.depose();
  expect(await transfer('n3')).toMatchObject({
    asked: 'n3',
    led: { term: 3, termBefore: 2 },
    outcome: { type: 'done' },
  });
});

test('without a leader nobody is asked, and nothing has happened', async () => {
  const { clock, store, change } = steered();
  store.electsNobody = true;
  await clock.drive(store.processes.kill(nodeId('n1')));
  expect(await change('n2', 'n3')).toMatchObject({ outcome: { type: 'refused' }, attempts: 0 });
});

test('an interrupted run gives up at once', async () => {
  const stop = new AbortController();
  const { clock, store, change } = steered(undefined, stop.signal);
  store.refusesAdmin = 'not today';
  stop.abort();
  expect(await change('n1', 'n2')).toMatchObject({ outcome: { type: 'refused' } });
  expect(clock.now()).toBeLessThan(SECOND);
});

test('a cluster can be asked for what its target says how to ask for, and for nothing else', () => {
  const { admin } = steered().store;
  const members = async () => undefined;
  const changeMembers: TargetAdmin['changeMembers'] = async () => ({ type: 'done' });
  const can = (admin: TargetAdmin): readonly (keyof Cluster)[] => {
    const { cluster } = steered(() => admin);
    const shown = (['membership', 'leadership'] as const).filter((one) => cluster[one]);
    expect(steeringOf({ admin })).toEqual(shown);
    return shown;
  };
  expect(can({})).toEqual([]);
  expect(can({ members })).toEqual([]);
  expect(can({ members, changeMembers })).toEqual(['membership']);
  expect(can({ transferLeadership: async () => ({ type: 'done' }) })).toEqual(['leadership']);
  expect(can(admin)).toEqual(['membership', 'leadership']);
});
