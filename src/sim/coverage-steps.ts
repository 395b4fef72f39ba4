import type {
  AppendEntries,
  Entry,
  Envelope,
  Input,
  NodeId,
  Ready,
  RequestVote,
  Role,
} from '../raft/core/types.ts';
import { type Configuration, hasQuorum } from '../raft/core/configuration.ts';
import { countMembership, hasLeft } from './coverage-membership.ts';
import type { Counts } from './coverage.ts';
import { countReadIndex, countTransfers } from './coverage-reads.ts';

/** What coverage remembers of a node between its steps. */
export interface SeenNode {
  readonly node: NodeId;
  role: Role;
  term: number;
  leader: NodeId | undefined;
  votedFor: NodeId | undefined;
  /** Terms of its log, by index; it may begin behind a snapshot. */
  terms: (number | undefined)[];
  /** Appends with entries since the last answer, by follower. */
  unanswered: Map<NodeId, number>;
  /** The newest round that it asked for as a leader; -1 before its first message. */
  round: number;
  /** Reads that it took as a leader and has opened no round for. */
  waitingReads: number;
  /** Whom it hands its leadership over to. */
  transferee: NodeId | undefined;
  /** The last term for which it stood by its leader's wish. */
  transferTerm: number;
  /** Own proposals that are not applied yet: terms by index. */
  proposals: Map<number, number>;
  /** In force in its log, and where that stands. */
  configuration: Configuration;
  configurationIndex: number;
}

/** What the nodes of a cluster have in common. */
export interface SeenCluster {
  readonly nodes: SeenNode[];
  /** The highest index that anybody has committed. */
  committed: number;
  /** How many stood for election in a term, and whether one won. */
  readonly candidacies: Map<number, { count: number; failed: number; isWon: boolean }>;
}

/** Counts what a step shows; brings what is remembered up to date. */
export function countStep(
  counts: Counts,
  cluster: SeenCluster,
  seen: SeenNode,
  inputs: readonly Input[],
  ready: Ready,
): void {
  let rejectable = 0;
  for (const input of inputs) {
    if (input.type === 'message') {
      const { message } = input;
      if (message.type === 'append-entries')
        rejectable += countAppend(counts, seen, message, ready);
      else if (message.type === 'append-response' && seen.role === 'leader') {
        if (seen.unanswered.size > 0) seen.unanswered.delete(input.from);
        if (!message.result.success && message.term === seen.term) {
          counts['probe-after-rejection'] += 1;
        }
      }
    } else if (input.type === 'disconnected' && seen.role === 'leader') {
      counts['probe-after-disconnection'] += 1;
    }
  }
  countMembership(counts, seen, inputs, ready);
  if (ready.role !== seen.role || ready.term !== seen.term) {
    countRole(counts, cluster, seen, ready);
  } else if (ready.role === 'pre-candidate' && asksPreVotes(ready)) {
    counts['pre-vote-started'] += 1;
    counts['pre-vote-failed'] += 1;
  }
  const round = ready.messages.length > 0 ? countMessages(counts, seen, ready, rejectable) : -1;
  const reads = countReadIndex(counts, inputs, ready);
  if (ready.role === 'leader') countReads(counts, seen, reads, round);
  else seen.waitingReads = 0;
  countTransfers(counts, seen, inputs, ready);
  if (ready.messagesAfterSync.length > 0) countVotes(counts, seen, inputs, ready);
  if (ready.refused.length > 0) counts['proposal-refused'] += ready.refused.length;
  if (ready.refusedReads.length > 0) {
    const lost = seen.role === 'leader';
    counts[lost ? 'read-refused-leadership-lost' : 'read-refused-leader-lost'] += 1;
  }
  if (ready.accepted.length > 1) counts['proposals-together'] += 1;
  for (const { index, term } of ready.accepted) seen.proposals.set(index, term);
  if (ready.logChange?.type === 'replaced') {
    seen.terms = [];
    seen.terms[ready.logChange.base.index] = ready.logChange.base.term;
  }
  if (ready.entries.length > 0) countEntries(counts, cluster, seen, ready);
  if (ready.committed.length > 0) countCommitted(counts, cluster, ready);
  if (ready.hardState !== undefined) seen.votedFor = ready.hardState.votedFor;
  seen.role = ready.role;
  seen.term = ready.term;
  seen.leader = ready.leader;
  seen.transferee = ready.transferee;
}

