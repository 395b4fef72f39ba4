import { createHash } from 'node:crypto';
import type { HistoryEvent } from '../../checker/index.ts';
import type { Counts } from '../sim/coverage.ts';
import type { LivenessFigures } from '../sim/liveness.ts';
import type { Violation } from '../sim/violation.ts';
import { runScenario, type ScenarioOptions, type ScenarioResult } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { type Constraints, drawScenario } from './swarm.ts';

/** One seed's run, whole: with its history, and the scenario that shows it again. */
export interface SeedRun extends ScenarioResult {
  readonly scenario: Scenario;
}

/** Draws a seed's scenario and runs it, in this thread. */
export async function runSeed(
  seed: string,
  constraints: Constraints = {},
  options: ScenarioOptions = {},
): Promise<SeedRun> {
  const scenario = drawScenario(seed, constraints);
  return { scenario, ...(await runScenario(scenario, options)) };
}

/** What a hunt keeps of a run. */
export interface SeedOutcome {
  readonly seed: string;
  readonly violation: Violation | undefined;
  readonly simulatedNs: number;
  /** CPU time of the thread that ran it. */
  readonly cpuNs: number;
  readonly events: number;
  readonly operations: number;
  readonly coverage: Counts;
  readonly liveness: LivenessFigures;
  /** Keys whose history was given up: neither right nor wrong. */
  readonly undecided: number;
  /** Of the history and the number of events: the same on every thread and every machine. */
  readonly digest: string;
}

/** @param cpuNs - what the run cost */
export function outcomeOf(seed: string, run: ScenarioResult, cpuNs: number): SeedOutcome {
  const { violation, simulatedNs, events, history, verdict } = run;
  return {
    seed,
    violation,
    simulatedNs,
    cpuNs,
    events,
    coverage: run.coverage,
    liveness: run.liveness,
    operations: history.reduce((count, { type }) => count + (type === 'invoke' ? 1 : 0), 0),
    undecided: verdict?.undecided.length ?? 0,
    digest: digestOf(history, events),
  };
}

/** Two runs with the same digest did the same, event by event, as far as anybody can see. */
export function digestOf(history: readonly HistoryEvent[], events: number): string {
  const hash = createHash('sha256');
  for (const event of history) hash.update(JSON.stringify(event));
  return hash.update(String(events)).digest('hex').slice(0, 16);
}
