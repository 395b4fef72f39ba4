import type { Brand } from '../lib/brand.ts';

/** Name of a node: `n1`, `n2`, … */
export type NodeId = Brand<string, 'NodeId'>;
export function nodeId(name: string): NodeId {
  return name as NodeId;
}

/** A directed link between two nodes: what `from` sends to `to`. */
export interface Link {
  readonly from: NodeId;
  readonly to: NodeId;
}
