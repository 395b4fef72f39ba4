import type { Invocation } from '../contracts/client.ts';
import type { Draw } from '../contracts/workload.ts';

/** The draws that are not operations. */
type Wait = Extract<Draw, { type: 'wait' }>;

export const DONE: Draw = { type: 'done' };

/** Nothing before an operation completes, whenever that is. */
export const WAIT_FOR_COMPLETION: Wait = { type: 'wait', untilNs: Infinity, orCompletion: true };

export function waitUntil(untilNs: number): Wait {
  return { type: 'wait', untilNs, orCompletion: false };
}

/** Of two reasons to wait: whichever ends first. */
export function earlier(a: Wait | undefined, b: Wait): Wait {
  if (a === undefined) return b;
  return {
    type: 'wait',
    untilNs: Math.min(a.untilNs, b.untilNs),
    orCompletion: a.orCompletion || b.orCompletion,
  };
}

export function invoke(invocation: Invocation): Draw {
  return { type: 'invoke', invocation };
}
