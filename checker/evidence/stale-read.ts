import { defined } from '../assert.ts';
import type { Json, Operation } from '../history.ts';
import { canonicalJson } from '../json.ts';
import type { Model } from '../models/model.ts';

/** A read that returned a value which was certainly overwritten before the read began. */
export interface StaleRead {
  readonly read: Operation;
  /** What it returned; null: absent, the initial value. */
  readonly value: Json;
  /** The acknowledged mutation with the earliest completion by which the value was overwritten. */
  readonly overwrittenBy: Operation;
  /** What that mutation wrote; null: it deleted. The read had to see it, or what came later. */
  readonly newerValue: Json;
  /** From the completion of `overwrittenBy` to the invocation of the read, nanoseconds. */
  readonly staleByNs: number;
}

/**
 * Finds reads that are stale by proof, on one key of an overwriting model: reads of values that were
 * written once (or are the initial one, and never written). Sound and not complete.
 *
 * The history as a whole is not linearizable, so not every operation can be believed. This is what is
 * assumed of the store, and all that is:
 *
 * - A mutation takes effect at one instant at most, after its invocation; an acknowledged one does, and
 *   before its completion. A CAS takes effect in the state that it expects only.
 * - A read returns what the state was at some instant before its completion: it may be old, but it is
 *   not from the future, nor made up.
 *
 * Then a value `v` that was written once was the state for one stretch of time, from the effect of its
 * writer to the next effect. The stretch has begun by `t`, the earliest completion among its writer
 * and the reads of `v`: a stale read, too, tells that `v` had been written. And it is over by the
 * completion of
 *
 * - an acknowledged mutation that was invoked after `t`: it took effect after `v` was written, and left
 *   another value;
 * - an acknowledged CAS that expects `v`; or one that expects `u`, where `u` was written once, by a CAS
 *   that expects a value whose stretch is over by then, `v` or one further along the chain: `u` was
 *   the state, so that CAS had taken effect, though it may have crashed.
 *
 * A read of `v` that began after that is stale. A read of another value is no witness that `v` is over,
 * even when it began after `t`: it may itself be the stale one, of a value from before `v`. A crashed
 * mutation could be one, once a read has seen it; it is left out, so that of every claim can be said
 * when the newer value had been acknowledged.
 *
 * A linearizable history meets both assumptions, with the instants of any legal order, and there a read
 * has no instant after the stretch of its value: each claim by itself, with the operations that it
 * rests on, refutes the history.
 *
 * @param operations - of one key, ordered by invocation, well formed
 * @returns by completion; empty when an effect on the key depends on the state
 */
export function findStaleReads(
  operations: readonly Operation[],
  model: Model,
): readonly StaleRead[] {
  const history = stretchesOf(operations, model);
  if (history === undefined) return [];
  const { reads, acknowledged } = history;
  endAlongChains(history);
  const firstSince = firstCompletions(acknowledged);
  const found: StaleRead[] = [];
  for (const { operation: read, stretch } of reads) {
    const later = firstSince(stretch.inForceBy);
    const overwrite = earlier(stretch.endedBy, later);
    if (overwrite === undefined || overwrite.operation.return > read.invoke) continue;
    found.push({
      read,
      value: stretch.value,
      overwrittenBy: overwrite.operation,
      newerValue: overwrite.produces,
      staleByNs: read.invokeTime - overwrite.operation.returnTime,
    });
  }
  return found.toSorted((a, b) => a.read.return - b.read.return);
}

interface Mutation {
  readonly operation: Operation;
  /** Absent: it takes effect in every state. */
  readonly requires: Json | undefined;
  readonly produces: Json;
}

/** The time for which a value was the state. */
interface Stretch {
  readonly value: Json;
  /** The first to write it; absent for the initial value. */
  readonly writer: Mutation | undefined;
  /** Written once; or the initial value, and never written. Of others nothing is known. */
  isUnique: boolean;
  /** Position by which it had begun; -1 for the initial value. */
  inForceBy: number;
  /** The first acknowledged CAS that shows it to be over. */
  endedBy: Mutation | undefined;
}

