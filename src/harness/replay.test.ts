import { expect, test } from 'vitest';
import { nemeses } from '../../nemesis/index.ts';
import { nodeId } from '../contracts/names.ts';
import type { Nemesis, PlannedFault } from '../contracts/nemesis.ts';
import { defined } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { FaultRecord } from '../rundir/cluster-log.ts';
import { FaultWindows } from './fault-windows.ts';
import { NemesisRunner, type NemesisRunnerOptions } from './nemesis-runner.ts';
import { Observer } from './observer.ts';
import { FAKE_ELECTION_NS, FakeStore } from './testing/fake-store.ts';
import { SimulatedClock } from './testing/simulated-clock.ts';

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

const BEGAN_NS = 3 * SECOND;

/** Runs a plan; what became of it, and what the history says of starts and heals. */
function scene(plan: readonly PlannedFault[], change: Partial<NemesisRunnerOptions> = {}) {
  const clock = new SimulatedClock();
  const store = new FakeStore(clock, 5);
  const observer = new Observer({
    clock,
    nodes: store.nodes,
    probe: async (node) => store.status(node),
    record: () => undefined,
  });
  const phases: [string, number, number][] = [];
  const said: { phase: unknown; fault: unknown; atMs: number }[] = [];
  const runner = new NemesisRunner({
    clock,
    cluster: store.cluster(),
    nemeses,
    plan,
    observer,
    recordEvent: (_, value) => {
      const fields = value as { phase: unknown; fault: unknown };
      said.push({ phase: fields.phase, fault: fields.fault, atMs: sinceBegan() });
      return clock.now();
    },
    log: () => undefined,
    windows: new FaultWindows(),
    phases: {
      began: (fault, name, timeNs) => void phases.push([`${name} began`, fault, timeNs]),
      healed: (fault, timeNs) => void phases.push(['healed', fault, timeNs]),
    },
    electionTimeoutNsMax: FAKE_ELECTION_NS,
    beganNs: BEGAN_NS,
    latestNs: BEGAN_NS + 100 * SECOND,
    ...change,
  });
  const sinceBegan = (): number => (clock.now() - BEGAN_NS) / MILLISECOND;
  const stop = new AbortController();
  const run = async (): Promise<readonly FaultRecord[]> => {
    const ended = new AbortController();
    const observing = observer.run(ended.signal);
    const work = clock
      .sleep(BEGAN_NS)
      .then(() => runner.run(stop.signal))
      .finally(() => ended.abort());
    await clock.drive(Promise.all([work, observing]));
    return runner.records();
  };
  return { clock, store, said, phases, run, stop, runner };
}

/** What a schedule makes of a recorded fault. */
function again({ kind, shape, atNs, durationNs, victims, value }: Injected): PlannedFault {
  const resolved = { victims: victims.map(nodeId), leader: undefined, value };
  return { kind, shape, atNs, durationNs, seed: 'another', resolved };
}

function planned(name: string, atMs: number, durationMs: number): PlannedFault {
  const [kind = '', shape = ''] = name.split(':');
  const [atNs, durationNs] = [atMs * MILLISECOND, durationMs * MILLISECOND];
  return { kind, shape, atNs, durationNs, seed: name };
}

/** A fault of a schedule. */
function at(name: string, victim: string, atMs: number, durationMs: number): PlannedFault {
  const value = { nodes: [victim] };
  const resolved = { victims: [nodeId(victim)], leader: undefined, value };
  return { ...planned(name, atMs, durationMs), resolved };
}

const own = (kind: string): Nemesis => defined(nemeses.get(kind), `there is a nemesis ${kind}`);

test('what was resolved comes again on the same nodes at the same times, held or not', async () => {
  const first = scene([
    planned('partition:leader-minority', 1_000, 100),
    planned('pause:minority', 2_000, 700),
    planned('reset:one', 8_000, 1_500),
    planned('kill:leader', 11_000, 100),
  ]);
  const records = (await first.run()).filter((one) => one.outcome === 'injected');
  expect(records).toHaveLength(4);
  const second = scene(records.map(again));
  // Another leader: the schedule hits its nodes all the same.
  second.store.depose();
  const replayed = await second.run();
  expect(replayed.map((one) => ({ ...one, seed: undefined }))).toMatchObject(
    records.map(({ kind, shape, victims, value, atNs, durationNs, startedNs, healedNs }) => {
      return { kind, shape, victims, value, atNs, durationNs, startedNs, healedNs };
    }),
  );
  expect(second.said).toEqual(first.said);
});

test('of a replayed fault no election is asked, and everything else is', async () => {
  const [record] = await scene([planned('kill:leader', 1_000, 500)]).run();
  expect(record).toMatchObject({ required: ['new-process', 'election'] });
  const [replayed] = await scene([again(record as Injected)]).run();
  expect(replayed).toMatchObject({ required: ['new-process'], leader: null });
});

