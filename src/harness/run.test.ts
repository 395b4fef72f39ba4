import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nemeses } from '../../nemesis/index.ts';
import { partition } from '../../nemesis/partition.ts';
import { register } from '../../workloads/register.ts';
import type { HistoryEvent } from '../../checker/index.ts';
import { nodeId } from '../contracts/names.ts';
import type { Nemesis } from '../contracts/nemesis.ts';
import { SECOND } from '../lib/duration.ts';
import type { ClusterEvent } from '../rundir/cluster-log.ts';
import type { RunPaths } from '../rundir/paths.ts';
import { createRunDir } from '../rundir/run-dir.ts';
import type { StatsFile } from '../statistics/load.ts';
import { planFaults } from './plan.ts';
import type { Progress } from './progress.ts';
import type { RunOptions, RunResult, Stage } from './run-options.ts';
import { run } from './run.ts';
import { parseThreshold } from './threshold.ts';
import { FakeStore } from './testing/fake-store.ts';
import { UserError } from '../lib/user-error.ts';
import { SimulatedClock } from './testing/simulated-clock.ts';

const DURATION_NS = 20 * SECOND;
const STAGES: readonly Stage[] = ['up', 'settle', 'run', 'heal', 'final-reads', 'down'];

let results: string;
let paths: RunPaths;
beforeEach(async () => {
  results = mkdtempSync(join(tmpdir(), 'gong-run-'));
  const startedAt = new Date('2026-11-21T08:22:07Z');
  paths = await createRunDir({ resultsDir: results, suite: 'run', seed: '7', startedAt });
});
afterEach(() => rmSync(results, { recursive: true, force: true }));

function scene(change: Partial<RunOptions> = {}, words = 'partition,kill', seconds = 5) {
  const clock = new SimulatedClock();
  const store = new FakeStore(clock, 5);
  const abort = new AbortController();
  const plan = planFaults({
    words,
    nemeses,
    capabilities: new Set(['processes', 'links'] as const),
    nodes: 5,
    seed: '7',
    durationNs: change.durationNs ?? DURATION_NS,
    intervalNs: seconds * SECOND,
  });
  const options: RunOptions = {
    seed: '7',
    target: store.target(),
    settings: {},
    readMode: 'linearizable',
    up: async () => store.cluster(),
    workload: register,
    load: { concurrency: 10, keyOps: 200, values: undefined, ratePerSecond: undefined },
    nemeses,
    plan,
    durationNs: DURATION_NS,
    paths,
    clock,
    signal: abort.signal,
    ...change,
  };
  const go = (): Promise<RunResult> => clock.drive(run(options));
  return { clock, store, abort, plan, go };
}

function lines<T>(path: string): T[] {
  const text = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return text.map((line) => JSON.parse(line) as T);
}
const history = (): HistoryEvent[] => lines<HistoryEvent>(paths.history);
const clusterLog = (): ClusterEvent[] => lines<ClusterEvent>(paths.cluster);

/** Nothing is left broken, running or open. */
function expectTidy(store: FakeStore): void {
  expect([store.isDisposed, store.cuts, store.down, store.openClients]).toEqual([true, 0, [], 0]);
}

