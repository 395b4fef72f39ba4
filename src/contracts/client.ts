import type { Json } from '../../checker/index.ts';

/** What a workload asks of the store. */
export interface Invocation {
  readonly f: string;
  readonly key?: string;
  readonly value: Json;
}

/** Who answered, where the target tells. */
export interface Served {
  readonly servedBy?: string;
  readonly term?: number;
  readonly appliedIndex?: number;
}

/** How an operation ended. Ambiguity is data: see DESIGN 4. */
export type Completion =
  | ({ readonly type: 'ok'; readonly value: Json; readonly applied?: boolean } & Served)
  /** Certainly did not happen: refused before a byte was sent, or an answer that says so. */
  | ({ readonly type: 'fail'; readonly error: string } & Served)
  /** May have happened, may happen later: time-out, reset, empty answer, 5xx without more. */
  | ({ readonly type: 'info'; readonly error: string } & Served);

/**
 * One logical client on one connection to one node; one operation at a time. It never retries.
 * After a completion of type `info` its owner disposes it and opens another under a new process id.
 */
export interface Client extends AsyncDisposable {
  /**
   * Never rejects for what the store or the network did.
   *
   * @param deadlineNs - how long this operation may take, in nanoseconds from now
   */
  invoke(invocation: Invocation, deadlineNs: number): Promise<Completion>;
}
