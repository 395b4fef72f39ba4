import { expect, test } from 'vitest';
import { nodeId } from '../contracts/names.ts';
import type { NodeStatus, ProbeFailure } from '../contracts/target.ts';
import { defined } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { ClusterEvent } from '../rundir/cluster-log.ts';
import { Observer } from './observer.ts';
import { FakeStore } from './testing/fake-store.ts';
import { SimulatedClock } from './testing/simulated-clock.ts';

const [n1, n2, n3] = ['n1', 'n2', 'n3'].map(nodeId) as [
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
];

function observed() {
  const clock = new SimulatedClock();
  const store = new FakeStore(clock, 3);
  const events: ClusterEvent[] = [];
  const observer = new Observer({
    clock,
    nodes: store.nodes,
    probe: async (node) => store.status(node),
    record: (event) => void events.push(event),
  });
  /** Observes for so long, and goes on observing while the test continues. */
  const watch = async (ns: number): Promise<void> => {
    const stop = new AbortController();
    void clock.sleep(ns).then(() => stop.abort());
    await clock.drive(observer.run(stop.signal));
  };
  return { clock, store, events, observer, watch };
}

test('before the first sample nobody leads; then the leader is known', async () => {
  const { observer, watch } = observed();
  expect(observer.view().leader).toBeUndefined();
  await watch(100 * MILLISECOND);
  expect(observer.view().leader).toBe(n1);
  expect(observer.isSettled()).toBe(true);
});

test('every sample is recorded, about five a second and node', async () => {
  const { store, events, watch } = observed();
  store.mute.add(n2);
  await watch(2 * SECOND - 1);
  expect(events.filter(({ type }) => type === 'status')).toHaveLength(20);
  expect(events.filter(({ type }) => type === 'unreachable')).toHaveLength(10);
});

test('of two that claim to lead, the one with the higher term does', async () => {
  const { store, observer, watch } = observed();
  await watch(100 * MILLISECOND);
  await store.links.cut(
    [n2, n3].flatMap((other) => [
      { from: n1, to: other },
      { from: other, to: n1 },
    ]),
  );
  await watch(2 * SECOND);
  expect(observer.status(n1)?.role).toBe('leader');
  expect(observer.view().leader).toBe(n2);
  expect(observer.isSettled()).toBe(false);
});

test('what was heard more than a second ago is not believed', async () => {
  const { clock, observer, watch } = observed();
  await watch(100 * MILLISECOND);
  await clock.drive(clock.sleep(2 * SECOND));
  expect(observer.view().leader).toBeUndefined();
  expect(observer.isSettled()).toBe(false);
});

test('an election is a higher term led by somebody who is no victim, seen since', async () => {
  const { clock, store, observer, watch } = observed();
  await watch(100 * MILLISECOND);
  const sinceNs = clock.now();
  const termBefore = observer.termMax;
  await store.processes.kill(n1);
  await watch(2 * SECOND);
  const query = { sinceNs, termBefore, victims: [n1] };
  expect(observer.election(query)).toMatchObject({ node: n2, term: 2, termBefore: 1 });
  expect(observer.election({ ...query, victims: [n1, n2] })).toBeUndefined();
  expect(observer.election({ ...query, termBefore: 2 })).toBeUndefined();
  expect(observer.election({ ...query, sinceNs: clock.now() })).toBeUndefined();
});

test('a wait ends when the condition holds, when time is up, or at abort', async () => {
  const { clock, observer } = observed();
  const never = new AbortController();
  const atOneSecond = (): boolean => clock.now() >= SECOND;
  expect(await clock.drive(observer.until(atOneSecond, 5 * SECOND, never.signal))).toBe(true);
  expect(await clock.drive(observer.until(() => false, SECOND, never.signal))).toBe(false);
  expect(clock.now()).toBe(2 * SECOND);
  never.abort();
  expect(await clock.drive(observer.until(() => false, SECOND, never.signal))).toBe(false);
  expect(clock.now()).toBe(2 * SECOND);
});

test('who leads an older term than was seen anywhere leads no more', async () => {
  const { clock, store, observer, watch } = observed();
  await watch(100 * MILLISECOND);
  await store.links.cut(
    [n2, n3].flatMap((other) => [
      { from: n1, to: other },
      { from: other, to: n1 },
    ]),
  );
  await watch(500 * MILLISECOND);
  expect(observer.leader()).toBe(n2);
  expect(observer.termMax).toBe(2);
  store.mute.add(n2);
  await clock.drive(observer.refresh());
  expect(observer.status(n1)?.role).toBe('leader');
  expect(observer.leader()).toBeUndefined();
});

