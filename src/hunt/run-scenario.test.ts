import { expect, test } from 'vitest';
import { SECOND } from '../lib/duration.ts';
import { runScenario } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { PLAIN_PROFILE } from '../sim/testing/plain-profile.ts';

function scenario(seed: string): Scenario {
  return {
    seed,
    nodes: 5,
    durationNs: 20 * SECOND,
    profile: PLAIN_PROFILE,
    load: {
      workload: 'register',
      concurrency: 5,
      keyOps: 50,
      values: null,
      settings: {},
      ratePerSecond: 50,
      deadlineNs: SECOND,
    },
    faults: [
      {
        atNs: 2 * SECOND,
        durationNs: 3 * SECOND,
        seed: 'a',
        what: { type: 'nemesis', kind: 'partition', shape: 'leader-minority' },
      },
      {
        atNs: 7 * SECOND,
        durationNs: SECOND,
        seed: 'b',
        what: { type: 'nemesis', kind: 'kill', shape: 'leader' },
      },
      {
        atNs: 12 * SECOND,
        durationNs: SECOND,
        seed: 'c',
        what: { type: 'sim', fault: { type: 'power-failure', victims: 'all' } },
      },
    ],
  };
}

test('the reference node keeps its promise through a partition, a kill and a power failure', async () => {
  const result = await runScenario(scenario('1'));
  expect(result.violation).toBeUndefined();
  expect(result.verdict?.valid).toBe(true);
  expect(result.history.filter(({ type }) => type === 'ok').length).toBeGreaterThan(500);
});

test('the same scenario gives the same history, event by event', async () => {
  const [first, second] = [await runScenario(scenario('2')), await runScenario(scenario('2'))];
  expect(second).toEqual(first);
  expect((await runScenario(scenario('3'))).history).not.toEqual(first.history);
});

test('a fault that cannot be done ends the run at once, with its own error', async () => {
  const pinned = { victims: ['n1'], value: { groups: [[], ['n1', 'n2']] } };
  const what = { type: 'nemesis', kind: 'partition', shape: 'one', pinned } as const;
  const fault = { atNs: SECOND, durationNs: SECOND, seed: 'a', what };
  // The bound would come before the end: nobody would have waited for the fault by then.
  const running = runScenario({ ...scenario('1'), faults: [fault] }, { eventsMax: 5000 });
  await expect(running).rejects.toThrow('a partition fault cannot be');
});
