import { expect, test } from 'vitest';
import { SECOND } from '../lib/duration.ts';
import { PLAIN_PROFILE } from '../sim/testing/plain-profile.ts';
import { runScenario } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { readScenario, scenarioJson } from './scenario-file.ts';

/** Each three seconds after the one before. */
function scenario(...names: readonly string[]): Scenario {
  return {
    seed: '1',
    nodes: 5,
    spares: 2,
    durationNs: (4 + 3 * names.length) * SECOND,
    profile: PLAIN_PROFILE,
    load: {
      workload: 'register',
      concurrency: 7,
      keyOps: 50,
      values: null,
      settings: {},
      ratePerSecond: 50,
      deadlineNs: SECOND,
    },
    faults: names.map((name, i) => {
      const [kind = '', shape = ''] = name.split(':');
      const what = { type: 'nemesis', kind, shape } as const;
      return { atNs: (2 + 3 * i) * SECOND, durationNs: SECOND, seed: name, what };
    }),
  };
}

test('other faults find their victims among whoever votes then, and nothing breaks', async () => {
  const growing = { changes: [['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7']] };
  const plan = scenario('membership:several', 'partition:majority', 'transfer:round');
  const [first, ...others] = plan.faults;
  if (first?.what.type !== 'nemesis') throw new Error('it is a nemesis');
  const pinned = { victims: ['n6', 'n7'], value: growing };
  const faults = [{ ...first, what: { ...first.what, pinned } }, ...others];
  const result = await runScenario({ ...plan, faults });
  expect(result.violation).toBeUndefined();
  expect(result.injected.map(({ resolved }) => resolved.victims.length)).toEqual([2, 4, 7]);
  expect(result.history.filter(({ type }) => type === 'ok').length).toBeGreaterThan(100);
});

test('what changes the cluster itself stands in a schedule as any other fault', () => {
  const some = scenario('membership:add', 'transfer:to-follower');
  expect(readScenario(JSON.parse(JSON.stringify(scenarioJson(some))), 'it')).toEqual(some);
  const none = { ...scenarioJson(some), spares: 0 };
  expect(() => readScenario(none, 'it')).toThrow('membership:add needs 1 spare node');
});

test('a schedule that asks for members that are not there is refused', () => {
  const [fault] = scenario('membership:several').faults;
  const pinned = (value: unknown): unknown => ({
    ...scenarioJson(scenario()),
    faults: [{ ...fault, what: { ...fault?.what, pinned: { victims: ['n1'], value } } }],
  });
  expect(() => readScenario(pinned({ changes: [['n1', 'n7']] }), 'it')).not.toThrow();
  for (const value of [{ changes: [['n8']] }, { changes: [[]] }, {}]) {
    expect(() => readScenario(pinned(value), 'it')).toThrow(/it says nothing|has to be a list/);
  }
});

test('where its nodes were left out, a pinned change does not happen', async () => {
  const [fault] = scenario('membership:several').faults;
  if (fault?.what.type !== 'nemesis') throw new Error('it is a nemesis');
  const pinned = { victims: ['n7'], value: { changes: [['n1', 'n7']] } };
  const faults = [{ ...fault, what: { ...fault.what, pinned } }];
  const result = await runScenario({ ...scenario('x:y'), spares: 0, faults });
  expect(result.violation).toBeUndefined();
  expect(result.injected).toEqual([]);
});
