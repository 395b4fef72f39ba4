export {
  BackgroundJudge,
  type BackgroundJudgeOptions,
  type VerdictOptions,
} from './background-judge.ts';
export type { JudgeProgress } from './decide-all.ts';
export { explain, explainFailure } from './explain.ts';
export { faultWindows, overlapping, type FaultWindow } from './faults.ts';
export { judgeFile, modelNamed, type Judgement, type JudgeOptions } from './judge.ts';
export type { LiveCounts, Violation } from './live-judge.ts';
export { readHistory, type ReadHistory } from './read.ts';
export {
  failuresInOrder,
  type JudgeVerdict,
  type ReportedFailure,
  type ReportedOperation,
  type ReportedStaleRead,
  type UndecidedReason,
} from './verdict.ts';
