import type { Cluster } from '../src/contracts/cluster.ts';
import type { Nemesis, ResolvedFault } from '../src/contracts/nemesis.ts';
import { defined } from '../src/lib/assert.ts';

/**
 * Kills a node's process (SIGKILL) and heals by starting it again with the same data. The page cache
 * survives: this tests recovery and election, and says nothing about fsync.
 */
export const kill: Nemesis = {
  kind: 'kill',
  requires: 'processes',
  shapes: [
    {
      shape: 'one',
      hitsLeader: false,
      nodesMin: 1,
      evidence: ['new-process'],
      resolve(view, random) {
        const victim = random.pick(view.nodes);
        return { victims: [victim], leader: undefined, value: { nodes: [victim] } };
      },
    },
    {
      shape: 'leader',
      hitsLeader: true,
      // Of two nodes the one that is left is no quorum: nobody could be elected.
      nodesMin: 3,
      evidence: ['new-process', 'election'],
      resolve({ leader }) {
        if (leader === undefined) return undefined;
        return { victims: [leader], leader, value: { nodes: [leader] } };
      },
    },
  ],
  inject,
};

async function inject(cluster: Cluster, { victims }: ResolvedFault): Promise<AsyncDisposable> {
  const processes = defined(cluster.processes, 'a plan with kill needs control of processes');
  // Whatever was killed before something threw is started again.
  await using killed = new AsyncDisposableStack();
  for (const victim of victims) {
    killed.defer(() => startIfDown(victim));
    await processes.kill(victim);
  }
  return killed.move();

  async function startIfDown(victim: (typeof victims)[number]): Promise<void> {
    if (processes.pid(victim) === undefined) await processes.start(victim);
  }
}
