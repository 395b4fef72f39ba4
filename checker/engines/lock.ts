import { defined } from '../assert.ts';
import type { Model } from '../models/model.ts';
import { NEVER, type Table } from '../table.ts';
import type { Budget } from '../verdict.ts';
import type { Decision, Engine } from './decision.ts';
import { MinimumHeap } from './minimum-heap.ts';
import { findSessions, NO_ROW, overlapOf, type Sessions } from './sessions.ts';
import type { Slice } from './run.ts';

/**
 * Decides locks. Those without owners (`mutex`): every history. Those with owners
 * (`reentrant-mutex`, `fenced-lock`): where a crashed operation is the last of its process, as it
 * is in every history that was recorded.
 */
export const lock: Engine = {
  name: 'lock',
  prepare(table: Table, model: Model) {
    const { structure } = model;
    if (structure === 'mutex') return (budget) => decideMutex(table, budget);
    if (structure !== 'reentrant-mutex' && structure !== 'fenced-lock') return undefined;
    const sessions = findSessions(table, structure === 'fenced-lock');
    if (sessions === undefined) return undefined;
    return (budget) => decideSessions(table, sessions, budget);
  },
};

/** Bytes of all that is allocated here, per row. */
const BYTES_PER_ROW = 48;

function unknownIn(reason: 'memory' | 'time', provenRank: number): Decision {
  return { type: 'unknown', reason, provenRank };
}

/** Operations of one kind that were invoked and have no place. */
class Candidates {
  readonly #table: Table;
  /** Returns of completed ones. */
  readonly #returns: MinimumHeap;
  /** Crashed ones; the first `#used` are placed. */
  readonly #crashed: Int32Array;
  #crashedCount = 0;
  #used = 0;

  constructor(table: Table) {
    this.#table = table;
    this.#returns = new MinimumHeap(table.completed);
    this.#crashed = new Int32Array(table.size - table.completed);
  }

  add(row: number): void {
    const returned = this.#table.return[row] as number;
    if (returned === NEVER) this.#crashed[this.#crashedCount++] = row;
    else this.#returns.push(returned);
  }

  /** The one that returns first, a crashed one if there is no other; NO_ROW if there is none. */
  take(): number {
    if (this.#returns.size > 0) return (this.#table.events[this.#returns.pop()] as number) >>> 1;
    return this.#used < this.#crashedCount ? (this.#crashed[this.#used++] as number) : NO_ROW;
  }
}

/**
 * A lock without owners: O(n log n), whatever crashed.
 *
 * Acquires are interchangeable, and so are releases; of the one kind that fits next, it is right to
 * take the one that returns first of those that may come now (invoked before the first return of a
 * completed operation that has no place yet), a crashed one only if there is no other. Proof by
 * exchange: let a legal continuation begin with b, and have a of the same kind, which may come now
 * and returns no later, further on (or never, both being crashed). Swap them: a may come now; b was
 * invoked before now, and whatever stands between them has no need to come before b, which returns
 * later than a does, while a stood behind it. Nor need anything be placed before an operation
 * returns that has no place: what could come earlier can come then.
 *
 * So when an operation returns without a place, it is the next, if it fits: of its kind it returns
 * first. If it does not fit, one of the other kind has to come before it. There is no choice
 * anywhere: without such a one, no order exists, not even of what has happened up to this return.
 */
function* decideMutex(table: Table, budget: Budget): Generator<Slice, Decision> {
  const { columns, events, size } = table;
  if (size * BYTES_PER_ROW > budget.memoryBytesMax) return unknownIn('memory', 0);
  const release = columns.functions.indexOf('release');
  const acquires = new Candidates(table);
  const releases = new Candidates(table);
  const isPlaced = new Uint8Array(size);
  const order = new Int32Array(size);
  let length = 0;
  let isHeld = false;
  for (let rank = 0; rank < events.length; rank++) {
    if ((rank & 0xffff) === 0xffff) {
      if (budget.now() >= budget.deadlineNs) return unknownIn('time', rank);
      yield 'running';
    }
    const event = events[rank] as number;
    const row = event >>> 1;
    const isRelease = columns.f[row] === release;
    const same = isRelease ? releases : acquires;
    if ((event & 1) === 0) {
      same.add(row);
      continue;
    }
    if (isPlaced[row] === 1) continue;
    if (isRelease !== isHeld) {
      const other = (isRelease ? acquires : releases).take();
      if (other === NO_ROW) {
        return { type: 'not-linearizable', byRank: rank, conflict: undefined, cuts: [] };
      }
      isPlaced[other] = 1;
      order[length++] = other;
    }
    // Of its kind it returns first: this takes the operation itself.
    same.take();
    isPlaced[row] = 1;
    order[length++] = row;
    isHeld = !isRelease;
  }
  return { type: 'linearizable', order: order.slice(0, length) };
}

/** Locks with owners, see `sessions.ts`. */
function* decideSessions(
  table: Table,
  sessions: Sessions,
  budget: Budget,
): Generator<Slice, Decision> {
  if (table.size * BYTES_PER_ROW > budget.memoryBytesMax) return unknownIn('memory', 0);
  yield 'running';
  const { refutation, first, nextRow } = sessions;
  overlapOf(table, sessions);
  if (refutation.found !== undefined) return refutation.found;
  const order = new Int32Array(table.size);
  let length = 0;
  for (const begin of first) {
    for (let row = begin; row !== NO_ROW; row = defined(nextRow[row], 'a row')) {
      order[length++] = row;
    }
  }
  return { type: 'linearizable', order: order.slice(0, length) };
}
