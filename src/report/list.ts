import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterEvent, RunOutcome } from '../rundir/cluster-log.ts';
import { type Manifest, readManifest } from '../rundir/manifest.ts';
import { runPaths } from '../rundir/paths.ts';
import { SIM_SUITE } from '../rundir/run-dir.ts';
import { LatencyHistogram } from '../statistics/latency.ts';
import type { RunStatisticsSnapshot } from '../statistics/run-statistics.ts';
import { meaningOfExit } from './exit-text.ts';
import { readStatistics, readVerdict } from './documents.ts';
import { JSON_SCHEMA, type ListedRun, type ListJson } from './json.ts';

/** The outcome is the last line of a log that may be long. */
const TAIL_BYTES = 256 * 1024;

/**
 * The runs below a results directory, newest first. A directory that holds no run is passed over; one
 * that a crash left, or that is damaged, is listed with what can be read.
 *
 * @param limit - how many to read, the newest
 */
export async function listRuns(resultsDir: string, limit: number): Promise<ListJson> {
  const directories = await runDirectories(resultsDir);
  const runs: ListedRun[] = [];
  for (const directory of directories.slice(0, limit)) runs.push(await readListed(directory));
  return { schema: JSON_SCHEMA, runs, total: directories.length };
}

/** `<suite>/<utc>-<seed>`, by name: the time of day comes first in it. */
async function runDirectories(resultsDir: string): Promise<readonly string[]> {
  const found: { readonly name: string; readonly path: string }[] = [];
  for (const suite of await directoriesIn(resultsDir)) {
    if (suite === SIM_SUITE) continue;
    for (const name of await directoriesIn(join(resultsDir, suite))) {
      const path = join(resultsDir, suite, name);
      if (await isRun(path)) found.push({ name, path });
    }
  }
  const newest = found.toSorted((a, b) => (a.name < b.name ? 1 : a.name > b.name ? -1 : 0));
  return newest.map(({ path }) => path);
}

/** Without links, such as `latest`; none where nothing can be read. */
async function directoriesIn(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function isRun(directory: string): Promise<boolean> {
  const { manifest, history, cluster } = runPaths(directory);
  for (const path of [manifest, history, cluster]) {
    const isFile = await stat(path).then(
      (entry) => entry.isFile(),
      () => false,
    );
    if (isFile) return true;
  }
  return false;
}

async function readListed(directory: string): Promise<ListedRun> {
  const paths = runPaths(directory);
  const manifest: Manifest | undefined = await readManifest(paths.manifest).catch(() => undefined);
  const verdict = (await readVerdict(paths)).document;
  const statistics = (await readStatistics(paths)).document;
  const outcome = await lastOutcome(paths.cluster);
  const nemesis = manifest?.config?.['nemesis'];
  return {
    directory,
    startedAt: manifest?.startedAt ?? null,
    valid: verdict?.valid ?? null,
    exit: outcome?.exit ?? null,
    meaning: meaningOf(outcome),
    workload: manifest?.workload ?? null,
    target: manifest?.target ?? null,
    nodes: manifest?.nodes ?? null,
    nemesis: typeof nemesis === 'string' ? nemesis : null,
    okPerSecond: statistics?.okPerSecond ?? null,
    p99Ns: statistics === undefined ? null : okP99Ns(statistics),
    durationNs: statistics === undefined ? null : statistics.endNs - statistics.startNs,
    seed: manifest?.seed ?? null,
  };
}

function meaningOf(outcome: RunOutcome | undefined): string {
  if (outcome === undefined) return 'no end';
  if (outcome.exit === 0 && outcome.expectations?.excuses === true) return 'known';
  return meaningOfExit(outcome.exit);
}

/** Quantiles do not average: the histograms are merged. Null when nothing succeeded. */
function okP99Ns({ rows }: RunStatisticsSnapshot): number | null {
  const merged = new LatencyHistogram();
  try {
    for (const { outcome, histogram } of rows) {
      if (outcome === 'ok') merged.merge(LatencyHistogram.decode(histogram));
    }
  } catch {
    // A damaged stats.json must not take the list with it.
    return null;
  }
  return merged.count === 0 ? null : merged.quantileNs(0.99);
}

/** Of the last whole line; undefined when that is no outcome. */
async function lastOutcome(path: string): Promise<RunOutcome | undefined> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const last = buffer.toString('utf8').split('\n').at(-2) ?? '';
    const event = JSON.parse(last) as ClusterEvent;
    return event.type === 'outcome' ? event : undefined;
  } catch {
    return undefined;
  }
}
