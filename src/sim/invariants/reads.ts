import type { NodeId } from '../../raft/core/types.ts';
import type { Answer, Request } from '../../raft/driver/requests.ts';
import type { Report } from './report.ts';

/**
 * A linearizable read reflects everything that clients were told of before the read reached its
 * first node (Raft §8, thesis §6.4). By index: it holds also where the read asks for another key than
 * anybody wrote, and clients could not tell.
 *
 * Both instants are the nodes': an answer that has left its node was committed before, and a read
 * that reaches a node later is confirmed by a round that begins later still. So it never cries wolf,
 * though a client that waits for an answer on the way could not know yet.
 */
export function makeReadReflectsAcknowledged(report: Report): {
  submitted(node: NodeId, request: number, what: Request): void;
  /** @returns the index that a client was told of; 0 when it was told of none */
  answered(node: NodeId, request: number, answer: Answer): number;
  /** Its clients hear of nothing any more. */
  stopped(node: NodeId): void;
} {
  let toldIndex = 0;
  let toldBy: NodeId | undefined;
  interface Open {
    /** Of a linearizable read; undefined for what else is told of an index, or of none. */
    readonly mustReflect: number | undefined;
    readonly by: NodeId | undefined;
    readonly isStale: boolean;
  }
  const COMMAND: Open = { mustReflect: undefined, by: undefined, isStale: false };
  const STALE: Open = { mustReflect: undefined, by: undefined, isStale: true };
  const open = new Map<NodeId, Map<number, Open>>();
  const openAt = (node: NodeId): Map<number, Open> => {
    const found = open.get(node);
    if (found !== undefined) return found;
    const created = new Map<number, Open>();
    open.set(node, created);
    return created;
  };
  return {
    submitted(node, request, what) {
      const isLinearizable = what.type === 'read' && what.consistency === 'linearizable';
      const entry = isLinearizable
        ? { mustReflect: toldIndex, by: toldBy, isStale: false }
        : what.type === 'read'
          ? STALE
          : COMMAND;
      openAt(node).set(request, entry);
    },
    answered(node, request, answer) {
      const asked = open.get(node);
      const one = asked?.get(request);
      if (asked === undefined || one === undefined) return 0;
      asked.delete(request);
      if (answer.type !== 'ok' || one.isStale) return 0;
      const { appliedIndex, servedBy, term } = answer;
      if (one.mustReflect !== undefined && appliedIndex < one.mustReflect) {
        const sentence =
          `a linearizable read at ${node} was served by ${servedBy} in term ${term} ` +
          `from a state up to index ${appliedIndex}, though ${one.by ?? 'a node'} had told a client ` +
          `of index ${one.mustReflect} before the read began`;
        report('read-reflects-acknowledged', [node], sentence);
      }
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