test('a schedule waits neither for the cluster to settle nor for a slow heal', async () => {
  const slowToHeal: Nemesis = {
    ...own('pause'),
    async inject(cluster, fault, shape) {
      const injected = await own('pause').inject(cluster, fault, shape);
      return {
        async [Symbol.asyncDispose]() {
          await clock.sleep(2 * SECOND);
          await injected[Symbol.asyncDispose]();
        },
      };
    },
  };
  const faults = [at('pause:one', 'n2', 1_000, 500), at('kill:one', 'n3', 2_000, 3_000)];
  const { clock, run, said, store, phases, runner } = scene(faults, {
    nemeses: new Map([
      ['pause', slowToHeal],
      ['kill', own('kill')],
    ]),
  });
  store.mute.add(nodeId('n5'));
  const active: unknown[] = [];
  for (const ms of [1_200, 1_700, 2_200, 3_700]) {
    const afterNs = BEGAN_NS + ms * MILLISECOND;
    void clock.sleep(afterNs).then(() => active.push(runner.active?.kind));
  }
  const records = await run();
  // The end of the first one's heal takes nothing from the second.
  expect(active).toEqual(['pause', undefined, 'kill', 'kill']);
  expect(records.map(({ fault, outcome }) => [fault, outcome])).toEqual([
    [0, 'injected'],
    [1, 'injected'],
  ]);
  expect(said).toEqual([
    { phase: 'start', fault: 0, atMs: 1_000 },
    { phase: 'start', fault: 1, atMs: 2_000 },
    { phase: 'heal', fault: 0, atMs: 3_500 },
    { phase: 'heal', fault: 1, atMs: 5_000 },
  ]);
  expect(phases.map(([what, fault, ns]) => [what, fault, (ns - BEGAN_NS) / MILLISECOND])).toEqual([
    ['pause:one began', 0, 1_000],
    ['kill:one began', 1, 2_000],
    ['healed', 0, 3_500],
    ['healed', 1, 5_000],
  ]);
});

test.each([
  ['a little', 80, 3_000],
  ['much', 700, 3_600],
])(
  'a fault that is injected %s late heals as near to its time as it may',
  async (_, lateMs, healMs) => {
    const { run, said, clock, store } = scene([at('pause:one', 'n2', 1_000, 2_000)]);
    // Whoever waits for that moment is woken later, as on a machine that is busy.
    const sleep = clock.sleep.bind(clock);
    clock.sleep = async (ns, signal) => {
      const isIt = clock.now() + ns === BEGAN_NS + SECOND && ns < SECOND;
      await sleep(isIt ? ns + lateMs * MILLISECOND : ns, signal);
    };
    await run();
    expect(said.map(({ atMs }) => atMs)).toEqual([1_000 + lateMs, healMs]);
    expect(store.impaired).toBe(0);
  },
);

test('faults that a schedule leaves to the shape come in their turn', async () => {
  const { run, said } = scene([
    at('pause:one', 'n2', 1_000, 500),
    planned('partition:leader', 2_000, 100),
    at('kill:one', 'n3', 8_000, 500),
  ]);
  const records = await run();
  expect(records.map(({ kind, outcome }) => [kind, outcome])).toEqual([
    ['pause', 'injected'],
    ['partition', 'injected'],
    ['kill', 'injected'],
  ]);
  expect(records[1]).toMatchObject({ election: { term: 2 } });
  expect(said.map(({ fault }) => fault)).toEqual([0, 0, 1, 1, 2, 2]);
  expect(said[4]).toMatchObject({ phase: 'start', atMs: 8_000 });
});

test('an abort heals what a schedule has in force, and skips the rest', async () => {
  const { run, clock, stop, store } = scene([
    at('pause:one', 'n2', 1_000, 5_000),
    at('kill:one', 'n3', 7_000, 500),
  ]);
  void clock.sleep(BEGAN_NS + 2 * SECOND).then(() => stop.abort());
  const records = await run();
  expect(records.map(({ outcome }) => outcome)).toEqual(['injected', 'skipped']);
  expect([store.impaired, store.down]).toEqual([0, []]);
  expect(clock.now()).toBeLessThan(BEGAN_NS + 3 * SECOND);
});

test('one that does not take effect ends the others and tells why', async () => {
  const broken = { ...own('kill'), inject: () => Promise.reject(new Error('not permitted')) };
  const faults = [at('pause:one', 'n2', 1_000, 9_000), at('kill:one', 'n3', 2_000, 500)];
  const { run, store, clock } = scene(faults, {
    nemeses: new Map([
      ['pause', own('pause')],
      ['kill', broken],
    ]),
  });
  await expect(run()).rejects.toMatchObject({ code: 'GONG-E034', why: 'not permitted' });
  expect(store.impaired).toBe(0);
  expect(clock.now()).toBeLessThan(BEGAN_NS + 3 * SECOND);
});

test('a fault by script tells what the script said, also when it does not heal', async () => {
  const exec = own('exec');
  const resolved = { victims: [], leader: undefined, value: { seed: '4711' } };
  const fault = { ...planned('exec:./cut.sh', 1_000, 500), resolved };
  const [record] = await scene([fault]).run();
  expect(record).toMatchObject({
    required: ['hook-output'],
    hook: [
      { words: ['start', '4711'], code: 0 },
      { words: ['heal'], code: 0 },
    ],
  });
  const unhealing: Nemesis = {
    ...exec,
    async inject() {
      const call = { words: ['start', '1'], code: 0, output: '', startedNs: 0, endedNs: 0 };
      const dispose = (): Promise<void> => Promise.reject(new Error('heal ended with 3'));
      return { calls: [call], [Symbol.asyncDispose]: dispose };
    },
  };
  const failed = scene([fault], { nemeses: new Map([['exec', unhealing]]) });
  await expect(failed.run()).rejects.toMatchObject({ why: 'heal ended with 3' });
  expect(failed.runner.records()).toMatchObject([{ outcome: 'injected', hook: [{ code: 0 }] }]);
  expect(failed.said.map(({ phase }) => phase)).toEqual(['start']);
});
