import { assertNever, defined } from '../../../lib/assert.ts';
import type { Command } from '../commands.ts';
import type { Datum } from '../datum.ts';
import type { Result } from '../result.ts';
import type { StampedCommand } from '../stamped-command.ts';
import type { Operation } from '../transaction.ts';

export interface NaiveSession {
  readonly expiryMs: number;
  deadlineMs: number;
  floor: number;
  readonly answers: Map<number, Result>;
}

const CONFLICT = 'conflict';

/** What the state machine says it does, with nothing kept back: no sharing, no limits, no clearing. */
export class NaiveMachine {
  values: Map<string, string> = new Map();
  readonly sets: Map<string, Set<string>> = new Map();
  readonly queues: Map<string, string[]> = new Map();
  readonly locks: Map<string, { token: number; owner: string; deadlineMs: number }> = new Map();
  readonly sessions: Map<number, NaiveSession> = new Map();
  timeMs = 0;
  #index = 0;

  /** @returns the result; of a refusal only its reason */
  apply(
    index: number,
    { timeMs, acknowledged, command }: StampedCommand,
    client?: { readonly id: number; readonly sequence: number },
  ): Result {
    this.#index = index;
    this.timeMs = Math.max(this.timeMs, timeMs);
    if (client === undefined) return this.#do(command);
    const session = this.#session(client.id);
    if (session === undefined) return refused('session');
    session.deadlineMs = this.timeMs + session.expiryMs;
    session.floor = Math.max(session.floor, acknowledged);
    if (client.sequence < session.floor) return refused('session');
    const before = session.answers.get(client.sequence);
    if (before !== undefined) return before;
    const result = this.#do(command);
    session.answers.set(client.sequence, result);
    return result;
  }

  #session(id: number): NaiveSession | undefined {
    const session = this.sessions.get(id);
    return session !== undefined && session.deadlineMs > this.timeMs ? session : undefined;
  }

  #do(command: Command): Result {
    switch (command.type) {
      case 'put':
      case 'delete':
      case 'incr':
      case 'append':
        return this.#operate(command);
      case 'cas': {
        if ((this.values.get(command.key) ?? null) !== command.from) return done(false);
        if (command.to === null) this.values.delete(command.key);
        else this.values.set(command.key, command.to);
        return done(true);
      }
      case 'txn': {
        const holds = command.compares.every(({ key, is, value }) => {
          const isEqual = (this.values.get(key) ?? null) === value;
          return is === '=' ? isEqual : !isEqual;
        });
        const before = new Map(this.values);
        const answers: Datum[] = [];
        for (const operation of holds ? command.success : command.failure) {
          const result = this.#operate(operation);
          if (result.type === 'refused') {
            this.values = before;
            return result;
          }
          answers.push(result.value);
        }
        return done(holds, answers);
      }
      case 'set-add': {
        const set = this.sets.get(command.key) ?? new Set();
        this.sets.set(command.key, set);
        const isNew = !set.has(command.element);
        set.add(command.element);
        return done(isNew);
      }
      case 'set-remove':
        return done(this.sets.get(command.key)?.delete(command.element) ?? false);
      case 'enqueue':
        this.queues.set(command.key, [...(this.queues.get(command.key) ?? []), command.element]);
        return done(true);
      case 'dequeue': {
        const element = this.queues.get(command.key)?.shift();
        return element === undefined ? done(false) : done(true, element);
      }
      case 'open-session': {
        const { expiryMs } = command;
        const deadlineMs = this.timeMs + expiryMs;
        this.sessions.set(this.#index, { expiryMs, deadlineMs, floor: 0, answers: new Map() });
        return done(true, this.#index);
      }
      case 'keep-session': {
        const session = this.#session(command.id);
        if (session === undefined) return done(false);
        session.deadlineMs = this.timeMs + session.expiryMs;
        return done(true);
      }
      case 'close-session': {
        const isAlive = this.#session(command.id) !== undefined;
        if (isAlive) this.sessions.delete(command.id);
        return done(isAlive);
      }
      case 'acquire':
      case 'renew':
      case 'release':
        return this.#lock(command);
      default:
        return assertNever(command);
    }
  }

  #operate(operation: Operation): Result {
    const { key } = operation;
    const value = this.values.get(key);
    switch (operation.type) {
      case 'get':
        return done(true, value ?? null);
      case 'put':
        this.values.set(key, operation.value);
        return done(true);
      case 'delete':
        this.values.delete(key);
        return done(true);
      case 'append': {
        const whole = (value ?? '') + operation.value;
        this.values.set(key, whole);
        return done(true, whole.length);
      }
      case 'incr': {
        if (value !== undefined && !/^(0|-?[1-9]\d*)$/.test(value)) return refused(CONFLICT);
        const sum = BigInt(value ?? 0) + BigInt(operation.by);
        const isExact = [BigInt(value ?? 0), sum].every(
          (n) => n === BigInt.asIntN(54, n) && n !== -(2n ** 53n),
        );
        if (!isExact) return refused(CONFLICT);
        this.values.set(key, `${sum}`);
        return done(true, Number(sum));
      }
      default:
        return assertNever(operation);
    }
  }

  #lock(command: Extract<Command, { readonly type: 'acquire' | 'renew' | 'release' }>): Result {
    const { key } = command;
    const lock = this.locks.get(key);
    const isHeld = lock !== undefined && lock.deadlineMs > this.timeMs;
    if (command.type === 'acquire') {
      if (isHeld) return done(false);
      const deadlineMs = this.timeMs + command.ttlMs;
      this.locks.set(key, { token: this.#index, owner: command.owner, deadlineMs });
      return done(true, this.#index);
    }
    if (!isHeld || lock.token !== command.token) return done(false);
    if (command.type === 'release') this.locks.delete(key);
    else defined(lock, 'held').deadlineMs = this.timeMs + command.ttlMs;
    return done(true);
  }

  read(key: string, of: 'value' | 'set' | 'queue' | 'lock'): Datum {
    switch (of) {
      case 'value':
        return this.values.get(key) ?? null;
      case 'set':
        return [...(this.sets.get(key) ?? [])].sort((a, b) => (a < b ? -1 : 1));
      case 'queue':
        return this.queues.get(key)?.length ?? 0;
      case 'lock': {
        const lock = this.locks.get(key);
        if (lock === undefined || lock.deadlineMs <= this.timeMs) return null;
        const { owner, token, deadlineMs } = lock;
        return { owner, token, leftMs: deadlineMs - this.timeMs };
      }
      default:
        return assertNever(of);
    }
  }
}

function done(applied: boolean, value: Datum = null): Result {
  return { type: 'done', applied, value };
}

function refused(reason: 'conflict' | 'session'): Result {
  return { type: 'refused', reason, error: '' };
}