describe('a run', () => {
  test('breaks the cluster as planned, proves it, heals, and reads everything again', async () => {
    const { store, plan, go } = scene();
    const result = await go();
    expect(result).toMatchObject({
      interrupted: false,
      gateFailures: [],
      unexpectedExits: [],
      settledAgain: true,
      silentNodes: [],
    });
    expect(result.faults.map(({ kind, shape, outcome }) => ({ kind, shape, outcome }))).toEqual(
      plan.map(({ kind, shape }) => ({ kind, shape, outcome: 'injected' })),
    );
    expect(result.events).toBe(history().length);
    const cuts = result.faults.filter(({ kind }) => kind === 'partition');
    expect(cuts.map((one) => ('links' in one ? one.links : undefined))).toEqual(
      cuts.map(() => ({
        links: expect.toSatisfy((links: number) => links >= 4 && links <= 18),
        forwardedBytes: 0,
        leaked: [],
        heldFromVictimsBytes: expect.toSatisfy((bytes: number) => bytes > 0),
        heldToVictimsBytes: expect.toSatisfy((bytes: number) => bytes > 0),
        heldBytes: expect.toSatisfy((bytes: number) => bytes > 0),
        delayedBytes: 0,
        resets: 0,
        connections: 0,
      })),
    );
    expectTidy(store);
  });

  test('writes a history whose lines are in order and whose processes are single-threaded', async () => {
    await scene().go();
    const events = history();
    expect(events.map(({ index }) => index)).toEqual(events.map((_, i) => i));
    expect(events.every(({ time }, i) => time >= (events[i - 1]?.time ?? 0))).toBe(true);
    const open = new Set<unknown>();
    const wrong = events.filter(({ process, type }) => {
      if (process === 'nemesis') return false;
      const isWrong = open.has(process) === (type === 'invoke');
      if (type === 'ok' || type === 'fail') open.delete(process);
      else open.add(process);
      return isWrong;
    });
    expect(wrong).toEqual([]);
    const marks = events.filter(({ process }) => process === 'nemesis');
    expect(marks.map(({ value }) => value)).toMatchObject(
      [0, 1, 2].flatMap((fault) => [
        { phase: 'start', fault },
        { phase: 'heal', fault },
      ]),
    );
  });

  test('ends with reads of every node by fresh processes, which statistics leave out', async () => {
    const { store, go } = scene();
    const result = await go();
    const events = history();
    const endNs = result.statistics?.endNs ?? NaN;
    const used = new Set(events.filter(({ time }) => time < endNs).map(({ process }) => process));
    const fresh = events.filter(({ process, type }) => type === 'invoke' && !used.has(process));
    const late = events.filter(({ time, type }) => time > endNs && type === 'invoke');
    expect(late.length).toBeGreaterThan(0);
    expect(late.filter((event) => !fresh.includes(event))).toEqual([]);
    expect(new Set(fresh.map(({ f }) => f))).toEqual(new Set(['read']));
    const nodes = Map.groupBy(fresh, ({ node }) => node);
    expect(new Set(nodes.keys())).toEqual(new Set(store.nodes));
    expect(new Set([...nodes.values()].map(({ length }) => length)).size).toBe(1);
    const ok = events.filter(({ type, process }) => type === 'ok' && used.has(process));
    expect(result.statistics?.operations.ok).toBe(ok.length);
  });

  test('keeps statistics, evidence and samples in its directory', async () => {
    const result = await scene().go();
    const stats = JSON.parse(readFileSync(paths.stats, 'utf8')) as StatsFile;
    expect(stats).toEqual({ ...result.statistics, load: result.load });
    expect(stats.unavailability.durationNs).toBeGreaterThan(0);
    expect(readFileSync(paths.summaryCsv, 'utf8')).toMatch(/^cas,ok,all,\d+/m);
    const events = clusterLog();
    expect(events.filter(({ type }) => type === 'fault')).toMatchObject(result.faults);
    expect(events.flatMap((one) => (one.type === 'stage' ? [one.stage] : []))).toEqual(STAGES);
    expect(events.filter(({ type }) => type === 'inject')).toHaveLength(3);
    expect(events.filter(({ type }) => type === 'status').length).toBeGreaterThan(400);
    expect(readFileSync(paths.runLog, 'utf8')).toContain('stage settle');
  });

  test('tells how it goes: rate, latencies, the fault in force, leader and term', async () => {
    const seen: Progress[] = [];
    await scene({ onProgress: (progress) => void seen.push(progress) }, 'partition:one').go();
    expect(seen.length).toBeGreaterThanOrEqual(9);
    expect(seen[0]).toMatchObject({ totalNs: DURATION_NS, leader: 'n1', term: 1 });
    expect(seen[0]?.okPerSecond).toBeGreaterThan(0);
    expect(seen[0]?.p50Ns).toBeGreaterThan(0);
    expect(seen.some(({ activeFault }) => activeFault !== undefined)).toBe(true);
    for (const { phase, activeFault } of seen)
      expect(phase === 'fault').toBe(activeFault !== undefined);
    expect(new Set(seen.map(({ phase }) => phase))).toEqual(
      new Set(['steady', 'fault', 'recovery']),
    );
  });

  test('runs as the same history again, given the same seed and a simulated cluster', async () => {
    await scene().go();
    const first = readFileSync(paths.history, 'utf8');
    rmSync(paths.history);
    await scene().go();
    expect(readFileSync(paths.history, 'utf8')).toBe(first);
  });

  test('at a rate issues that many operations, whatever the number of clients', async () => {
    const load = { concurrency: 10, keyOps: 200, values: undefined, ratePerSecond: 150 };
    const { statistics } = await scene({ load }, 'none').go();
    expect(statistics?.okPerSecond).toBeCloseTo(150, 0);
  });

  test('without faults lasts as long as asked for', async () => {
    const { go } = scene({}, 'none');
    const { statistics, faults } = await go();
    expect(faults).toEqual([]);
    expect((statistics?.endNs ?? 0) - (statistics?.startNs ?? 0)).toBeGreaterThanOrEqual(
      DURATION_NS,
    );
  });
});

