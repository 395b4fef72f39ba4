import { allVoters, hasQuorum } from '../../raft/core/configuration.ts';
import type { Input, NodeId, Ready, RequestId } from '../../raft/core/types.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * A leader confirms a linearizable read only when a majority, itself included, has heard it in its term
 * after the read had come (thesis §6.4): a leader that was deposed meanwhile could not know what was
 * written since. Whatever such a majority answers was sent after the read came, and so received after;
 * where it was not, the read may still have been right by luck. For a follower's reads it is the question
 * that must have left before: they came before it. Reads by a lease wait for nobody: `lease-exclusive`
 * is about them.
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
  /** When each node's reads came, and its questions to its leader left. */
  const came = new Map(views.map(({ node }) => [node, new Map<RequestId, number>()]));
  const asked = new Map(views.map(({ node }) => [node, new Map<number, number>()]));
  /** The newest question of which the step was given the answer: when it left. */
  let answeredAt = 0;
  const mustBeHeard = (
    { node, term, log }: NodeView,
    since: number,
    where: { readonly reader: NodeId },
  ): void => {
    const { configuration } = log;
    const hasHeard = (one: NodeId): boolean =>
      one === node || (heard.get(one)?.get(term) ?? 0) > since;
    if (hasQuorum(configuration, hasHeard)) return;
    const all = allVoters(configuration);
    const names = all.filter(hasHeard).join(', ');
    const of = where.reader === node ? '' : ` of ${where.reader}`;
    const sentence =
      `${node} confirmed a linearizable read${of} as leader of term ${term}, ` +
      `of which, since it came, only ${names}, of ${all.length}, have heard`;
    report('read-confirmed', [node], sentence);
  };
  const leaderStepped = (view: NodeView, { reads, messages }: Ready): void => {
    for (const { id, leaseEndNs } of reads) {
      if (leaseEndNs !== undefined) continue;
      mustBeHeard(view, came.get(view.node)?.get(id) ?? Infinity, { reader: view.node });
    }
    for (const { to, message } of messages) {
      if (message.type !== 'read-index-response' || message.lease) continue;
      const since = message.readIndex === undefined ? undefined : asked.get(to)?.get(message.ask);
      // Of a question of an earlier life nobody remembers when it left, and nobody takes the answer.
      if (since !== undefined) mustBeHeard(view, since, { reader: to });
    }
  };
  const followerStepped = ({ node }: NodeView, { reads, messages }: Ready): void => {
    for (const { id } of reads) {
      if ((came.get(node)?.get(id) ?? Infinity) <= answeredAt) continue;
      const sentence = `${node} took for a read the answer to a question that had left before it came`;
      report('read-confirmed', [node], sentence);
    }
    for (const { message } of messages) {
      if (message.type === 'read-index') asked.get(node)?.set(message.ask, steps);
    }
  };
  return {
    received({ node, term }, inputs) {
      steps += 1;
      answeredAt = 0;
      for (const input of inputs) {
        if (input.type === 'read') came.get(node)?.set(input.id, steps);
        if (input.type !== 'message') continue;
        const { message } = input;
        if (message.type === 'read-index-response') {
          answeredAt = Math.max(answeredAt, asked.get(node)?.get(message.ask) ?? 0);
        }
        if (message.type !== 'append-entries') continue;
        // Whatever comes in the same step: it was heard, and may be answered.
        if (message.term >= term) heard.get(node)?.set(message.term, steps);
      }
    },
    stepped(view, ready) {
      if (view.role === 'leader') leaderStepped(view, ready);
      else followerStepped(view, ready);
      const reads = came.get(view.node);
      for (const id of ready.refusedReads) reads?.delete(id);
      for (const { id } of ready.reads) reads?.delete(id);
    },
    stopped(node) {
      came.get(node)?.clear();
      asked.get(node)?.clear();
    },
  };
}
