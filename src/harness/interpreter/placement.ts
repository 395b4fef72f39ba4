import type { Invocation } from '../../contracts/client.ts';
import type { NodeId } from '../../contracts/names.ts';
import { assertNever, defined } from '../../lib/assert.ts';

/**
 * Where a client's reads go: to the node that it is bound to, to the one that was last seen to lead, or to
 * one that does not lead. All else goes to the node that it is bound to.
 */
export const READ_FROM = ['any', 'leader', 'follower'] as const;
export type ReadFrom = (typeof READ_FROM)[number];

/** Which node a logical client asks; the same for the same client as long as nothing changes. */
export type Placement = (client: number, invocation: Invocation) => NodeId;

export interface PlacementParts {
  readonly nodes: readonly NodeId[];
  /** Who is a member now. */
  readonly members: () => readonly NodeId[];
  /** Who leads, as far as is known. */
  readonly leader: () => NodeId | undefined;
  readonly readFrom: ReadFrom;
  readonly isRead: (f: string) => boolean;
  readonly nowNs: () => number;
  /** For so long clients stay with a node that is no member any more: what it answers must be true, too. */
  readonly lingerNs: number;
}

/** Clients bound to the nodes in turn, whoever the members are. */
export function boundTo(nodes: readonly NodeId[]): (client: number) => NodeId {
  return (client) => defined(nodes[client % nodes.length], 'a remainder is in range');
}

/**
 * Clients are bound to all nodes in turn, those of a node that is no member to the members in turn; so
 * each member has its clients, and nobody moves because others come and go.
 */
export function placement(parts: PlacementParts): Placement {
  const { nodes, members, leader, readFrom, isRead, nowNs, lingerNs } = parts;
  const memberAtNs = new Map<NodeId, number>();
  let lastLeader: NodeId | undefined;
  const home = (client: number): NodeId => {
    const own = boundTo(nodes)(client);
    const now = members();
    if (now.length === 0) return own;
    for (const node of now) memberAtNs.set(node, nowNs());
    const isNear = nowNs() - (memberAtNs.get(own) ?? -Infinity) <= lingerNs;
    return isNear ? own : boundTo(now)(client);
  };
  return (client, { f }) => {
    const bound = home(client);
    if (readFrom === 'any' || !isRead(f)) return bound;
    lastLeader = leader() ?? lastLeader;
    if (lastLeader === undefined) return bound;
    switch (readFrom) {
      case 'leader':
        return lastLeader;
      case 'follower': {
        const others = members().filter((node) => node !== lastLeader);
        return bound !== lastLeader || others.length === 0 ? bound : boundTo(others)(client);
      }
      default:
        return assertNever(readFrom);
    }
  };
}
