import type { Link, NodeId } from '../contracts/names.ts';

/** True when a message may get from one node to another, over others if need be. */
export type Reaches = (from: string, to: string) => boolean;

/**
 * Who still reaches whom when some links are cut. A connection carries both ways once it is made, so a
 * pair of nodes counts as connected while either direction is open: whom this calls apart, no message
 * gets to by the links, in whatever way a store uses them.
 */
export function openPaths(nodes: readonly NodeId[], cut: readonly Link[]): Reaches {
  const isCut = new Set(cut.map(({ from, to }) => `${from} ${to}`));
  const groupOf = new Map<string, number>();
  for (const [group, first] of nodes.entries()) {
    if (groupOf.has(first)) continue;
    const reached = [first];
    // Grows while it is walked: whoever is reached may reach others.
    for (const one of reached) {
      groupOf.set(one, group);
      for (const other of nodes) {
        const isOpen = !isCut.has(`${one} ${other}`) || !isCut.has(`${other} ${one}`);
        if (isOpen && !groupOf.has(other) && !reached.includes(other)) reached.push(other);
      }
    }
  }
  return (from, to) => groupOf.get(from) === groupOf.get(to);
}
