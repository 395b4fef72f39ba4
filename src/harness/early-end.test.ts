import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HistoryEvent } from '../../checker/index.ts';
import { nemeses } from '../../nemesis/index.ts';
import { register } from '../../workloads/register.ts';
import type { Violation } from '../judge/index.ts';
import { defined } from '../lib/assert.ts';
import { SECOND } from '../lib/duration.ts';
import type { ClusterEvent } from '../rundir/cluster-log.ts';
import type { RunPaths } from '../rundir/paths.ts';
import { createRunDir } from '../rundir/run-dir.ts';
import { planFaults } from './plan.ts';
import type { RunningJudge, RunOptions } from './run-options.ts';
import { run } from './run.ts';
import { FakeStore } from './testing/fake-store.ts';
import { SimulatedClock } from './testing/simulated-clock.ts';

const VIOLATION: Violation = { key: 'k1', sentence: 'planted', time: SECOND };

let results: string;
let paths: RunPaths;
beforeEach(async () => {
  results = mkdtempSync(join(tmpdir(), 'gong-early-end-'));
  const startedAt = new Date('2026-11-21T08:22:07Z');
  paths = await createRunDir({ resultsDir: results, suite: 'run', seed: '7', startedAt });
});
afterEach(() => rmSync(results, { recursive: true, force: true }));

/** A judge that finds what a test tells it to. */
function fakeJudge() {
  const violated = new AbortController();
  const finished: { readonly key: string; readonly line: number }[] = [];
  let violation: Violation | undefined;
  const judge: RunningJudge = {
    keyFinished: (key, line) => void finished.push({ key, line }),
    counts: { lines: 0, timeNs: 2 * SECOND, keysDecided: 0, keysInvalid: 0, keysOpen: 0 },
    get violation() {
      return violation;
    },
    violated: violated.signal,
  };
  const find = (): void => {
    violation = VIOLATION;
    violated.abort();
  };
  return { judge, finished, find };
}

function scene(change: Partial<RunOptions> = {}, words = 'partition,kill') {
  const clock = new SimulatedClock();
  const store = new FakeStore(clock, 5);
  const durationNs = 30 * SECOND;
  const options: RunOptions = {
    seed: '7',
    target: store.target(),
    settings: {},
    readMode: 'linearizable',
    up: async () => store.cluster(),
    workload: register,
    load: { concurrency: 10, keyOps: 50, values: undefined, ratePerSecond: undefined },
    nemeses,
    plan: planFaults({
      words,
      nemeses,
      capabilities: new Set(['processes', 'links'] as const),
      nodes: 5,
      seed: '7',
      durationNs,
      intervalNs: 5 * SECOND,
    }),
    durationNs,
    paths,
    clock,
    signal: new AbortController().signal,
    ...change,
  };
  return { clock, store, options, go: () => clock.drive(run(options)) };
}

function lines<T>(path: string): T[] {
  const text = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return text.map((line) => JSON.parse(line) as T);
}

function stages(): readonly string[] {
  const events = lines<ClusterEvent>(paths.cluster);
  return events.flatMap((event) => (event.type === 'stage' ? [event.stage] : []));
}

function expectTidy(store: FakeStore): void {
  expect([store.isDisposed, store.cuts, store.down, store.openClients]).toEqual([true, 0, [], 0]);
}

