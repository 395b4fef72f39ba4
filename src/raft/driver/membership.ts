import { assertNever } from '../../lib/assert.ts';
import { type ByteReader, type ByteWriter, DecodeError } from '../../lib/bytes.ts';
import type { Random } from '../../lib/prng.ts';
import { type Configuration, isJoint } from '../core/configuration.ts';
import { decodeConfiguration } from '../core/configuration-codec.ts';
import {
  type ChangeProgress,
  type ChangeRefusal,
  type Entry,
  type Input,
  type LogIndex,
  type LogPosition,
  nodeId,
  type NodeId,
  type RequestId,
} from '../core/types.ts';
import { TIMED_OUT } from './pending.ts';

/** Who is to vote from now on. Everybody else leaves. */
export interface MembershipChange {
  readonly voters: readonly NodeId[];
  /** Where members listen for their peers, `HOST:PORT`, as far as the others have to be told. */
  readonly addresses: ReadonlyMap<NodeId, string>;
}

export type ChangeAnswer =
  /** These voters, and nobody else, decide: C_new is committed, at this index. */
  | { readonly type: 'ok'; readonly index: number }
  /** Certainly nobody votes, or stops voting, because of this request, now or later. */
  | { readonly type: 'refused'; readonly error: string }
  /** The change may have been made, may still be. */
  | { readonly type: 'unknown'; readonly error: string };

/** What a node says of its configuration; plain JSON. */
export interface MembersStatus {
  readonly voters: readonly NodeId[];
  /** C_old while joint. */
  readonly outgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
  readonly addresses: Readonly<Record<string, string>>;
  /** Of the entry by which it is in force; 0 for what the cluster began with. */
  readonly index: LogIndex;
  readonly joint: boolean;
  readonly committed: boolean;
}

export function membersStatus(ready: {
  readonly configuration: Configuration;
  readonly configurationIndex: LogIndex;
  readonly commitIndex: LogIndex;
}): MembersStatus {
  const { configuration, configurationIndex, commitIndex } = ready;
  const { voters, outgoing, learners, addresses } = configuration;
  return {
    voters,
    outgoing,
    learners,
    addresses: Object.fromEntries(addresses),
    index: configurationIndex,
    joint: isJoint(configuration),
    committed: configurationIndex <= commitIndex,
  };
}

interface Waiting {
  readonly done: (answer: ChangeAnswer) => void;
  readonly deadlineNs: number;
  /** Who was asked; undefined when this node leads it itself. */
  readonly forwardedTo: NodeId | undefined;
  /** The entry that decides, once it stands in the log. */
  position: LogPosition | undefined;
  /** That entry is C_old,new, and committed: C_new follows, whoever leads. */
  isJointCommitted: boolean;
}

export interface MembershipPorts {
  readonly timeoutNs: number;
  /** Draws the first id, as for other requests: lives of a node must not share any. */
  readonly random: Random;
  readonly enqueue: (input: Input) => void;
  /** @returns false when it certainly was not sent */
  readonly forward: (leader: NodeId, id: number, change: MembershipChange) => boolean;
}

/** Requests to change the membership that wait for their answer. Each is answered exactly once. */
export class MembershipChanges {
  readonly #ports: MembershipPorts;
  readonly #waiting = new Map<RequestId, Waiting>();
  #nextId: RequestId;

  constructor(ports: MembershipPorts) {
    this.#ports = ports;
    this.#nextId =
      ports.random.integer(1, 2 ** 20) * 2 ** 32 + ports.random.integer(0, 2 ** 32 - 1);
  }

  /** This node leads, or thought so lately: the core decides. */
  take(change: MembershipChange, nowNs: number, done: (answer: ChangeAnswer) => void): void {
    const id = this.#add(nowNs, done);
    this.#ports.enqueue({ type: 'change-configuration', id, ...change });
  }