describe('what a run measures', () => {
  test('is told apart by phase: the time of each fault from its injection to the end of its heal', async () => {
    const { statistics, faults } = await scene().go();
    expect(statistics?.faultStretches.map(({ fault, name }) => ({ fault, name }))).toEqual(
      faults.map(({ fault, kind, shape }) => ({ fault, name: `${kind}:${shape}` })),
    );
    for (const [i, fault] of faults.entries()) {
      if (fault.outcome !== 'injected') throw new Error('every fault is injected');
      const { beganNs = NaN, healedNs } = statistics?.faultStretches[i] ?? {};
      expect(beganNs).toBeLessThanOrEqual(fault.startedNs);
      expect(healedNs).toBeGreaterThanOrEqual(fault.healedNs);
    }
    const { steady = 0, fault = 0, recovery = 0 } = statistics?.phaseNs ?? {};
    expect(steady + fault + recovery).toBe(
      (statistics?.endNs ?? NaN) - (statistics?.startNs ?? NaN),
    );
    expect(Math.min(steady, fault, recovery)).toBeGreaterThan(0);
    const window = statistics?.unavailabilityWindows.mutations?.windows[0];
    expect(window?.fault?.name).toMatch(/^(kill|partition):/);
  });

  const asked = ['ok > 10%', 'p99(read, steady) < 1s', 'p50(write) < 1us', 'unavailable < 1us'];
  const thresholds = asked.map((text) => {
    const parsed = parseThreshold(text, register.functions);
    if (!parsed.ok) throw new Error(parsed.problem.expected);
    return parsed.threshold;
  });

  test('keeps its thresholds or breaks them, and both stand with their values in stats.json', async () => {
    const { statistics } = await scene({ thresholds }).go();
    expect(statistics?.thresholds.map(({ text, kept }) => [text, kept])).toEqual([
      [asked[0], true],
      [asked[1], true],
      [asked[2], false],
      [asked[3], false],
    ]);
    expect(statistics?.thresholds.every(({ value }) => value !== null)).toBe(true);
    const stats = JSON.parse(readFileSync(paths.stats, 'utf8')) as StatsFile;
    expect(stats.thresholds).toEqual(statistics?.thresholds);
  });

  test('is not held against thresholds when the run was interrupted, or failed', async () => {
    const { clock, abort, go } = scene({ thresholds });
    void clock.sleep(5 * SECOND).then(() => abort.abort());
    const { interrupted, statistics } = await go();
    expect([interrupted, statistics?.thresholds]).toEqual([true, []]);
    const failing = scene({ thresholds });
    void failing.clock.sleep(5 * SECOND).then(() => (failing.store.bug = new Error('a bug')));
    await expect(failing.go()).rejects.toThrow('a bug');
    const stats = JSON.parse(readFileSync(paths.stats, 'utf8')) as StatsFile;
    expect(stats.operations.ok).toBeGreaterThan(100);
    expect(stats.thresholds).toEqual([]);
  });
});

