import { expect, test } from 'vitest';
import { SECOND } from '../lib/duration.ts';
import { PAPER_RULES } from '../raft/core/rules.ts';
import { calmTimes } from './calm.ts';
import { runScenario } from './index.ts';
import type { Scenario } from './scenario.ts';
import { drawScenario } from './swarm.ts';

const what = { type: 'sim', fault: { type: 'power-failure', victims: 'all' } } as const;
const fault = (at: number, seconds: number) => ({
  atNs: at * SECOND,
  durationNs: seconds * SECOND,
  seed: 'a',
  what,
});

function scenario(faults: Scenario['faults'], durationNs: number): Scenario {
  return { ...drawScenario('1', { nodes: 3 }), durationNs, faults };
}

test('calm is where no fault is on, however they overlap', () => {
  const faults = [fault(8, 1), fault(1, 3), fault(2, 1), fault(4, 1)];
  const inSeconds = calmTimes(scenario(faults, 10 * SECOND)).map(({ minNs, maxNs }) => [
    minNs / SECOND,
    maxNs / SECOND,
  ]);
  expect(inSeconds).toEqual([
    [0, 1],
    [5, 8],
    [9, 10],
  ]);
  expect(calmTimes(scenario([fault(0, 10)], 10 * SECOND))).toEqual([]);
});

test('a cluster that makes no progress though nothing is wrong is found long before the end', async () => {
  // Nobody votes any more after the first power failure.
  let lives = 0;
  const rules = { ...PAPER_RULES, mayGrantPreVote: () => lives <= 3 };
  const observers = [{ started: () => void (lives += 1) }];
  const long = scenario([fault(1, 1)], 3600 * SECOND);
  const { violation } = await runScenario(long, { rules, observers });
  expect(violation?.invariant).toBe('liveness-leader');
  expect(violation?.atNs).toBeLessThan(1800 * SECOND);
});
