import { MILLISECOND } from '../lib/duration.ts';
import type { Random } from '../lib/prng.ts';
import type { NodeId } from '../raft/core/types.ts';
import type { SimCluster } from './cluster.ts';
import type { CrashMoment, PortCall } from './node-ports.ts';
import type { RangeNs } from './profile.ts';

/** When in the steps that follow. */
interface Death {
  readonly how: 'kill' | 'power-failure';
  readonly call: PortCall | 'any';
  /** At which of these calls since then, from 1; drawn for each up to this. */
  readonly nthMax: number;
  readonly moment: CrashMoment;
}

/**
 * Whoever is elected dies soon: in the very step that made it a leader, or a few calls of its ports
 * later, and starts again after the profile's `restartNs`. What a leader does first is what the next
 * one must not take for more than it is (Raft §5.4.2, Figure 8), and no crash at some time or other
 * falls into those microseconds.
 */
export interface YoungLeaderFault extends Death {
  readonly type: 'young-leader';
}

/**
 * Whoever has voted dies soon, and starts again at once: while somebody else stands in the same term, and
 * asks for the vote that is given (Raft §5.2, Figure 2: `votedFor` is on disk before the answer).
 */
export interface YoungVoterFault extends Death {
  readonly type: 'young-voter';
}

/** The end takes back deaths that have not come, and starts who is down because of this fault. */
export function injectYoungLeaderFault(
  cluster: SimCluster,
  fault: YoungLeaderFault,
  random: Random,
): AsyncDisposable {
  return dieAfter((listener) => cluster.onElected(listener), {
    cluster,
    fault,
    random,
    restartNs: cluster.profile.restartNs,
  });
}

/** Its end is that of `injectYoungLeaderFault`. */
export function injectYoungVoterFault(
  cluster: SimCluster,
  fault: YoungVoterFault,
  random: Random,
): AsyncDisposable {
  return dieAfter((listener) => cluster.onVoted(listener), {
    cluster,
    fault,
    random,
    restartNs: {
      minNs: MILLISECOND,
      maxNs: Math.max(MILLISECOND, cluster.profile.restartNs.minNs),
    },
  });
}

function dieAfter(
  listen: (listener: (node: NodeId) => void) => () => void,
  {
    cluster,
    fault: { how, call, nthMax, moment },
    random,
    restartNs: { minNs, maxNs },
  }: {
    readonly cluster: SimCluster;
    readonly fault: Death;
    readonly random: Random;
    readonly restartNs: RangeNs;
  },
): AsyncDisposable {
  const ends: (() => void)[] = [];
  const stopListening = listen((id) => {
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