describe('a run that proves nothing', () => {
  test('says which evidence of which fault is missing', async () => {
    const { store, go } = scene({}, 'partition:leader-minority');
    store.electsNobody = true;
    const { gateFailures } = await go();
    expect(gateFailures.map(({ gate }) => gate)).toContain('fault-1-election');
    expect(clusterLog().filter(({ type }) => type === 'gate').length).toBe(gateFailures.length);
    expectTidy(store);
  });

  test('says that clients never met, where there were several', async () => {
    const load = { concurrency: 10, keyOps: 200, values: undefined, ratePerSecond: 10 };
    const gates = async (change: Partial<typeof load>): Promise<readonly string[]> => {
      const { gateFailures } = await scene({ load: { ...load, ...change } }, 'none').go();
      return gateFailures.map(({ gate }) => gate);
    };
    expect(await gates({})).toEqual(['overlap']);
    expect(await gates({ concurrency: 1 })).toEqual([]);
  });

  test('is not one whose values cannot be told apart', async () => {
    const load = { concurrency: 10, keyOps: 200, values: 2, ratePerSecond: undefined };
    expect((await scene({ load }, 'none').go()).gateFailures).toEqual([]);
  });

  test('is not one whose last leader faults had no time left', async () => {
    const durationNs = 120 * SECOND;
    const { go } = scene({ durationNs, limits: { extensionNs: 0 } }, 'partition:leader', 2);
    const { gateFailures, faults } = await go();
    expect(faults.filter(({ outcome }) => outcome === 'skipped').length).toBeGreaterThan(0);
    expect(gateFailures).toEqual([]);
  });

  test.each(['partition:one', 'partition:halves', 'partition'])(
    'says that %s cut nothing, though it claimed to',
    async (words) => {
      const { store, plan, go } = scene({ up: async () => ({ ...store.cluster(), links }) }, words);
      const cut = async (): Promise<AsyncDisposable> => ({
        [Symbol.asyncDispose]: async () => undefined,
      });
      const links = { ...store.links, cut };
      const { gateFailures } = await go();
      const failed = new Set(gateFailures.map(({ gate }) => gate));
      expect([...failed].filter((gate) => gate.endsWith('cut-off-side'))).toEqual(
        plan.map((_, i) => `fault-${i + 1}-cut-off-side`),
      );
    },
  );

  test('says that too little was done', async () => {
    const { gateFailures } = await scene({ okMin: 1_000_000 }, 'none').go();
    expect(gateFailures.map(({ gate }) => gate)).toEqual([
      'enough-read',
      'enough-write',
      'enough-cas',
    ]);
  });
});

