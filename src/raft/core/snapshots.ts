import { acknowledge, hearLeader } from './follower.ts';
import type { CoreState, Progress } from './state.ts';
import {
  type Input,
  type InstallSnapshot,
  logIndex,
  type LogIndex,
  type NodeId,
  type SnapshotNeed,
} from './types.ts';

/** InstallSnapshot of the current term or a newer one: a piece of a snapshot, and a sign of life. Raft §7. */
export function onInstallSnapshot(state: CoreState, from: NodeId, chunk: InstallSnapshot): void {
  // See `onAppendEntries`.
  if (state.role === 'leader' && chunk.term === state.hard.term) return;
  hearLeader(state, chunk.term, from);
  const { last } = chunk;
  if (!state.rules.mustInstall({ last, commitIndex: state.commitIndex })) {
    // The leader learns how far this node is, and what it need not send.
    return acknowledge(state, from, state.answeredRound);
  }
  state.out.chunks.push({ from, chunk });
}

/**
 * A whole snapshot is durable here: it takes the place of the log up to its last position. Raft §7.
 *
 * SAFETY: what the snapshot holds is committed, whoever sent it and whoever leads by now. A leader
 * has all of it in its log and needs none. It is acknowledged when the log that begins behind it is
 * on the disk as well.
 */
export function onSnapshotReceived(
  state: CoreState,
  { last, configuration }: Extract<Input, { readonly type: 'snapshot-received' }>,
): void {
  const { log, configurations, rules, commitIndex } = state;
  if (state.role === 'leader' || !rules.mustInstall({ last, commitIndex })) return;
  if (rules.keepsEntriesBehind({ last, ownTermAtLast: log.termAt(last.index) })) {
    log.compact(last.index);
    configurations.compacted(log.base);
  } else {
    log.reset(last);
    configurations.reset(last, configuration);
    state.durable = atMost(state.durable, last.index);
    for (const write of state.writes) write.lastIndex = atMost(write.lastIndex, last.index);
  }
  state.commitIndex = last.index;
  state.handedOut = last.index;
  if (last.index > state.verified) state.verified = last.index;
  state.owesAcknowledgement = true;
  state.out.logChange = 'replaced';
  state.out.installed = last;
}

/** A snapshot of this node holds everything up to `upTo`, durable: entries may go. Raft §7. */
export function compactLog(state: CoreState, upTo: LogIndex): void {
  if (upTo <= state.log.base.index) return;
  state.log.compact(upTo);
  state.configurations.compacted(state.log.base);
  state.out.logChange ??= 'compacted';
}

/** Leader: a follower that takes a snapshot is alive. */
export function onSnapshotResponse(state: CoreState, from: NodeId): void {
  const progress = state.progress.get(from);
  if (state.role === 'leader' && progress !== undefined) progress.heardNs = state.nowNs;
}

/** Who is in need of a snapshot; undefined for nobody. */
export function snapshotNeeds(progresses: Iterable<Progress>): readonly SnapshotNeed[] | undefined {
  let needs: SnapshotNeed[] | undefined;
  for (const { mode, peer, matchIndex } of progresses) {
    if (mode === 'snapshot') (needs ??= []).push({ to: peer, matchIndex });
  }
  return needs;
}

function atMost(index: LogIndex, max: LogIndex): LogIndex {
  return logIndex(Math.min(index, max));
}