describe('a violation that is found while the run goes on', () => {
  test('ends it at once: no more faults, no final reads, no gates', async () => {
    const { judge, find } = fakeJudge();
    const { clock, store, options, go } = scene({ judge, okMin: 1_000_000 });
    const first = defined(options.plan[0], 'a planned fault');
    const foundNs = first.atNs + first.durationNs / 2;
    void clock.sleep(foundNs).then(find);
    const result = await go();
    const { endedEarly, gateFailures, faults, interrupted } = result;
    expect(endedEarly).toMatchObject({ type: 'violation', violation: VIOLATION });
    expect([gateFailures, interrupted]).toEqual([[], false]);
    expect(faults.map(({ outcome }) => outcome)).toEqual(
      options.plan.map((_, i) => (i === 0 ? 'injected' : 'skipped')),
    );
    expect(stages()).toEqual(['up', 'settle', 'run', 'heal', 'down']);
    // What was under way may take its time; nothing begins any more.
    const last = lines<HistoryEvent>(paths.history).findLast(({ type }) => type === 'invoke');
    expect(last?.time).toBeLessThanOrEqual(endedEarly?.atNs ?? 0);
    expect(clock.now()).toBeLessThan(foundNs + 4 * SECOND);
    expect(readFileSync(paths.runLog, 'utf8')).toContain('ends early: violation');
    expectTidy(store);
  });

  test('before clients begin ends it as they do', async () => {
    const { judge, find } = fakeJudge();
    find();
    const { go, store } = scene({ judge });
    expect((await go()).endedEarly?.type).toBe('violation');
    expectTidy(store);
  });
});

describe('a disk budget that is spent', () => {
  const MIB = 1024 ** 2;

  /** Of a run that writes one MiB a second. */
  function spent(maxBytes: number) {
    const { clock, store, options } = scene();
    const usedBytes = async (): Promise<number> => (clock.now() / SECOND) * MIB;
    const go = () => clock.drive(run({ ...options, disk: { maxBytes, usedBytes } }));
    return { clock, store, go };
  }

  test('ends the run in order: faults heal, every node is read', async () => {
    const { clock, store, go } = spent(12 * MIB);
    const { endedEarly, faults, silentNodes, settledAgain } = await go();
    expect(endedEarly).toMatchObject({ type: 'disk', maxBytes: 12 * MIB });
    expect(endedEarly?.atNs).toBeLessThan(12 * SECOND);
    expect(clock.now()).toBeLessThan(15 * SECOND);
    expect(stages()).toEqual(['up', 'settle', 'run', 'heal', 'final-reads', 'down']);
    expect([settledAgain, silentNodes]).toEqual([true, []]);
    expect(new Set(faults.map(({ outcome }) => outcome))).toEqual(new Set(['injected', 'skipped']));
    expectTidy(store);
  });

  test('leaves the gates to say what had no turn', async () => {
    // One fault of each word has been by then; and here only the first.
    expect((await spent(12 * MIB).go()).gateFailures).toEqual([]);
    rmSync(paths.history);
    const { gateFailures, faults } = await spent(8 * MIB).go();
    expect(faults.filter(({ outcome }) => outcome === 'injected')).toHaveLength(1);
    expect(gateFailures.map(({ sentence }) => sentence)).toEqual([
      expect.stringContaining('the disk budget was spent before its turn'),
    ]);
  });

  test('that cannot be measured is an error of the run', async () => {
    const usedBytes = (): Promise<number> => Promise.reject(new Error('no such disk'));
    const { store, go } = scene({ disk: { maxBytes: 12 * MIB, usedBytes } });
    await expect(go()).rejects.toThrow('no such disk');
    expectTidy(store);
  });

  test('with room to the end changes nothing', async () => {
    const { go } = scene({ disk: { maxBytes: 12 * MIB, usedBytes: async () => MIB } });
    expect(await go()).toMatchObject({ endedEarly: undefined, gateFailures: [] });
  });
});

test('the judge is told of every finished key, at a line after which the history has no more of it', async () => {
  const { judge, finished } = fakeJudge();
  await scene({ judge }).go();
  const events = lines<HistoryEvent>(paths.history);
  expect(finished.length).toBeGreaterThan(100);
  expect(new Set(finished.map(({ key }) => key)).size).toBe(finished.length);
  const told = new Map(finished.map(({ key, line }) => [key, line]));
  expect(events.filter(({ key = '', index }) => index >= (told.get(key) ?? Infinity))).toEqual([]);
});