describe('an error', () => {
  test.each(STAGES)('at the beginning of %s heals, stops, saves and propagates', async (stage) => {
    const bug = new Error(`thrown in ${stage}`);
    const { store, go } = scene({
      onStage: (entered) => {
        if (entered === stage) throw bug;
      },
    });
    await expect(go()).rejects.toBe(bug);
    expect(readFileSync(paths.runLog, 'utf8')).toContain(`thrown in ${stage}`);
    const hasCluster = stage !== 'up';
    expect(store.isDisposed).toBe(hasCluster);
    expect([store.cuts, store.down, store.openClients]).toEqual([0, [], 0]);
    const hasRun = STAGES.indexOf(stage) > STAGES.indexOf('run');
    expect(history().length > 1_000).toBe(hasRun);
    expect(clusterLog().filter(({ type }) => type === 'fault')).toHaveLength(hasRun ? 3 : 0);
  });

  test('of a client in the middle of a fault heals it, and its operation has no completion', async () => {
    const { store, clock, plan, go } = scene();
    const first = plan[0];
    const inFault = (first?.atNs ?? 0) + (first?.durationNs ?? 0) / 2;
    void clock.sleep(inFault).then(() => (store.bug = new TypeError('a bug in Gong')));
    await expect(go()).rejects.toThrow('a bug in Gong');
    expectTidy(store);
    const counts = Map.groupBy(history(), ({ type, process }) =>
      process === 'nemesis' ? 'nemesis' : type === 'invoke' ? 'invoke' : 'completion',
    );
    expect(counts.get('nemesis')).toHaveLength(2);
    const open = (counts.get('invoke')?.length ?? 0) - (counts.get('completion')?.length ?? 0);
    expect(open).toBeGreaterThan(0);
    expect(readFileSync(paths.summaryCsv, 'utf8')).toMatch(/^read,ok/m);
  });

  test.each(['history', 'cluster'] as const)(
    'of the disk under the %s file ends the run: a file with a hole is no evidence',
    async (file) => {
      const { store, go } = scene({ paths: { ...paths, [file]: '/dev/full' } });
      await expect(go()).rejects.toMatchObject({ kind: 'infrastructure', code: 'GONG-E041' });
      expectTidy(store);
    },
  );

  test('or not: every nemesis heals once before the cluster stops, those of no fault, too', async () => {
    const outcomes: [string, number, boolean][] = [];
    for (const failing of [...STAGES, 'none']) {
      let healed = 0;
      let wasUp = false;
      const spy: Nemesis = {
        ...partition,
        healAll: async () => {
          healed++;
          wasUp = !store.isDisposed;
        },
      };
      const { store, go } = scene({
        nemeses: new Map([...nemeses, ['spy', spy]]),
        onStage: (entered) => {
          if (entered === failing) throw new Error('thrown');
        },
      });
      await go().catch(() => undefined);
      outcomes.push([failing, healed, wasUp]);
    }
    const [up, ...others] = outcomes;
    expect(up).toEqual(['up', 0, false]);
    expect(others).toEqual([...STAGES.slice(1), 'none'].map((stage) => [stage, 1, true]));
  });

  test('of the last heal is infrastructure, and everything else is healed and stopped', async () => {
    const broken: Nemesis = {
      ...partition,
      healAll: () => Promise.reject(new Error('no such link')),
    };
    const { store, go } = scene({ nemeses: new Map([['broken', broken], ...nemeses]) });
    await expect(go()).rejects.toMatchObject({
      kind: 'infrastructure',
      code: 'GONG-E128',
      why: 'partition: no such link',
    });
    expectTidy(store);
  });

  test('of links that cannot be read and then not be healed is the first of the two', async () => {
    const gone = (what: string) =>
      new UserError({ kind: 'infrastructure', code: 'GONG-E036', what, why: 'w', fix: 'f' });
    const { store, go } = scene(
      {
        up: async () => ({
          ...store.cluster(),
          links: {
            ...store.links,
            cut: async (links) => {
              const heal = await store.links.cut(links);
              return {
                async [Symbol.asyncDispose]() {
                  await heal[Symbol.asyncDispose]();
                  throw gone('the heal failed');
                },
              };
            },
            traffic: (link) =>
              store.cuts > 0 ? Promise.reject(gone('nobody answers')) : store.links.traffic(link),
          },
        }),
      },
      'partition:one',
    );
    await expect(go()).rejects.toMatchObject({ code: 'GONG-E036', message: 'nobody answers' });
    expectTidy(store);
  });

  test('heals cuts whoever made them, before the cluster stops', async () => {
    const { store, go } = scene({
      onStage: async (stage) => {
        if (stage !== 'settle') return;
        await store.links.cut([{ from: nodeId('n1'), to: nodeId('n2') }]);
        throw new Error('thrown');
      },
    });
    await expect(go()).rejects.toThrow('thrown');
    expectTidy(store);
  });

  test('of the cluster while it comes up propagates', async () => {
    const { go } = scene({ up: () => Promise.reject(new Error('no ports')) });
    await expect(go()).rejects.toThrow('no ports');
  });

  test('a cluster that cannot do what is planned is refused before clients begin', async () => {
    const { store } = scene();
    const { links: _links, ...cluster } = store.cluster();
    const { go } = scene({ up: async () => cluster });
    await expect(go()).rejects.toMatchObject({ kind: 'usage', code: 'GONG-E024' });
    expect(store.isDisposed).toBe(true);
  });
});

