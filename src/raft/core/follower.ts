import { assert } from '../../lib/assert.ts';
import {
  appendEntries,
  becomeFollower,
  type CoreState,
  resetElectionTimer,
  send,
  truncateLog,
} from './state.ts';
import {
  type AppendEntries,
  type LogIndex,
  type LogPosition,
  logIndex,
  type NodeId,
  type Term,
} from './types.ts';

/** AppendEntries of the current term or a newer one. Raft §5.3. */
export function onAppendEntries(state: CoreState, from: NodeId, message: AppendEntries): void {
  // Two leaders in one term cannot be (§5.2). Where it happens all the same, by a planted defect,
  // this node goes on so that the damage shows in what clients see.
  if (state.role === 'leader' && message.term === state.hard.term) return;
  hearLeader(state, message.term, from);
  const { log, rules } = state;
  const conflict = committedConflict(state, message);
  if (conflict !== undefined) {
    const reason = `its entry ${conflict} is not the one that is committed here`;
    state.out.rejected.push({ from, reason });
    return;
  }
  if (message.prev.index < log.base.index) {
    // What lies before the base is committed, and so equal; nothing more is learnt from this one.
    return acknowledge(state, from, message.round);
  }
  if (!rules.logMatches(message.prev, log.termAt(message.prev.index))) {
    return send(state, from, {
      type: 'append-response',
      term: state.hard.term,
      round: message.round,
      result: {
        success: false,
        prevIndex: message.prev.index,
        hint: log.lastPossibleMatch(message.prev),
      },
    });
  }
  storeEntries(state, message);
  const last = logIndex(message.prev.index + message.entries.length);
  if (last > state.verified) state.verified = last;
  state.commitIndex = rules.followerCommitIndex({
    commitIndex: state.commitIndex,
    leaderCommit: message.leaderCommit,
    verified: last,
  });
  const isAcknowledged = ownAcknowledged(state) >= last;
  if (!isAcknowledged) state.owesAcknowledgement = true;
  // A heartbeat or a round is answered at once: it says who leads, and a slow disk must not depose a
  // leader. Entries wait for the disk.
  const isHeartbeat = message.entries.length === 0;
  if (isAcknowledged || isHeartbeat || message.round > state.answeredRound) {
    acknowledge(state, from, message.round);
  }
}

/**
 * SAFETY (Raft §5.4.3): a committed entry is in every later leader's log. Whoever has another one in
 * its place is wrong, or this node is: nothing of that is stored, acknowledged, or even answered (an
 * answer would be followed by the next attempt, at once and for ever).
 */
function committedConflict(
  { log, commitIndex }: CoreState,
  message: AppendEntries,
): LogIndex | undefined {
  const differs = ({ index, term: at }: LogPosition): boolean => {
    const own = index > commitIndex ? undefined : log.termAt(index);
    return own !== undefined && own !== at;
  };
  if (message.prev.index > commitIndex) return undefined;
  if (differs(message.prev)) return message.prev.index;
  return message.entries.find(differs)?.index;
}

/** Whoever sends this leads the term: no election is due. Raft §5.2. */
export function hearLeader(state: CoreState, at: Term, leader: NodeId): void {
  becomeFollower(state, at, leader);
  state.leaderHeardNs = state.nowNs;
  resetElectionTimer(state);
}

function storeEntries(state: CoreState, message: AppendEntries): void {
  const { log } = state;
  for (const [offset, entry] of message.entries.entries()) {
    assert(entry.index === message.prev.index + 1 + offset, 'appended entries are consecutive');
    const own = log.termAt(entry.index);
    if (own !== undefined && !state.rules.mustTruncate(own, entry.term)) continue;
    if (own !== undefined) {
      truncateLog(state, entry.index);
      state.durable = logIndex(Math.min(state.durable, entry.index - 1));
      state.verified = logIndex(Math.min(state.verified, entry.index - 1));
      for (const write of state.writes) {
        write.lastIndex = logIndex(Math.min(write.lastIndex, entry.index - 1));
      }
      // What this very step was to persist from there on is replaced as well.
      state.out.entries = state.out.entries.filter((kept) => kept.index < entry.index);
    }
    appendEntries(state, message.entries.slice(offset));
    return;
  }
}

/** Everything up to `durable` is on disk: what was owed to the leader can be acknowledged. */
export function acknowledgeDurable(state: CoreState): void {
  if (!state.owesAcknowledgement || state.leader === undefined) return;
  if (state.durable >= state.verified) state.owesAcknowledgement = false;
  acknowledge(state, state.leader, state.answeredRound);
}

/**
 * May leave before the term is durable. SAFETY: after a crash this node may be in an older term again,
 * but its answer stays true. What it acknowledged is on its disk, and an entry of this term there only
 * after the term. A quorum of durable votes elected this leader (§5.2): whoever leads an older term
 * reaches a quorum no more, with this node or without.
 */
export function acknowledge(state: CoreState, leader: NodeId, round: number): void {
  if (round > state.answeredRound) state.answeredRound = round;
  send(state, leader, {
    type: 'append-response',
    term: state.hard.term,
    round: state.answeredRound,
    result: {
      success: true,
      matchIndex: ownAcknowledged(state),
    },
  });
}

function ownAcknowledged(state: CoreState): LogIndex {
  return state.rules.acknowledgedIndex({ verified: state.verified, durable: state.durable });
}
