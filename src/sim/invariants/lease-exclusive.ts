import type { NodeId, Ready } from '../../raft/core/types.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * While a leader holds its lease nobody else is elected (thesis §6.4.1): it knows of everything that
 * was acknowledged. Held at the step in which a lease serves a read; whether anybody has already written
 * what the read misses is chance.
 */
export function makeLeaseExclusive(report: Report): {
  elected(view: Pick<NodeView, 'node' | 'term'>): void;
  /** What a step said; the view is as it is after it. */
  stepped(view: Pick<NodeView, 'node' | 'term' | 'role'>, ready: Ready): void;
} {
  let electedTerm = 0;
  let elected: NodeId | undefined;
  return {
    elected({ node, term }) {
      if (term <= electedTerm) return;
      electedTerm = term;
      elected = node;
    },
    stepped({ node, term, role }, { reads, messages }) {
      if (role !== 'leader' || term >= electedTerm) return;
      const isServing =
        reads.some(({ leaseEndNs }) => leaseEndNs !== undefined) ||
        messages.some(({ message }) => message.type === 'read-index-response' && message.lease);
      if (!isServing) return;
      const sentence =
        `${node} served a read by its lease as leader of term ${term}, ` +
        `though ${elected} was elected in term ${electedTerm}`;
      report('lease-exclusive', elected === undefined ? [node] : [node, elected], sentence);
    },
  };
}
