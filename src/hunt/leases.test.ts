import { expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { SimFault } from '../sim/faults.ts';
import { QUICK_RESTARTS } from '../sim/testing/plain-profile.ts';
import { runScenario, type ScenarioResult } from './run-scenario.ts';
import type { Scenario, ScheduledFault } from './scenario.ts';
import { drawScenario } from './swarm.ts';

/** n1's clock is slow, and those of the others fast, by this much. */
const DRIFT_PPM = 300_000;

function drift(node: string, partsPerMillion: number): ScheduledFault {
  const change = { type: 'drift', partsPerMillion } as const;
  return sim(0, 20 * SECOND, { type: 'clock', victims: [node], change });
}

function sim(atNs: number, durationNs: number, fault: SimFault): ScheduledFault {
  return { atNs, durationNs, seed: `${fault.type} ${atNs}`, what: { type: 'sim', fault } };
}

/** Again and again n1 is made the leader, and then cut off, where clients go on reading. */
function scenario(seed: string, leaseDriftPpm: number): Scenario {
  const faults = [drift('n1', -DRIFT_PPM), drift('n2', DRIFT_PPM), drift('n3', DRIFT_PPM)];
  for (let atNs = SECOND; atNs < 19 * SECOND; atNs += 2 * SECOND) {
    faults.push(sim(atNs - 400 * MILLISECOND, 1, { type: 'transfer', to: ['n1'] }), {
      atNs,
      durationNs: SECOND,
      seed: String(atNs),
      what: { type: 'nemesis', kind: 'partition', shape: 'leader' },
    });
  }
  return {
    seed,
    nodes: 3,
    durationNs: 20 * SECOND,
    profile: {
      ...QUICK_RESTARTS,
      clockBoundPpm: DRIFT_PPM,
      node: { ...QUICK_RESTARTS.node, leaseDriftPpm },
    },
    load: {
      workload: 'register',
      concurrency: 30,
      keyOps: 200,
      values: null,
      settings: { readShare: 0.95, keys: 3 },
      ratePerSecond: 150,
      deadlineNs: 100 * MILLISECOND,
      leaseShare: 1,
    },
    faults,
  };
}

const SEEDS = ['1', '2', '3', '4', '5'];

async function runsWith(leaseDriftPpm: number): Promise<readonly ScenarioResult[]> {
  const runs = [];
  for (const seed of SEEDS) runs.push(await runScenario(scenario(seed, leaseDriftPpm)));
  return runs;
}

test('clocks as wrong as nodes are told: leases serve reads, and every read is right (thesis §6.4.1)', async () => {
  for (const { violation, coverage, verdict } of await runsWith(DRIFT_PPM)) {
    expect(violation).toBeUndefined();
    expect(verdict?.valid).toBe(true);
    expect(coverage['lease-read-served']).toBeGreaterThan(50);
    expect(coverage['lease-read-at-follower']).toBeGreaterThan(50);
    expect(coverage['transfer-completed']).toBeGreaterThan(3);
  }
});

test('the same clocks, where nodes are told of less: it is caught (thesis §6.4.1)', async () => {
  const violations = (await runsWith(DRIFT_PPM / 100)).map(({ violation }) => violation?.invariant);
  expect(violations).toEqual(SEEDS.map(() => 'lease-exclusive'));
});

test('seeds with leases have clocks that keep to the bound, and none that jumps', () => {
  const seeds = Array.from({ length: 200 }, (_, seed) => drawScenario(String(seed)));
  const leased = seeds.filter(({ load }) => load.leaseShare !== undefined);
  expect(leased.length).toBeGreaterThan(40);
  expect(leased.length).toBeLessThan(120);
  for (const { profile, faults } of leased) {
    expect(profile.clockBoundPpm).toBe(profile.node.leaseDriftPpm);
    expect(profile.driftPpmMax).toBeLessThanOrEqual(profile.clockBoundPpm ?? 0);
    expect(faults.filter(isJump)).toEqual([]);
  }
  expect(seeds.some(({ faults }) => faults.some(isJump))).toBe(true);
  const beyond = drawScenario('1', { driftsBeyondBound: true });
  expect(beyond.profile.clockBoundPpm).toBeUndefined();
  expect(beyond.profile.driftPpmMax).toBeGreaterThan(beyond.profile.node.leaseDriftPpm ?? 0);
});

function isJump({ what }: ScheduledFault): boolean {
  return what.type === 'sim' && what.fault.type === 'clock' && what.fault.change.type === 'jump';
}
