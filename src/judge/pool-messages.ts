import type { EngineName } from '../../checker/index.ts';
import type { Proved } from './prove.ts';
import type { SharedHistory } from './shared-history.ts';
import type { WorkQueue } from './work-queue.ts';

/** What a thread of the pool is started with. */
export interface PoolThreadData {
  readonly history: SharedHistory;
  /** Name of a model. */
  readonly model: string;
  readonly engine: EngineName | undefined;
  readonly isVerified: boolean;
  /** Where Node keeps compiled modules; undefined where it does not. */
  readonly compileCache: string | undefined;
  /** One place for each thread: the key that it is busy with, or IDLE. */
  readonly busy: Int32Array;
  readonly lane: number;
}

export const IDLE = -1;

/** To a thread: take keys until none is left. */
export interface ToPoolThread {
  readonly queue: WorkQueue;
  /** Instant of the machine's clock that all threads share (`sharedClockNs`). */
  readonly deadlineNs: number;
  /** How many keys are decided at once. */
  readonly lanes: number;
  /** For each of them. */
  readonly memoryBytesMax: number;
}

/** From a thread. */
export type FromPoolThread =
  | { readonly type: 'proved'; readonly key: number; readonly proved: Proved }
  /** Something was thrown while it was decided. */
  | { readonly type: 'threw'; readonly key: number }
  /** It found no more keys in the queue. */
  | { readonly type: 'idle' };

/** Monotonic, in nanoseconds, the same in all threads of the process: `performance.now` is not. */
export function sharedClockNs(): number {
  return Number(process.hrtime.bigint());
}
