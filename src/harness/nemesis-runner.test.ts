import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { kill } from '../../nemesis/kill.ts';
import { partition } from '../../nemesis/partition.ts';
import { pause } from '../../nemesis/pause.ts';
import type { Json } from '../../checker/index.ts';
import { type NodeId, nodeId } from '../contracts/names.ts';
import type { Nemesis, PlannedFault } from '../contracts/nemesis.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { ClusterEvent, FaultRecord } from '../rundir/cluster-log.ts';
import { FaultWindows } from './fault-windows.ts';
import type { StartedOperation } from './interpreter/ports.ts';
import { NemesisRunner, type NemesisRunnerOptions } from './nemesis-runner.ts';
import { Observer } from './observer.ts';
import { FAKE_ELECTION_NS, FakeStore } from './testing/fake-store.ts';
import { SimulatedClock } from './testing/simulated-clock.ts';

interface Said {
  readonly time: number;
  readonly f: string;
  readonly value: { readonly [key: string]: Json };
}

function scene(plan: readonly PlannedFault[], change: Partial<NemesisRunnerOptions> = {}) {
  const clock = new SimulatedClock();
  const store = new FakeStore(clock, 5);
  const history: Said[] = [];
  const events: ClusterEvent[] = [];
  const observer = new Observer({
    clock,
    nodes: store.nodes,
    probe: async (node) => store.status(node),
    record: () => undefined,
  });
  const windows = new FaultWindows();
  const runner = new NemesisRunner({
    clock,
    cluster: store.cluster(),
    nemeses: new Map([kill, partition, pause].map((one) => [one.kind, one])),
    plan,
    observer,
    recordEvent: (f, value) => {
      history.push({ time: clock.now(), f, value: value as Said['value'] });
      return clock.now();
    },
    log: (event) => void events.push(event),
    windows,
    electionTimeoutNsMax: FAKE_ELECTION_NS,
    beganNs: 0,
    latestNs: 1_000 * SECOND,
    ...change,
  });
  const stop = new AbortController();
  const run = async (): Promise<readonly FaultRecord[]> => {
    const ended = new AbortController();
    const observing = observer.run(ended.signal);
    const work = runner.run(stop.signal).finally(() => ended.abort());
    await clock.drive(Promise.all([work, observing]));
    return runner.records();
  };
  return { clock, store, history, events, observer, windows, runner, run, stop };
}

function planned(kind: string, shape: string, atMs: number, durationMs: number): PlannedFault {
  const [atNs, durationNs] = [atMs * MILLISECOND, durationMs * MILLISECOND];
  return { kind, shape, atNs, durationNs, seed: `${kind}${atMs}` };
}

test('start and heal stand in the history, with groups and victims', async () => {
  const { run, history, store } = scene([planned('partition', 'one', 1_000, 2_000)]);
  await run();
  expect(history).toMatchObject([
    {
      time: 1_000 * MILLISECOND,
      f: 'partition',
      value: { phase: 'start', fault: 0, shape: 'one' },
    },
    { time: 3_000 * MILLISECOND, f: 'partition', value: { phase: 'heal', fault: 0 } },
  ]);
  const { victims, groups } = history[0]?.value ?? {};
  expect(Array.isArray(groups) ? groups[0] : undefined).toEqual(victims);
  expect(store.cuts).toBe(0);
});

test('a cut leader is held until another leads, and then both sides serve for two seconds', async () => {
  const { run } = scene([planned('partition', 'leader-minority', 1_000, 100)]);
  const [record] = await run();
  expect(record).toMatchObject({
    outcome: 'injected',
    leader: 'n1',
    election: { term: 2, termBefore: 1 },
  });
  const injected = record as Extract<FaultRecord, { outcome: 'injected' }>;
  const electedNs = injected.election?.atNs ?? NaN;
  expect(electedNs - injected.startedNs).toBeGreaterThanOrEqual(FAKE_ELECTION_NS);
  expect(injected.healedNs - electedNs).toBe(2 * SECOND);
  expect(injected.victims).toHaveLength(2);
  expect(injected.victims).not.toContain(injected.election?.node);
});

