import { expect, test } from 'vitest';
import type { HistoryEvent } from '../../checker/index.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { Violation } from '../sim/violation.ts';
import { planted } from './planted.ts';
import { runScenario, type ScenarioResult } from './run-scenario.ts';
import type { Scenario, ScheduledFault } from './scenario.ts';
import { fewerNodes, fewerSpares } from './shrink-nodes.ts';
import { cutTime } from './shrink-time.ts';
import { shrink, type ShrinkOptions } from './shrink.ts';
import { drawScenario } from './swarm.ts';

/** Fault `seed` begins at so many hundred milliseconds. */
function fault(seed: number): ScheduledFault {
  return {
    atNs: seed * 100 * MILLISECOND,
    durationNs: 400 * MILLISECOND,
    seed: String(seed),
    what: { type: 'nemesis', kind: 'kill', shape: 'one' },
  };
}

function scenarioOf(faults: number): Scenario {
  return {
    ...drawScenario('1', { nodes: 5, simTimeNs: 10 * SECOND }),
    faults: Array.from({ length: faults }, (_, i) => fault(i)),
  };
}

const VIOLATION: Violation = {
  invariant: 'election-safety',
  section: 'Raft §5.2',
  sentence: 'two leaders',
  atNs: 10 * SECOND,
  nodes: [],
};

type Fails = (scenario: Scenario) => string | undefined;

/** In place of a simulation: an operation every 100 ms, an event every millisecond. */
function pretend(fails: Fails): NonNullable<ShrinkOptions['run']> {
  return async (scenario, eventsMax): Promise<ScenarioResult> => {
    const invariant = fails(scenario);
    const events = Math.ceil(scenario.durationNs / MILLISECOND) + 10 * scenario.faults.length;
    if (events > eventsMax) throw new Error('too many events');
    const times =
      scenario.load.operations?.map(({ atNs }) => atNs) ??
      Array.from({ length: Math.ceil(scenario.durationNs / 1e8) }, (_, i) => i * 1e8);
    return {
      violation: invariant === undefined ? undefined : { ...VIOLATION, invariant },
      history: times.map((time, index): HistoryEvent => {
        const read = { type: 'invoke', f: 'read', key: 'k', value: null, node: 'n1' } as const;
        return { index, time, process: index, ...read };
      }),
      verdict: undefined,
      simulatedNs: scenario.durationNs,
      events,
      injected: [],
      clientsBeganNs: 0,
    } as unknown as ScenarioResult;
  };
}

const holds = (scenario: Scenario, ...seeds: readonly number[]): boolean =>
  seeds.every((seed) => scenario.faults.some((one) => one.seed === String(seed)));

test('only the faults without which nothing fails are left', async () => {
  const run = pretend((one) => (holds(one, 13, 37, 61) ? 'election-safety' : undefined));
  const shrunk = await shrink(scenarioOf(64), VIOLATION, { run });
  expect(shrunk.scenario.faults.map(({ seed }) => seed)).toEqual(['13', '37', '61']);
  expect(shrunk.after).toMatchObject({ faults: 3, operations: 0, nodes: 1 });
  expect(shrunk.before).toMatchObject({ faults: 64, operations: 100, nodes: 5 });
  expect(shrunk.isFixedPoint).toBe(true);
});

test('time in which nothing has to happen is gone, and faults are as short as they can be', async () => {
  const run = pretend((one) => (holds(one, 13, 61) ? 'election-safety' : undefined));
  const { after } = await shrink(scenarioOf(64), VIOLATION, { run });
  expect(after.simulatedNs).toBeLessThan(100 * MILLISECOND);
});

test('another invariant that breaks instead is no smaller failure of this one', async () => {
  const run = pretend((one) => (one.faults.length < 10 ? 'log-matching' : 'election-safety'));
  const { scenario, result } = await shrink(scenarioOf(64), VIOLATION, { run });
  expect(scenario.faults).toHaveLength(10);
  expect(result.violation?.invariant).toBe('election-safety');
});

test('where a reduction moves the timing, another seed of the streams may still fail', async () => {
  const run = pretend((one) =>
    one.faults.length > 30 || one.seed.endsWith('~2') ? 'election-safety' : undefined,
  );
  const { scenario } = await shrink(scenarioOf(64), VIOLATION, { run });
  expect(scenario.faults).toHaveLength(0);
  expect(scenario.seed).toBe('1~2');
});

test('the budget and the caller end the search with what it has', async () => {
  const run = pretend((one) => (holds(one, 13) ? 'election-safety' : undefined));
  const budget = { tries: 20, events: Infinity };
  const bounded = await shrink(scenarioOf(64), VIOLATION, { run, budget });
  expect(bounded.tried).toBe(20);
  expect(bounded.isFixedPoint).toBe(false);
  expect(holds(bounded.scenario, 13)).toBe(true);
  const events = await shrink(scenarioOf(64), VIOLATION, {
    run,
    budget: { tries: Infinity, events: 100_000 },
  });
  expect(events.events).toBeLessThan(130_000);
  const aborted = await shrink(scenarioOf(64), VIOLATION, { run, signal: AbortSignal.abort() });
  expect(aborted.after).toEqual(aborted.before);
});

test('a candidate that cannot be run is none', async () => {
  const sound = pretend(() => 'election-safety');
  const run: typeof sound = async (scenario, eventsMax) => {
    if (scenario.nodes < 4) throw new Error('the shape needs four nodes');
    return sound(scenario, eventsMax);
  };
  const { scenario } = await shrink(scenarioOf(8), VIOLATION, { run });
  expect(scenario.nodes).toBe(4);
});

