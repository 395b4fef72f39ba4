import { MILLISECOND } from '../lib/duration.ts';
import type { Random } from '../lib/prng.ts';
import type { SimProfile } from '../sim/profile.ts';
import { chance, logUniform } from './draws.ts';
import type { ScenarioLoad } from './scenario.ts';
import type { FaultSetting } from './swarm-faults.ts';

/** What a seed has of leases: who asks for them, and how clocks keep to what nodes believe of them. */
export interface Leases {
  readonly load: (load: ScenarioLoad) => ScenarioLoad;
  readonly on: (profile: SimProfile) => SimProfile;
  /** Undefined: left to the seed. */
  readonly workload: string | undefined;
  readonly clocks: FaultSetting['clocks'];
  /** Of all clocks, from the beginning; undefined: left to the seed. */
  readonly drift: { readonly driftPpmMax: number } | undefined;
}

const NONE: Leases = {
  load: (load) => load,
  on: (profile) => profile,
  clocks: 'any',
  workload: undefined,
  drift: undefined,
};

/**
 * In some seeds leases serve reads. Clocks are then as wrong as nodes are told, and no more; or, where
 * that is asked for, more.
 */
export function drawLeases(
  random: Random,
  { driftsBeyondBound = false }: { readonly driftsBeyondBound?: boolean | undefined },
): Leases {
  if (driftsBeyondBound) return wrongClocks(random);
  if (!chance(random, 0.4)) return NONE;
  // As machines are wrong, or as wrong as nothing is.
  const leaseDriftPpm = chance(random, 0.5)
    ? logUniform(random, 10, 1000)
    : logUniform(random, 1000, 300_000);
  const leaseShare = random.pick([0.2, 0.5, 1]);
  const isKeen = chance(random, 0.5);
  const keen = random.fork('keen');
  return {
    load: (load) => ({ ...(isKeen ? keenReaders(load, keen) : load), leaseShare }),
    on(profile) {
      const node = { ...profile.node, leaseDriftPpm };
      const driftPpmMax = Math.min(profile.driftPpmMax ?? 0, leaseDriftPpm);
      return { ...profile, driftPpmMax, clockBoundPpm: leaseDriftPpm, node };
    },
    clocks: 'bounded',
    workload: undefined,
    drift: undefined,
  };
}

/** So wrong that a slow leader's lease outlasts the patience of those that are fast. */
function wrongClocks(random: Random): Leases {
  const leaseDriftPpm = logUniform(random, 10, 1000);
  const driftPpmMax = logUniform(random, 200_000, 500_000);
  const keen = random.fork('keen');
  return {
    load: (load) => ({ ...keenReaders(load, keen), leaseShare: 1 }),
    on: (profile) => ({ ...profile, node: { ...profile.node, checkQuorum: true, leaseDriftPpm } }),
    clocks: 'wrong',
    // Others have no share of reads.
    workload: 'register',
    drift: { driftPpmMax },
  };
}

/**
 * Most of what they do is to read, and they do not wait long: whoever writes to a leader that was cut off
 * waits, and would soon ask it nothing any more, just when its lease is about to end.
 */
function keenReaders(load: ScenarioLoad, random: Random): ScenarioLoad {
  return {
    ...load,
    concurrency: random.integer(15, 40),
    settings: { ...load.settings, readShare: 0.95 },
    ratePerSecond: random.integer(80, 160),
    thinkNs: 0,
    deadlineNs: random.integer(50, 200) * MILLISECOND,
  };
}
