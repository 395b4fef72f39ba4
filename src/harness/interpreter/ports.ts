import type { Clock } from '../../contracts/clock.ts';
import type { Client, Completion, Invocation } from '../../contracts/client.ts';
import type { NodeId } from '../../contracts/names.ts';

/** An operation that is about to start. */
export interface IntendedOperation {
  readonly process: number;
  readonly node: NodeId;
  readonly invocation: Invocation;
  /** When it was meant to start; undefined when it starts as soon as it can. */
  readonly intendedNs: number | undefined;
}

/** An operation whose invocation is recorded. */
export interface StartedOperation extends IntendedOperation {
  /** When it was meant to start; before `invokedNs` when an open loop ran late. */
  readonly intendedNs: number;
  /** The time on its line of the history. */
  readonly invokedNs: number;
}

/**
 * Writes the history. Both calls are synchronous, and their order is the order of the history:
 * `invoke` comes before the request is handed to the client, `complete` after its answer.
 */
export interface OperationRecorder {
  invoke(operation: IntendedOperation): StartedOperation;
  complete(operation: StartedOperation, completion: Completion): void;
}

/** What every logical client needs. */
export interface ClientPorts {
  readonly clock: Clock;
  readonly recorder: OperationRecorder;
  /** A new connection to this node; opening it is part of its first operation. */
  readonly connect: (node: NodeId) => Client;
  /** How long one operation may take, in nanoseconds. */
  readonly deadlineNs: number;
  /** Pause after a `fail`: a closed loop would spin on a node that refuses. */
  readonly pauseAfterFailNs: number;
}
