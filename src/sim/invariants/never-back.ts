import type { Ready } from '../../raft/core/types.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/** Within a life the commit index never goes back (Raft, Figure 2). */
export function commitNeverBack(report: Report, view: NodeView, ready: Ready): void {
  if (ready.commitIndex >= view.commitIndex) return;
  const sentence =
    `${view.node} took its commit index back from ${view.commitIndex} to ${ready.commitIndex} ` +
    `in term ${ready.term}`;
  report('commit-never-back', [view.node], sentence);
}

/** Nor does the term, which a life begins with as it is on the disk (Raft §5.1, Figure 2). */
export function termNeverBack(report: Report, view: NodeView, ready: Ready): void {
  if (ready.term >= view.term) return;
  const sentence = `${view.node} went back from term ${view.term} to term ${ready.term}`;
  report('disk-term-never-back', [view.node], sentence);
}
