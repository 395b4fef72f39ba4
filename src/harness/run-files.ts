import { ClusterLog } from '../rundir/cluster-log.ts';
import { LineWriter } from '../rundir/line-writer.ts';
import type { RunPaths } from '../rundir/paths.ts';
import { RunLog } from '../rundir/run-log.ts';

/** The files that a run appends to while it goes on. */
export interface RunFiles extends Disposable {
  readonly history: LineWriter;
  readonly cluster: ClusterLog;
  readonly log: RunLog;
}

/** @throws UserError (`infrastructure`, GONG-E041) */
export function openRunFiles(paths: RunPaths): RunFiles {
  using opening = new DisposableStack();
  const log = opening.use(new RunLog(paths.runLog));
  const cluster = opening.use(new ClusterLog(paths.cluster));
  const history = opening.use(new LineWriter(paths.history));
  const opened = opening.move();
  return { history, cluster, log, [Symbol.dispose]: () => opened.dispose() };
}
