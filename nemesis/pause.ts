import type { Cluster } from '../src/contracts/cluster.ts';
import type { Nemesis, ResolvedFault } from '../src/contracts/nemesis.ts';
import { defined } from '../src/lib/assert.ts';
import { victimsIn } from './fault-value.ts';
import { nodeShapes, onEach } from './node-shapes.ts';

/**
 * Stops nodes' processes (SIGSTOP), all at once, and heals by letting them go on. They lose nothing but
 * time: whatever they believed before, a lease or an office, they believe afterwards until they look.
 */
export const pause: Nemesis = {
  kind: 'pause',
  requires: 'processes',
  about: 'stops processes (SIGSTOP), and lets them go on',
  band: { label: 'pause', light: '#7e22ce', dark: '#c084fc' },
  shapes: nodeShapes({
    evidence: ['stopped'],
    deposesLeader: true,
    nodesMin: 1,
    valueOf: (victims) => ({ nodes: victims }),
  }),
  inject,
  async healAll(cluster) {
    const { processes } = cluster;
    if (processes !== undefined) await onEach(cluster.nodes, (node) => processes.resume(node));
  },
};

async function inject(cluster: Cluster, fault: ResolvedFault): Promise<AsyncDisposable> {
  const processes = defined(cluster.processes, 'a plan with pause needs control of processes');
  const victims = victimsIn(cluster, pause.kind, fault);
  // Whatever was stopped before something threw goes on.
  await using paused = new AsyncDisposableStack();
  paused.defer(() => onEach(victims, (victim) => processes.resume(victim)));
  await onEach(victims, (victim) => processes.pause(victim));
  return paused.move();
}
