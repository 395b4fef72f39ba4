import type { Ready } from '../../raft/core/types.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * A leader never overwrites or deletes entries of its own log, it only appends (Raft §5.3, Figure 3).
 *
 * @param view - as it was before the step
 */
export function leaderAppendOnly(report: Report, view: NodeView, ready: Ready): void {
  if (view.role !== 'leader' || ready.role !== 'leader' || ready.term !== view.term) return;
  const { node, term } = view;
  const { lastIndex } = view.log;
  const first = ready.entries[0];
  if (first !== undefined && first.index <= lastIndex) {
    const sentence =
      `${node}, leader of term ${term} with a log up to index ${lastIndex}, ` +
      `replaced it from index ${first.index} on`;
    report('leader-append-only', [node], sentence);
  } else if (ready.lastIndex < lastIndex) {
    const sentence =
      `${node}, leader of term ${term}, shortened its log ` +
      `from index ${lastIndex} to ${ready.lastIndex}`;
    report('leader-append-only', [node], sentence);
  }
}
