import { quorumValue } from './configuration.ts';
import { configurationOf, type CoreState } from './state.ts';

/** So many instants are remembered for each heartbeat interval: leases are shorter by what lies between. */
const TIMES_PER_HEARTBEAT = 16;

/** A new round, which everybody is to answer soon. Its number was never used before. */
export function openRound(state: CoreState): void {
  state.round += 1;
  state.wantedRound = state.round;
  const { roundTimes, nowNs } = state;
  const { electionTimeout, heartbeatIntervalNs } = state.config;
  const lastNs = roundTimes.at(-1)?.openedNs ?? -Infinity;
  if (nowNs - lastNs < heartbeatIntervalNs / TIMES_PER_HEARTBEAT) return;
  roundTimes.push({ round: state.round, openedNs: nowNs });
  while ((roundTimes[0]?.openedNs ?? nowNs) < nowNs - electionTimeout.minNs) roundTimes.shift();
}

/**
 * Until when this leader may answer reads without a round. -Infinity when it never may.
 *
 * SAFETY (thesis §6.4.1): an answer to a round says that its sender heard this leader after the round
 * was opened, and refuses to depose it for a minimum election timeout from then on.
 */
export function ownLeaseEndNs(state: CoreState): number {
  const { config } = state;
  if (!config.checkQuorum) return -Infinity;
  const quorumSentNs = quorumValue(configurationOf(state), (voter) =>
    voter === config.id
      ? state.nowNs
      : openedNs(state, state.progress.get(voter)?.acknowledgedRound ?? 0),
  );
  return state.rules.leaseEndNs({
    quorumSentNs,
    electionTimeoutNsMin: config.electionTimeout.minNs,
    clockDriftPpm: config.leaseDriftPpm,
  });
}

/** When this round was opened, or one before it: never too late. */
function openedNs({ roundTimes }: CoreState, round: number): number {
  for (let at = roundTimes.length - 1; at >= 0; at--) {
    const time = roundTimes[at];
    if (time !== undefined && time.round <= round) return time.openedNs;
  }
  return -Infinity;
}

/** Heartbeats extend the lease for as long as somebody lately asked for one. */
export function keepLease(state: CoreState): void {
  const { nowNs, config } = state;
  if (!config.checkQuorum || nowNs - state.leaseWantedNs >= config.electionTimeout.minNs) return;
  const lastNs = state.roundTimes.at(-1)?.openedNs ?? -Infinity;
  if (nowNs - lastNs >= config.heartbeatIntervalNs) openRound(state);
}
