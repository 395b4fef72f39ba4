import { assertNever } from '../../lib/assert.ts';
import type { Command } from './commands.ts';
import type { Datum } from './datum.ts';
import { Deadlines } from './deadlines.ts';
import { freeze, type FrozenState, Restoring } from './frozen-state.ts';
import { LOCK_MARK, Locks } from './locks.ts';
import { Queues } from './queues.ts';
import type { Result } from './result.ts';
import { sessionOf, Sessions, type SessionWrite } from './sessions.ts';
import { Sets } from './sets.ts';
import { decodeStamped } from './stamped-command.ts';
import type { Rows } from './table.ts';
import { operate, Values } from './values.ts';

export type { FrozenState } from './frozen-state.ts';

/** A command where it stands in the log; the `Entry` of the core is one. */
export interface CommandEntry {
  readonly index: number;
  readonly client?: SessionWrite;
  /** A `StampedCommand`. */
  readonly data: Uint8Array;
}

/** What an entry did, the same on every replica. */
export interface Applied {
  readonly result: Result;
  /** An entry before this one had its session and number: that one's result, and nothing was done. */
  readonly isRepeated: boolean;
  /** Cleared away at this entry, since their time was over. */
  readonly expired: { readonly sessions: number; readonly locks: number };
}

/** What can be asked of a key. */
export const READS = ['value', 'set', 'queue', 'lock'] as const;
export type ReadOf = (typeof READS)[number];

const NOTHING_EXPIRED: Applied['expired'] = { sessions: 0, locks: 0 };

/**
 * The replicated state: the same entries in the same order give the same state everywhere.
 *
 * Log time is the greatest that any entry carried, so it never runs backwards; entries alone let it
 * go on. What expires by it may expire early where a leader's clock jumped, and late where there was
 * no leader: sessions and locks are safe without it, and time only bounds how long they are kept.
 */
export class StateMachine {
  readonly #values = new Values();
  readonly #sets = new Sets();
  readonly #queues = new Queues();
  readonly #deadlines = new Deadlines();
  readonly #locks = new Locks(this.#deadlines);
  readonly #sessions = new Sessions(this.#deadlines);
  #timeMs = 0;

  /** @throws DecodeError for an entry that this version cannot know: the state must not go on */
  apply({ index, client, data }: CommandEntry): Applied {
    const { timeMs, acknowledged, command } = decodeStamped(data);
    if (timeMs > this.#timeMs) this.#timeMs = timeMs;
    const expired = this.#deadlines.table.size === 0 ? NOTHING_EXPIRED : this.#clear();
    if (client === undefined) {
      return { result: this.#do(command, index), isRepeated: false, expired };
    }
    const known = this.#sessions.begin(client, acknowledged, this.#timeMs);
    if (known !== undefined) return { ...known, expired };
    const result = this.#do(command, index);
    this.#sessions.end(client, result);
    return { result, isRepeated: false, expired };
  }

  /** A key's value; a set's elements, in order; a queue's length; who holds a lock, by log time. */
  read(key: string, of: ReadOf = 'value'): Datum {
    switch (of) {
      case 'value':
        return this.#values.read(key);
      case 'set':
        return this.#sets.read(key);
      case 'queue':
        return this.#queues.length(key);
      case 'lock':
        return this.#locks.read(key, this.#timeMs);
      default:
        return assertNever(of);
    }
  }

  /** Milliseconds since the cluster began, as far as entries told. */
  get timeMs(): number {
    return this.#timeMs;
  }

  /** Rows of every kind. */
  get size(): number {
    return (
      this.#values.table.size +
      this.#sets.elements.size +
      this.#queues.elements.size +
      this.#locks.table.size +
      this.#sessions.size
    );
  }

  /** Takes no time; what is frozen keeps the nodes that change since, until it is disposed. */
  freeze(): FrozenState {
    return freeze(this.#timeMs, this.#tables());
  }

  /** Builds a machine from the pieces of a frozen state, in order, however the stream was cut into rows. */
  static restoring(): {
    /** Costs CPU in proportion to the piece. @throws DecodeError */
    push(piece: Uint8Array): void;
    /** @throws DecodeError when something is missing */
    finish(): StateMachine;
  } {
    const machine = new StateMachine();
    const restoring = new Restoring(machine.#tables());
    return {
      push: (piece) => restoring.push(piece),
      finish() {
        machine.#timeMs = restoring.finish();
        return machine;
      },
    };
  }

  /** Their places are their numbers in the encoding: only ever add to the end. */
  #tables(): readonly Rows[] {
    return [
      this.#values.table,
      this.#sets.sizes,
      this.#sets.elements,
      this.#queues.ends,
      this.#queues.elements,
      this.#locks.table,
      this.#sessions.table,
      this.#sessions.answers,
      this.#deadlines.table,
    ];
  }

  #do(command: Command, index: number): Result {
    const nowMs = this.#timeMs;
    switch (command.type) {
      case 'put':
      case 'delete':
      case 'incr':
      case 'append':
        return operate(this.#values, command);
      case 'cas':
        return this.#values.cas(command.key, command.from, command.to);
      case 'txn':
        return this.#values.transact(command);
      case 'set-add':
        return this.#sets.add(command.key, command.element);
      case 'set-remove':
        return this.#sets.remove(command.key, command.element);
      case 'enqueue':
        return this.#queues.enqueue(command.key, command.element);
      case 'dequeue':
        return this.#queues.dequeue(command.key);
      case 'acquire':
        return this.#locks.acquire(command.key, command, { index, nowMs });
      case 'renew':
        return this.#locks.renew(command.key, command, nowMs);
      case 'release':
        return this.#locks.release(command.key, command.token, nowMs);
      case 'open-session':
        return this.#sessions.open(index, command.expiryMs, nowMs);
      case 'keep-session':
        return this.#sessions.keep(command.id, nowMs);
      case 'close-session':
        return this.#sessions.close(command.id, nowMs);
      default:
        return assertNever(command);
    }
  }

  #clear(): Applied['expired'] {
    let [sessions, locks] = [0, 0];
    this.#deadlines.clear(this.#timeMs, (what) => {
      const name = what.slice(1);
      if (what.startsWith(LOCK_MARK)) locks += Number(this.#locks.look(name, this.#timeMs));
      else sessions += Number(this.#sessions.look(sessionOf(name), this.#timeMs));
    });
    return sessions + locks === 0 ? NOTHING_EXPIRED : { sessions, locks };
  }
}
