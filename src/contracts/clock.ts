/** Time as the harness sees it: real, or simulated. */
export interface Clock {
  /** Nanoseconds since the run began, monotonic. */
  now(): number;
  /** Resolves after `ns`; at once (it never rejects) when `signal` is or becomes aborted. */
  sleep(ns: number, signal?: AbortSignal): Promise<void>;
}
