import type { Random } from '../lib/prng.ts';
import type { SimCluster } from './cluster.ts';
import { type CrashMoment, type PortCall, RECOVERY_CALLS } from './node-ports.ts';
import type { SimNode } from './node.ts';
import { type Victims, victimsOf } from './victims.ts';

/**
 * Processes die at a call of a port, and start again after the profile's `restartNs`: not somewhere
 * between two events, but in the middle of what a node does. Where only a recovery makes that call,
 * the victims end in the same way at the beginning, and start at once: there is one to die in.
 */
export interface CrashFault {
  readonly type: 'crash';
  readonly victims: Victims;
  readonly how: 'kill' | 'power-failure';
  readonly call: PortCall | 'any';
  /** At which of these calls, from 1, counted from the beginning of the fault. */
  readonly nth: number;
  readonly moment: CrashMoment;
  /** So many of the following lives die, too, each at one of its first `nth` calls: in recovery, often. */
  readonly again: number;
}

/** The end takes back deaths that have not come, and starts who is down because of this fault. */
export async function injectCrashFault(
  cluster: SimCluster,
  fault: CrashFault,
  random: Random,
): Promise<AsyncDisposable> {
  const ends = victimsOf(cluster, fault.victims, random).map((victim) =>
    crash(cluster, cluster.node(victim), fault, random.fork(victim)),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      for (const end of ends) end();
    },
  };
}

/** @returns what ends it */
function crash(
  cluster: SimCluster,
  node: SimNode,
  { how, call, nth, moment, again }: CrashFault,
  random: Random,
): () => void {
  const { minNs, maxNs } = cluster.profile.restartNs;
  let deathsLeft = 1 + again;
  let takeBack: (() => void) | undefined;
  let start: (() => void) | undefined;
  const arm = (at: number): void => {
    takeBack = node.crashAt({
      call,
      nth: at,
      moment,
      how,
      onCrash() {
        deathsLeft -= 1;
        start = node.startAfter(random.integer(minNs, maxNs));
        if (deathsLeft > 0) arm(random.integer(1, nth));
      },
    });
  };
  arm(nth);
  if (call !== 'any' && RECOVERY_CALLS.includes(call)) {
    node.stop({ type: how === 'kill' ? 'killed' : 'power-failure' });
    node.start();
  }
  return () => {
    takeBack?.();
    start?.();
  };
}
