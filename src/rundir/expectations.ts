/**
 * A violation that is known: one entry of the file that `--expect` names. Without `key` and `f` it
 * speaks of every violation of that target and workload.
 */
export interface Expectation {
  readonly target: string;
  readonly workload: string;
  /** What fails. Gates and thresholds are no violations and cannot be known ones. */
  readonly check: 'linearizable';
  /** Only of this key. */
  readonly key?: string;
  /** Only where the operation that no order can hold is one of these: `read`, `write`, …. */
  readonly f?: string;
  readonly reason: string;
  /** The last day (UTC) on which it is excused: `2026-12-31`. */
  readonly expires: string;
}

/**
 * What came of an entry. `seen`: it covers a violation. `expired`: it would cover one, but its day has
 * passed. `not-seen`: everything was decided and nothing of the kind was found. `undecided`: not seen,
 * and not everything was decided.
 */
export type ExpectationOutcome = 'seen' | 'expired' | 'not-seen' | 'undecided';

export interface AppliedExpectation {
  readonly expectation: Expectation;
  readonly outcome: ExpectationOutcome;
  readonly isExpired: boolean;
  /** How many of the failed keys in the verdict it is about. */
  readonly keys: number;
}

/** What a run made of the file that `--expect` named. */
export interface AppliedExpectations {
  /** As named on the command line. */
  readonly file: string;
  /** The day (UTC) that expiry was judged by. */
  readonly today: string;
  /** Those for this target and workload, in the order of the file. */
  readonly entries: readonly AppliedExpectation[];
  /** How many are for other targets or workloads. */
  readonly others: number;
  /** True: there are violations, and each of them is known. */
  readonly excuses: boolean;
}
