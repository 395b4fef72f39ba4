import type { NodeId } from '../../raft/core/types.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * At most one leader is elected in a term (Raft §5.2, Figure 3). A node that is elected again in a
 * later life counts as another one: it has forgotten that it led, and what it said.
 */
export function makeElectionSafety(report: Report): {
  elected(view: NodeView): void;
  /** Terms above this one, which it led as the only voter, never reached its disk, nor another node. */
  forget(node: NodeId, above: number): void;
} {
  const leaders = new Map<number, Pick<NodeView, 'node' | 'life'>>();
  return {
    elected({ node, life, term }) {
      const other = leaders.get(term);
      if (other === undefined) leaders.set(term, { node, life });
      else if (other.node !== node) {
        const sentence = `${node} leads in term ${term}, in which ${other.node} was elected before`;
        report('election-safety', [other.node, node], sentence);
      } else if (other.life !== life) {
        const sentence =
          `${node} leads in term ${term} in its life ${life}, ` +
          `though its life ${other.life} led in that term`;
        report('election-safety', [node], sentence);
      }
    },
    forget(node, above) {
      for (const [term, leader] of leaders) {
        if (term > above && leader.node === node) leaders.delete(term);
      }
    },
  };
}
