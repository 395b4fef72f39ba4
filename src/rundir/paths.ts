import { join } from 'node:path';

/** Where everything is in one run directory: DESIGN, "A run directory". */
export interface RunPaths {
  readonly root: string;
  readonly manifest: string;
  /** Every operation and fault, appended live. */
  readonly history: string;
  /** Observed state of the nodes over time; faults and their evidence. */
  readonly cluster: string;
  readonly verdict: string;
  readonly stats: string;
  readonly summaryCsv: string;
  readonly opsCsv: string;
  readonly junit: string;
  readonly summaryMarkdown: string;
  readonly report: string;
  readonly runLog: string;
  /** The minimal counterexample and its explanation. */
  readonly failureDir: string;
  readonly logsDir: string;
}

export function runPaths(root: string): RunPaths {
  return {
    root,
    manifest: join(root, 'manifest.json'),
    history: join(root, 'history.jsonl'),
    cluster: join(root, 'cluster.jsonl'),
    verdict: join(root, 'verdict.json'),
    stats: join(root, 'stats.json'),
    summaryCsv: join(root, 'summary.csv'),
    opsCsv: join(root, 'ops.csv'),
    junit: join(root, 'junit.xml'),
    summaryMarkdown: join(root, 'summary.md'),
    report: join(root, 'report.html'),
    runLog: join(root, 'run.log'),
    failureDir: join(root, 'failure'),
    logsDir: join(root, 'logs'),
  };
}

/** The log of one node, `logs/n2.log`. */
export function nodeLogPath(paths: RunPaths, node: string): string {
  return join(paths.logsDir, `${node}.log`);
}
