import { assert } from '../lib/assert.ts';
import type { Violation } from '../sim/violation.ts';
import { planted } from './planted.ts';
import { LINEARIZABILITY, runScenario, type ScenarioResult } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import type { Candidate, Failing, Pass } from './shrink-candidate.ts';
import { LAST_PASSES, PASSES } from './shrink-passes.ts';

/** How much there is of a failing run. */
export interface ScheduleSize {
  readonly faults: number;
  /** That clients began, final reads included. */
  readonly operations: number;
  /** Of the simulation, until the violation. */
  readonly events: number;
  readonly nodes: number;
  readonly simulatedNs: number;
}

/** What a search may cost. No time: the same search finds the same, however fast the machine is. */
export interface ShrinkBudget {
  /** Runs. */
  readonly tries: number;
  /** Of the simulation, of all runs together. */
  readonly events: number;
}

export const SHRINK_BUDGET: ShrinkBudget = { tries: 10_000, events: 20_000_000 };

export interface ShrinkProgress {
  readonly tried: number;
  readonly events: number;
  /** Of the smallest schedule so far. */
  readonly size: ScheduleSize;
}

export interface ShrinkOptions {
  /** Name of the planted one that the scenario failed with. */
  readonly defect?: string | undefined;
  readonly budget?: ShrinkBudget | undefined;
  /** Ends the search with what it has. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ShrinkProgress) => void) | undefined;
  /** In place of `runScenario` with that defect. Throws when the scenario cannot be run, or needs more events. */
  readonly run?: ((scenario: Scenario, eventsMax: number) => Promise<ScenarioResult>) | undefined;
}

export interface Shrunk {
  /** The smallest that was found: it breaks the invariant of the one that was given. */
  readonly scenario: Scenario;
  readonly result: ScenarioResult;
  readonly before: ScheduleSize;
  readonly after: ScheduleSize;
  /** Runs that it took. */
  readonly tried: number;
  readonly events: number;
  /** What made it smaller, in order. */
  readonly steps: readonly string[];
  /** Nothing that is tried makes it any smaller; false when the budget or the caller ended the search. */
  readonly isFixedPoint: boolean;
}

/**
 * Where a reduction moves the timing, and the violation with it, other seeds of the streams may still
 * fail: so many are tried, and so many for one that takes all away (for a part of it, its part). First
 * few, until nothing gets smaller; then more, on what is cheap to run by now.
 */
const OTHER_SEEDS = [
  { least: 1, most: 20 },
  { least: 4, most: 80 },
  { least: 16, most: 200 },
] as const;

/**
 * Searches for the smallest schedule that still breaks the same invariant, greedily: what reduces most
 * comes first, and whatever reduces is kept. Each candidate is run in full. Deterministic.
 *
 * @param violation - what `scenario` ends with
 * @throws InvariantError when it does not
 */
export async function shrink(
  scenario: Scenario,
  violation: Violation,
  options: ShrinkOptions = {},
): Promise<Shrunk> {
  const { defect } = options;
  const { invariant } = violation;
  const isHistoryDecided = invariant === LINEARIZABILITY;
  const run: Run =
    options.run ??
    ((one, eventsMax) => runScenario(one, { ...planted(defect), isHistoryDecided, eventsMax }));
  const result = await run(scenario, Infinity);
  assert(result.violation?.invariant === invariant, `the scenario breaks ${invariant}`);
  const search = new Search({ scenario, result }, invariant, { ...options, run });
  let isFixedPoint = true;
  for (const otherSeeds of OTHER_SEEDS) {
    isFixedPoint = await search.untilNothingHelps(otherSeeds);
    if (!isFixedPoint) break;
  }
  if (isFixedPoint) isFixedPoint = await search.once(LAST_PASSES, OTHER_SEEDS[0]);
  const { best, tried, events, steps } = search;
  return {
    ...best,
    before: sizeOf(scenario, result),
    after: sizeOf(best.scenario, best.result),
    tried,
    events,
    steps,
    isFixedPoint,
  };
}

