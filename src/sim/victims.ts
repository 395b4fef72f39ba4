import type { NodeId as Name } from '../contracts/names.ts';
import { assert } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { SimCluster } from './cluster.ts';

/**
 * Whom a fault hits: named, or chosen when it comes. `leader` is who says so of the highest term, and
 * a random node when nobody does; `follower` is a random one that does not lead; `minority` and
 * `majority` are as many random nodes as fit and are needed.
 */
export type Victims =
  'one' | 'leader' | 'follower' | 'minority' | 'majority' | 'all' | readonly string[];

/** @returns at least one, in the order of the cluster's nodes */
export function victimsOf(cluster: SimCluster, victims: Victims, random: Random): readonly Name[] {
  const { nodes } = cluster;
  const chosen = chosenOf(cluster, victims, random);
  for (const node of chosen)
    assert(
      nodes.some((one) => one === node),
      `there is a node ${node}`,
    );
  return nodes.filter((node) => chosen.includes(node));
}

function chosenOf(cluster: SimCluster, victims: Victims, random: Random): readonly string[] {
  const { nodes } = cluster;
  const leader = nodes.find((node) => String(node) === cluster.leader);
  const some = (count: number): readonly Name[] => random.shuffle(nodes).slice(0, count);
  switch (victims) {
    case 'one':
      return some(1);
    case 'leader':
      return leader === undefined ? some(1) : [leader];
    case 'follower':
      return random
        .shuffle(nodes.filter((node) => nodes.length === 1 || node !== leader))
        .slice(0, 1);
    case 'minority':
      return some(Math.max(1, Math.floor((nodes.length - 1) / 2)));
    case 'majority':
      return some(Math.floor(nodes.length / 2) + 1);
    case 'all':
      return nodes;
    default:
      return victims;
  }
}
