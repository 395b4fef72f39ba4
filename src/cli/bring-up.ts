import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { endpointsCluster } from '../clusters/endpoints/endpoints-cluster.ts';
import { Hooks, withHooks } from '../clusters/endpoints/hooks.ts';
import { launchLocalCluster } from '../clusters/local/launch.ts';
import { withSteering } from '../clusters/steering.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Cluster } from '../contracts/cluster.ts';
import { defined } from '../lib/assert.ts';
import { UserError } from '../lib/user-error.ts';
import type { RunPaths } from '../rundir/paths.ts';
import type { RunConfig } from './run-config.ts';

export interface BringUpParts {
  readonly config: RunConfig;
  readonly paths: RunPaths;
  /** Of the nodes; undefined for a cluster that runs already. */
  readonly dataDir: string | undefined;
  readonly clock: Clock;
  /** Gives up what is under way. */
  readonly signal: AbortSignal;
}

/** The cluster that was asked for, with fault scripts if there are any. */
export async function bringUp(parts: BringUpParts): Promise<Cluster> {
  const { config, paths, clock, signal } = parts;
  const plain = await withoutHooks(parts);
  const { target, endpoints } = config;
  const cluster = endpoints === undefined ? withSteering(plain, { target, clock, signal }) : plain;
  if (config.scripts.length === 0) return cluster;
  try {
    mkdirSync(paths.logsDir, { recursive: true });
    const hooks = await Hooks.open({
      scripts: config.scripts,
      cluster,
      seed: config.seed,
      limitNs: config.hookTimeoutNs,
      logFile: path.join(paths.logsDir, 'hooks.log'),
      clock,
      signal,
    });
    return withHooks(cluster, hooks);
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

async function withoutHooks(parts: BringUpParts): Promise<Cluster> {
  const { config, paths, dataDir, signal } = parts;
  const { target, endpoints, nodes, spares, settings, seed, basePort } = config;
  if (endpoints !== undefined) return endpointsCluster(endpoints);
  const directory = defined(dataDir, 'a local cluster has a directory for its data');
  return launchLocalCluster({
    target: {
      launch: (request) => defined(target.launch?.(request), 'its launch was asked for before'),
    },
    nodes,
    spares,
    dataDir: directory,
    logDir: paths.logsDir,
    settings,
    clusterId: `gong-${seed}-${process.pid}`,
    basePort,
    removeOnExit: [directory],
    signal,
  });
}

/** GONG-E155: nodes that Gong does not control went away, and did not come back. */
export function notBack(silentNodes: readonly string[]): UserError {
  const who = silentNodes.length === 0 ? 'the cluster' : silentNodes.join(', ');
  return new UserError({
    kind: 'infrastructure',
    code: 'GONG-E155',
    what: `${who} did not answer any more at the end of the run`,
    why: 'Gong has no control of these nodes, and healed whatever it had broken itself',
    fix: 'see why they went away; what was recorded until then was judged all the same',
  });
}
