import type { SeedOutcome } from './run-seed.ts';
import type { Constraints } from './swarm.ts';

/** What a thread of the pool is started with. */
export interface ThreadData {
  readonly constraints: Constraints;
  /** Name of a planted one. */
  readonly defect: string | undefined;
  /** Where Node keeps compiled modules; undefined where it does not. */
  readonly compileCache: string | undefined;
}

/** To a thread: run this one, and say how it ended. */
export interface ToThread {
  readonly seed: string;
}

/** From a thread. */
export type FromThread =
  /** It lives, and the run under way has come so far. */
  | { readonly type: 'progress'; readonly simulatedNs: number }
  | { readonly type: 'ended'; readonly outcome: SeedOutcome }
  /** The run threw what is no violation: a bug in Gong. */
  | { readonly type: 'threw'; readonly error: string };
