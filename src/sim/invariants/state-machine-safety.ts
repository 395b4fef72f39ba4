import type { Entry } from '../../raft/core/types.ts';
import type { Committed } from './committed.ts';
import { named } from './log-view.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * Nobody commits another entry at an index than anybody before (Raft §5.4.3, Figure 3). Nor, unless it
 * leads, what nobody has committed before: leaders decide, the others hear of it (§5.3).
 *
 * @param from - up to here the node had committed before
 */
export function committedSafety(
  report: Report,
  committed: Committed,
  { node, role, term, log, commitIndex }: NodeView,
  from: number,
): void {
  for (let index = from + 1; index <= commitIndex; index++) {
    const entry = log.at(index);
    if (entry === undefined) {
      const sentence =
        `${node} committed up to index ${commitIndex} in term ${term}, ` +
        `but its log ends at index ${log.lastIndex}`;
      report('state-machine-safety', [node], sentence);
      return;
    }
    const before = committed.add(node, entry);
    if (before === undefined && role !== 'leader') {
      const sentence = `${node} committed ${named(entry)} in term ${term}, which no leader has committed`;
      report('committed-by-leader', [node], sentence);
      return;
    }
    if (before === undefined || before.term === entry.term) continue;
    const other = committed.by(index) ?? node;
    const sentence =
      `${node} committed ${named(entry)} in term ${term}, ` +
      `where ${other} had committed ${named(before)}`;
    report('state-machine-safety', other === node ? [node] : [other, node], sentence);
    return;
  }
}

/**
 * A node applies what its log holds at the index, and what everybody commits there (§5.4.3); within
 * a life in the order of the log, each entry once, and none before it is committed.
 */
export function appliedSafety(
  report: Report,
  committed: Committed,
  view: NodeView,
  entry: Entry,
): void {
  const { node, log, applied, commitIndex } = view;
  view.applied = entry.index;
  if (entry.index !== applied + 1) {
    const order = entry.index <= applied ? 'again or too late' : 'and left out what is between';
    const sentence = `${node} applied ${named(entry)} after index ${applied}, ${order}`;
    report('applied-never-back', [node], sentence);
  } else if (entry.index > commitIndex) {
    const sentence = `${node} applied ${named(entry)}, but has committed up to ${commitIndex} only`;
    report('applied-never-back', [node], sentence);
  } else if (log.at(entry.index) !== entry) {
    const there = log.termAt(entry.index);
    const sentence =
      `${node} applied ${named(entry)}, which is not what it holds there ` +
      `(${there === undefined ? 'nothing' : `an entry of term ${there}`})`;
    report('state-machine-safety', [node], sentence);
  } else {
    const before = committed.at(entry.index);
    if (before === undefined || before.term === entry.term) return;
    const other = committed.by(entry.index) ?? node;
    const sentence = `${node} applied ${named(entry)}, where ${other} had committed ${named(before)}`;
    report('state-machine-safety', other === node ? [node] : [other, node], sentence);
  }
}
