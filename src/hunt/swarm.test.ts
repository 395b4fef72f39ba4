import { expect, test } from 'vitest';
import { nemeses } from '../../nemesis/index.ts';
import { workloads } from '../../workloads/index.ts';
import { SECOND } from '../lib/duration.ts';
import type { FaultKind, Scenario } from './scenario.ts';
import { drawScenario } from './swarm.ts';
import { SIM_FAMILIES } from './swarm-sim-faults.ts';

const drawn = (seeds: number, constraints = {}): Scenario[] =>
  Array.from({ length: seeds }, (_, seed) => drawScenario(String(seed), constraints));

/** `kill:leader`, `disk:slow`, `crash`. */
function sort(what: FaultKind): string {
  if (what.type === 'nemesis') return `${what.kind}:${what.shape}`;
  const { fault } = what;
  if (fault.type === 'disk' && fault.trouble.type === 'snapshot-flip') {
    return `disk:snapshot-flip${fault.trouble.when === 'read' ? ' when read' : ''}`;
  }
  if (fault.type === 'network' || fault.type === 'disk') {
    return `${fault.type}:${fault.trouble.type}`;
  }
  return fault.type === 'clock' ? `clock:${fault.change.type}` : fault.type;
}

/** The family of it: what a seed has or has not. */
const family = (what: FaultKind): string => (what.type === 'nemesis' ? what.kind : sort(what));

test('the same seed draws the same, another one something else; constraints hold', () => {
  expect(drawScenario('7')).toEqual(drawScenario('7'));
  expect(drawScenario('7')).not.toEqual(drawScenario('8'));
  for (const one of drawn(50, { nodes: 5, simTimeNs: 10 * SECOND })) {
    expect(one).toMatchObject({ nodes: 5, durationNs: 10 * SECOND });
  }
});

test('every fault there is comes up, and every size of a cluster', () => {
  const scenarios = drawn(600);
  const seen = new Set(scenarios.flatMap(({ faults }) => faults.map(({ what }) => sort(what))));
  // What the cluster itself is asked for has faults of the simulation's own.
  const isAsked = (requires: string): boolean =>
    requires === 'membership' || requires === 'leadership';
  const shapes = [...nemeses.values()].flatMap(({ kind, requires, shapes: all }) =>
    isAsked(requires) ? [] : all.map(({ shape }) => `${kind}:${shape}`),
  );
  expect(shapes.filter((shape) => !seen.has(shape))).toEqual([]);
  expect(seen).toContain('membership');
  expect(seen.size - shapes.length).toBe(SIM_FAMILIES.length + 1);
  expect(new Set(scenarios.map(({ spares }) => spares))).toEqual(new Set([undefined, 0, 1, 2, 3]));
  expect(new Set(scenarios.map(({ nodes }) => nodes))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]));
});

test('every workload comes up; one that is asked for moves nothing else', () => {
  const scenarios = drawn(200);
  expect(new Set(scenarios.map(({ load }) => load.workload))).toEqual(new Set(workloads.keys()));
  for (const one of scenarios.slice(0, 20)) {
    const asked = drawScenario(one.seed, { workload: 'queue' });
    const { workload: _, settings: __, ...rest } = one.load;
    expect(asked).toMatchObject({ ...one, load: { ...rest, workload: 'queue' } });
  }
});

test('some seeds know no fault, some a single sort, some all of them', () => {
  const counts = drawn(600, { nodes: 5, simTimeNs: 600 * SECOND }).map(
    ({ faults }) => new Set(faults.map(({ what }) => family(what))).size,
  );
  const most = Math.max(...counts);
  expect(most).toBeGreaterThanOrEqual(SIM_FAMILIES.length);
  for (const count of [0, 1, 2, 5, most]) expect(counts, String(count)).toContain(count);
});

test.each([10, 60, 600])('faults are spread over all of %i s, and end with it', (seconds) => {
  const durationNs = seconds * SECOND;
  const began: number[] = [];
  for (const { faults, nodes } of drawn(200, { simTimeNs: durationNs })) {
    for (const { atNs, durationNs: lastsNs, what } of faults) {
      expect(atNs + lastsNs).toBeLessThanOrEqual(durationNs);
      began.push(atNs);
      if (what.type !== 'nemesis') continue;
      const shape = nemeses.get(what.kind)?.shapes.find((one) => one.shape === what.shape);
      expect(shape?.nodesMin).toBeLessThanOrEqual(nodes);
    }
  }
  for (const quarter of [0, 1, 2, 3]) {
    const count = began.filter((atNs) => Math.floor((4 * atNs) / durationNs) === quarter).length;
    expect(count / began.length).toBeGreaterThan(0.15);
  }
});

test('timers leave messages and disks the time that they take (Raft §5.6)', () => {
  for (const { profile } of drawn(300)) {
    const { latency, disk, node, driftPpmMax = 0 } = profile;
    const slowest = 1 - driftPpmMax / 1e6;
    const heartbeatNs = node.heartbeatIntervalNs / slowest + 2 * latency.maxNs + disk.sync.maxNs;
    expect(node.electionTimeout.minNs / (1 + driftPpmMax / 1e6)).toBeGreaterThan(heartbeatNs);
  }
});
