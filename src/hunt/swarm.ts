import { SECOND } from '../lib/duration.ts';
import { makeRandom, type Random } from '../lib/prng.ts';
import { livenessBounds } from '../sim/liveness.ts';
import { chance, weighted } from './draws.ts';
import type { Scenario } from './scenario.ts';
import { drawFaults } from './swarm-faults.ts';
import { drawLeases } from './swarm-leases.ts';
import { drawLoad } from './swarm-load.ts';
import { drawSpares } from './swarm-membership.ts';
import { drawProfile } from './swarm-profile.ts';

/** What is not left to the seed. */
export interface Constraints {
  /** For how long clients and faults go on. Default 60 s. */
  readonly simTimeNs?: number | undefined;
  /** 1 to 7. */
  readonly nodes?: number | undefined;
  /** Name of one. */
  readonly workload?: string | undefined;
  /** Leases everywhere, on clocks that are more wrong than nodes believe: what must be caught. */
  readonly driftsBeyondBound?: boolean | undefined;
}

const SIM_TIME_NS = 60 * SECOND;
/** What calm is for in most seeds: elections may split, processes must start. */
const CALM_ELECTIONS = 12;
/** Entries in a log for each second of a run, at most about. */
const ENTRIES_PER_SECOND = 50;

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
  const leases = drawLeases(random.fork('leases'), constraints);
  const profile = leases.on(drawProfile(random.fork('profile'), leases.drift));
  const spares = drawSpares(random.fork('membership'), nodes);
  const electionNs = profile.node.electionTimeout.maxNs;
  const calmNs = drawCalm(random.fork('calm'), { profile, nodes, durationNs });
  return {
    seed,
    nodes,
    ...(spares === undefined ? {} : { spares }),
    durationNs,
    profile,
    load: leases.load(drawLoad(random.fork('load'), constraints.workload ?? leases.workload)),
    faults: drawFaults(
      {
        nodes,
        durationNs,
        electionNs,
        calmNs,
        changesMembers: spares !== undefined,
        clocks: leases.clocks,
      },
      random.fork('faults'),
    ),
  };
}

/** Long enough to get on as a rule; in every third seed so long that liveness may be asked for in it. */
function drawCalm(
  random: Random,
  { profile, nodes, durationNs }: Pick<Scenario, 'profile' | 'nodes' | 'durationNs'>,
): number {
  const entries = Math.ceil((durationNs / SECOND) * ENTRIES_PER_SECOND);
  const { leaderNs, progressNs } = livenessBounds({ profile, nodes, entries });
  if (chance(random, 1 / 3)) return leaderNs + progressNs;
  return CALM_ELECTIONS * profile.node.electionTimeout.maxNs + profile.restartNs.maxNs + SECOND;
}
