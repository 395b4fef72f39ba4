import { MILLISECOND, SECOND } from '../../lib/duration.ts';
import type { RangeNs, SimProfile } from '../profile.ts';

function ms(min: number, max: number): RangeNs {
  return { minNs: min * MILLISECOND, maxNs: max * MILLISECOND };
}

/** Good machines in one room, with short timeouts: what tests run on that are about something else. */
export const PLAIN_PROFILE: SimProfile = {
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
    segmentBytesMax: 16_384,
  },
};

/** The same, where what went down is soon up again. */
export const QUICK_RESTARTS: SimProfile = { ...PLAIN_PROFILE, restartNs: ms(100, 300) };
