import { expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { PAPER_RULES, type Rules } from '../raft/core/rules.ts';
import { makeConfiguration } from '../raft/core/configuration.ts';
import { LOG_START } from '../raft/core/log.ts';
import { type Input, nodeId, term } from '../raft/core/types.ts';
import { SimCluster } from './cluster.ts';
import { hard } from './invariants/testing/told-cluster.ts';
import {
  isQuorumConnected,
  livenessBounds,
  type LivenessProof,
  proveLiveness,
  watchLiveness,
} from './liveness.ts';
import type { SimProfile } from './profile.ts';
import { Simulation } from './simulation.ts';
import { QUICK_RESTARTS } from './testing/plain-profile.ts';

const ms = (min: number, max: number) => ({ minNs: min * MILLISECOND, maxNs: max * MILLISECOND });

async function prove(
  rules: Partial<Rules>,
  before: (cluster: SimCluster) => Promise<unknown> = async () => {},
): Promise<LivenessProof | undefined> {
  const sim = new Simulation('liveness');
  const cluster = new SimCluster(sim, {
    size: 3,
    profile: QUICK_RESTARTS,
    rules: { ...PAPER_RULES, ...rules },
    observers: [],
  });
  cluster.startAll();
  return sim.drive(
    (async () => {
      await sim.sleep(SECOND);
      await before(cluster);
      const proof = await proveLiveness(sim, cluster);
      // The run ends with the event in which a bound was missed.
      await sim.sleep(1);
      return proof;
    })(),
  );
}

test('a healthy cluster has a leader and makes progress, long before the bounds (§5.2)', async () => {
  const proof = await prove({});
  expect(proof?.leaderNs).toBeLessThan(SECOND);
  expect(proof?.progressNs).toBeLessThan(100 * MILLISECOND);
});

test('nobody ever votes: no leader within the bound breaks liveness (§5.2)', async () => {
  await expect(prove({ mayGrantVote: () => false })).rejects.toMatchObject({
    violation: {
      invariant: 'liveness-leader',
      sentence: expect.stringMatching(
        /^no leader had a quorum of followers within \d+\.\d s after the last heal \(n1 /,
      ),
    },
  });
});

test('nothing is ever committed: no progress within the bound breaks liveness (§5.3)', async () => {
  await expect(
    prove({ leaderCommitIndex: ({ commitIndex }) => commitIndex }),
  ).rejects.toMatchObject({
    violation: {
      invariant: 'liveness-progress',
      sentence: expect.stringMatching(
        /^n\d leads, but of \d+ commands none was committed and answered within .* committed 0 of/,
      ),
    },
  });
});

test('a quorum that is not there, or cut off, is not connected', async () => {
  const seen: boolean[] = [];
  await prove({}, async (cluster) => {
    seen.push(isQuorumConnected(cluster));
    const [n1, n2, n3] = ['n1', 'n2', 'n3'].map((id) => cluster.node(id));
    n3?.stop({ type: 'killed' });
    seen.push(isQuorumConnected(cluster));
    const [from, to] = cluster.nodes;
    const links = from === undefined || to === undefined ? [] : [{ from, to }];
    const cut = await cluster.links.cut(links);
    seen.push(isQuorumConnected(cluster));
    await cut[Symbol.asyncDispose]();
    n1?.pause();
    seen.push(isQuorumConnected(cluster));
    n1?.resume();
    n2?.start();
    cluster.startAll();
  });
  expect(seen).toEqual([true, true, false, false]);
});

test('bounds grow with what elections and machines take (§5.6)', () => {
  const bounds = livenessBounds({ profile: QUICK_RESTARTS, nodes: 3, entries: 100 });
  const grown = (change: Partial<SimProfile>, entries = 100) =>
    livenessBounds({ profile: { ...QUICK_RESTARTS, ...change }, nodes: 3, entries });
  const narrow = { ...QUICK_RESTARTS.node, electionTimeout: ms(150, 160) };
  expect(grown({ node: narrow }).leaderNs, 'votes split').toBeGreaterThan(bounds.leaderNs);
  expect(grown({ driftPpmMax: 100_000 }).leaderNs).toBeGreaterThan(bounds.leaderNs);
  expect(grown({ restartNs: ms(1, 5000) }).leaderNs).toBeGreaterThan(bounds.leaderNs);
  expect(grown({}, 5000).progressNs, 'logs to catch up').toBeGreaterThan(bounds.progressNs);
  expect(bounds.leaderNs).toBeLessThan(60 * SECOND);
  expect(bounds.progressNs).toBeLessThan(60 * SECOND);
});

const nodes = ['n1', 'n2', 'n3'].map(nodeId);
const [n1, n2] = [nodeId('n1'), nodeId('n2')];

/** Three nodes of which nobody says anything by itself. */
function watched(isConnected: () => boolean = () => true) {
  const clock = { ns: 0 };
  const watch = watchLiveness({
    sim: { now: () => clock.ns },
    nodes,
    electionTimeoutNsMin: 160,
    isQuorumConnected: isConnected,
  });
  const restored = { hardState: hard(0), base: LOG_START, entries: [] };
  for (const node of nodes) watch.started?.({ node, number: 1 }, restored, 0);
  const step = (
    atNs: number,
    node: typeof n1,
    what: { role: 'follower' | 'candidate' | 'leader'; at: number },
    inputs: readonly Input[] = [],
  ): void => {
    clock.ns = atNs;
    const { role, at } = what;
    const hardState = role === 'candidate' ? hard(at, node) : undefined;
    const none = { entries: [], messages: [], messagesAfterSync: [], committed: [], accepted: [] };
    const zero = { commitIndex: 0, firstIndex: 1, lastIndex: 0 } as never;
    const rest = { ...none, refused: [], reads: [], refusedReads: [], ...(zero as object) };
    const configuration = makeConfiguration(nodes);
    const ready = {
      hardState,
      configuration,
      write: undefined,
      role,
      term: term(at),
      leader: undefined,
    };
    watch.stepped?.({ node, number: 1 }, inputs, { ...rest, ...ready, deadlineNs: 0 } as never);
  };
  return { watch, step };
}

const heard: Input = {
  type: 'message',
  from: n2,
  message: {
    type: 'append-response',
    term: term(1),
    round: 0,
    result: { success: true, matchIndex: 0 as never },
  },
};

/** n1 leads term 1 and was heard last at 1000. */
function led(isConnected?: () => boolean) {
  const { watch, step } = watched(isConnected);
  step(0, n1, { role: 'candidate', at: 1 });
  step(10, n1, { role: 'leader', at: 1 });
  for (let atNs = 20; atNs <= 1000; atNs += 20) step(atNs, n1, { role: 'leader', at: 1 }, [heard]);
  return { watch, step };
}

test('an election is needless while a leader is heard by a quorum (thesis §9.6)', () => {
  const { watch, step } = led();
  step(1010, n2, { role: 'candidate', at: 2 });
  expect(watch.figures()).toMatchObject({ elections: 2, needlessElections: 1 });
});

test.each([
  ['is heard no more', () => {}],
  [
    'stopped',
    ({ watch }: ReturnType<typeof led>) =>
      watch.stopped?.({ node: n1, number: 1 }, { type: 'killed' }),
  ],
])('an election is not needless when the leader %s (thesis §9.6)', (why, before) => {
  const run = led();
  before(run);
  run.step(why === 'stopped' ? 1010 : 1200, n2, { role: 'candidate', at: 2 });
  expect(run.watch.figures()).toMatchObject({ elections: 2, needlessElections: 0 });
});

test('time without a leader counts while a quorum is connected (§5.2)', () => {
  const connected = { is: true };
  const { watch, step } = led(() => connected.is);
  for (let atNs = 1020; atNs <= 1500; atNs += 20) step(atNs, n2, { role: 'follower', at: 1 });
  const { leaderlessNsMax } = watch.figures();
  expect(leaderlessNsMax).toBeGreaterThan(300);
  expect(leaderlessNsMax).toBeLessThanOrEqual(500);
  connected.is = false;
  for (let atNs = 1520; atNs <= 9000; atNs += 20) step(atNs, n2, { role: 'follower', at: 1 });
  expect(watch.figures().leaderlessNsMax, 'without a quorum').toBe(leaderlessNsMax);
});

test('requests that were refused, or died with their node, failed', () => {
  const { watch } = watched();
  const life = { node: n1, number: 1 };
  const read = { type: 'read', key: 'k', consistency: 'linearizable' } as const;
  for (const request of [1, 2, 3]) watch.submitted?.(life, request, read);
  const served = { servedBy: n1, term: 1, appliedIndex: 1 };
  watch.answered?.(life, 1, { type: 'ok', value: null, applied: true, ...served });
  watch.answered?.(life, 2, { type: 'refused', error: 'no leader is known here' });
  watch.stopped?.(life, { type: 'killed' });
  expect(watch.figures()).toMatchObject({ requests: 3, failedRequests: 2 });
});
