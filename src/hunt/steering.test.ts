import { expect, test } from 'vitest';
import { SECOND } from '../lib/duration.ts';
import { PLAIN_PROFILE } from '../sim/testing/plain-profile.ts';
import { runScenario } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { decodeScenario, encodeScenario } from './scenario-file.ts';

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
  expect(decodeScenario(encodeScenario(some))).toEqual(some);
});
