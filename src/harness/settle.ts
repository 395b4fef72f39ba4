import type { Cluster, UnexpectedExit } from '../contracts/cluster.ts';
import { formatDuration } from '../lib/duration.ts';
import { UserError } from '../lib/user-error.ts';
import { nodeLogPath, type RunPaths } from '../rundir/paths.ts';
import type { Observer } from './observer.ts';

/** `GONG-E033`: who answered and who did not, and where to look. */
export function notSettled(parts: {
  readonly cluster: Cluster;
  readonly observer: Observer;
  readonly paths: RunPaths;
  readonly waitedNs: number;
  /** Nodes whose process ended by itself meanwhile. */
  readonly exits: readonly UnexpectedExit[];
}): UserError {
  const { cluster, observer, paths, waitedNs, exits } = parts;
  const { nodes } = cluster;
  const silent = nodes.filter((node) => observer.status(node) === undefined);
  const answers = nodes.flatMap((node) => {
    const status = observer.status(node);
    if (status === undefined) return [];
    const { role, term } = status;
    return [role === undefined ? node : `${node} ${role} in term ${term}`];
  });
  const failures = silent.flatMap((node) => {
    const failure = observer.failure(node);
    return failure === undefined ? [] : [`${node}: ${failure}`];
  });
  const said = answers.length === 0 ? 'no node answered' : `these answered: ${answers.join(', ')}`;
  const [firstExit] = exits;
  if (firstExit !== undefined) {
    const ends = exits.map(
      ({ node, code, signal }) => `${node} (${signal === null ? `exit ${code}` : `by ${signal}`})`,
    );
    return new UserError({
      kind: 'infrastructure',
      code: 'GONG-E033',
      what: `ended before the cluster was up: ${ends.join(', ')}`,
      why: [said, ...failures].join('; '),
      fix: 'see in its log why it ended, and run again',
      log: nodeLogPath(paths, firstExit.node),
    });
  }
  const suspect = silent[0] ?? nodes[0];
  const log = suspect === undefined ? undefined : nodeLogPath(paths, suspect);
  // Of a cluster that somebody else started there is none.
  const hasLog = cluster.processes !== undefined;
  return new UserError({
    kind: 'infrastructure',
    code: 'GONG-E033',
    what:
      silent.length > 0
        ? `${silent.join(', ')} did not answer within ${formatDuration(waitedNs)}`
        : `the nodes did not agree on a leader within ${formatDuration(waitedNs)}`,
    why: [said, ...failures].join('; '),
    fix: hasLog
      ? 'look into the log of the node, and run again when the machine is less busy'
      : 'see that it runs and can be reached from here, and that its probe asks it the right thing',
    log: hasLog ? log : undefined,
  });
}
