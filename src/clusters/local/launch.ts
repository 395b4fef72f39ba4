import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { nodeId, type NodeId } from '../../contracts/names.ts';
import type { LaunchableTarget, LaunchSpec } from '../../contracts/target.ts';
import { assert, defined } from '../../lib/assert.ts';
import { UserError } from '../../lib/user-error.ts';
import { LocalCluster } from './local-cluster.ts';
import {
  type ClaimedPorts,
  claimPorts,
  layOut,
  portCount,
  type PortLayout,
  portsFrom,
  requireFree,
} from './ports.ts';
import { HOST } from './protocol.ts';

export interface LocalClusterOptions {
  readonly target: LaunchableTarget;
  /** How many; they are called n1 … nN. */
  readonly nodes: number;
  /** How many more run from the start and belong to nobody until they are added; by default none. */
  readonly spares?: number | undefined;
  /** Each node gets a directory of its own name in it. Created when absent. */
  readonly dataDir: string;
  /** Gets `<node>.log` and `supervisor.log`, appended to. Created when absent. */
  readonly logDir: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly clusterId: string;
  /** Fixes all ports, see `portsFrom`. Without it free ones are found. */
  readonly basePort?: number | undefined;
  /** Directories that the supervisor deletes when the harness dies; else they are the caller's. */
  readonly removeOnExit?: readonly string[] | undefined;
  /** Gives up the launch (what was started is stopped); without effect once it is done. */
  readonly signal?: AbortSignal | undefined;
}

/** Somebody else may take a port between our looking and our listening; then we look again. */
const ATTEMPTS_MAX = 3;

/**
 * Brings up a cluster on this machine. Resolves when every node's process runs; whether the nodes
 * serve is for the target's probe to say.
 *
 * @throws UserError GONG-E031 (a port is in use), GONG-E032 (`basePort` out of range), GONG-E035 (a
 *   node's command cannot be run), GONG-E036 (the supervisor failed), or the target's own
 * @throws the signal's reason
 */
export async function launchLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  assert(Number.isInteger(options.nodes) && options.nodes > 0, 'a cluster has at least one node');
  const { nodes: members, spares = 0 } = options;
  const nodes = Array.from({ length: members + spares }, (_, i) => nodeId(`n${i + 1}`));
  options.signal?.throwIfAborted();
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch(options, await choosePorts(nodes, options.basePort));
    } catch (error) {
      const isLostRace =
        error instanceof UserError && error.code === 'GONG-E031' && options.basePort === undefined;
      if (!isLostRace || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

interface ChosenPorts {
  readonly layout: PortLayout;
  /** Undefined where the user chose: then nobody else is kept away. */
  readonly claimed?: ClaimedPorts;
}

async function choosePorts(
  nodes: readonly NodeId[],
  basePort: number | undefined,
): Promise<ChosenPorts> {
  if (basePort === undefined) {
    const claimed = await claimPorts(portCount(nodes.length));
    return { layout: layOut(nodes, claimed.ports), claimed };
  }
  const layout = layOut(nodes, portsFrom(basePort, nodes.length));
  await requireFree(layout);
  return { layout };
}

async function launch(
  options: LocalClusterOptions,
  { layout, claimed }: ChosenPorts,
): Promise<LocalCluster> {
  await using opening = new AsyncDisposableStack();
  opening.use(claimed);
  // Before anything starts: a setting that the target refuses is a usage error.
  const specs = launchSpecs(options, layout);
  mkdirSync(options.logDir, { recursive: true });
  for (const { node } of layout.nodes) {
    mkdirSync(join(options.dataDir, node), { recursive: true });
  }
  options.signal?.throwIfAborted();
  const cluster = opening.use(
    await LocalCluster.open({
      layout,
      spares: layout.nodes.slice(options.nodes).map(({ node }) => node),
      specs,
      logDir: options.logDir,
      removeOnExit: options.removeOnExit ?? [],
      claimed,
    }),
  );
  options.signal?.throwIfAborted();
  await Promise.all(cluster.nodes.map((node) => cluster.processes.start(node)));
  options.signal?.throwIfAborted();
  opening.move();
  return cluster;
}

function launchSpecs(
  options: LocalClusterOptions,
  layout: PortLayout,
): ReadonlyMap<NodeId, LaunchSpec> {
  const initial = layout.nodes.slice(0, options.nodes).map(({ node }) => node);
  return new Map(
    layout.nodes.map(({ node, clientPort, peerPort }) => [
      node,
      options.target.launch({
        node,
        clusterId: options.clusterId,
        dataDir: join(options.dataDir, node),
        host: HOST,
        clientPort,
        peerPort,
        peers: layout.nodes
          .filter((peer) => peer.node !== node)
          .map((peer) => ({ id: peer.node, host: HOST, port: linkPort(layout, node, peer.node) })),
        initial,
        settings: options.settings,
      }),
    ]),
  );
}

function linkPort(layout: PortLayout, from: NodeId, to: NodeId): number {
  const link = layout.links.find((entry) => entry.from === from && entry.to === to);
  return defined(link, `the layout has a link ${from}->${to}`).port;
}
