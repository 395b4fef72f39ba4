import type { Entry, NodeId } from '../raft/core/types.ts';
import type { Answer, Request } from '../raft/driver/requests.ts';
import type { Applied } from '../raft/kv/state-machine.ts';
import { decodeStamped } from '../raft/kv/stamped-command.ts';
import type { CoverageName } from './coverage-names.ts';

type Counts = Record<CoverageName, number>;

/** An entry that nobody applied before. */
export function countApplied(
  counts: Counts,
  { data }: Entry,
  { result, isRepeated, expired }: Applied,
): void {
  counts['session-expired'] += expired.sessions;
  counts['lock-expired'] += expired.locks;
  if (isRepeated) {
    counts['duplicate-entry-applied-once'] += 1;
    return;
  }
  if (result.type === 'refused') {
    if (result.reason === 'session') counts['session-refused'] += 1;
    return;
  }
  const { type } = decodeStamped(data).command;
  if (type === 'cas' && !result.applied) counts['cas-not-applied'] += 1;
  if (type === 'open-session') counts['session-opened'] += 1;
  if (type === 'acquire') counts[result.applied ? 'lock-granted' : 'lock-refused'] += 1;
  if (type === 'txn') counts[result.applied ? 'txn-succeeded' : 'txn-failed-branch'] += 1;
}

/** Which numbers of sessions were asked for, by whom they were asked for again, and what came of it. */
export class SeenSessions {
  readonly #counts: Counts;
  readonly #asked = new Set<string>();
  /** Requests that repeat a number. */
  readonly #retries = new Map<NodeId, Set<number>>();

  constructor(counts: Counts) {
    this.#counts = counts;
  }

  submitted(node: NodeId, request: number, what: Request): void {
    if (what.type !== 'command' || what.session === undefined) return;
    const number = `${what.session.id}/${what.session.sequence}`;
    if (!this.#asked.has(number)) return void this.#asked.add(number);
    const retries = this.#retries.get(node) ?? new Set();
    this.#retries.set(node, retries.add(request));
  }

  answered(node: NodeId, request: number, answer: Answer): void {
    const isRetry = this.#retries.get(node)?.delete(request) === true;
    if (isRetry && answer.type === 'ok') this.#counts['session-retry-answered'] += 1;
  }

  stopped(node: NodeId): void {
    this.#retries.delete(node);
  }
}
