import { createServer, type Server } from 'node:net';
import type { Link, NodeId } from '../../contracts/names.ts';
import { assert, defined } from '../../lib/assert.ts';
import { UserError } from '../../lib/user-error.ts';
import { describeHolder } from './port-holder.ts';
import { HOST } from './protocol.ts';

/** Above, the kernel may have given a port to somebody's outgoing connection. */
const PORT_MAX = 32_767;
/** Where to look for free ports: above the well-known services. */
const SEARCH_FROM = 10_000;
/** Ports that are claimed together: as many as five nodes need, and the one that claims them. */
const BLOCK = 32;
const BLOCKS = Math.floor((PORT_MAX + 1 - SEARCH_FROM) / BLOCK);
const PORT_MIN = 1_024;

export interface NodePorts {
  readonly node: NodeId;
  readonly clientPort: number;
  readonly peerPort: number;
}

export interface LinkPort extends Link {
  readonly port: number;
}

export interface PortLayout {
  readonly nodes: readonly NodePorts[];
  readonly links: readonly LinkPort[];
}

/** Two for each node, one for each directed link between two nodes. */
export function portCount(nodes: number): number {
  return 2 * nodes + nodes * (nodes - 1);
}

/**
 * Deals out ports in a fixed order: the client ports of all nodes, the peer ports of all nodes, then
 * the links, by `from` and then by `to`.
 */
export function layOut(nodes: readonly NodeId[], ports: readonly number[]): PortLayout {
  assert(ports.length === portCount(nodes.length), 'as many ports as the layout needs');
  const at = (index: number): number => defined(ports[index], 'counted above');
  const pairs = nodes.flatMap((from) =>
    nodes.filter((to) => to !== from).map((to) => ({ from, to })),
  );
  return {
    nodes: nodes.map((node, i) => ({ node, clientPort: at(i), peerPort: at(nodes.length + i) })),
    links: pairs.map((link, i) => ({ ...link, port: at(2 * nodes.length + i) })),
  };
}

/**
 * The ports of a cluster of `nodes` nodes with `--base-port B`, in the order of `layOut`: B+1 … B+N
 * are the clients', B+N+1 … B+2N the peers', and the N(N-1) after them the links'.
 *
 * @throws UserError (`usage`, GONG-E032) when they do not fit between 1024 and 32767
 */
export function portsFrom(basePort: number, nodes: number): readonly number[] {
  const count = portCount(nodes);
  if (!Number.isInteger(basePort) || basePort + 1 < PORT_MIN || basePort + count > PORT_MAX) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E032',
      what: `--base-port ${basePort} does not leave room for ${nodes} nodes`,
      why: `${count} ports behind it are needed, all of them between ${PORT_MIN} and ${PORT_MAX}`,
      fix: `pass --base-port with a number from ${PORT_MIN - 1} to ${PORT_MAX - count}`,
    });
  }
  return Array.from({ length: count }, (_, i) => basePort + 1 + i);
}

/** Ports that nobody else who claims is given, though nobody may listen on them; until disposal. */
export interface ClaimedPorts extends AsyncDisposable {
  readonly ports: readonly number[];
}

/**
 * Free ports, found by binding each, from a random start so that clusters that come up at the same
 * time seldom look at the same ones.
 *
 * Ports are claimed in blocks, by listening on the first of a block: the ports of a node that is down
 * are still its cluster's, and not free for another one that looks for some just then.
 *
 * @param start - the number of the block to begin with
 * @throws UserError (`infrastructure`, GONG-E031) when there are not enough
 */
export async function claimPorts(
  count: number,
  start: number = Math.floor(Math.random() * BLOCKS),
): Promise<ClaimedPorts> {
  const claims: Server[] = [];
  const free: number[] = [];
  const release = async (): Promise<void> => {
    await Promise.all(claims.splice(0).map(closed));
  };
  for (let i = 0; i < BLOCKS && free.length < count; i++) {
    const first = SEARCH_FROM + ((start + i) % BLOCKS) * BLOCK;
    const claim = await bound(first);
    if (claim instanceof Error) continue;
    claims.push(claim);
    for (let port = first + 1; port < first + BLOCK && free.length < count; port++) {
      if ((await bindError(port)) === undefined) free.push(port);
    }
  }
  if (free.length === count) return { ports: free, [Symbol.asyncDispose]: release };
  await release();
  throw new UserError({
    kind: 'infrastructure',
    code: 'GONG-E031',
    what: `only ${free.length} of ${count} ports are free`,
    why: `every port from ${SEARCH_FROM} to ${PORT_MAX} on ${HOST} was tried`,
    fix: 'stop what listens there (ss -ltnp shows it), or run fewer nodes',
  });
}

/** @throws UserError (`infrastructure`, GONG-E031) for the first port that is in use */
export async function requireFree(layout: PortLayout): Promise<void> {
  for (const { port } of rolesOf(layout)) {
    const error = await bindError(port);
    if (error !== undefined) throw await portInUse(port, layout, error);
  }
}

/** What to tell the user about a port that could not be bound: who has it, where that can be found. */
export async function portInUse(
  port: number,
  layout: PortLayout,
  cause: Error,
): Promise<UserError> {
  const role = rolesOf(layout).find((entry) => entry.port === port)?.role ?? 'the cluster';
  const holder = await describeHolder(port);
  return new UserError({
    kind: 'infrastructure',
    code: 'GONG-E031',
    what: `port ${port} for ${role} is in use`,
    why: holder === undefined ? cause.message : `port ${port} is held by ${holder}`,
    fix: 'stop that process, or pass another --base-port (without it free ports are found)',
    cause,
  });
}

function rolesOf(layout: PortLayout): readonly { readonly port: number; readonly role: string }[] {
  return [
    ...layout.nodes.map(({ node, clientPort }) => ({
      port: clientPort,
      role: `${node}'s clients`,
    })),
    ...layout.nodes.map(({ node, peerPort }) => ({ port: peerPort, role: `${node}'s peers` })),
    ...layout.links.map(({ from, to, port }) => ({ port, role: `the link ${from}->${to}` })),
  ];
}

async function bindError(port: number): Promise<Error | undefined> {
  const server = await bound(port);
  if (server instanceof Error) return server;
  await closed(server);
  return undefined;
}

/** Somebody who listens there and answers nobody. It keeps no process alive. */
function bound(port: number): Promise<Server | Error> {
  return new Promise((resolve) => {
    const server = createServer((connection) => connection.destroy());
    server.once('error', resolve);
    server.listen({ host: HOST, port }, () => {
      resolve(server.unref());
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
