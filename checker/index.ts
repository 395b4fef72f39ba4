export {
  checkHistory,
  checkKey,
  decideKey,
  findMalformed,
  partition,
  unlikeOperations,
  type DecideOptions,
  type ModelError,
} from './check.ts';
export { groupByKey, rowsByKey, sliceColumns, type GroupedColumns } from './by-key.ts';
export type { ColumnHistory } from './column-pairing.ts';
export { ENGINES } from './engines/auto.ts';
export type { Slice, Step } from './engines/run.ts';
export { sentenceOf, staleSentence } from './evidence/sentence.ts';
export { findStaleReads, type StaleRead } from './evidence/stale-read.ts';
export { verifyWitness } from './evidence/verify-witness.ts';
export {
  JsonlReader,
  LINE_BYTES_MAX,
  readJsonl,
  writeJsonlLine,
  type JsonlResult,
  type LineError,
  type Lines,
} from './format/jsonl.ts';
export {
  HistoryScanner,
  type ScanError,
  type ScannedHistory,
  type ScanOptions,
  type ScanResult,
} from './format/scan.ts';
export type { HistoryError, HistoryErrorCode } from './history-error.ts';
export {
  Matching,
  pair,
  Pairing,
  type EventType,
  type HistoryEvent,
  type Json,
  type Operation,
  type OperationSink,
  type PairedHistory,
  type PairResult,
} from './history.ts';
export { inferModel, MODELS } from './models/index.ts';
export {
  REJECTED,
  type Model,
  type Overwrite,
  type Replay,
  type Structure,
} from './models/model.ts';
export {
  columnsFrom,
  columnsOf,
  Cursor,
  NEVER,
  snapshotOf,
  Table,
  type Columns,
  type ColumnsSnapshot,
} from './table.ts';
export { Values, type ValuesSnapshot } from './values.ts';
export {
  combine,
  type Budget,
  type Candidate,
  type Counterexample,
  type CounterexampleOperation,
  type EngineName,
  type KeyVerdict,
  type Progress,
  type Stuck,
  type UnknownReason,
  type Verdict,
} from './verdict.ts';
