import { allVoters, type Configuration, hasQuorum } from '../../raft/core/configuration.ts';
import type { Input, NodeId } from '../../raft/core/types.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * What a leader commits a quorum has acknowledged to it in its own term (Raft §5.3). What was said in an
 * older term is true of a log that may have been replaced since: where a leader counts it, entries often
 * are on a majority of disks all the same, until once they are not. The leader's own disk is held by
 * `acknowledged-on-majority-of-disks`.
 */
export function makeCommittedByAcknowledgements(report: Report): {
  elected(view: Pick<NodeView, 'node'>): void;
  /** @param view - as it was before the step that is given these */
  received(view: Pick<NodeView, 'node' | 'role' | 'term'>, inputs: readonly Input[]): void;
  /** The view leads, and has committed up to its commit index; the configuration is what it counted by. */
  committed(view: NodeView, configuration: Configuration): void;
} {
  /** The highest index that each follower acknowledged to each leader of now, in its term. */
  const acknowledged = new Map<NodeId, Map<NodeId, number>>();
  return {
    elected({ node }) {
      acknowledged.set(node, new Map());
    },
    received({ node, role, term }, inputs) {
      if (role !== 'leader') return;
      for (const input of inputs) {
        if (input.type !== 'message' || input.message.type !== 'append-response') continue;
        const { message, from } = input;
        if (message.term !== term || !message.result.success) continue;
        const mine = acknowledged.get(node);
        mine?.set(from, Math.max(mine.get(from) ?? 0, message.result.matchIndex));
      }
    },
    committed({ node, term, commitIndex }, configuration) {
      const mine = acknowledged.get(node);
      const has = (voter: NodeId): boolean =>
        voter === node || (mine?.get(voter) ?? 0) >= commitIndex;
      if (hasQuorum(configuration, has)) return;
      const names = allVoters(configuration).filter(has).join(', ');
      const sentence =
        `${node} committed index ${commitIndex} as leader of term ${term}, ` +
        `which in that term only ${names === '' ? 'nobody' : names} acknowledged`;
      report('committed-by-acknowledgements', [node], sentence);
    },
  };
}
