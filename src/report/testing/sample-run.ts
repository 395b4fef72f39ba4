import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeJsonlLine, type HistoryEvent } from '../../../checker/index.ts';
import { judgeFile } from '../../judge/index.ts';
import { ClusterLog, type FaultRecord, type RunOutcome } from '../../rundir/cluster-log.ts';
import { type Manifest, writeManifest } from '../../rundir/manifest.ts';
import { type RunPaths, runPaths } from '../../rundir/paths.ts';
import {
  type Outcome,
  RunStatistics,
  type RunStatisticsSnapshot,
} from '../../statistics/run-statistics.ts';
import { writeJson } from '../../rundir/whole-file.ts';

/** Text that every format minds somewhere. */
export const NASTY = '=k|`_<b>&"\'\u0007\u202E\n::error::%,]]>';

export interface SampleRun extends Disposable {
  readonly paths: RunPaths;
}

export interface SampleParts {
  /** A read misses an acknowledged write while n1 is cut off; otherwise all is well. */
  readonly isStale?: boolean;
  readonly key?: string;
  readonly outcome?: Partial<RunOutcome> | undefined;
  readonly gateFailures?: readonly { readonly gate: string; readonly sentence: string }[];
  readonly thresholds?: readonly unknown[];
}

export const MANIFEST: Manifest = {
  schema: 1,
  gong: '0.1.0',
  node: 'v26.10.0',
  platform: 'linux-x64',
  revision: null,
  argv: ['gong', 'run', '--read-mode', 'stale', '--nemesis', 'partition:leader-minority'],
  startedAt: '2026-11-21T08:22:07.123Z',
  suite: 'run',
  seed: '7',
  target: 'raft',
  cluster: 'local',
  nodes: 3,
  workload: 'register',
  model: 'cas-register',
  config: { duration: '20s', readMode: 'stale', nemesis: 'partition:leader-minority' },
  plan: [],
};

export const OUTCOME: RunOutcome = {
  exit: 0,
  interrupted: false,
  errors: [],
  gatesKept: ['enough-read', 'overlap'],
  silentNodes: [],
  endedEarly: null,
  expectations: null,
};

const FAULT: FaultRecord = {
  fault: 0,
  kind: 'partition',
  shape: 'leader-minority',
  outcome: 'injected',
  victims: ['n1'],
  leader: 'n1',
  value: {},
  atNs: 1e9,
  durationNs: 6e9,
  startedNs: 2e9,
  healedNs: 8e9,
  required: ['election'],
  election: { node: 'n2', term: 2, termBefore: 1, atNs: 3e9 },
  processes: [],
  victimOperations: { ok: 0, fail: 2, info: 1, servedElsewhere: 0 },
  links: {
    links: 4,
    forwardedBytes: 0,
    leaked: [],
    heldFromVictimsBytes: 10,
    heldToVictimsBytes: 10,
  },
};

/** Writes: 1 and 2 on one key, a read of it at n1, a write without an answer, one fault. */
function sampleHistory({ isStale = false, key = 'k1' }: SampleParts): HistoryEvent[] {
  const fault = { phase: 'start', fault: 0, shape: 'leader-minority', victims: ['n1'] };
  const write = { process: 0, f: 'write', key, node: 'n2' };
  const read = { process: 1, f: 'read', key, node: 'n1' };
  const served = { servedBy: 'n1', term: 1, appliedIndex: 4 };
  const events: Omit<HistoryEvent, 'index'>[] = [
    { time: 1e9, type: 'invoke', ...write, value: 1, intended: 0.9e9 },
    { time: 1.1e9, type: 'ok', ...write, value: 1, servedBy: 'n2', term: 1 },
    { time: 2e9, type: 'info', process: 'nemesis', f: 'partition', value: fault },
    { time: 3e9, type: 'invoke', ...write, value: 2 },
    { time: 3.1e9, type: 'ok', ...write, value: 2, servedBy: 'n2', term: 2 },
    { time: 5e9, type: 'invoke', ...read, value: null },
    { time: 5.1e9, type: 'ok', ...read, value: isStale ? 1 : 2, ...served },
    { time: 6e9, type: 'invoke', process: 2, f: 'cas', key: 'k2', node: 'n3', value: [1, 2] },
    {
      time: 7e9,
      type: 'info',
      process: 2,
      f: 'cas',
      key: 'k2',
      node: 'n3',
      value: [1, 2],
      error: '=late',
    },
    { time: 7.5e9, type: 'invoke', process: 3, f: 'read', key: 'k2', node: 'n3', value: null },
    {
      time: 7.6e9,
      type: 'fail',
      process: 3,
      f: 'read',
      key: 'k2',
      node: 'n3',
      value: null,
      error: 'no leader',
    },
    {
      time: 8e9,
      type: 'info',
      process: 'nemesis',
      f: 'partition',
      value: { ...fault, phase: 'heal' },
    },
    { time: 9e9, type: 'invoke', process: 4, f: 'write', key, node: 'n2', value: 3 },
  ];
  return events.map((event, index) => ({ index, ...event }));
}

/** What clients measured: three operations that succeeded, one that failed, one without an answer. */
function sampleStatistics(): RunStatisticsSnapshot {
  const statistics = new RunStatistics({ startNs: 1e9 });
  const record = (f: string, outcome: Outcome, intendedNs: number, completedNs: number): void =>
    statistics.record({ f, outcome, isMutation: f !== 'read', intendedNs, completedNs });
  record('write', 'ok', 1e9, 1.1e9);
  record('write', 'ok', 3e9, 3.1e9);
  record('read', 'ok', 5e9, 5.1e9);
  record('cas', 'info', 6e9, 7e9);
  record('read', 'fail', 7.5e9, 7.6e9);
  return statistics.snapshot(9e9);
}

export const STATISTICS: RunStatisticsSnapshot = sampleStatistics();

/** A run directory as `gong run` leaves it, judged by the judge; removed on disposal. */
export async function sampleRun(parts: SampleParts = {}): Promise<SampleRun> {
  const base = mkdtempSync(join(tmpdir(), 'gong-report-'));
  const root = join(base, 'results', 'run', '20261121T082207Z-7');
  mkdirSync(root, { recursive: true });
  const paths = runPaths(root);
  await writeManifest(paths.manifest, MANIFEST);
  writeFileSync(paths.history, sampleHistory(parts).map(writeJsonlLine).join(''));
  const { verdict } = await judgeFile(paths.history, { model: MANIFEST.model, now: () => 0 });
  await writeJson(paths.verdict, verdict);
  const { thresholds, gateFailures = [], outcome } = parts;
  await writeJson(paths.stats, { ...STATISTICS, ...(thresholds && { thresholds }) });
  using log = new ClusterLog(paths.cluster);
  log.append({ time: 1, type: 'stage', stage: 'up' });
  log.append({ time: 9e9, type: 'fault', ...FAULT });
  for (const failure of gateFailures) log.append({ time: 9e9, type: 'gate', ...failure });
  if (!('outcome' in parts) || outcome !== undefined) {
    const exit = verdict.valid === false ? 1 : 0;
    log.append({ time: 1e10, type: 'outcome', ...OUTCOME, exit, ...outcome });
  }
  return { paths, [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }) };
}