describe('a cluster that does not settle', () => {
  test('is an infrastructure error that says who answered, and which log to read', async () => {
    const { store, go } = scene();
    store.mute.add(nodeId('n3'));
    await expect(go()).rejects.toMatchObject({
      kind: 'infrastructure',
      code: 'GONG-E033',
      message: 'n3 did not answer within 15.0 s',
      why: expect.stringMatching(/n1 leader in term 1.*n5 follower/),
      log: join(paths.logsDir, 'n3.log'),
    });
    expectTidy(store);
  });

  test('is not waited for when a node has ended by itself', async () => {
    const { clock, store, go } = scene();
    void clock.sleep(SECOND / 10).then(() => store.crash(nodeId('n2')));
    store.mute.add(nodeId('n2'));
    await expect(go()).rejects.toMatchObject({
      code: 'GONG-E033',
      message: expect.stringMatching(/^ended before the cluster was up: n2 \((exit|by) \w+\)$/),
      log: join(paths.logsDir, 'n2.log'),
    });
    expect(clock.now()).toBeLessThan(SECOND);
  });
});

test('a node that ends by itself is reported, and started again at the end; one that was killed is not', async () => {
  const { clock, store, go } = scene({}, 'kill:one');
  void clock.sleep(18 * SECOND).then(() => store.crash(nodeId('n4')));
  const result = await go();
  expect(result.unexpectedExits).toMatchObject([{ node: 'n4', code: 1 }]);
  expect(result.settledAgain).toBe(true);
  expect(result.silentNodes).toEqual([]);
  expect(result.gateFailures).toEqual([]);
  expect(clusterLog().filter(({ type }) => type === 'unexpected-exit')).toHaveLength(1);
});

test('a run that kills nobody starts nobody: a node that ended by itself stays down', async () => {
  const { clock, store, go } = scene({}, 'none');
  void clock.sleep(5 * SECOND).then(() => store.crash(nodeId('n4')));
  const result = await go();
  expect(result.unexpectedExits).toMatchObject([{ node: 'n4', code: 1 }]);
  expect(result.settledAgain).toBe(false);
  expect(store.down).toEqual(['n4']);
});

describe('an interruption', () => {
  test.each(STAGES)(
    'at the beginning of %s stops the cluster and keeps what there is',
    async (stage) => {
      const abort = new AbortController();
      const { store, go } = scene({
        signal: abort.signal,
        onStage: (entered) => {
          if (entered === stage) abort.abort();
        },
      });
      const result = await go();
      expect(result).toMatchObject({ interrupted: true, gateFailures: [] });
      expect(store.isDisposed).toBe(stage !== 'up');
      expect([store.cuts, store.down, store.openClients]).toEqual([0, [], 0]);
      const hasRun = STAGES.indexOf(stage) > STAGES.indexOf('run');
      expect(result.statistics !== undefined).toBe(hasRun);
      expect(history().length > 1_000).toBe(hasRun);
    },
  );

  test('in the middle of a fault heals it at once', async () => {
    const { clock, store, plan, abort, go } = scene();
    const inFault = (plan[0]?.atNs ?? 0) + 0.3 * SECOND;
    void clock.sleep(inFault).then(() => {
      expect(store.cuts + store.down.length).toBe(1);
      abort.abort();
    });
    const result = await go();
    expect(result.interrupted).toBe(true);
    expect(result.faults.map(({ outcome }) => outcome)).toEqual(['injected', 'skipped', 'skipped']);
    expect(result.statistics?.operations.ok).toBeGreaterThan(100);
    expectTidy(store);
  });

  test('while the cluster comes up is no error', async () => {
    const { abort, go } = scene({
      up: async (signal) => {
        abort.abort();
        expect(signal.aborted).toBe(true);
        throw new Error('stopped');
      },
    });
    const result = await go();
    expect(result).toMatchObject({ interrupted: true, statistics: undefined, events: 0 });
  });
});