/** @returns 1 when the answer may say that it does not fit */
function countAppend(counts: Counts, seen: SeenNode, message: AppendEntries, ready: Ready): number {
  if (message.term < ready.term) {
    counts['append-of-older-term'] += 1;
    return 0;
  }
  const { prev, entries } = message;
  const newest = entries.at(-1);
  if (newest === undefined || seen.terms[newest.index] !== newest.term) return 1;
  if (seen.terms[prev.index] === prev.term || prev.index === 0) {
    counts[newest.index < seen.terms.length - 1 ? 'append-older' : 'append-repeated'] += 1;
  }
  return 1;
}

function countRole(counts: Counts, cluster: SeenCluster, seen: SeenNode, ready: Ready): void {
  const { node, role, term } = seen;
  const isNewTerm = ready.term > term;
  const { candidacies } = cluster;
  const candidacyOf = (at: number): { count: number; failed: number; isWon: boolean } => {
    const found = candidacies.get(at);
    if (found !== undefined) return found;
    const created = { count: 0, failed: 0, isWon: false };
    candidacies.set(at, created);
    return created;
  };
  if (isNewTerm && ready.hardState?.votedFor === node) {
    counts['election-started'] += 1;
    candidacyOf(ready.term).count += 1;
  }
  if (ready.role === 'leader') {
    counts['election-won'] += 1;
    candidacyOf(ready.term).isWon = true;
    if (ready.term === seen.transferTerm) counts['transfer-election-won'] += 1;
    seen.unanswered.clear();
    seen.round = -1;
  }
  if (role === 'leader' && ready.role !== 'leader' && !hasLeft(seen, ready)) {
    counts[isNewTerm ? 'stepped-down-for-higher-term' : 'stepped-down-without-quorum'] += 1;
  }
  if (role === 'candidate' && ready.role !== 'leader') {
    const candidacy = candidacyOf(term);
    if (!isNewTerm && ready.role === 'follower') counts['candidate-gave-way'] += 1;
    if (ready.role === 'pre-candidate') {
      counts['election-failed'] += 1;
      candidacy.failed += 1;
      if (candidacy.failed === 2 && !candidacy.isWon) counts['split-vote'] += 1;
    }
  }
  if (ready.role === 'pre-candidate' && asksPreVotes(ready)) counts['pre-vote-started'] += 1;
}

function asksPreVotes({ messages }: Ready): boolean {
  const message = messages.at(-1)?.message;
  return message?.type === 'request-vote' && message.preVote;
}

/** @returns the newest round of the appends; -1 when there are none */
function countMessages(counts: Counts, seen: SeenNode, ready: Ready, rejectable: number): number {
  let rejected = 0;
  let round = -1;
  for (const { to, message } of ready.messages) {
    if (message.type === 'append-entries') {
      if (message.round > round) round = message.round;
      const { length } = message.entries;
      if (length === 0) continue;
      if (length > 1) counts['append-batched'] += 1;
      const before = seen.unanswered.get(to) ?? 0;
      if (before > 0) counts['append-pipelined'] += 1;
      seen.unanswered.set(to, before + 1);
    } else if (message.type === 'append-response' && !message.result.success) rejected += 1;
  }
  if (rejected > 0) counts['append-rejected'] += Math.min(rejected, rejectable);
  return round;
}