  forward(
    leader: NodeId,
    change: MembershipChange,
    nowNs: number,
    done: (answer: ChangeAnswer) => void,
  ): void {
    const id = this.#add(nowNs, done, leader);
    if (this.#ports.forward(leader, id, change)) return;
    this.#answer(id, { type: 'refused', error: `no connection to ${leader}` });
  }

  /** What a peer answers counts only where that peer was asked. */
  answerFrom(peer: NodeId, id: RequestId, answer: ChangeAnswer): void {
    if (this.#waiting.get(id)?.forwardedTo === peer) this.#answer(id, answer);
  }

  progressed(changes: readonly ChangeProgress[]): void {
    for (const change of changes) {
      switch (change.type) {
        case 'refused':
          this.#answer(change.id, { type: 'refused', error: REFUSALS[change.why] });
          break;
        case 'appended': {
          const waiting = this.#waiting.get(change.id);
          if (waiting !== undefined) waiting.position = change;
          break;
        }
        default:
          assertNever(change);
      }
    }
  }

  /**
   * What was committed says what became of a change, also to who leads no more.
   *
   * SAFETY (Raft §6): once C_old,new is committed every later leader has it, and appends C_new; where
   * another entry is committed at its index it is in no later leader's log.
   */
  applied(entry: Entry): void {
    if (this.#waiting.size === 0) return;
    for (const [id, waiting] of this.#waiting) {
      const { position } = waiting;
      if (position === undefined || entry.index < position.index) continue;
      if (entry.index === position.index && entry.term !== position.term) {
        const error = 'another leader took over and the change was not made';
        this.#answer(id, { type: 'refused', error });
      } else if (entry.kind === 'configuration') {
        const isDecided = waiting.isJointCommitted || !isJoint(decodeConfiguration(entry.data));
        if (isDecided) this.#answer(id, { type: 'ok', index: entry.index });
        else waiting.isJointCommitted = true;
      }
    }
  }

  /** Infinity when nothing waits. */
  get deadlineNs(): number {
    let deadlineNs = Infinity;
    for (const waiting of this.#waiting.values()) {
      deadlineNs = Math.min(deadlineNs, waiting.deadlineNs);
    }
    return deadlineNs;
  }

  expire(nowNs: number): void {
    for (const [id, { deadlineNs }] of this.#waiting) {
      if (deadlineNs <= nowNs) this.#answer(id, { type: 'unknown', error: TIMED_OUT });
    }
  }

  #add(nowNs: number, done: Waiting['done'], forwardedTo?: NodeId): RequestId {
    const id = this.#nextId;
    this.#nextId += 1;
    const deadlineNs = nowNs + this.#ports.timeoutNs;
    const fresh = { position: undefined, isJointCommitted: false };
    this.#waiting.set(id, { done, deadlineNs, forwardedTo, ...fresh });
    return id;
  }

  /** Nothing happens when it was answered before. */
  #answer(id: RequestId, answer: ChangeAnswer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.done(answer);
  }
}

const REFUSALS: Readonly<Record<ChangeRefusal, string>> = {
  'not-leader': 'this node does not lead',
  'change-under-way': 'another change of the membership is under way',
  'too-early': 'this leader has committed nothing in its term yet',
  'bad-voters': 'the voters are none, or one of them is named twice',
  behind: 'the new members did not catch up in time; the voters stay as they are',
  'leadership-lost':
    'this node leads no more, and the new members had not caught up; the voters stay as they are',
};

export function writeChange(writer: ByteWriter, { voters, addresses }: MembershipChange): void {
  writer.u32(voters.length);
  for (const voter of voters) writer.text(voter);
  writer.u32(addresses.size);
  for (const [node, address] of addresses) writer.text(node).text(address);
}

/** @throws DecodeError */
export function readChange(reader: ByteReader): MembershipChange {
  const voters: NodeId[] = [];
  for (let count = reader.u32(); count > 0; count--) voters.push(nodeId(reader.text()));
  const addresses = new Map<NodeId, string>();
  for (let count = reader.u32(); count > 0; count--) {
    addresses.set(nodeId(reader.text()), reader.text());
  }
  return { voters, addresses };
}

const TYPES = ['ok', 'refused', 'unknown'] as const satisfies readonly ChangeAnswer['type'][];

export function writeChangeAnswer(writer: ByteWriter, answer: ChangeAnswer): void {
  writer.u8(TYPES.indexOf(answer.type));
  if (answer.type === 'ok') writer.u53(answer.index);
  else writer.text(answer.error);
}

/** @throws DecodeError */
export function readChangeAnswer(reader: ByteReader): ChangeAnswer {
  const type = TYPES[reader.u8()];
  if (type === undefined) throw new DecodeError('the answer type is not known');
  return type === 'ok' ? { type, index: reader.u53() } : { type, error: reader.text() };
}
