import { assertNever } from '../lib/assert.ts';
import type {
  Entry,
  Envelope,
  Input,
  NodeId,
  Ready,
  Role,
  VoteResponse,
} from '../raft/core/types.ts';
import * as say from './trace-words.ts';

/** What a trace remembers of a node's life, to tell what a step changed. */
export interface Known {
  role: Role;
  term: number;
  leader: NodeId | undefined;
  votedFor: NodeId | undefined;
  commitIndex: number;
  lastIndex: number;
  /** Newest round that it asked for, as a leader: for reads, or for where logs agree. */
  round: number;
  /** Highest index that it acknowledged in this term. */
  acknowledged: number;
}

const ROLE_LETTERS: Readonly<Record<Role, string>> = {
  follower: 'F',
  'pre-candidate': 'P',
  candidate: 'C',
  leader: 'L',
};

/** `L3 12/14`: leads term 3, committed up to 12, its log ends at 14. */
export function cell({ role, term, commitIndex, lastIndex }: Known): string {
  return `${ROLE_LETTERS[role]}${term} ${commitIndex}/${lastIndex}`;
}

/**
 * What a step did, in the words of a story: heartbeats and their answers are no part of it. Brings
 * what is known up to date.
 */
export function effects(node: NodeId, known: Known, ready: Ready): string[] {
  const told = [
    ...roleEffects(node, known, ready),
    ...logEffects(known, ready),
    ...messageEffects(known, ready),
    ...clientEffects(ready),
  ];
  known.role = ready.role;
  known.term = ready.term;
  known.leader = ready.leader;
  if (ready.hardState !== undefined) known.votedFor = ready.hardState.votedFor;
  known.commitIndex = ready.commitIndex;
  known.lastIndex = ready.lastIndex;
  return told;
}

function roleEffects(
  node: NodeId,
  known: Known,
  { role, term, leader, hardState }: Ready,
): string[] {
  const told: string[] = [];
  const isNew = role !== known.role || term !== known.term;
  switch (role) {
    case 'follower':
      if (known.role === 'leader') told.push('STEPS DOWN');
      if (leader !== undefined && (isNew || leader !== known.leader)) {
        told.push(`follows ${leader} in t${term}`);
      } else if (term !== known.term) told.push(`enters t${term}`);
      break;
    case 'pre-candidate':
      if (isNew) told.push('hears no leader');
      break;
    case 'candidate':
      if (isNew) told.push(`STANDS in t${term}`);
      break;
    case 'leader':
      if (isNew) told.push(`LEADS t${term}`);
      break;
    default:
      assertNever(role);
  }
  const vote = hardState?.votedFor;
  if (vote !== undefined && vote !== node) told.push(`votes for ${vote} in t${term}`);
  return told;
}

function logEffects(known: Known, { entries, committed, role, logChange }: Ready): string[] {
  const told: string[] = [];
  if (logChange?.type === 'compacted') told.push(`compacts up to ${logChange.base.index}`);
  if (logChange?.type === 'replaced') {
    told.push(`begins its log behind ${say.position(logChange.base)}`);
    known.lastIndex = logChange.base.index;
  }
  const first = entries[0];
  if (first !== undefined) {
    if (first.index <= known.lastIndex) {
      told.push(`TRUNCATES ${say.range(first.index, known.lastIndex)}`);
    }
    // What a follower appends stands in the message that it came with.
    told.push(`appends ${role === 'leader' ? say.contents(entries) : say.positions(entries)}`);
  }
  if (committed.length > 0) told.push(`commits ${say.positions(committed)}`);
  return told;
}

