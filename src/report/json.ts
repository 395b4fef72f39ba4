import type { EarlyEnd, FaultRecord, GateFailure, RunError } from '../rundir/cluster-log.ts';
import type { AppliedExpectations } from '../rundir/expectations.ts';
import type { LoadReport } from '../statistics/load.ts';
import type { RunStatisticsSnapshot, ThresholdResult } from '../statistics/snapshot.ts';
import { meaningOfExit } from './exit-text.ts';
import type { NodeExit, RunFacts, RunRecord } from './record.ts';
import { thresholdsOf } from './thresholds.ts';
import type { StoredVerdict } from './verdict-file.ts';

/**
 * What `--json` prints: one document, or for `check` one line per file. Every document has `schema`;
 * it changes when a field goes or changes its meaning, not when one is added. Durations and instants
 * are nanoseconds since the run began; absent is `null`.
 */
export const JSON_SCHEMA = 1;

/** `gong run --json`, and `gong report --json` of the same run. */
export interface RunJson {
  readonly schema: typeof JSON_SCHEMA;
  /** Null when the run did not reach its end. */
  readonly exit: number | null;
  /** `pass`, `violation`, … */
  readonly meaning: string | null;
  readonly interrupted: boolean;
  /** Null when clients had all of their time. */
  readonly endedEarly: EarlyEnd | null;
  readonly directory: string;
  readonly seed: string | null;
  readonly target: string | null;
  readonly workload: string | null;
  readonly nodes: number | null;
  /** The whole of `verdict.json`. */
  readonly verdict: StoredVerdict | null;
  /** The whole of `stats.json`. */
  readonly statistics: RunStatisticsSnapshot | null;
  /** The load that was asked for, and what became of it. */
  readonly load: LoadReport | null;
  readonly thresholds: readonly ThresholdResult[];
  readonly faults: readonly FaultRecord[];
  readonly gatesKept: readonly string[];
  readonly gateFailures: readonly GateFailure[];
  readonly unexpectedExits: readonly NodeExit[];
  readonly errors: readonly RunError[];
  /** Of `--expect`. */
  readonly expectations: AppliedExpectations | null;
}

/** `gong report --json`. */
export interface ReportJson extends RunJson {
  /** Files that were written, by their names in the directory. */
  readonly files: readonly string[];
  /** What a whole run has and this one has not, one sentence each. */
  readonly missing: readonly string[];
}

/** `gong check --json`: one line per file; the verdict's own fields stand beside these. */
export interface CheckJson extends Partial<Omit<StoredVerdict, 'valid'>> {
  readonly schema: typeof JSON_SCHEMA;
  readonly file: string;
  /** Null: it could not be judged, and `error` says why. */
  readonly valid: boolean | 'unknown' | null;
  readonly error?: string;
  /** Of `--expect`; absent without it. */
  readonly expectations?: AppliedExpectations;
}

/** `gong ls --json`. */
export interface ListJson {
  readonly schema: typeof JSON_SCHEMA;
  /** Newest first. */
  readonly runs: readonly ListedRun[];
  /** How many there are, `--limit` or not. */
  readonly total: number;
}

/** One run directory. Null: not known, since the run crashed, goes on, or its files are damaged. */
export interface ListedRun {
  readonly directory: string;
  /** Time of day, ISO 8601. */
  readonly startedAt: string | null;
  readonly valid: boolean | 'unknown' | null;
  readonly exit: number | null;
  /** `pass`, `violation`, …; `known` for an excused violation; `no end` where there is no outcome. */
  readonly meaning: string;
  readonly workload: string | null;
  readonly target: string | null;
  readonly nodes: number | null;
  readonly nemesis: string | null;
  readonly okPerSecond: number | null;
  /** Of all ok operations together. */
  readonly p99Ns: number | null;
  /** How long clients ran. */
  readonly durationNs: number | null;
  readonly seed: string | null;
}

/** What is told of a run beside its facts. */
export interface RunIdentity {
  readonly directory: string;
  readonly seed: string | null;
  readonly target: string | null;
  readonly workload: string | null;
  readonly nodes: number | null;
}

export function runJson(facts: RunFacts, identity: RunIdentity): RunJson {
  const { verdict, statistics, load, faults, gateFailures, exits, outcome } = facts;
  return {
    schema: JSON_SCHEMA,
    exit: outcome?.exit ?? null,
    meaning: outcome === undefined ? null : meaningOfExit(outcome.exit),
    interrupted: outcome?.interrupted ?? false,
    endedEarly: outcome?.endedEarly ?? null,
    ...identity,
    verdict: verdict ?? null,
    statistics: statistics ?? null,
    load: load ?? null,
    thresholds: thresholdsOf(statistics),
    faults,
    gatesKept: outcome?.gatesKept ?? [],
    gateFailures,
    unexpectedExits: exits,
    errors: outcome?.errors ?? [],
    expectations: outcome?.expectations ?? null,
  };
}

export function reportJson(record: RunRecord, files: readonly string[]): ReportJson {
  const { manifest, paths, missing } = record;
  const identity = {
    directory: paths.root,
    seed: manifest?.seed ?? null,
    target: manifest?.target ?? null,
    workload: manifest?.workload ?? null,
    nodes: manifest?.nodes ?? null,
  };
  return { ...runJson(record, identity), files, missing };
}
