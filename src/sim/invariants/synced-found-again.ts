import type { Restored } from '../../raft/core/core.ts';
import { named } from './log-view.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * A node that starts finds what was synced to its disk (Raft §5.1, §5.2, Figure 2: persistent
 * state), and behind it only what was written there.
 */
export function syncedFoundAgain(report: Report, view: NodeView, restored: Restored): void {
  const { node, disk } = view;
  if (disk.explains(restored)) return;
  const { hardState, base, entries } = restored;
  const { hard, log } = disk;
  if (hardState.term < hard.term) {
    const sentence = `${node} synced term ${hard.term} and found term ${hardState.term} again`;
    return report('disk-term-never-back', [node], sentence);
  }
  const { votedFor } = hard;
  if (hardState.term === hard.term && votedFor !== undefined && hardState.votedFor !== votedFor) {
    const sentence =
      `${node} synced its vote for ${votedFor} in term ${hard.term} ` +
      `and found one for ${hardState.votedFor ?? 'nobody'} again`;
    return report('vote-kept', [node], sentence);
  }
  for (let index = Math.max(log.base.index, base.index) + 1; index <= log.lastIndex; index++) {
    const synced = log.at(index);
    const found = entries[index - base.index - 1];
    if (synced === undefined || found?.term === synced.term) continue;
    const instead = found === undefined ? 'nothing' : named(found);
    const sentence = `${node} synced ${named(synced)} and found ${instead} there again`;
    return report('synced-found-again', [node], sentence);
  }
  const sentence =
    `${node} found term ${hardState.term} and a log up to index ${base.index + entries.length} ` +
    `on its disk, which was never written so (synced: term ${hard.term}, index ${log.lastIndex})`;
  report('synced-found-again', [node], sentence);
}
