import type { Restored } from '../../raft/core/core.ts';
import type { Entry } from '../../raft/core/types.ts';
import type { EntryTree, KnownEntry } from './entry-tree.ts';
import { named } from './log-view.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * Where two logs hold an entry of the same index and term, they are equal up to it (Raft §5.3,
 * Figure 3): by induction, as long as each appended entry has the content and the predecessor that
 * everybody else's entry of that index and term has. So only what is appended is looked at.
 *
 * @param view - its log is brought up to date
 */
export function logMatching(
  report: Report,
  tree: EntryTree,
  view: NodeView,
  entries: readonly Entry[],
): void {
  const { node, log } = view;
  for (const entry of entries) {
    const previousTerm = log.termAt(entry.index - 1);
    if (previousTerm === undefined) {
      const sentence = `${node} appended ${named(entry)}, but its log ends at index ${log.lastIndex}`;
      report('log-matching', [node], sentence);
      return;
    }
    const known = tree.learn(node, entry, previousTerm);
    if (known !== undefined) agrees(report, view, entry, previousTerm, known);
    log.put(entry);
  }
}

/** The same of a log that a node found on its disk. */
export function restoredLogMatching(
  report: Report,
  tree: EntryTree,
  view: NodeView,
  { base, entries }: Restored,
): void {
  let previousTerm: number = base.term;
  for (const entry of entries) {
    const known = tree.learn(view.node, entry, previousTerm);
    if (known !== undefined) agrees(report, view, entry, previousTerm, known);
    previousTerm = entry.term;
  }
}

function agrees(
  report: Report,
  { node }: NodeView,
  entry: Entry,
  previousTerm: number,
  known: KnownEntry,
): void {
  const nodes = node === known.node ? [node] : [known.node, node];
  if (previousTerm !== known.previousTerm) {
    const sentence =
      `${node} holds ${named(entry)} behind an entry of term ${previousTerm}, ` +
      `${known.node} behind one of term ${known.previousTerm}`;
    report('log-matching', nodes, sentence);
  } else if (!isSameEntry(entry, known.entry)) {
    const sentence = `${named(entry)} has another content at ${node} than at ${known.node}`;
    report('log-matching', nodes, sentence);
  }
}

function isSameEntry(a: Entry, b: Entry): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.data.length !== b.data.length) return false;
  if (a.client?.id !== b.client?.id || a.client?.sequence !== b.client?.sequence) return false;
  for (let i = 0; i < a.data.length; i++) if (a.data[i] !== b.data[i]) return false;
  return true;
}