test('without an election a leader fault is held five election timeouts and no longer', async () => {
  const { run, store } = scene([planned('kill', 'leader', 1_000, 100)]);
  store.electsNobody = true;
  const [record] = await run();
  expect(record).toMatchObject({
    election: null,
    startedNs: SECOND,
    healedNs: SECOND + 5 * FAKE_ELECTION_NS,
  });
});

/** An operation at a node that has been sent. */
const sent = (node: NodeId, invokedNs: number): StartedOperation => ({
  process: 0,
  node,
  invocation: { f: 'read', value: null },
  intendedNs: invokedNs,
  invokedNs,
});

test('a short fault is held until somebody who waits for its victims has shown it', async () => {
  const { run, clock, windows, store } = scene([planned('pause', 'all', 1_000, 200)]);
  // Its planned time is over by then.
  const askedNs = 1_500 * MILLISECOND;
  const operation = sent(nodeId('n2'), askedNs);
  void clock.sleep(askedNs).then(() => windows.started(operation));
  const [record] = await run();
  const { healedNs, durationNs } = record as Extract<FaultRecord, { outcome: 'injected' }>;
  // Long enough for the gate that looks at it afterwards, also when it is repeated a little earlier.
  const waitedNs = healedNs - askedNs;
  expect(waitedNs - 100 * MILLISECOND).toBeGreaterThan((healedNs - SECOND) / 4);
  expect(waitedNs).toBeLessThan(600 * MILLISECOND);
  expect(durationNs).toBe(healedNs - SECOND);
  expect(store.impaired).toBe(0);
});

test('a short cut that both sides have tried to cross is not held any longer', async () => {
  const { run, windows, clock, store } = scene([planned('partition', 'one', 1_000, 400)]);
  void clock
    .sleep(900 * MILLISECOND)
    .then(() => store.nodes.forEach((node) => windows.started(sent(node, clock.now()))));
  expect(await run()).toMatchObject([{ durationNs: 400 * MILLISECOND }]);
});

test('a fault that nobody notices is held five election timeouts and no longer', async () => {
  const { run } = scene([planned('pause', 'one', 1_000, 200)]);
  expect(await run()).toMatchObject([{ durationNs: 5 * FAKE_ELECTION_NS }]);
});

test('a killed leader stays down until another leads, and comes back with another pid', async () => {
  const { run, store } = scene([planned('kill', 'leader', 1_000, 100)]);
  const [record] = await run();
  expect(record).toMatchObject({ election: { node: 'n2' }, victims: ['n1'] });
  const { processes } = record as Extract<FaultRecord, { outcome: 'injected' }>;
  expect(processes).toMatchObject([{ node: 'n1', pidBefore: 100, pidAfter: 105 }]);
  expect(store.down).toEqual([]);
});

test('a fault that was held long pushes the next one on; they do not overlap', async () => {
  const { run, history } = scene([
    planned('partition', 'leader', 1_000, 500),
    planned('partition', 'one', 2_000, 500),
    planned('kill', 'one', 20_000, 500),
  ]);
  await run();
  const phases = history.map(({ value }) => [value['phase'], value['fault']]);
  expect(phases).toEqual(
    [0, 1, 2].flatMap((fault) => [
      ['start', fault],
      ['heal', fault],
    ]),
  );
  const at = history.map(({ time }) => time / MILLISECOND);
  // The planned gap of half a second is kept, and the third fault is on time again.
  expect((at[2] ?? 0) - (at[1] ?? 0)).toBe(500);
  expect(at[4]).toBe(20_000);
});

