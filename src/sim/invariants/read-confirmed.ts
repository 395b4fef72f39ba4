import type { Input, NodeId, Ready, RequestId } from '../../raft/core/types.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * A linearizable read is confirmed only when a majority, the leader included, has heard the leader in its
 * term after the read had come (thesis §6.4): a leader that was deposed meanwhile could not know what was
 * written since. Whatever such a majority answers was sent after the read came, and so received after;
 * where it was not, the read may still have been right by luck. A read at a follower came when the
 * follower took it, and its leader is who answered the follower's question. Reads by a lease wait for
 * nobody: `lease-exclusive` is about them.
 */
export function makeReadConfirmed(
  report: Report,
  views: readonly NodeView[],
): {
  /** What a step is given. */
  received(view: NodeView, inputs: readonly Input[]): void;
  /** What it said; the view is as it is after the step. */
  stepped(view: NodeView, ready: Ready): void;
  stopped(node: NodeId): void;
} {
  const majority = Math.floor(views.length / 2) + 1;
  /** Counts steps: which came first. */
  let steps = 0;
  /** When each node heard the leader of each term last. A term has one leader (§5.2). */
  const heard = new Map(views.map(({ node }) => [node, new Map<number, number>()]));
  /** Who answered a node's question in this step; undefined: nobody, or somebody by a lease. */
  let answeredBy: NodeId | undefined;
  const came = new Map(views.map(({ node }) => [node, new Map<RequestId, number>()]));
  return {
    received({ node, term }, inputs) {
      steps += 1;
      answeredBy = undefined;
      for (const input of inputs) {
        if (input.type === 'read') came.get(node)?.set(input.id, steps);
        if (input.type !== 'message') continue;
        const { message } = input;
        if (message.type === 'read-index-response' && !message.lease) answeredBy = input.from;
        if (message.type !== 'append-entries') continue;
        // Whatever comes in the same step: it was heard, and may be answered.
        if (message.term >= term) heard.get(node)?.set(message.term, steps);
      }
    },
    stepped({ node, term, role }, ready) {
      const reads = came.get(node);
      for (const id of ready.refusedReads) reads?.delete(id);
      const leader = role === 'leader' ? node : answeredBy;
      for (const { id, leaseEndNs } of ready.reads) {
        const cameAt = reads?.get(id) ?? Infinity;
        reads?.delete(id);
        if (leaseEndNs !== undefined || leader === undefined) continue;
        const hearers = views.filter(
          (one) => one.node === leader || (heard.get(one.node)?.get(term) ?? 0) > cameAt,
        );
        if (hearers.length >= majority) continue;
        const names = hearers.map((one) => one.node).join(', ');
        const sentence =
          `${leader} confirmed a linearizable read at ${node} as leader of term ${term}, ` +
          `of which, since it came, only ${names}, of ${views.length}, have heard`;
        report('read-confirmed', [node], sentence);
      }
    },
    stopped(node) {
      came.get(node)?.clear();
    },
  };
}
