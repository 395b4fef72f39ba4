export { quoted } from './command-line.ts';
export { githubAnnotations } from './annotations.ts';
export { describeEarlyEnd } from './early-end-text.ts';
export { meaningOfExit } from './exit-text.ts';
export { explainDocument, type ExplainFile, type FailureParts } from './explain-document.ts';
export { describeExit, describeFault, onVictims } from './fault-text.ts';
export {
  JSON_SCHEMA,
  type CheckJson,
  type ListedRun,
  type ListJson,
  reportJson,
  runJson,
} from './json.ts';
export { describeExpectations, isAbout } from './known-failures.ts';
export { listRuns } from './list.ts';
export { OPS_CSV_HISTORY_BYTES_MAX, opsCsvNote } from './ops-csv-bound.ts';
export { readRunRecord, type RunFacts, type RunRecord } from './record.ts';
export { describeThreshold, thresholdsOf } from './thresholds.ts';
export type { StoredVerdict } from './verdict-file.ts';
export { writeReports, type WrittenReports } from './write.ts';
