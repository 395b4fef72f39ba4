import type { Capability, Cluster } from '../../contracts/cluster.ts';
import { nodeId, type NodeId } from '../../contracts/names.ts';
import { defined } from '../../lib/assert.ts';

/** Of somebody else's cluster nothing can be controlled, but by the user's own scripts. */
export const ENDPOINTS_CAPABILITIES: readonly Capability[] = ['hooks'];

/**
 * A cluster that runs already: its nodes are known by where clients reach them, and are called n1, n2,
 * … in that order. Gong starts nothing there and stops nothing.
 *
 * @param urls - one for each node
 */
export function endpointsCluster(urls: readonly string[]): Cluster {
  const nodes = urls.map((_, i) => nodeId(`n${i + 1}`));
  return {
    nodes,
    url: (node: NodeId) => defined(urls[nodes.indexOf(node)], `there is no node ${node}`),
    // Nobody sees a process end; probes and clients see that it does not answer.
    onUnexpectedExit: () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}
