import { assertNever } from '../lib/assert.ts';
import type {
  Entry,
  HardState,
  Input,
  LogPosition,
  Message,
  NodeId,
  ReadIndexResponse,
  TransferEnd,
} from '../raft/core/types.ts';
import type { Configuration } from '../raft/core/configuration.ts';
import { decodeConfiguration } from '../raft/core/configuration-codec.ts';
import { decodePeerMessage } from '../raft/driver/peer-message.ts';
import type { Answer, Request } from '../raft/driver/requests.ts';
import type { Datum } from '../raft/kv/datum.ts';
import type { Command } from '../raft/kv/commands.ts';
import { decodeStamped } from '../raft/kv/stamped-command.ts';
import type { SnapshotEvent } from '../raft/driver/ports.ts';
import type { Stop } from './observer.ts';

/** Entries that are listed one by one, with what they say. */
const LISTED_MAX = 3;

/** `12@4`: index 12, of term 4. */
export function position({ index, term }: LogPosition): string {
  return `${index}@${term}`;
}

/** `5..7`, or `5` alone. */
export function range(from: number, to: number): string {
  return from === to ? `${from}` : `${from}..${to}`;
}

/** `5..7@3`; entries of several terms by term: `5@2 6..7@3`. */
export function positions(entries: readonly Entry[]): string {
  const runs: { from: number; to: number; term: number }[] = [];
  for (const { index, term } of entries) {
    const last = runs.at(-1);
    if (last?.term === term && last.to === index - 1) last.to = index;
    else runs.push({ from: index, to: index, term });
  }
  return runs.map((run) => `${range(run.from, run.to)}@${run.term}`).join(' ');
}

/** `5@3 put r0=1, 6@3 noop`: entries with what they say; many of them by their positions only. */
export function contents(entries: readonly Entry[]): string {
  if (entries.length > LISTED_MAX) return positions(entries);
  return entries.map((entry) => `${position(entry)} ${content(entry)}`).join(', ');
}

function content({ kind, data, client }: Entry): string {
  switch (kind) {
    case 'command':
      return ofSession(client) + command(decodeStamped(data).command);
    case 'configuration':
      return `members ${configuration(decodeConfiguration(data))}`;
    case 'noop':
      return kind;
    default:
      return assertNever(kind);
  }
}

/** `n1 n2 n3`; while joint `n1 n2 n3 -> n3 n4 n5`; learners behind a plus. */
export function configuration({ voters, outgoing, learners }: Configuration): string {
  const old = outgoing.length === 0 ? '' : `${outgoing.join(' ')} -> `;
  const learning = learners.length === 0 ? '' : ` + ${learners.join(' ')}`;
  return `${old}${voters.join(' ')}${learning}`;
}

export function command(what: Command): string {
  switch (what.type) {
    case 'put':
      return `put ${what.key}=${what.value}`;
    case 'delete':
      return `delete ${what.key}`;
    case 'cas':
      return `cas ${what.key} ${what.from ?? 'absent'}->${what.to ?? 'absent'}`;
    case 'incr':
      return `incr ${what.key} by ${what.by}`;
    case 'append':
      return `append ${what.key} ${what.value}`;
    case 'txn':
      return `txn if ${what.compares.length} then ${what.success.length} else ${what.failure.length}`;
    case 'set-add':
    case 'set-remove':
    case 'enqueue':
      return `${what.type} ${what.key} ${what.element}`;
    case 'dequeue':
      return `dequeue ${what.key}`;
    case 'acquire':
      return `acquire ${what.key} for ${what.ttlMs} ms`;
    case 'renew':
      return `renew ${what.key} of ${what.token} for ${what.ttlMs} ms`;
    case 'release':
      return `release ${what.key} of ${what.token}`;
    case 'open-session':
      return `open-session for ${what.expiryMs} ms`;
    case 'keep-session':
    case 'close-session':
      return `${what.type} ${what.id}`;
    default:
      return assertNever(what);
  }
}

/** `s7/3 `: number 3 of session 7. */
function ofSession(session: Entry['client']): string {
  return session === undefined ? '' : `s${session.id}/${session.sequence} `;
}

export function request(what: Request): string {
  switch (what.type) {
    case 'command':
      return ofSession(what.session) + command(what.command);
    case 'read': {
      const of = what.of === undefined || what.of === 'value' ? '' : ` ${what.of}`;
      const mode = what.consistency === 'linearizable' ? '' : `${what.consistency} `;
      return `${mode}read${of} ${what.key}`;
    }
    case 'transfer':
      return `transfer to ${what.to ?? 'another node'}`;
    default:
      return assertNever(what);
  }
}

export function answer(what: Answer, isRead: boolean): string {
  switch (what.type) {
    case 'ok': {
      const at = `(served by ${what.servedBy}, t${what.term}, applied ${what.appliedIndex})`;
      if (isRead) return `ok ${datum(what.value)} ${at}`;
      const value = what.value === null ? '' : ` ${datum(what.value)}`;
      return `${what.applied ? 'ok' : 'ok, not applied'}${value} ${at}`;
    }
    case 'refused':
    case 'unknown':
      return `${what.type}: ${what.error}`;
    default:
      return assertNever(what);
  }
}

