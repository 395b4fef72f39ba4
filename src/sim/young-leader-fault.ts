import type { Random } from '../lib/prng.ts';
import type { SimCluster } from './cluster.ts';
import type { CrashMoment, PortCall } from './node-ports.ts';

/**
 * Whoever is elected dies soon: in the very step that made it a leader, or a few calls of its ports
 * later, and starts again after the profile's `restartNs`. What a leader does first is what the next
 * one must not take for more than it is (Raft §5.4.2, Figure 8), and no crash at some time or other
 * falls into those microseconds.
 */
export interface YoungLeaderFault {
  readonly type: 'young-leader';
  readonly how: 'kill' | 'power-failure';
  readonly call: PortCall | 'any';
  /** At which of these calls since it was elected, from 1; drawn for each up to this. */
  readonly nthMax: number;
  readonly moment: CrashMoment;
}

/** The end takes back deaths that have not come, and starts who is down because of this fault. */
export function injectYoungLeaderFault(
  cluster: SimCluster,
  { how, call, nthMax, moment }: YoungLeaderFault,
  random: Random,
): AsyncDisposable {
  const { minNs, maxNs } = cluster.profile.restartNs;
  const ends: (() => void)[] = [];
  const stopListening = cluster.onElected((id) => {
    const node = cluster.node(id);
    const takeBack = node.crashAt({
      call,
      nth: random.integer(1, nthMax),
      moment,
      how,
      onCrash: () => ends.push(node.startAfter(random.integer(minNs, maxNs))),
    });
    ends.push(takeBack);
  });
  return {
    [Symbol.asyncDispose]: async () => {
      stopListening();
      for (const end of ends) end();
    },
  };
}