function messageEffects(known: Known, ready: Ready): string[] {
  const told: string[] = [];
  const asked = { vote: [] as NodeId[], preVote: [] as NodeId[] };
  if (ready.term !== known.term) known.acknowledged = 0;
  let round = known.round;
  for (const { to, message } of [...ready.messages, ...ready.messagesAfterSync]) {
    switch (message.type) {
      case 'request-vote':
        (message.preVote ? asked.preVote : asked.vote).push(to);
        break;
      case 'vote-response':
        if (!message.granted) told.push(`refuses ${to} a ${message.preVote ? 'pre-vote' : 'vote'}`);
        else if (message.preVote) told.push(`grants ${to} a pre-vote`);
        break;
      case 'append-entries':
        round = Math.max(round, message.round);
        break;
      case 'append-response':
        if (!message.result.success) told.push(`rejects ${to} at ${message.result.prevIndex}`);
        else if (message.result.matchIndex > known.acknowledged) {
          known.acknowledged = message.result.matchIndex;
          told.push(`acks ${message.result.matchIndex} to ${to}`);
        }
        break;
      case 'timeout-now':
        told.push(`asks ${to} to take over`);
        break;
      case 'install-snapshot':
        told.push(`sends ${to} a snapshot of ${say.position(message.last)} from ${message.offset}`);
        break;
      case 'read-index':
        told.push(`asks ${to} for a read index`);
        break;
      case 'read-index-response':
        told.push(say.readIndexFor(to, message));
        break;
      case 'snapshot-response':
        break;
      default:
        assertNever(message);
    }
  }
  if (asked.preVote.length > 0) told.push(`asks ${say.names(asked.preVote)} for pre-votes`);
  if (asked.vote.length > 0) told.push(`asks ${say.names(asked.vote)} for votes`);
  if (round > known.round) told.push(`opens round ${round}`);
  known.round = round;
  return told;
}

function clientEffects({ reads, refused, refusedReads, changes, transfers }: Ready): string[] {
  const told = reads.map(({ readIndex, leaseEndNs }) => {
    return `may read at ${readIndex}${leaseEndNs === undefined ? '' : ' by its lease'}`;
  });
  for (const end of transfers) told.push(say.transferEnd(end));
  if (refused.length > 0) told.push(`refuses ${refused.length} proposals`);
  if (refusedReads.length > 0) told.push(`refuses ${refusedReads.length} reads`);
  for (const change of changes) {
    if (change.type === 'refused') told.push(`refuses a change of members: ${change.why}`);
  }
  return [...new Set(told)];
}

/** Whether a story tells that this came, also where nothing followed from it. */
export function isTold(input: Input, known: Known): boolean {
  if (input.type !== 'message') return false;
  const { message } = input;
  switch (message.type) {
    case 'request-vote':
      return true;
    case 'vote-response':
      return message.term > known.term || isAwaited(message, known);
    case 'append-entries':
      return message.entries.length > 0 || message.term !== known.term;
    case 'append-response':
      return !message.result.success;
    case 'timeout-now':
    case 'read-index':
    case 'read-index-response':
      return true;
    case 'install-snapshot':
    case 'snapshot-response':
      return false;
    default:
      return assertNever(message);
  }
}

/** The answer to a request for a vote that is still to be won. */
function isAwaited({ preVote }: VoteResponse, { role }: Known): boolean {
  return role === (preVote ? 'pre-candidate' : 'candidate');
}

/** Whether it explains the step that it is part of: what else came at the same time is left out. */
export function explains(input: Input, known: Known, ready: Ready): boolean {
  if (input.type === 'propose') return ready.accepted.length === 0;
  if (input.type !== 'message') return false;
  const { message } = input;
  if (message.type === 'vote-response') return isTold(input, known);
  if (message.type !== 'append-response' || !message.result.success) return true;
  // Answers that made something committed or confirmed a round; of others there is no end.
  if (ready.reads.length > 0) return true;
  return ready.commitIndex > known.commitIndex && message.result.matchIndex > known.commitIndex;
}

/** `append t3 prev 4@3 [5@3 noop] commit 4 to n2 n3`: what a step sends, equal messages together. */
export function sent(envelopes: readonly Envelope[]): string[] {
  const groups = new Map<string, NodeId[]>();
  for (const { to, message } of envelopes) {
    const text = say.message(message);
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [to]);
    else group.push(to);
  }
  return [...groups].map(([text, to]) => `>${to.join(' ')} ${text}`);
}

/** The entries of several writes as one list; a later one replaces what it overlaps. */
export function written(lists: readonly (readonly Entry[])[]): readonly Entry[] {
  const all: Entry[] = [];
  for (const entries of lists) {
    const first = entries[0];
    if (first === undefined) continue;
    while ((all.at(-1)?.index ?? 0) >= first.index) all.pop();
    all.push(...entries);
  }
  return all;
}
