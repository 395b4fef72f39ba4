import { defined } from '../../../lib/assert.ts';
import type { Restored } from '../../../raft/core/core.ts';
import { type Configuration, makeConfiguration } from '../../../raft/core/configuration.ts';
import { encodeConfiguration } from '../../../raft/core/configuration-codec.ts';
import { LOG_START } from '../../../raft/core/log.ts';
import {
  type Entry,
  type Envelope,
  type HardState,
  type Input,
  logIndex,
  nodeId,
  type Ready,
  type Role,
  term,
} from '../../../raft/core/types.ts';
import type { Answer, Request } from '../../../raft/driver/requests.ts';
import type { WalRecords } from '../../../raft/driver/wal.ts';
import type { Life, SimObserver, Stop } from '../../observer.ts';
import { ViolationError, type Violation } from '../../violation.ts';
import { makeInvariants } from '../invariants.ts';

/** An entry whose content is its index and term, or `text`. */
export function entry(index: number, at: number, text: string = `${index}/${at}`): Entry {
  const data = new TextEncoder().encode(text);
  return { index: logIndex(index), term: term(at), kind: 'command', data };
}

/** An entry that lets these vote. */
export function members(
  index: number,
  at: number,
  voters: readonly string[],
  more: { readonly outgoing?: readonly string[]; readonly learners?: readonly string[] } = {},
): Entry {
  const { outgoing = [], learners = [] } = more;
  const configuration = makeConfiguration(voters.map(nodeId), {
    outgoing: outgoing.map(nodeId),
    learners: learners.map(nodeId),
  });
  const data = encodeConfiguration(configuration);
  return { index: logIndex(index), term: term(at), kind: 'configuration', data };
}

/** A log by the terms of its entries, from index 1. */
export function logOf(...terms: readonly number[]): readonly Entry[] {
  return terms.map((at, position) => entry(position + 1, at));
}

export function hard(at: number, votedFor?: string): HardState {
  return { term: term(at), votedFor: votedFor === undefined ? undefined : nodeId(votedFor) };
}

/** What a step says, where it differs from a follower's that has nothing to say. */
export interface Said {
  readonly role?: Role;
  readonly term?: number;
  readonly commit?: number;
  readonly entries?: readonly Entry[];
  readonly hard?: HardState;
  readonly last?: number;
  /** Whom it grants its vote in its term. */
  readonly votes?: string;
  /** Reads that it confirms. */
  readonly reads?: readonly number[];
  /** Reads that it serves by its lease. */
  readonly leaseReads?: readonly number[];
  readonly messages?: readonly Envelope[];
}

interface Told {
  life: Life;
  role: Role;
  term: number;
  commit: number;
  log: Entry[];
  hard: HardState;
  end: number;
}

/**
 * Observer calls by hand, as a cluster would make them: what is not said stays as it was. Each
 * node has one WAL file, in which each batch takes a hundred bytes.
 */
export class ToldCluster {
  readonly violations: Violation[] = [];
  /** Told of everything; a test may put another one in its place for a while. */
  observer: Required<SimObserver>;
  readonly #nodes = new Map<string, Told>();
  readonly #initial: Configuration;
  #requests = 0;

  constructor(size: number) {
    const nodes = Array.from({ length: size }, (_, i) => nodeId(`n${i + 1}`));
    this.#initial = makeConfiguration(nodes);
    const sim = {
      now: () => 7,
      fail: (error: Error) => {
        if (!(error instanceof ViolationError)) throw error;
        this.violations.push(error.violation);
      },
    };
    this.observer = makeInvariants({ sim, nodes }) as Required<SimObserver>;
    for (const node of nodes)
      this.start(node, { hardState: hard(0), base: LOG_START, entries: [] });
  }

  /** The invariant that broke, with its sentence; undefined while all hold. */
  get broken(): string | undefined {
    const [first] = this.violations;
    return first === undefined ? undefined : `${first.invariant}: ${first.sentence}`;
  }

