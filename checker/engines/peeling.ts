import { NEVER } from '../table.ts';
import { MinimumTree } from './minimum-tree.ts';
import { NONE, type Pairs } from './pairs.ts';
import type { Slice } from './run.ts';
import { SpanTree } from './span-tree.ts';

/*
 * Stack of unique values by decrease and conquer (after Lee & Mathur, arXiv 2410.04581; the proof
 * is our own).
 *
 * Points, *certainly inside* and *open* points are as in `empties.ts`, and so is its claim: where a
 * legal order exists, one exists in which the stack is empty at given open points. Here all values
 * are *critical*: certainly inside somewhere, putReturn < takeInvoke. Call a value *loose* when its
 * put and its take, if it has one, each have a point within their interval at which no *other*
 * value is certainly inside.
 *
 * Claim 1: if v is loose, the history is linearizable iff it is without v. Leaving out v keeps an
 * order legal. Conversely let p and q be such points of its put and take; p < q, v being critical.
 * They are open without v, so without v there is a legal order in which the stack is empty at p and
 * at q. Put v at p and take it at q: it lies at the bottom in between, where what stands between
 * begins and ends with nothing above it. (Without a take it stays at the bottom for good.) In real
 * time: the operations that stand before p were invoked before it, those after it return after it,
 * as shown there; the same for q.
 *
 * Claim 2: in a legal order of at least one value some value is loose: the one that is put first,
 * at an instant when no other is inside, and taken, if ever, at another such instant; at such
 * instants no other is certainly inside.
 *
 * So peel off loose values, in any order, until none is left, or none is loose: then, by claim 2,
 * those left are not linearizable, and by claim 1 neither is the whole.
 *
 * As values go, fewer are certainly inside at a point, so each point opens once. When it does, all
 * operations whose interval contains it have found theirs (a value is never certainly inside during
 * its own operations); a value all of whose operations have found one is loose, and goes. O(n log
 * n).
 */

/** Which values were peeled off, and where. */
export interface Peeled {
  /** In the order in which they went. */
  readonly values: Int32Array;
  /** Per value of the pairs: points of its put and its take, where it was peeled. */
  readonly putPoint: Int32Array;
  readonly takePoint: Int32Array;
  /** Those that could not go, ascending: not linearizable, and each needs another of them. */
  readonly stuck: Int32Array;
}

/** Values between two slices. */
const SLICE = 4_096;

/** Peels some critical values, as if there were no others. */
export function* peel(pairs: Pairs, chosen: Int32Array): Generator<Slice, Peeled> {
  const events = localEvents(pairs, chosen);
  const { rankOf, valueAt, endOf } = events;
  const cover = new MinimumTree(events.inside);
  const spans = new SpanTree(endOf);
  const left = new Uint8Array(pairs.size);
  for (let i = 0; i < chosen.length; i++) {
    const value = chosen[i] as number;
    left[value] = pairs.takeRow[value] === NONE ? 1 : 2;
  }
  const putPoint = new Int32Array(pairs.size);
  const takePoint = new Int32Array(pairs.size);
  const values = new Int32Array(chosen.length);
  let peeled = 0;
  let pause = SLICE;
  while (cover.least === 0) {
    const point = cover.indexOfLeast();
    cover.takeOut(point);
    for (;;) {
      const begin = spans.takeCovering(point);
      if (begin === NONE) break;
      const value = valueAt[begin] as number;
      const isPut = (events.putReturn[value] as number) > begin;
      if (isPut) putPoint[value] = rankOf[point] as number;
      else takePoint[value] = rankOf[point] as number;
      left[value] = (left[value] as number) - 1;
      if (left[value] !== 0) continue;
      values[peeled++] = value;
      cover.add(events.putReturn[value] as number, events.takeInvoke[value] as number, -1);
    }
    if (peeled >= pause) {
      pause = peeled + SLICE;
      yield 'running';
    }
  }
  const stuck = chosen.filter((value) => left[value] !== 0);
  return { values: values.subarray(0, peeled), putPoint, takePoint, stuck };
}

/**
 * The events of some values alone, numbered anew. A point keeps the number of the event before it.
 */
interface LocalEvents {
  readonly count: number;
  /** Per event: its rank. */
  readonly rankOf: Int32Array;
  readonly valueAt: Int32Array;
  /** Where the operation that begins here ends, at `count` if never; 0 where none begins. */
  readonly endOf: Int32Array;
  /** Per point: values certainly inside. */
  readonly inside: Int32Array;
  /** Per value: from where to before where it is certainly inside. */
  readonly putReturn: Int32Array;
  readonly takeInvoke: Int32Array;
}

function localEvents(pairs: Pairs, chosen: Int32Array): LocalEvents {
  const { putInvoke, putReturn, takeInvoke, takeReturn, table } = pairs;
  const ranks = table.events.length;
  const owner = new Int32Array(ranks).fill(NONE);
  let count = 0;
  const own = (rank: number, value: number): void => {
    if (rank === NEVER) return;
    owner[rank] = value;
    count++;
  };
  for (let i = 0; i < chosen.length; i++) {
    const value = chosen[i] as number;
    own(putInvoke[value] as number, value);
    own(putReturn[value] as number, value);
    own(takeInvoke[value] as number, value);
    own(takeReturn[value] as number, value);
  }
  const rankOf = new Int32Array(count);
  const valueAt = new Int32Array(count);
  const endOf = new Int32Array(count);
  const inside = new Int32Array(count);
  const begin = new Int32Array(pairs.size);
  const local = { putReturn: new Int32Array(pairs.size), takeInvoke: new Int32Array(pairs.size) };
  let at = 0;
  let insideNow = 0;
  for (let rank = 0; rank < ranks; rank++) {
    const value = owner[rank] as number;
    if (value === NONE) continue;
    rankOf[at] = rank;
    valueAt[at] = value;
    if (rank === putInvoke[value]) begin[value] = at;
    else if (rank === putReturn[value]) {
      endOf[begin[value] as number] = at;
      local.putReturn[value] = at;
      local.takeInvoke[value] = count;
      insideNow++;
    } else if (rank === takeInvoke[value]) {
      begin[value] = at;
      endOf[at] = count;
      local.takeInvoke[value] = at;
      insideNow--;
    } else endOf[begin[value] as number] = at;
    inside[at++] = insideNow;
  }
  return { count, rankOf, valueAt, endOf, inside, ...local };
}
