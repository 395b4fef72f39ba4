import type { SimCluster } from '../sim/cluster.ts';
import { livenessBounds, proveLiveness } from '../sim/liveness.ts';
import type { RangeNs } from '../sim/profile.ts';
import type { Simulation } from '../sim/simulation.ts';
import type { Scenario } from './scenario.ts';

/** The times in which no fault of a scenario is on, in order; nanoseconds since clients began. */
export function calmTimes({ faults, durationNs }: Scenario): readonly RangeNs[] {
  const calm: RangeNs[] = [];
  let freeNs = 0;
  for (const fault of faults.toSorted((a, b) => a.atNs - b.atNs)) {
    if (fault.atNs > freeNs) calm.push({ minNs: freeNs, maxNs: fault.atNs });
    freeNs = Math.max(freeNs, fault.atNs + fault.durationNs);
  }
  if (freeNs < durationNs) calm.push({ minNs: freeNs, maxNs: durationNs });
  return calm;
}

/**
 * Asks for liveness within a run as well, wherever no fault is on for as long as it may take: a
 * violation ends the run.
 *
 * @param ended - nobody is asked after it
 */
export async function proveLivenessInBetween(
  sim: Simulation,
  cluster: SimCluster,
  scenario: Scenario,
  ended: AbortSignal,
): Promise<void> {
  const beganNs = sim.now();
  const { profile, nodes } = scenario;
  for (const { minNs, maxNs } of calmTimes(scenario)) {
    // Faults end at that very instant.
    await sim.sleep(beganNs + minNs + 1 - sim.now(), ended);
    if (ended.aborted) return;
    const entries = Math.max(0, ...cluster.statuses().map(({ log }) => log.lastIndex));
    const { leaderNs, progressNs } = livenessBounds({ profile, nodes, entries });
    if (beganNs + maxNs - sim.now() >= leaderNs + progressNs) await proveLiveness(sim, cluster);
  }
}
