import type { NodeId } from '../../raft/core/types.ts';
import type { Answer, Request, ServedBy } from '../../raft/driver/requests.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/** What a linearizable read must reflect, as it was when the read came; or what else was asked. */
type Asked = 'command' | 'something else' | LinearizableRead;

interface LinearizableRead {
  readonly toldIndex: number;
  readonly toldBy: NodeId | undefined;
  readonly electedTerm: number;
  readonly elected: NodeId | undefined;
}

/**
 * A linearizable read reflects everything that clients were told of before the read reached its
 * first node (Raft §8, thesis §6.4). By index: it holds also where the read asks for another key than
 * anybody wrote, and clients could not tell.
 *
 * Both instants are the nodes': an answer that has left its node was committed before, and a read
 * that reaches a node later is confirmed by a round that begins later still. So it never cries wolf,
 * though a client that waits for an answer on the way could not know yet.
 *
 * Nor may a leader serve it in a term that was over before it came: a quorum had voted in a later one,
 * so no round can confirm it, and it cannot know what was acknowledged since.
 */
export function makeReadReflectsAcknowledged(report: Report): {
  elected(view: Pick<NodeView, 'node' | 'term'>): void;
  submitted(node: NodeId, request: number, what: Request): void;
  /** @returns the index that a client was told of; 0 when it was told of none */
  answered(node: NodeId, request: number, answer: Answer): number;
  /** Its clients hear of nothing any more. */
  stopped(node: NodeId): void;
} {
  let [toldIndex, electedTerm] = [0, 0];
  let toldBy: NodeId | undefined;
  let elected: NodeId | undefined;
  const open = new Map<NodeId, Map<number, Asked>>();
  const openAt = (node: NodeId): Map<number, Asked> => {
    const found = open.get(node);
    if (found !== undefined) return found;
    const created = new Map<number, Asked>();
    open.set(node, created);
    return created;
  };
  return {
    elected({ node, term }) {
      if (term < electedTerm) return;
      electedTerm = term;
      elected = node;
    },
    submitted(node, request, what) {
      if (what.type === 'command') openAt(node).set(request, 'command');
      else if (what.type === 'transfer' || what.consistency === 'stale') {
        openAt(node).set(request, 'something else');
      } else openAt(node).set(request, { toldIndex, toldBy, electedTerm, elected });
    },
    answered(node, request, answer) {
      const asked = open.get(node);
      const one = asked?.get(request);
      if (asked === undefined || one === undefined) return 0;
      asked.delete(request);
      if (answer.type !== 'ok' || one === 'something else') return 0;
      const { appliedIndex } = answer;
      if (one !== 'command') mustReflect(report, node, one, answer);
      if (appliedIndex > toldIndex) {
        toldIndex = appliedIndex;
        toldBy = node;
      }
      return appliedIndex;
    },
    stopped(node) {
      open.delete(node);
    },
  };
}

function mustReflect(
  report: Report,
  node: NodeId,
  { toldIndex, toldBy, electedTerm, elected }: LinearizableRead,
  { appliedIndex, servedBy, term }: ServedBy,
): void {
  const nodes = node === servedBy ? [node] : [servedBy, node];
  if (appliedIndex < toldIndex) {
    const sentence =
      `a linearizable read at ${node} was served by ${servedBy} in term ${term} ` +
      `from a state up to index ${appliedIndex}, though ${toldBy} had told a client ` +
      `of index ${toldIndex} before the read began`;
    report('read-reflects-acknowledged', nodes, sentence);
  } else if (term < electedTerm) {
    const sentence =
      `a linearizable read at ${node} was served by ${servedBy} in term ${term}, ` +
      `though ${elected} was elected in term ${electedTerm} before the read began`;
    report('read-reflects-acknowledged', nodes, sentence);
  }
}
