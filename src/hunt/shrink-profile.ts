import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { RangeNs, SimProfile } from '../sim/profile.ts';
import type { Candidate, Failing } from './shrink-candidate.ts';

const always = (ns: number): RangeNs => ({ minNs: ns, maxNs: ns });

/** Machines and tunables about which there is nothing to say. */
const PLAIN: SimProfile = {
  disk: { read: always(MILLISECOND), sync: always(2 * MILLISECOND) },
  latency: always(2 * MILLISECOND),
  clientLatency: always(MILLISECOND),
  turnNs: 20_000,
  restartNs: always(100 * MILLISECOND),
  node: {
    electionTimeout: { minNs: 150 * MILLISECOND, maxNs: 300 * MILLISECOND },
    heartbeatIntervalNs: 50 * MILLISECOND,
    maxEntriesPerAppend: 16,
    maxBytesPerAppend: 65_536,
    maxInflightAppends: 4,
    requestTimeoutNs: SECOND,
    segmentBytesMax: 64 * 1024 * 1024,
  },
};

/** A disk that takes longer than a message there: what is said before it is on disk is seen at once. */
const SLOW_DISK: SimProfile['disk'] = { ...PLAIN.disk, sync: always(10 * MILLISECOND) };

/**
 * How wrong clocks may be, and what nodes believe of it, belong together: with one of them plainer, what
 * is left would be a failure of the clocks.
 */
function withClocksOf({ clockBoundPpm, node }: SimProfile, plain: SimProfile): SimProfile {
  const { leaseDriftPpm } = node;
  return {
    ...plain,
    ...(clockBoundPpm === undefined ? {} : { clockBoundPpm }),
    node: { ...plain.node, ...(leaseDriftPpm === undefined ? {} : { leaseDriftPpm }) },
  };
}

function isSame(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** All of it plain; else part by part. */
export function* plainProfile(best: () => Failing): Generator<Candidate, void, boolean> {
  const propose = (plain: SimProfile): Candidate | undefined => {
    const { scenario } = best();
    const profile = withClocksOf(scenario.profile, plain);
    if (isSame(scenario.profile, profile)) return undefined;
    return { what: 'a plainer profile', scenario: { ...scenario, profile }, isSimpler: true };
  };
  const current = (): SimProfile => best().scenario.profile;
  const proposals = [
    () => PLAIN,
    // Not once the disks are plain: neither would be the end of it.
    () => (isSame(current().disk, PLAIN.disk) ? current() : { ...PLAIN, disk: SLOW_DISK }),
    () => ({ ...PLAIN, node: current().node }),
    () => ({ ...current(), node: PLAIN.node }),
    () => ({ ...current(), disk: PLAIN.disk }),
    () => ({ ...current(), latency: PLAIN.latency }),
    () => ({ ...current(), clientLatency: PLAIN.clientLatency }),
    () => ({ ...current(), turnNs: PLAIN.turnNs }),
    () => ({ ...current(), restartNs: PLAIN.restartNs }),
  ];
  for (const proposal of proposals) {
    const candidate = propose(proposal());
    if (candidate !== undefined) yield candidate;
  }
}
