import type { ScenarioResult } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';

/** A scenario, and the run of it that broke the invariant. */
export interface Failing {
  readonly scenario: Scenario;
  readonly result: ScenarioResult;
}

/** Something smaller that may still fail. */
export interface Candidate {
  /** What was done, for people: `without 3 faults`. */
  readonly what: string;
  readonly scenario: Scenario;
  /** It is worth having also when the run takes a little longer. */
  readonly isSimpler?: boolean;
  /** Another run altogether: so many other seeds are worth trying. */
  readonly seeds?: number;
}

/**
 * Proposes one candidate after the other, and is told of each whether it was taken: then `best` is it.
 * A pass ends: each candidate that was taken leaves less to propose.
 */
export type Pass = (best: () => Failing) => Generator<Candidate, void, boolean>;
