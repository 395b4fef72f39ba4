import type { Table } from '../table.ts';
import type { Budget } from '../verdict.ts';
import type { Decision, Engine, Refuted } from './decision.ts';
import { overwritesOf, type Overwrites } from './problem.ts';
import type { Slice } from './run.ts';
import { findUnexplained } from './visits.ts';
import { clustersOf, INITIAL, NOBODY, NONE, ROOT, type Clusters } from './zones-clusters.ts';

/** Of a cluster's chain, while a walk backwards is on its way. */
const VISITED = -2;

/** Events between two looks at the budget: some milliseconds. */
const EVENTS_PER_SLICE = 100_000;

/**
 * Decides registers whose values are written once each, in linear time (Gibbons & Korach 1997, with CAS).
 *
 * Applies when every value that somebody observed is written once, crashed mutations included, and
 * never is the initial one; and no CAS observed another value than it expects. Where some values or
 * operations are otherwise, it applies if the rest refutes the history by itself, or if there are too
 * few writes to explain what was observed.
 */
export const zones: Engine = {
  name: 'zones',
  prepare(table, model) {
    const overwrites = overwritesOf(table, model);
    if (overwrites === undefined) return undefined;
    const initial = table.columns.values.id(model.initial);
    const clusters = clustersOf(table, overwrites, initial);
    if (clusters?.isWhole === true) return (budget) => decide(table, clusters, budget);
    const found =
      (clusters && refuteInPart(table, clusters)) ?? refuteByVisits(table, overwrites, initial);
    return found && (() => settled(found));
  },
};

/** What was left out may have refuted it earlier: the rank is early, and not known to be the first. */
function refuteInPart(table: Table, clusters: Clusters): Refuted | undefined {
  const pass = new Pass(table, clusters);
  const conflict = pass.advance(table.events.length);
  if (conflict === undefined) return undefined;
  return { type: 'not-linearizable', byRank: pass.rank, conflict, cuts: [] };
}

function refuteByVisits(
  table: Table,
  overwrites: Overwrites,
  initial: number,
): Refuted | undefined {
  const unexplained = findUnexplained(table, overwrites, initial);
  if (unexplained === undefined) return undefined;
  const { rank, conflict } = unexplained;
  return { type: 'not-linearizable', byRank: rank, conflict, cuts: [] };
}

function* settled(decision: Decision): Generator<Slice, Decision> {
  yield 'running';
  return decision;
}

function* decide(table: Table, clusters: Clusters, budget: Budget): Generator<Slice, Decision> {
  const pass = new Pass(table, clusters);
  const events = table.events.length;
  if (pass.bytes > budget.memoryBytesMax) {
    return { type: 'unknown', reason: 'memory', provenRank: 0 };
  }
  while (pass.rank < events) {
    const conflict = pass.advance(Math.min(events, pass.rank + EVENTS_PER_SLICE));
    if (conflict !== undefined) {
      const byRank = pass.rank;
      const orderBefore = (): Int32Array => {
        const again = new Pass(table, clusters);
        again.advance(byRank);
        return again.order();
      };
      return { type: 'not-linearizable', byRank, conflict, orderBefore, cuts: [] };
    }
    if (pass.rank < events && budget.now() >= budget.deadlineNs) {
      return { type: 'unknown', reason: 'time', provenRank: pass.rank };
    }
    yield 'running';
  }
  return { type: 'linearizable', order: pass.order() };
}