  /** The next life, with what it found; by default what the last one had in memory. */
  start(id: string, found?: Partial<Restored>): this {
    const before = this.#nodes.get(id);
    const restored: Restored = {
      hardState: found?.hardState ?? before?.hard ?? hard(0),
      base: found?.base ?? LOG_START,
      entries: found?.entries ?? before?.log ?? [],
    };
    const life: Life = { node: nodeId(id), number: (before?.life.number ?? 0) + 1 };
    this.#nodes.set(id, {
      life,
      role: 'follower',
      term: restored.hardState.term,
      commit: 0,
      log: [...restored.entries],
      hard: restored.hardState,
      end: before?.end ?? 100,
    });
    this.observer.started(life, restored, 0);
    return this;
  }

  stop(id: string, stop: Stop = { type: 'power-failure' }): this {
    this.observer.stopped(this.#told(id).life, stop);
    return this;
  }

  /** One step, and its records are written; `sync` makes them durable. */
  step(id: string, said: Said, inputs: readonly Input[] = []): this {
    const told = this.#told(id);
    const { entries = [], hard: hardState } = said;
    told.role = said.role ?? told.role;
    told.term = said.term ?? told.term;
    told.commit = said.commit ?? told.commit;
    if (hardState !== undefined) told.hard = hardState;
    for (const one of entries) {
      told.log.length = one.index - 1;
      told.log.push(one);
    }
    const committed = told.log.slice(0, told.commit);
    this.observer.stepped(told.life, inputs, {
      hardState,
      entries,
      write: entries.length > 0 ? 1 : undefined,
      messages: said.messages ?? [],
      messagesAfterSync: said.votes === undefined ? [] : [grant(said.votes, told.term)],
      committed,
      accepted: [],
      refused: [],
      reads: [
        ...(said.reads ?? []).map((id) => ({ id, readIndex: logIndex(told.commit) })),
        ...(said.leaseReads ?? []).map((id) => {
          return { id, readIndex: logIndex(told.commit), leaseEndNs: 9 };
        }),
      ],
      refusedReads: [],
      transfers: [],
      transferee: undefined,
      changes: [],
      configuration: this.#initial,
      configurationIndex: logIndex(0),
      rejected: [],
      chunks: [],
      needSnapshot: [],
      role: told.role,
      term: term(told.term),
      leader: undefined,
      commitIndex: logIndex(told.commit),
      firstIndex: logIndex(1),
      lastIndex: logIndex(said.last ?? told.log.length),
      deadlineNs: 0,
    } satisfies Ready);
    if (hardState === undefined && entries.length === 0) return this;
    return this.write(id, { hardState, entries });
  }

  write(id: string, ...records: readonly WalRecords[]): this {
    const told = this.#told(id);
    told.end += 100;
    this.observer.written(told.life, 'wal', told.end, records);
    return this;
  }

  /** What was written is on the disk; `bytes` where only a part is. */
  sync(id: string, bytes?: number): this {
    this.observer.synced(nodeId(id), 'wal', bytes ?? this.#told(id).end);
    return this;
  }

  /** These nodes append the same and sync it. */
  replicate(ids: readonly string[], said: Said): this {
    for (const id of ids) this.step(id, said).sync(id);
    return this;
  }

  /** Wins an election in this term with votes of a majority, all durable; appends `own` to its log. */
  elect(
    id: string,
    at: number,
    own: readonly Entry[] = [entry(this.#told(id).log.length + 1, at)],
  ): this {
    this.step(id, { role: 'candidate', term: at, hard: hard(at, id) }).sync(id);
    const voters = [...this.#nodes].filter(([name, told]) => name !== id && told.hard.term < at);
    for (const [name, told] of voters.slice(0, Math.floor(this.#nodes.size / 2))) {
      told.hard = hard(at, id);
      this.write(name, { hardState: told.hard }).sync(name);
    }
    return this.step(id, { role: 'leader', entries: own }).sync(id);
  }

  apply(id: string, ...entries: readonly (Entry | number)[]): this {
    const { life, log } = this.#told(id);
    for (const one of entries) {
      const applied = typeof one === 'number' ? defined(log[one - 1], `entry ${one}`) : one;
      this.observer.applied(life, applied, undefined);
    }
    return this;
  }

  submit(id: string, what: 'command' | 'read' | 'stale'): number {
    const request: Request =
      what === 'command'
        ? { type: 'command', command: { type: 'put', key: 'k', value: '1' } }
        : { type: 'read', key: 'k', consistency: what === 'read' ? 'linearizable' : 'stale' };
    this.#requests += 1;
    this.observer.submitted(this.#told(id).life, this.#requests, request);
    return this.#requests;
  }

  answer(id: string, request: number, appliedIndex: number, servedBy: string = id): this {
    const served = { servedBy: nodeId(servedBy), term: this.#told(servedBy).term, appliedIndex };
    const answer: Answer = { type: 'ok', value: null, applied: true, ...served };
    this.observer.answered(this.#told(id).life, request, answer);
    return this;
  }

  lifeOf(id: string): Life {
    return this.#told(id).life;
  }

  #told(id: string): Told {
    return defined(this.#nodes.get(id), `there is a node ${id}`);
  }
}

function grant(to: string, at: number): Envelope {
  const message = { type: 'vote-response', preVote: false, term: term(at), granted: true } as const;
  return { to: nodeId(to), message };
}

/** `from` asks for a vote in this term, with a log that ends with this entry. */
export function voteRequest(
  from: string,
  at: number,
  last: readonly [number, number] = [0, 0],
): Input {
  const lastLog = { index: logIndex(last[0]), term: term(last[1]) };
  const message = { type: 'request-vote', preVote: false, term: term(at), lastLog } as const;
  return { type: 'message', from: nodeId(from), message };
}

/** `from` acknowledges up to `match` in this term. */
export function acknowledgement(from: string, at: number, match: number): Input {
  const result = { success: true, matchIndex: logIndex(match) } as const;
  const message = { type: 'append-response', term: term(at), round: 0, result } as const;
  return { type: 'message', from: nodeId(from), message };
}

/** `from` says that it leads this term. */
export function heartbeat(from: string, at: number): Input {
  const position = { index: logIndex(0), term: term(0) };
  const said = { prev: position, entries: [], leaderCommit: logIndex(0), round: 0 } as const;
  const message = { type: 'append-entries', term: term(at), ...said } as const;
  return { type: 'message', from: nodeId(from), message };
}

/** A granted vote of `from` in this term. */
export function vote(from: string, at: number): Input {
  const message = { type: 'vote-response', preVote: false, term: term(at), granted: true } as const;
  return { type: 'message', from: nodeId(from), message };
}