function datum(value: Datum): string {
  if (value === null) return 'absent';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function hardState({ term, votedFor }: HardState): string {
  return votedFor === undefined ? `t${term} no vote` : `t${term} vote ${votedFor}`;
}

export function message(what: Message): string {
  switch (what.type) {
    case 'request-vote':
      return `${what.preVote ? 'pre-vote' : 'vote'}? t${what.term} log ${position(what.lastLog)}`;
    case 'vote-response': {
      const kind = what.preVote ? 'pre-vote' : 'vote';
      return `${kind} ${what.granted ? 'granted' : 'refused'} t${what.term}`;
    }
    case 'append-entries': {
      const kind = what.entries.length === 0 ? 'heartbeat' : 'append';
      const entries = what.entries.length === 0 ? '' : ` [${contents(what.entries)}]`;
      const round = what.round === 0 ? '' : ` round ${what.round}`;
      return `${kind} t${what.term} prev ${position(what.prev)}${entries} commit ${what.leaderCommit}${round}`;
    }
    case 'append-response': {
      const round = what.round === 0 ? '' : ` round ${what.round}`;
      const { result } = what;
      if (result.success) return `ack t${what.term} match ${result.matchIndex}${round}`;
      const { prevIndex, hint } = result;
      return `reject t${what.term} prev ${prevIndex}, perhaps ${position(hint)}${round}`;
    }
    case 'timeout-now':
      return `take over t${what.term}`;
    case 'install-snapshot': {
      const end = what.done ? ', the last piece' : '';
      const bytes = `${what.data.length} bytes from ${what.offset}`;
      return `snapshot t${what.term} of ${position(what.last)}: ${bytes}${end}`;
    }
    case 'snapshot-response':
      return `snapshot ack t${what.term} of ${position(what.last)}: next ${what.nextOffset}${what.isDamaged ? ', it was damaged' : ''}`;
    case 'read-index':
      return `read index? t${what.term} ${question(what)}${what.lease ? ', a lease will do' : ''}`;
    case 'read-index-response': {
      const found = what.readIndex === undefined ? 'none' : String(what.readIndex);
      return `read index ${found} t${what.term} ${question(what)}${what.lease ? ' by lease' : ''}`;
    }
    default:
      return assertNever(what);
  }
}

/** The end of its name: enough to find the answer. */
function question({ ask }: { readonly ask: number }): string {
  return `#${ask % 10_000}`;
}

/** That a leader answers a follower's question. */
export function readIndexFor(to: NodeId, { readIndex, lease }: ReadIndexResponse): string {
  if (readIndex === undefined) return `refuses ${to} a read index`;
  return `lets ${to} read at ${readIndex}${lease ? ' by its lease' : ''}`;
}

export function transferEnd(end: TransferEnd): string {
  switch (end.type) {
    case 'done':
      return `has handed over to ${end.leader}`;
    case 'refused':
    case 'unknown':
      return `transfer ${end.type}: ${end.why}`;
    default:
      return assertNever(end);
  }
}

/** What went over a connection. */
export function peerMessage(bytes: Uint8Array): string {
  const what = decodePeerMessage(bytes);
  switch (what.type) {
    case 'raft':
      return message(what.message);
    case 'forward':
      return `forwarded ${request(what.request)}`;
    case 'answer':
      return `answer ${what.answer.type}`;
    case 'forward-change':
      return `forwarded change to ${names(what.change.voters)}`;
    case 'change-answer':
      return `answer to a change: ${what.answer.type}`;
    default:
      return assertNever(what);
  }
}

/** What a node was given; the ids of proposals and reads mean nothing to a reader. */
export function input(what: Input): string {
  switch (what.type) {
    case 'tick':
      return 'timer';
    case 'message':
      return `<${what.from} ${message(what.message)}`;
    case 'propose':
      return `proposal ${ofSession(what.client)}${command(decodeStamped(what.data).command)}`;
    case 'read':
      return what.lease === true ? 'lease read' : 'read';
    case 'change-configuration':
      return `a change to ${names(what.voters)} is asked for`;
    case 'transfer':
      return `leadership is asked for ${what.to ?? 'another node'}`;
    case 'compact':
      return `the log may go up to ${what.upTo}`;
    case 'snapshot-received':
      return `a snapshot of ${position(what.last)} was received`;
    case 'synced':
      return `write ${what.write} synced`;
    case 'disconnected':
      return `connection to ${what.peer} lost`;
    default:
      return assertNever(what);
  }
}

export function snapshot(what: SnapshotEvent): string | undefined {
  switch (what.type) {
    case 'restored': {
      if (what.last === undefined) return undefined;
      const damages = what.damages.map((damage) => `; damaged: ${damage}`).join('');
      return `begins with a snapshot of ${position(what.last)}${damages}`;
    }
    case 'begun':
      return `begins a snapshot of ${position(what.last)}`;
    case 'taken':
      return `has a snapshot of ${position(what.last)}, ${what.bytes} bytes`;
    case 'abandoned':
      return `gives up the snapshot of ${position(what.last)} that was ${what.was}: ${what.why}`;
    case 'sent':
      return `sends ${what.to} the snapshot of ${position(what.last)} from byte ${what.offset}`;
    case 'damaged':
      return `received a damaged snapshot of ${position(what.last)}: ${what.why}`;
    case 'received':
      return `has received the snapshot of ${position(what.last)}`;
    case 'installed':
      return `INSTALLS the snapshot of ${position(what.last)}`;
    case 'segment-removed':
      return `removes ${what.name}`;
    default:
      return assertNever(what);
  }
}

export function stop(what: Stop): string {
  switch (what.type) {
    case 'killed':
      return 'KILLED';
    case 'power-failure':
      return 'LOSES POWER';
    case 'failed':
      return `STOPS: ${words(what.error)}`;
    case 'refused':
      return `REFUSES TO START: ${words(what.error)}`;
    default:
      return assertNever(what);
  }
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `n1 n2`, in the given order, each once. */
export function names(nodes: readonly NodeId[]): string {
  return [...new Set(nodes)].join(' ');
}