/**
 * One pass over the completions, which decides every prefix of the history as it goes: what completes
 * later is pending there, so a mutation may or may not have happened and a read is absent.
 *
 * *Needed clusters.* A completed operation needs the cluster of its value: it proves that the value
 * came to be. A value that came to be had its one writer take effect, and where that is a CAS, the
 * value that it expects came to be before. So the needed clusters are closed backwards along CAS; all
 * other mutations are crashed or pending, and nothing is lost by letting them not happen: without them
 * every value still comes and goes in the same order. Refuted at once are: a needed value that nobody
 * writes, or nobody had begun to write by the completion that needs it; two needed CAS that expect one
 * value, which was the state for one stretch of time; a CAS that leads back to itself.
 *
 * *Chains.* What is left are chains: a write (or the initial value), then one CAS after the other,
 * each directly after the reads of the cluster before. A chain that is needed is needed from its root
 * on, so chains only grow at their ends, by the clusters that a completion needs first. Within a chain
 * the order is: writer, reads of its value in any order, next writer, …. It is possible in real time
 * iff no operation was invoked after one of a later place had completed. Completions come in order and
 * writers had begun when they were needed: so this can only be broken by a read of `v`, invoked after
 * the completion by which the next cluster was first needed, and that completion is the first of any
 * later place.
 *
 * *Zones.* Let `begin` of a chain be its least completion, which is the one that needed it first, and
 * `end` its greatest invocation, of operations that completed or are needed. Chain A must come before
 * chain B iff begin(A) < end(B), and chains do not interleave: so begin(A) < end(B) and
 * begin(B) < end(A) refute. That covers both conditions of Gibbons and Korach: with begin < end
 * (*forward*) the register holds the chain for all of [begin, end], and two forward zones may not
 * overlap, nor may a backward one, [end, begin], lie inside a forward one. The initial value's chain
 * began before everything.
 *
 * *Enough.* Without such a pair, order the chains by min(begin, end); `order` does. Let A stand before
 * B, x in A, y in B: then y did not complete before x was invoked. For x ≤ end(A) and y ≥ begin(B),
 * and if begin(B) < end(A) then, as no pair conflicts, end(B) ≤ begin(A), so that
 * min(B) ≤ end(B) ≤ begin(A) and min(B) ≤ begin(B) < end(A) gives min(B) ≤ min(A), against the order
 * (no two events have one rank).
 *
 * *In linear time.* Chains are numbered in the order of their begins. Only `end` grows, and only of
 * the chain of the operation that completes; a new chain conflicts with none, all ends being past. A
 * chain that becomes forward, or longer, looks at the chains which begin inside it, where it had not
 * looked before: each conflicts if its end is past this one's begin, else it is noted as covered. A
 * covered chain looks at the one that covers it when its own end grows. Either way a conflicting pair
 * is found when the later of its two inequalities comes to hold. Before a conflict forward zones are
 * disjoint, so that all looking inside them is linear together.
 *
 * *Conflicts* name completed operations only, at most four: those by which the clusters were first
 * needed, and those by which ends grew. With all others weakened the same clusters are still needed,
 * with the same writers; so the same rules refute.
 */
class Pass {
  readonly #table: Table;
  readonly #clusters: Clusters;
  /** Events before this are decided. After a conflict: the completion that brought it. */
  rank = 0;

  // Per cluster: its chain, NONE while it is not needed; the row by which it came to be needed; the
  // next in its chain; how many of its reads completed.
  readonly #chain: Int32Array;
  readonly #neededBy: Int32Array;
  readonly #next: Int32Array;
  readonly #reads: Int32Array;

  // Per chain: its first cluster; the rank of its begin; that of its end, and the row which grew it;
  // the chain that covers its begin; the first chain that it has not looked at.
  #chains = 0;
  readonly #root: Int32Array;
  readonly #begin: Int32Array;
  readonly #end: Int32Array;
  readonly #endBy: Int32Array;
  readonly #coveredBy: Int32Array;
  readonly #unseen: Int32Array;

  constructor(table: Table, clusters: Clusters) {
    const { count } = clusters;
    this.#table = table;
    this.#clusters = clusters;
    this.#chain = new Int32Array(count).fill(NONE);
    this.#neededBy = new Int32Array(count);
    this.#next = new Int32Array(count).fill(NONE);
    this.#reads = new Int32Array(count);
    this.#root = new Int32Array(count);
    this.#begin = new Int32Array(count);
    this.#end = new Int32Array(count);
    this.#endBy = new Int32Array(count);
    this.#coveredBy = new Int32Array(count).fill(NONE);
    this.#unseen = new Int32Array(count);
    this.#chain[INITIAL] = this.#newChain({ root: INITIAL, begin: -1, end: -1, by: NONE });
  }

