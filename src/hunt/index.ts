export { type CorpusEntry, type CorpusResult, readCorpus, runCorpus } from './corpus.ts';
export { type DefectHunt, huntDefect } from './defect-hunt.ts';
export {
  hunt,
  type HuntFailure,
  type HuntOptions,
  type HuntProgress,
  type HuntResult,
} from './hunt.ts';
export { planted } from './planted.ts';
export {
  type InjectedFault,
  runScenario,
  type ScenarioOptions,
  type ScenarioResult,
} from './run-scenario.ts';
export { digestOf, outcomeOf, runSeed, type SeedOutcome, type SeedRun } from './run-seed.ts';
export {
  type FaultKind,
  nodesOf,
  type Scenario,
  type ScenarioLoad,
  type ScheduledFault,
} from './scenario.ts';
export { readScenarioFile, scenarioJson } from './scenario-file.ts';
export {
  type ScheduleSize,
  shrink,
  SHRINK_BUDGET,
  type ShrinkBudget,
  type ShrinkProgress,
  type Shrunk,
} from './shrink.ts';
export { type Constraints, drawScenario } from './swarm.ts';
export type { HistoryVerdict } from './verdict.ts';
