import { MILLISECOND, SECOND } from '../../lib/duration.ts';
import type { Scenario, ScheduledFault } from '../../hunt/scenario.ts';
import type { RangeNs } from '../../sim/profile.ts';

const ms = (min: number, max: number): RangeNs => ({
  minNs: min * MILLISECOND,
  maxNs: max * MILLISECOND,
});

/** One fault after the other, each held for a while; the cluster is whole in between. */
const EVERY_NS = 5 * SECOND;
const KINDS: readonly Pick<ScheduledFault, 'what' | 'durationNs'>[] = [
  {
    what: { type: 'nemesis', kind: 'partition', shape: 'leader-minority' },
    durationNs: 2 * SECOND,
  },
  { what: { type: 'nemesis', kind: 'kill', shape: 'leader' }, durationNs: SECOND },
  { what: { type: 'sim', fault: { type: 'power-failure', victims: 'one' } }, durationNs: SECOND },
  { what: { type: 'nemesis', kind: 'pause', shape: 'leader' }, durationNs: SECOND },
];

function faultsOf(nodes: number, durationNs: number): readonly ScheduledFault[] {
  const faults: ScheduledFault[] = [];
  // One node has no links to cut.
  const kinds = nodes === 1 ? KINDS.slice(1) : KINDS;
  for (let atNs = EVERY_NS; atNs + EVERY_NS <= durationNs; atNs += EVERY_NS) {
    const kind = kinds[faults.length % kinds.length];
    if (kind !== undefined) faults.push({ ...kind, atNs, seed: `fault ${faults.length}` });
  }
  return faults;
}

/** A cluster in one room with good disks, 50 operations per second, and a fault every 5 seconds. */
export function benchScenario(given: {
  readonly seed: string;
  readonly nodes: number;
  readonly durationNs: number;
}): Scenario {
  return {
    ...given,
    profile: {
      disk: { read: ms(0, 1), sync: ms(1, 5) },
      latency: ms(1, 5),
      clientLatency: ms(1, 2),
      turnNs: 20_000,
      restartNs: ms(100, 1000),
      node: {
        electionTimeout: ms(150, 300),
        heartbeatIntervalNs: 50 * MILLISECOND,
        maxEntriesPerAppend: 16,
        maxBytesPerAppend: 65_536,
        maxInflightAppends: 4,
        requestTimeoutNs: SECOND,
        segmentBytesMax: 65_536,
      },
    },
    load: {
      workload: 'register',
      concurrency: 10,
      keyOps: 100,
      values: null,
      settings: {},
      ratePerSecond: 50,
      deadlineNs: SECOND,
    },
    faults: faultsOf(given.nodes, given.durationNs),
  };
}
