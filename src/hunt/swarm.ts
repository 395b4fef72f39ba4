import { SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import { weighted } from './draws.ts';
import type { Scenario } from './scenario.ts';
import { drawFaults } from './swarm-faults.ts';
import { drawLoad } from './swarm-load.ts';
import { drawProfile } from './swarm-profile.ts';

/** What is not left to the seed. */
export interface Constraints {
  /** For how long clients and faults go on. Default 60 s. */
  readonly simTimeNs?: number | undefined;
  /** 1 to 7. */
  readonly nodes?: number | undefined;
}

const SIM_TIME_NS = 60 * SECOND;
/** After the last heal, with a quorum connected: elections may split, processes must start. */
const CALM_ELECTIONS = 12;

/**
 * Draws a scenario: each seed has its own mix of cluster size, machines, tunables, workload and faults,
 * so that rare combinations appear (swarm testing, Groce et al. 2012). The same seed and constraints
 * give the same scenario.
 */
export function drawScenario(seed: string, constraints: Constraints = {}): Scenario {
  const random = makeRandom(seed).fork('swarm');
  const durationNs = constraints.simTimeNs ?? SIM_TIME_NS;
  const drawn = weighted(random.fork('nodes'), [
    [1, 1],
    [1, 2],
    [9, 3],
    [1, 4],
    [9, 5],
    [1, 6],
    [2, 7],
  ]);
  const nodes = constraints.nodes ?? drawn;
  const profile = drawProfile(random.fork('profile'));
  const electionNs = profile.node.electionTimeout.maxNs;
  const calmNs = CALM_ELECTIONS * electionNs + profile.restartNs.maxNs + SECOND;
  return {
    seed,
    nodes,
    durationNs,
    profile,
    load: drawLoad(random.fork('load')),
    faults: drawFaults({ nodes, durationNs, electionNs, calmNs }, random.fork('faults')),
  };
}
