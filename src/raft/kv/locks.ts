import type { Datum } from './datum.ts';
import { type Deadlines, later } from './deadlines.ts';
import { applied, APPLIED, NOT_APPLIED, type Result } from './result.ts';
import { type RowCodec, Table } from './table.ts';

interface Lock {
  readonly token: number;
  readonly owner: string;
  /** It is free from this log time on. */
  readonly deadlineMs: number;
  /** When it is looked at: at its deadline, or at one that was put off since. */
  readonly lookMs: number;
}

const LOCK: RowCodec<Lock> = {
  write: (writer, { token, owner, deadlineMs, lookMs }) =>
    void writer.u53(token).text(owner).u53(deadlineMs).u53(lookMs),
  read: (reader) => ({
    token: reader.u53(),
    owner: reader.text(),
    deadlineMs: reader.u53(),
    lookMs: reader.u53(),
  }),
};

/**
 * Locks with fencing tokens: the index of the entry that granted it, so that each grant's is greater
 * than all before, of any lock. A lock that expired may still be believed in by its holder; what it
 * protects is safe if it refuses tokens below the greatest it saw.
 *
 * Expiry goes by log time, the same on every replica. Where the leader's clock jumps, a lock may
 * expire early (or late), never twice granted with one token.
 */
export class Locks {
  readonly table: Table<Lock> = new Table(LOCK);
  readonly #deadlines: Deadlines;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /** @param index - of the entry that asks */
  acquire(
    key: string,
    lock: { readonly owner: string; readonly ttlMs: number },
    { index, nowMs }: { readonly index: number; readonly nowMs: number },
  ): Result {
    const before = this.table.get(key);
    if (before !== undefined) {
      if (before.deadlineMs > nowMs) return NOT_APPLIED;
      this.#deadlines.remove(before.lookMs, nameOf(key));
    }
    const deadlineMs = later(nowMs, lock.ttlMs);
    this.#deadlines.add(deadlineMs, nameOf(key));
    this.table.set(key, { token: index, owner: lock.owner, deadlineMs, lookMs: deadlineMs });
    return applied(index);
  }

  renew(
    key: string,
    { token, ttlMs }: { readonly token: number; readonly ttlMs: number },
    nowMs: number,
  ): Result {
    const lock = this.#heldBy(key, token, nowMs);
    if (lock === undefined) return NOT_APPLIED;
    const deadlineMs = later(nowMs, ttlMs);
    // Put off: looked at when it would have ended. Brought forward: sooner.
    const lookMs = Math.min(lock.lookMs, deadlineMs);
    if (lookMs !== lock.lookMs) {
      this.#deadlines.remove(lock.lookMs, nameOf(key));
      this.#deadlines.add(lookMs, nameOf(key));
    }
    this.table.set(key, { ...lock, deadlineMs, lookMs });
    return APPLIED;
  }

  release(key: string, token: number, nowMs: number): Result {
    const lock = this.#heldBy(key, token, nowMs);
    if (lock === undefined) return NOT_APPLIED;
    this.table.delete(key);
    this.#deadlines.remove(lock.lookMs, nameOf(key));
    return APPLIED;
  }

  /** Null where it is free; else who holds it. */
  read(key: string, nowMs: number): Datum {
    const lock = this.table.get(key);
    if (lock === undefined || lock.deadlineMs <= nowMs) return null;
    return { owner: lock.owner, token: lock.token, leftMs: lock.deadlineMs - nowMs };
  }

  /** @returns whether it was cleared away */
  look(key: string, nowMs: number): boolean {
    const lock = this.table.get(key);
    if (lock === undefined) return false;
    if (lock.deadlineMs <= nowMs) return this.table.delete(key);
    this.#deadlines.add(lock.deadlineMs, nameOf(key));
    this.table.set(key, { ...lock, lookMs: lock.deadlineMs });
    return false;
  }

  #heldBy(key: string, token: number, nowMs: number): Lock | undefined {
    const lock = this.table.get(key);
    return lock?.token === token && lock.deadlineMs > nowMs ? lock : undefined;
  }
}

/** Among the deadlines. */
export const LOCK_MARK = 'l';

function nameOf(key: string): string {
  return LOCK_MARK + key;
}