test('a scenario that does not fail so is refused', async () => {
  const run = pretend(() => undefined);
  await expect(shrink(scenarioOf(1), VIOLATION, { run })).rejects.toThrow('election-safety');
});

/** The first seed that fails with a defect: not at once, which is small already, and not late, which takes its time. */
async function failing(
  defect: string,
): Promise<{ readonly scenario: Scenario; readonly violation: Violation }> {
  for (let seed = 1; seed <= 100; seed++) {
    const scenario = drawScenario(String(seed), { simTimeNs: 20 * SECOND });
    const { violation, events } = await runScenario(scenario, planted(defect));
    const isOfUse = events >= 2000 && events <= 20_000;
    if (violation !== undefined && isOfUse) return { scenario, violation };
  }
  throw new Error('no seed fails');
}

/** Those that a few seconds of simulated time bring out. */
const QUICK = ['vote-twice', 'acknowledge-before-fsync', 'truncate-on-old-append'];

test.each(QUICK)('the failing schedule of %s goes to a quarter and less', async (defect) => {
  const { scenario, violation } = await failing(defect);
  const { before, after, result, ...shrunk } = await shrink(scenario, violation, { defect });
  expect(result.violation?.invariant).toBe(violation.invariant);
  const entries = before.faults + before.operations;
  expect(after.faults + after.operations).toBeLessThanOrEqual(entries / 4);
  expect(after.events).toBeLessThanOrEqual(before.events / 4);
  // It is a scenario like any other: the same run again, and no failure without the defect.
  const again = await runScenario(shrunk.scenario, planted(defect));
  expect(again.violation).toEqual(result.violation);
  expect(again.events).toBe(after.events);
  expect((await runScenario(shrunk.scenario)).violation).toBeUndefined();
});

test('the same search finds the same', async () => {
  const { scenario, violation } = await failing('vote-twice');
  const budget = { tries: 200, events: Infinity };
  const [one, two] = [
    await shrink(scenario, violation, { defect: 'vote-twice', budget }),
    await shrink(scenario, violation, { defect: 'vote-twice', budget }),
  ];
  expect(two).toEqual(one);
});

test('with fewer nodes those stay that faults name, and who asked one that is gone asks another', () => {
  const what = {
    type: 'sim',
    fault: { type: 'power-failure', victims: ['n2', 'n5'] },
  } as const;
  const operations = [
    { atNs: 1, node: 'n5', f: 'read', key: 'k', value: null },
    { atNs: 2, node: 'n4', f: 'read', key: 'k', value: null },
  ];
  const base = scenarioOf(0);
  const scenario = {
    ...base,
    faults: [{ ...fault(1), what }],
    load: { ...base.load, operations },
  };
  const [asNamed, byMentions] = fewerNodes(scenario, 2);
  expect(asNamed?.faults[0]?.what).toMatchObject({ fault: { victims: ['n2'] } });
  expect(byMentions?.faults[0]?.what).toMatchObject({ fault: { victims: ['n1', 'n2'] } });
  expect(byMentions?.load.operations?.map(({ node }) => node)).toEqual(['n2', 'n2']);
});

test('time that is cut takes with it what begins and ends in it, and moves what is later', () => {
  const base = scenarioOf(10);
  const cut = cutTime(base, { fromNs: 200 * MILLISECOND, toNs: 700 * MILLISECOND });
  expect(cut.durationNs).toBe(base.durationNs - 500 * MILLISECOND);
  // 0 and 100 ms last until 400 and 500 ms; 200 ms is inside; 300 ms and later last beyond 700 ms.
  expect(
    cut.faults.map(({ seed, atNs, durationNs }) => [seed, atNs / 1e6, durationNs / 1e6]),
  ).toEqual([
    ['0', 0, 200],
    ['1', 100, 100],
    ['3', 200, 1e-6],
    ['4', 200, 100],
    ['5', 200, 200],
    ['6', 200, 300],
    ['7', 200, 400],
    ['8', 300, 400],
    ['9', 400, 400],
  ]);
});

test('a spare less, or a node less, keeps the names of the others apart (n1, n2, … then spares)', () => {
  const aim = { type: 'set', voters: ['n2', 'n4', 'n5'] } as const;
  const fault = { type: 'membership', aim, isUndone: false } as const;
  const scenario: Scenario = {
    ...drawScenario('1', { nodes: 3, simTimeNs: SECOND }),
    spares: 2,
    faults: [{ atNs: 0, durationNs: 1, seed: 'a', what: { type: 'sim', fault } }],
  };
  const votersOf = ({ faults }: Scenario) => {
    const what = faults[0]?.what;
    const one =
      what?.type === 'sim' && what.fault.type === 'membership' ? what.fault.aim : undefined;
    return one?.type === 'set' ? one.voters : undefined;
  };
  const lessSpare = fewerSpares(scenario);
  expect(lessSpare).toMatchObject({ nodes: 3, spares: 1 });
  expect(votersOf(lessSpare)).toEqual(['n2', 'n4']);
  const [lessNode] = fewerNodes(scenario, 2);
  expect(lessNode).toMatchObject({ nodes: 2, spares: 2 });
  // n3 is gone: the spares follow n1 and n2.
  expect(lessNode === undefined ? undefined : votersOf(lessNode)).toEqual(['n2', 'n3', 'n4']);
});
