import type { Cluster } from '../src/contracts/cluster.ts';
import type { NodeId } from '../src/contracts/names.ts';
import type { Nemesis, ResolvedFault } from '../src/contracts/nemesis.ts';
import { defined } from '../src/lib/assert.ts';
import { victimsIn } from './fault-value.ts';
import { nodeShapes, onEach } from './node-shapes.ts';

/**
 * Kills nodes' processes (SIGKILL), all at once, and heals by starting them again with the same data.
 * The page cache survives: this tests recovery and election, and says nothing about fsync.
 */
export const kill: Nemesis = {
  kind: 'kill',
  requires: 'processes',
  about: 'ends processes (SIGKILL), and starts them again with the same data',
  band: { label: 'kill', light: '#b91c1c', dark: '#f87171' },
  shapes: nodeShapes({
    evidence: ['new-process'],
    deposesLeader: true,
    nodesMin: 1,
    valueOf: (victims) => ({ nodes: victims }),
  }),
  inject,
  async healAll(cluster) {
    if (cluster.processes !== undefined) await startAgain(cluster, cluster.nodes);
  },
};

async function inject(cluster: Cluster, fault: ResolvedFault): Promise<AsyncDisposable> {
  const processes = control(cluster);
  const victims = victimsIn(cluster, kill.kind, fault);
  // Whatever was killed before something threw is started again.
  await using killed = new AsyncDisposableStack();
  killed.defer(() => startAgain(cluster, victims));
  await onEach(victims, (victim) => processes.kill(victim));
  return killed.move();
}

async function startAgain(cluster: Cluster, nodes: readonly NodeId[]): Promise<void> {
  const processes = control(cluster);
  await onEach(
    nodes.filter((node) => processes.pid(node) === undefined),
    (node) => processes.start(node),
  );
}

function control(cluster: Cluster) {
  return defined(cluster.processes, 'a plan with kill needs control of processes');
}
