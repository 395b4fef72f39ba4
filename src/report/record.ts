import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../lib/user-error.ts';
import {
  type FaultRecord,
  type GateFailure,
  readClusterLog,
  type RunOutcome,
} from '../rundir/cluster-log.ts';
import { type Manifest, readManifest } from '../rundir/manifest.ts';
import { type RunPaths, runPaths } from '../rundir/paths.ts';
import type { LoadReport } from '../statistics/load.ts';
import type { RunStatisticsSnapshot } from '../statistics/run-statistics.ts';
import { readStatistics, readVerdict, reasonOf, type StoredStatistics } from './documents.ts';
import type { StoredVerdict } from './verdict-file.ts';

/** A node that ended by itself. */
export interface NodeExit {
  readonly node: string;
  readonly code: number | null;
  readonly signal: string | null;
  /** Nanoseconds since the run began. */
  readonly atNs: number;
}

/** What a run came to: known to the run at its end, and to its directory ever after. */
export interface RunFacts {
  readonly verdict: StoredVerdict | undefined;
  readonly statistics: RunStatisticsSnapshot | undefined;
  /** The load that was asked for, and what became of it. */
  readonly load: LoadReport | undefined;
  readonly faults: readonly FaultRecord[];
  readonly gateFailures: readonly GateFailure[];
  readonly exits: readonly NodeExit[];
  /** Undefined when Gong did not reach its end. */
  readonly outcome: RunOutcome | undefined;
}

/** Everything that reports are made of, but for the history itself. */
export interface RunRecord extends RunFacts {
  readonly paths: RunPaths;
  readonly manifest: Manifest | undefined;
  /** Size of `history.jsonl`; undefined when there is none. */
  readonly historyBytes: number | undefined;
  /** What a whole run has and this one has not, one sentence each. */
  readonly missing: readonly string[];
}

/** What `gong sim` leaves of a run that failed. */
const SCHEDULE = 'schedule.json';

/**
 * Reads a run directory. What is missing or damaged is left out and named: a run that crashed leaves
 * less than a whole one.
 *
 * @throws UserError (`usage`, GONG-E181) when the directory holds nothing of a run
 */
export async function readRunRecord(directory: string): Promise<RunRecord> {
  const paths = runPaths(directory);
  const missing: string[] = [];
  const { manifest: manifestPath, history, cluster } = paths;
  if (![manifestPath, history, cluster].some((path) => existsSync(path))) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E181',
      what: `${directory} is not a run directory`,
      why: 'it has neither manifest.json nor history.jsonl nor cluster.jsonl',
      fix: 'name a directory that gong run has written, such as results/latest; gong ls lists them',
    });
  }
  const manifest = await readManifest(manifestPath).catch((error: unknown) => {
    missing.push(`manifest.json cannot be read: ${reasonOf(error)}`);
    return undefined;
  });
  if (!existsSync(manifestPath) && !existsSync(cluster) && existsSync(join(directory, SCHEDULE))) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E181',
      what: `${directory} holds a simulated run, of which there are no reports`,
      why: `it has ${SCHEDULE}, and neither manifest.json nor cluster.jsonl`,
      fix: `gong sim --schedule ${join(directory, SCHEDULE)} shows it again`,
    });
  }
  const historyBytes = await stat(history).then(
    ({ size }) => size,
    () => undefined,
  );
  if (historyBytes === undefined) missing.push('there is no history.jsonl: no client ever began');
  const verdict = await readVerdict(paths);
  const statistics = await readStatistics(paths);
  for (const each of [verdict, statistics])
    if (each.missing !== undefined) missing.push(each.missing);
  const log = await readCluster(cluster, missing);
  return {
    paths,
    manifest,
    historyBytes,
    verdict: verdict.document,
    ...measuredOf(statistics.document),
    ...log,
    missing,
  };
}

function measuredOf(stored: StoredStatistics | undefined): Pick<RunFacts, 'statistics' | 'load'> {
  if (stored === undefined) return { statistics: undefined, load: undefined };
  const { load, ...statistics } = stored;
  return { statistics, load };
}

type ClusterFacts = Pick<RunFacts, 'faults' | 'gateFailures' | 'exits' | 'outcome'>;

async function readCluster(path: string, missing: string[]): Promise<ClusterFacts> {
  // By number: a run that failed while it saved writes its faults once more.
  const faults = new Map<number, FaultRecord>();
  const gates = new Map<string, GateFailure>();
  const exits: NodeExit[] = [];
  let outcome: RunOutcome | undefined;
  try {
    for await (const event of readClusterLog(path)) {
      if (event.type === 'fault') {
        const { type: _type, time: _time, ...fault } = event;
        faults.set(fault.fault, fault);
      } else if (event.type === 'gate') {
        gates.set(event.gate, { gate: event.gate, sentence: event.sentence });
      } else if (event.type === 'unexpected-exit') {
        const { node, code, signal, time } = event;
        exits.push({ node, code, signal, atNs: time });
      } else if (event.type === 'outcome') {
        const { type: _type, time: _time, ...rest } = event;
        outcome = rest;
      }
    }
    if (outcome === undefined) {
      missing.push('cluster.jsonl has no outcome: Gong was ended before it could say how it went');
    }
  } catch (error) {
    missing.push(`cluster.jsonl cannot be read to its end: ${reasonOf(error)}`);
  }
  return { faults: [...faults.values()], gateFailures: [...gates.values()], exits, outcome };
}