test('a leader fault waits for a leader to be known, and is unresolved when none comes', async () => {
  const late = scene([planned('kill', 'leader', 1_000, 500)]);
  for (const node of late.store.nodes) late.store.mute.add(node);
  void late.clock.sleep(4 * SECOND).then(() => late.store.mute.clear());
  const [record] = await late.run();
  expect(record).toMatchObject({ outcome: 'injected', victims: ['n1'] });
  expect(late.history[0]?.time).toBeGreaterThanOrEqual(4 * SECOND);

  const never = scene([planned('kill', 'leader', 1_000, 500)]);
  for (const node of never.store.nodes) never.store.mute.add(node);
  expect(await never.run()).toMatchObject([{ outcome: 'unresolved', waitedNs: 10 * SECOND }]);
  expect(never.history).toEqual([]);
});

test('an abort heals what is in force at once and skips the rest', async () => {
  const { run, stop, clock, store, runner } = scene([
    planned('kill', 'one', 1_000, 5_000),
    planned('partition', 'one', 10_000, 5_000),
  ]);
  void clock.sleep(2 * SECOND).then(() => {
    expect(store.down).toHaveLength(1);
    expect(runner.active?.kind).toBe('kill');
    stop.abort();
  });
  const records = await run();
  expect(records.map(({ outcome }) => outcome)).toEqual(['injected', 'skipped']);
  expect(store.down).toEqual([]);
  expect(runner.active).toBeUndefined();
  expect(clock.now()).toBeLessThan(3 * SECOND);
});

test('a fault that does not take effect ends the run with the reason', async () => {
  const broken: Nemesis = {
    ...partition,
    inject: () => Promise.reject(new Error('proxy is gone')),
  };
  const { run, history } = scene([planned('partition', 'one', 1_000, 500)], {
    nemeses: new Map([['partition', broken]]),
  });
  await expect(run()).rejects.toMatchObject({
    kind: 'infrastructure',
    code: 'GONG-E034',
    why: 'proxy is gone',
  });
  expect(history).toEqual([]);
});

test('a fault that does not heal ends the run with the reason', async () => {
  const unhealing: Nemesis = {
    ...kill,
    inject: async () => ({ [Symbol.asyncDispose]: () => Promise.reject(new Error('port taken')) }),
  };
  const { run } = scene([planned('kill', 'one', 1_000, 500)], {
    nemeses: new Map([['kill', unhealing]]),
  });
  await expect(run()).rejects.toMatchObject({
    code: 'GONG-E034',
    message: 'fault 1 (kill:one) did not heal',
    why: 'port taken',
  });
});

test('whatever the plan and whenever it is interrupted: starts and heals alternate, all is whole', async () => {
  const faults = fc
    .record({ at: fc.integer({ min: 0, max: 20_000 }), lasts: fc.integer({ min: 1, max: 4_000 }) })
    .chain(({ at, lasts }) =>
      fc
        .constantFrom(
          ...[kill, partition].flatMap(({ kind, shapes }) =>
            shapes.map(({ shape }) => [kind, shape] as const),
          ),
        )
        .map(([kind, shape]) => planned(kind, shape, at, lasts)),
    );
  const plans = fc
    .array(faults, { maxLength: 5 })
    .map((plan) => plan.toSorted((a, b) => a.atNs - b.atNs));
  await fc.assert(
    fc.asyncProperty(plans, fc.integer({ min: 0, max: 40_000 }), async (plan, abortMs) => {
      const { clock, store, history, run, stop } = scene(plan);
      void clock.sleep(abortMs * MILLISECOND).then(() => stop.abort());
      const records = await run();
      const injected = records.filter(({ outcome }) => outcome === 'injected');
      expect(history.map(({ value }) => [value['phase'], value['fault']])).toEqual(
        injected.flatMap(({ fault }) => [
          ['start', fault],
          ['heal', fault],
        ]),
      );
      expect(records.map(({ fault }) => fault)).toEqual(plan.map((_, i) => i));
      expect([store.cuts, store.down]).toEqual([0, []]);
    }),
    { numRuns: 60 },
  );
});