test('an answer to an older question does not replace that to a newer one', async () => {
  const { clock, store } = observed();
  let isSlow = true;
  const observer = new Observer({
    clock,
    nodes: [n1],
    record: () => undefined,
    probe: async (node) => {
      if (!isSlow) return store.status(node);
      isSlow = false;
      await clock.sleep(SECOND / 2);
      return undefined;
    },
  });
  const older = observer.refresh();
  await clock.drive(clock.sleep(MILLISECOND));
  await observer.refresh();
  await clock.drive(older);
  expect(observer.status(n1)?.role).toBe('leader');
});

test('without a leader to wait for, a cluster is settled when every node answers', async () => {
  const clock = new SimulatedClock();
  const events: ClusterEvent[] = [];
  const refusing = new Set([n2]);
  const observer = new Observer({
    clock,
    nodes: [n1, n2],
    hasLeader: false,
    record: (event) => void events.push(event),
    probe: async (node): Promise<NodeStatus | ProbeFailure> =>
      refusing.has(node) ? { failure: 'connection refused' } : {},
  });
  await clock.drive(observer.refresh());
  expect(observer.isSettled()).toBe(false);
  expect(observer.failure(n2)).toBe('connection refused');
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'unreachable', node: n2, error: 'connection refused' }),
  );
  refusing.clear();
  await clock.drive(observer.refresh());
  expect(observer.isSettled()).toBe(true);
  const voters = [n1, n2];
  expect(observer.view()).toEqual({ nodes: voters, voters, leader: undefined, hasLeader: false });
  expect(observer.termMax).toBe(0);
  expect(events.at(-1)).toMatchObject({ type: 'status', role: null, term: null });
});

/** Three members and a node beside them. */
function withSpare() {
  const clock = new SimulatedClock();
  const store = new FakeStore(clock, 3, 1);
  const events: ClusterEvent[] = [];
  const { membership } = store.cluster();
  const observer = new Observer({
    clock,
    nodes: store.nodes,
    first: [n1, n2, n3],
    members: membership?.members,
    probe: async (node) => store.status(node),
    record: (event) => void events.push(event),
  });
  const change = async (...names: readonly string[]): Promise<void> => {
    await clock.drive(defined(membership, 'it can').change(names.map(nodeId)));
    await clock.drive(observer.refresh());
  };
  return { clock, store, events, observer, change };
}

test('whoever is no member is no voter, and need not be in the term of the leader', async () => {
  const { clock, store, observer } = withSpare();
  await clock.drive(observer.refresh());
  expect(observer.status(nodeId('n4'))?.term).toBe(0);
  expect(observer.view()).toMatchObject({ nodes: store.nodes, voters: [n1, n2, n3] });
  expect(observer.isSettled()).toBe(true);
  store.mute.add(nodeId('n4'));
  await clock.drive(observer.refresh());
  expect(observer.isSettled()).toBe(false);
});

test('members are what the leader tells; each change of them is recorded once', async () => {
  const { events, observer, change } = withSpare();
  await change('n1', 'n2', 'n3', 'n4');
  expect(observer.view().voters).toEqual(['n1', 'n2', 'n3', 'n4']);
  await change('n2', 'n4');
  expect(observer.view()).toMatchObject({ voters: ['n2', 'n4'], first: ['n1', 'n2', 'n3'] });
  await change('n2', 'n4');
  const told = events.flatMap((event) => (event.type === 'members' ? [event.voters.join()] : []));
  expect(told).toEqual(['n1,n2,n3,n4', 'n2,n4']);
});

test('a removed node that campaigns for ever unsettles nobody', async () => {
  const { clock, store, observer, change } = withSpare();
  await change('n1', 'n2');
  store.claim(nodeId('n3'), 99);
  await clock.drive(observer.refresh());
  expect(observer.termMax).toBe(1);
  expect(observer.view().leader).toBe(n1);
  expect(observer.isSettled()).toBe(true);
});

test('while a change is under way nothing is settled', async () => {
  const { clock, store, observer } = withSpare();
  await clock.drive(observer.refresh());
  const changing = store.admin.changeMembers('fake://n1', [n1, n2], SECOND);
  await clock.drive(clock.sleep(20 * MILLISECOND));
  await clock.drive(observer.refresh());
  expect(observer.members?.outgoing).toEqual(['n1', 'n2', 'n3']);
  expect(observer.isSettled()).toBe(false);
  await clock.drive(changing);
  await clock.drive(observer.refresh());
  expect(observer.isSettled()).toBe(true);
});
