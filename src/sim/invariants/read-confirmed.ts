import type { Input, NodeId, Ready, RequestId } from '../../raft/core/types.ts';
import { allVoters, hasQuorum } from '../../raft/core/configuration.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * A leader serves a linearizable read only when a majority, itself included, has heard it in its term
 * after the read had come (thesis §6.4): a leader that was deposed meanwhile could not know what was
 * written since. Whatever such a majority answers was sent after the read came, and so received after;
 * where it was not, the read may still have been right by luck.
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
  /** Counts steps: which came first. */
  let steps = 0;
  /** When each node heard the leader of each term last. A term has one leader (§5.2). */
  const heard = new Map(views.map(({ node }) => [node, new Map<number, number>()]));
  const came = new Map(views.map(({ node }) => [node, new Map<RequestId, number>()]));
  return {
    received({ node, term }, inputs) {
      steps += 1;
      for (const input of inputs) {
        if (input.type === 'read') came.get(node)?.set(input.id, steps);
        if (input.type !== 'message' || input.message.type !== 'append-entries') continue;
        // Whatever comes in the same step: it was heard, and may be answered.
        if (input.message.term >= term) heard.get(node)?.set(input.message.term, steps);
      }
    },
    stepped({ node, term, log }, ready) {
      if (ready.reads.length === 0 && ready.refusedReads.length === 0) return;
      const { configuration } = log;
      const reads = came.get(node);
      for (const id of ready.refusedReads) reads?.delete(id);
      for (const { id } of ready.reads) {
        const cameAt = reads?.get(id) ?? Infinity;
        reads?.delete(id);
        const hasHeard = (one: NodeId): boolean =>
          one === node || (heard.get(one)?.get(term) ?? 0) > cameAt;
        if (hasQuorum(configuration, hasHeard)) continue;
        const all = allVoters(configuration);
        const names = all.filter(hasHeard).join(', ');
        const sentence =
          `${node} confirmed a linearizable read as leader of term ${term}, ` +
          `of which, since it came, only ${names}, of ${all.length}, have heard`;
        report('read-confirmed', [node], sentence);
      }
    },
    stopped(node) {
      came.get(node)?.clear();
    },
  };
}