test('faults that would start too late are skipped', async () => {
  const { run } = scene([planned('kill', 'one', 1_000, 500), planned('kill', 'one', 9_000, 500)], {
    latestNs: 5 * SECOND,
  });
  expect((await run()).map(({ outcome }) => outcome)).toEqual(['injected', 'skipped']);
});

test('after the heal no operation counts for the fault any more', async () => {
  const { run, clock, windows, runner } = scene([planned('kill', 'one', 1_000, 500)]);
  const [record] = await run();
  const { victims } = record as Extract<FaultRecord, { outcome: 'injected' }>;
  windows.record({
    process: 0,
    node: nodeId(victims[0] ?? ''),
    invocation: { f: 'read', value: null },
    intendedNs: clock.now(),
    invokedNs: clock.now(),
    completedNs: clock.now(),
    completion: { type: 'fail', error: 'ECONNREFUSED' },
  });
  expect(runner.records()).toMatchObject([{ victimOperations: { fail: 0 } }]);
});

test('an operation counts for a fault when it was sent to a victim while it was in force', () => {
  const windows = new FaultWindows();
  const [n1, n2, n3] = ['n1', 'n2', 'n3'].map(nodeId);
  const victims = [n1, n2].filter((node) => node !== undefined);
  windows.open(0, { victims, startedNs: 100 });
  windows.close(0, 200);
  windows.open(1, { victims, startedNs: 300 });
  const at = (invokedNs: number, node = n1, servedBy?: string) =>
    windows.record({
      process: 0,
      node: node ?? nodeId(''),
      invocation: { f: 'read', value: null },
      intendedNs: invokedNs,
      invokedNs,
      completedNs: invokedNs + 150,
      completion:
        servedBy === undefined
          ? { type: 'info', error: 'timeout' }
          : { type: 'ok', value: null, servedBy },
    });
  at(99);
  at(100);
  at(199, n2);
  at(150, n3);
  at(200);
  at(150, n1, 'n2');
  at(150, n1, 'n3');
  at(400);
  expect(windows.operations(0)).toMatchObject({ ok: 2, fail: 0, info: 2, servedElsewhere: 1 });
  expect(windows.operations(1)).toMatchObject({ ok: 0, fail: 0, info: 1, servedElsewhere: 0 });
});

test('a leader fault hits who leads at that moment, not who led at the last sample', async () => {
  const { run, clock, store } = scene([planned('partition', 'leader', 950, 500)]);
  // Cut off for a moment between two samples, n1 has lost its office to n2.
  void clock.sleep(850 * MILLISECOND).then(() => store.depose());
  const [record] = await run();
  expect(record).toMatchObject({ victims: ['n2'], election: { termBefore: 2, term: 3 } });
});

test('the next fault waits until every node is back from the last one', async () => {
  const back = 6_000 * MILLISECOND;
  const { run, clock, store, history } = scene([
    planned('kill', 'one', 1_000, 500),
    planned('partition', 'one', 2_000, 500),
  ]);
  void clock.sleep(1_100 * MILLISECOND).then(() => store.mute.add(nodeId('n3')));
  void clock.sleep(back).then(() => store.mute.clear());
  await run();
  const starts = history.filter(({ value }) => value['phase'] === 'start');
  expect(starts[1]?.time).toBeGreaterThanOrEqual(back);
  expect(starts[1]?.time).toBeLessThan(back + SECOND);
});

test('a node that never comes back holds the next fault up for ten seconds at most', async () => {
  const faults = [planned('kill', 'one', 500, 1_500), planned('partition', 'one', 2_500, 500)];
  const mute = async (change: Partial<NemesisRunnerOptions>): Promise<number | undefined> => {
    const { run, clock, store, history } = scene(faults, change);
    void clock.sleep(1_100 * MILLISECOND).then(() => store.mute.add(nodeId('n3')));
    await run();
    return history.filter(({ value }) => value['phase'] === 'start')[1]?.time;
  };
  expect(await mute({})).toBe(12_500 * MILLISECOND);
  expect(await mute({ latestNs: 5 * SECOND })).toBe(5 * SECOND);
});