export function sizeOf(scenario: Scenario, result: ScenarioResult): ScheduleSize {
  return {
    faults: scenario.faults.length,
    operations: result.history.filter(({ type }) => type === 'invoke').length,
    events: result.events,
    nodes: scenario.nodes,
    simulatedNs: result.simulatedNs,
  };
}

/** What a reader has to go through: an event is little, a fault a thing to think about. */
function cost({ scenario, result }: Failing): number {
  const { events, operations, faults, nodes } = sizeOf(scenario, result);
  return events + 100 * operations + 1000 * faults + 1000 * nodes;
}

/** What is simpler may take a little longer. */
const TOLERANCE = 1.1;
/** How much longer than the best one a candidate is watched, beside that. */
const EVENTS_SLACK = 200;

type OtherSeeds = (typeof OTHER_SEEDS)[number];
type Run = NonNullable<ShrinkOptions['run']>;

class Search {
  best: Failing;
  tried = 1;
  events: number;
  readonly steps: string[] = [];
  readonly #root: string;
  readonly #invariant: string;
  readonly #options: ShrinkOptions;
  readonly #run: Run;

  constructor(first: Failing, invariant: string, options: ShrinkOptions & { readonly run: Run }) {
    this.best = first;
    this.events = first.result.events;
    this.#root = first.scenario.seed;
    this.#invariant = invariant;
    this.#options = options;
    this.#run = options.run;
  }

  /** @returns false when it had to stop before */
  async untilNothingHelps(otherSeeds: OtherSeeds): Promise<boolean> {
    for (;;) {
      const before = this.best;
      if (!(await this.once(PASSES, otherSeeds))) return false;
      if (this.best === before) return true;
    }
  }

  /** @returns false when it had to stop before */
  async once(passes: readonly Pass[], otherSeeds: OtherSeeds): Promise<boolean> {
    for (const pass of passes) {
      const candidates = pass(() => this.best);
      let next = candidates.next(false);
      while (next.done !== true) {
        if (this.#isOver) return false;
        next = candidates.next(await this.#takes(next.value, otherSeeds));
      }
    }
    return true;
  }

  get #isOver(): boolean {
    const { signal, budget = SHRINK_BUDGET } = this.#options;
    if (signal?.aborted === true) return true;
    return this.tried >= budget.tries || this.events >= budget.events;
  }

  async #takes(candidate: Candidate, { least, most }: OtherSeeds): Promise<boolean> {
    const { what, scenario, isSimpler, share = 0, seeds = 0 } = candidate;
    const costMax = cost(this.best) * (isSimpler === true ? TOLERANCE : 1);
    for (const seed of this.#seeds(
      scenario.seed,
      Math.max(seeds, least, Math.round(share * most)),
    )) {
      if (this.#isOver) return false;
      const found = await this.#failing({ ...scenario, seed });
      if (found === undefined) continue;
      if (isSimpler === true ? cost(found) > costMax : cost(found) >= costMax) continue;
      this.best = found;
      this.steps.push(what);
      return true;
    }
    return false;
  }

  /** The seed that failed until now first. */
  #seeds(current: string, others: number): readonly string[] {
    const seeds = Array.from({ length: others }, (_, i) => `${this.#root}~${i + 1}`);
    return [current, ...seeds.filter((seed) => seed !== current)];
  }

  async #failing(scenario: Scenario): Promise<Failing | undefined> {
    const { onProgress } = this.#options;
    const eventsMax = EVENTS_SLACK + Math.ceil(this.best.result.events * TOLERANCE);
    this.tried += 1;
    let result: ScenarioResult;
    try {
      result = await this.#run(scenario, eventsMax);
    } catch {
      // A candidate that cannot be run, or goes on for longer, is none.
      this.events += eventsMax;
      return undefined;
    }
    this.events += result.events;
    onProgress?.({
      tried: this.tried,
      events: this.events,
      size: sizeOf(this.best.scenario, this.best.result),
    });
    return result.violation?.invariant === this.#invariant ? { scenario, result } : undefined;
  }
}
