import type { NodeId } from '../raft/core/types.ts';

/** Something happened that must never happen. */
export interface Violation {
  /** Which invariant, by its name: `election-safety`, `log-matching`, … */
  readonly invariant: string;
  /** Where it stands: `Raft §5.2, Figure 3`. */
  readonly section: string;
  /** What was seen, a whole sentence with terms, indexes and nodes. */
  readonly sentence: string;
  /** Nanoseconds of simulated time. */
  readonly atNs: number;
  /** The nodes it is about. */
  readonly nodes: readonly NodeId[];
}

/** Ends a simulation at the event that broke an invariant. */
export class ViolationError extends Error {
  override readonly name = 'ViolationError';
  readonly violation: Violation;

  constructor(violation: Violation) {
    super(`${violation.invariant}: ${violation.sentence}`);
    this.violation = violation;
  }
}