  /** Bytes held, and what the order will need. */
  get bytes(): number {
    return 4 * (15 * this.#clusters.count + 2 * this.#table.size + this.#table.events.length);
  }

  /**
   * Goes on to `rank`.
   *
   * @returns rows of completed operations that refute the history by themselves, ascending; the pass
   *   is over then. Undefined when all up to there is linearizable
   */
  advance(rank: number): readonly number[] | undefined {
    const { events, invoke, return: returns } = this.#table;
    const { of, isRead } = this.#clusters;
    const chain = this.#chain;
    const next = this.#next;
    const reads = this.#reads;
    for (let at = this.rank; at < rank; at++) {
      const event = events[at] as number;
      if ((event & 1) === 0) continue;
      this.rank = at;
      const row = event >>> 1;
      const cluster = of[row] as number;
      if (cluster < 0) {
        if (cluster === NOBODY) return [row];
        continue;
      }
      let conflict: readonly number[] | undefined;
      if (chain[cluster] === NONE) {
        conflict = this.#need(cluster, row);
      } else {
        const begun = invoke[row] as number;
        const after = next[cluster] as number;
        if (after !== NONE) {
          const over = this.#neededBy[after] as number;
          if ((returns[over] as number) < begun) return rows(over, row);
        }
        conflict = this.#grow(chain[cluster] as number, begun, row);
      }
      if (conflict !== undefined) return conflict;
      if (isRead[row] === 1) reads[cluster] = (reads[cluster] as number) + 1;
    }
    this.rank = rank;
    return undefined;
  }

  /** The operation that completes now is the first to need the cluster. */
  #need(cluster: number, row: number): readonly number[] | undefined {
    const { writer, from } = this.#clusters;
    const { invoke } = this.#table;
    let end = invoke[row] as number;
    let at = cluster;
    let chain: number;
    for (;;) {
      const begun = invoke[writer[at] as number] as number;
      if (begun > this.rank) return [row];
      if (begun > end) end = begun;
      this.#chain[at] = VISITED;
      this.#neededBy[at] = row;
      const before = from[at] as number;
      if (before === ROOT) {
        chain = this.#newChain({ root: at, begin: this.rank, end, by: row });
        break;
      }
      if (before === NOBODY || this.#chain[before] === VISITED) return [row];
      const rival = this.#next[before] as number;
      if (rival !== NONE) return rows(this.#neededBy[rival] as number, row);
      this.#next[before] = at;
      if (this.#chain[before] !== NONE) {
        chain = this.#chain[before] as number;
        break;
      }
      at = before;
    }
    for (let each = cluster; each !== at; each = from[each] as number) this.#chain[each] = chain;
    this.#chain[at] = chain;
    return this.#grow(chain, end, row);
  }

  #newChain(parts: { root: number; begin: number; end: number; by: number }): number {
    const chain = this.#chains++;
    this.#root[chain] = parts.root;
    this.#begin[chain] = parts.begin;
    this.#end[chain] = parts.end;
    this.#endBy[chain] = parts.by;
    this.#unseen[chain] = chain + 1;
    return chain;
  }

  #grow(chain: number, end: number, row: number): readonly number[] | undefined {
    if (end <= (this.#end[chain] as number)) return undefined;
    this.#end[chain] = end;
    this.#endBy[chain] = row;
    const covering = this.#coveredBy[chain] as number;
    if (covering !== NONE && (this.#begin[covering] as number) < end) {
      return this.#conflict(covering, chain);
    }
    const begin = this.#begin[chain] as number;
    if (end < begin) return undefined;
    let other = this.#unseen[chain] as number;
    for (; other < this.#chains && (this.#begin[other] as number) < end; other++) {
      if ((this.#end[other] as number) > begin) return this.#conflict(chain, other);
      this.#coveredBy[other] = chain;
    }
    this.#unseen[chain] = other;
    return undefined;
  }

  /** @param earlier - the chain that begins earlier; what begins before everything needs no proof */
  #conflict(earlier: number, later: number): readonly number[] {
    const begunBy = (chain: number): number =>
      this.#neededBy[this.#root[chain] as number] as number;
    const overlap = [this.#endBy[earlier] as number, begunBy(later)];
    return earlier === INITIAL
      ? rows(...overlap)
      : rows(...overlap, begunBy(earlier), this.#endBy[later] as number);
  }

  /** Rows in a legal order: what completed before `rank`, and the mutations that this needs. */
  order(): Int32Array {
    const { size, return: returns } = this.#table;
    const { count, writer, of, isRead } = this.#clusters;
    const begin = this.#begin;
    const end = this.#end;
    const root = this.#root;
    const next = this.#next;
    const reads = this.#reads;
    const rank = this.rank;
    const chainAt = new Int32Array(rank).fill(NONE);
    for (let chain = 1; chain < this.#chains; chain++) {
      chainAt[Math.min(begin[chain] as number, end[chain] as number)] = chain;
    }
    const order = new Int32Array(size);
    // Where the next read of a cluster goes.
    const place = new Int32Array(count);
    let length = 0;
    for (let at = -1; at < rank; at++) {
      const chain = at < 0 ? INITIAL : (chainAt[at] as number);
      if (chain === NONE) continue;
      let cluster = root[chain] as number;
      for (; cluster !== NONE; cluster = next[cluster] as number) {
        if (cluster !== INITIAL) order[length++] = writer[cluster] as number;
        place[cluster] = length;
        length += reads[cluster] as number;
      }
    }
    for (let row = 0; row < size; row++) {
      if (isRead[row] === 0 || (returns[row] as number) >= rank) continue;
      const cluster = of[row] as number;
      const at = place[cluster] as number;
      order[at] = row;
      place[cluster] = at + 1;
    }
    return order.subarray(0, length);
  }
}

/** Ascending, each once. */
function rows(...all: readonly number[]): readonly number[] {
  return [...new Set(all)].toSorted((a, b) => a - b);
}