interface Stretches {
  readonly byValue: ReadonlyMap<string, Stretch>;
  /** Of values written once. */
  readonly reads: readonly { readonly operation: Operation; readonly stretch: Stretch }[];
  /** Mutations, ordered by invocation. */
  readonly acknowledged: readonly Mutation[];
}

function stretchesOf(operations: readonly Operation[], model: Model): Stretches | undefined {
  const newStretch = (value: Json, writer?: Mutation): Stretch => ({
    value,
    writer,
    isUnique: true,
    inForceBy: writer === undefined ? -1 : writer.operation.return,
    endedBy: undefined,
  });
  const byValue = new Map([[canonicalJson(model.initial), newStretch(model.initial)]]);
  const acknowledged: Mutation[] = [];
  const observed: { readonly operation: Operation; readonly value: Json }[] = [];
  for (const operation of operations) {
    const isReadOnly = model.isReadOnly(operation);
    if (isReadOnly && operation.outcome === 'info') continue;
    const effect = model.overwrite?.(operation);
    if (effect === undefined) return undefined;
    const { requires, produces } = effect;
    if (isReadOnly) {
      if (requires !== undefined) observed.push({ operation, value: requires });
      continue;
    }
    if (produces === undefined) continue;
    const mutation = { operation, requires, produces };
    if (operation.outcome === 'ok') acknowledged.push(mutation);
    const text = canonicalJson(produces);
    const known = byValue.get(text);
    if (known === undefined) byValue.set(text, newStretch(produces, mutation));
    else known.isUnique = false;
  }
  const reads = observed.flatMap(({ operation, value }) => {
    const stretch = byValue.get(canonicalJson(value));
    // What nobody had begun to write by its completion is made up, or from the future.
    const isPossible = operation.return >= (stretch?.writer?.operation.invoke ?? -1);
    if (stretch === undefined || !stretch.isUnique || !isPossible) return [];
    stretch.inForceBy = Math.min(stretch.inForceBy, operation.return);
    return [{ operation, stretch }];
  });
  return { byValue, reads, acknowledged };
}

/** An acknowledged CAS ends what it expects, and all that led there by CAS from value to value. */
function endAlongChains({ byValue, acknowledged }: Stretches): void {
  const stretchOf = ({ requires }: Mutation): Stretch | undefined =>
    requires === undefined ? undefined : byValue.get(canonicalJson(requires));
  const byReturn = acknowledged.toSorted((a, b) => a.operation.return - b.operation.return);
  for (const mutation of byReturn) {
    let stretch = stretchOf(mutation);
    // Where a stretch has its end, an earlier completion has been this way before. (A chain that comes
    // back to the mutation itself is one that no store can have gone.)
    while (stretch?.isUnique === true && stretch.endedBy === undefined) {
      if (stretch.writer === mutation) break;
      stretch.endedBy = mutation;
      stretch = stretch.writer === undefined ? undefined : stretchOf(stretch.writer);
    }
  }
}

/** @returns a function: of the mutations invoked after a position, the one that completed first */
function firstCompletions(
  mutations: readonly Mutation[],
): (position: number) => Mutation | undefined {
  // From the last backwards: the first to complete of each and those invoked after it.
  const firsts: Mutation[] = [];
  for (const mutation of mutations.toReversed()) {
    firsts.push(defined(earlier(firsts.at(-1), mutation), 'one of them'));
  }
  firsts.reverse();
  return (position) => {
    let low = 0;
    let high = mutations.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((mutations[middle]?.operation.invoke ?? Infinity) > position) high = middle;
      else low = middle + 1;
    }
    return firsts[low];
  };
}

/** The one that completed first. */
function earlier(a: Mutation | undefined, b: Mutation | undefined): Mutation | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.operation.return <= b.operation.return ? a : b;
}