/** All reads that wait go into the round that is opened; none is opened before its own commit. */
function countReads(counts: Counts, seen: SeenNode, reads: number, round: number): void {
  const waiting = seen.waitingReads + reads;
  const isOpened = round > seen.round && seen.round >= 0;
  if (round > seen.round) seen.round = round;
  if (waiting === 0) return;
  if (isOpened) {
    counts['read-round-opened'] += 1;
    if (waiting > 1) counts['read-round-joined'] += 1;
    seen.waitingReads = 0;
  } else {
    counts['read-waited-for-own-commit'] += reads;
    seen.waitingReads = waiting;
  }
}

/** Votes, given and refused. What was asked is among the inputs, and the reason in what it says. */
function countVotes(counts: Counts, seen: SeenNode, inputs: readonly Input[], ready: Ready): void {
  for (const { to, message } of ready.messagesAfterSync) {
    if (message.type !== 'vote-response') continue;
    const asked = requestOf(inputs, to, message.preVote);
    if (message.granted) {
      counts['vote-granted'] += 1;
      if (asked?.transfer === true && seen.leader !== undefined) {
        counts['transfer-vote-overrode'] += 1;
      }
      continue;
    }
    if (message.preVote) {
      counts['pre-vote-refused'] += 1;
      if (asked === undefined || asked.term <= ready.term) continue;
      counts[
        isBehind(asked, seen) ? 'pre-vote-refused-older-log' : 'pre-vote-refused-disturbance'
      ] += 1;
      continue;
    }
    if (asked === undefined) continue;
    const { votedFor } = ready.hardState ?? seen;
    if (asked.term < ready.term) counts['vote-refused-older-term'] += 1;
    // Its term is not even taken over.
    else if (asked.term > ready.term) counts['vote-refused-disturbance'] += 1;
    else if (votedFor !== undefined && votedFor !== to) counts['vote-refused-given-already'] += 1;
    else counts['vote-refused-older-log'] += 1;
  }
}

function requestOf(
  inputs: readonly Input[],
  from: Envelope['to'],
  preVote: boolean,
): RequestVote | undefined {
  for (const input of inputs) {
    if (input.type !== 'message' || input.from !== from) continue;
    const { message } = input;
    if (message.type === 'request-vote' && message.preVote === preVote) return message;
  }
  return undefined;
}

function isBehind({ lastLog }: RequestVote, { terms }: SeenNode): boolean {
  const lastTerm = terms.at(-1) ?? 0;
  return lastLog.term === lastTerm ? lastLog.index < terms.length - 1 : lastLog.term < lastTerm;
}

function countEntries(
  counts: Counts,
  cluster: SeenCluster,
  seen: SeenNode,
  { entries, term }: Ready,
): void {
  const { terms } = seen;
  const first = entries[0] as Entry;
  if (first.index < terms.length) {
    counts['conflict-truncated'] += 1;
    counts['entry-truncated'] += terms.length - first.index;
    terms.length = first.index;
  }
  for (const entry of entries) {
    terms[entry.index] = entry.term;
    if (entry.term < term && isFigure8(cluster, seen, entry)) counts['figure-8'] += 1;
  }
}

/** Raft §5.4.2, Figure 8 (c): this copy makes a majority, and counting must not commit the entry for that. */
function isFigure8(
  { nodes, committed }: SeenCluster,
  { node, configuration }: SeenNode,
  { index, term }: Entry,
): boolean {
  if (index <= committed) return false;
  const holders = nodes.filter(({ terms }) => terms[index] === term).map((one) => one.node);
  const isHeld = (except?: NodeId): boolean =>
    hasQuorum(configuration, (voter) => voter !== except && holders.includes(voter));
  return isHeld() && !isHeld(node);
}

function countCommitted(
  counts: Counts,
  cluster: SeenCluster,
  { committed, commitIndex, role, term }: Ready,
): void {
  if (commitIndex <= cluster.committed) return;
  const first = committed[0] as Entry;
  const fresh = committed[Math.max(0, cluster.committed + 1 - first.index)];
  if (role === 'leader' && fresh !== undefined && fresh.term < term) {
    counts['older-term-committed-with-newer'] += 1;
  }
  cluster.committed = commitIndex;
}
