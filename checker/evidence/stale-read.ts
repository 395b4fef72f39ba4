import { defined } from '../assert.ts';
import type { Json, Operation } from '../history.ts';
import { canonicalJson } from '../json.ts';
import type { Model } from '../models/model.ts';

/** A read that returned a value which was certainly overwritten before the read began. */
export interface StaleRead {
  readonly read: Operation;
  /** What it returned; null: absent, the initial value. */
  readonly value: Json;
  /** The operation with the earliest completion by which the value was certainly overwritten. */
  readonly overwrittenBy: Operation;
  /** The value that this operation wrote or saw: the read had to see it, or a later one. */
  readonly newerValue: Json;
  /**
   * The operation that shows `newerValue` to come after `value`: it began after `value` was in place,
   * and had completed before the read began. Often `overwrittenBy` itself.
   */
  readonly provedBy: Operation;
  /** From the completion of `overwrittenBy` to the invocation of the read, nanoseconds. */
  readonly staleByNs: number;
}

/**
 * Finds reads that are stale by proof, on one key of an overwriting model: reads of values that were
 * written once (or are the initial one, and never written). Sound and not complete: it names what
 * real time alone proves, and takes acknowledged mutations for done.
 *
 * Let the cluster of such a value be the operation that wrote it and the reads that returned it. The
 * value is in force for one stretch of any legal order, so clusters do not interleave. `v` was in
 * force by the earliest completion in its cluster, `t`. When an operation `y` that was invoked after
 * `t` writes or reads another value `u`, the stretch of `v` was over by then, and for ever. If `u` was
 * written once, too, then its whole stretch comes after that of `v`, and by the earliest completion
 * `z` in its cluster `v` was overwritten; otherwise `z` is `y`. A read of `v` that was invoked after
 * `y` and `z` completed is stale. (Asking that `y` completed before the read keeps the blame in order:
 * later evidence could as well speak against `y`.) A crashed write counts from the first read of it.
 *
 * @param operations - of one key, ordered by invocation, well formed
 * @returns by completion; empty when an effect on the key depends on the state
 * @see Golab, Li, Shah 2011; Gibbons & Korach 1997
 */
export function findStaleReads(
  operations: readonly Operation[],
  model: Model,
): readonly StaleRead[] {
  const clusters = makeClusters(operations, model);
  if (clusters === undefined) return [];
  const members = operations.flatMap((operation) => {
    const cluster = clusters.of.get(operation);
    return cluster === undefined ? [] : [{ operation, cluster }];
  });
  const byReturn = members
    .filter(({ operation }) => operation.outcome === 'ok')
    .toSorted((a, b) => a.operation.return - b.operation.return);
  const found: StaleRead[] = [];
  // A stale read is no proof that its value was in force. Whatever may be a proof against a read
  // completed before it began, and so was judged before it.
  const stale = new Set<Operation>();
  for (const { operation: read, cluster } of members) {
    if (!model.isReadOnly(read) || !cluster.isUnique) continue;
    // What proves one read of the cluster stale proves the later ones, too: each cluster walks the
    // completions once.
    cluster.cursor ??= firstAfter(byReturn, cluster.inForceBy);
    for (; cluster.cursor < byReturn.length; cluster.cursor++) {
      const other = defined(byReturn[cluster.cursor], 'in range');
      if (other.operation.return > read.invoke) break;
      if (other.cluster === cluster || other.operation.invoke < cluster.inForceBy) continue;
      if (stale.has(other.operation)) continue;
      const earliest = other.cluster.isUnique ? other.cluster.earliest : other.operation;
      const overwrittenBy = earliest ?? other.operation;
      if (overwrittenBy.return >= (cluster.overwritten?.by.return ?? Infinity)) continue;
      // Where the overwriting operation is a proof by itself, it is named as the proof.
      const isProof = overwrittenBy.invoke > cluster.inForceBy;
      cluster.overwritten = {
        by: overwrittenBy,
        value: other.cluster.value,
        provedBy: isProof ? overwrittenBy : other.operation,
      };
    }
    if (cluster.overwritten === undefined) continue;
    stale.add(read);
    const { by, value, provedBy } = cluster.overwritten;
    found.push({
      read,
      value: cluster.value,
      overwrittenBy: by,
      newerValue: value,
      provedBy,
      staleByNs: read.invokeTime - by.returnTime,
    });
  }
  return found.toSorted((a, b) => a.read.return - b.read.return);
}

interface Cluster {
  readonly value: Json;
  /** The first to write it; absent for the initial value. */
  readonly writer: Operation | undefined;
  /** Written once; or the initial value, and never written. */
  isUnique: boolean;
  /** The member that completes first. */
  earliest: Operation | undefined;
  /** Position by which the value was certainly in force; -1 for the initial value. */
  inForceBy: number;
  /** How far the completions were searched for what overwrote it; absent before the first read. */
  cursor: number | undefined;
  /** The earliest proof so far. */
  overwritten:
    { readonly by: Operation; readonly value: Json; readonly provedBy: Operation } | undefined;
}

/**
 * Clusters by operation. Reads of what nobody wrote, or wrote only later, are corrupt rather than
 * stale, and reads of what was written twice say nothing certain: they are in no cluster.
 */
function makeClusters(
  operations: readonly Operation[],
  model: Model,
): { readonly of: ReadonlyMap<Operation, Cluster> } | undefined {
  const initial = makeCluster(model.initial, undefined, -1);
  const byValue = new Map([[canonicalJson(model.initial), initial]]);
  const of = new Map<Operation, Cluster>();
  const reads: { readonly operation: Operation; readonly value: Json }[] = [];
  const join = (operation: Operation, cluster: Cluster): void => {
    of.set(operation, cluster);
    if (operation.return < (cluster.earliest?.return ?? Infinity)) cluster.earliest = operation;
    cluster.inForceBy = Math.min(cluster.inForceBy, operation.return);
  };
  for (const operation of operations) {
    const isReadOnly = model.isReadOnly(operation);
    if (isReadOnly && operation.outcome === 'info') continue;
    const effect = model.overwrite?.(operation);
    if (effect === undefined) return undefined;
    const value = isReadOnly ? effect.requires : effect.produces;
    if (value === undefined) continue;
    if (isReadOnly) {
      reads.push({ operation, value });
      continue;
    }
    const text = canonicalJson(value);
    const known = byValue.get(text);
    if (known !== undefined) known.isUnique = false;
    const cluster = known ?? makeCluster(value, operation, Infinity);
    byValue.set(text, cluster);
    join(operation, cluster);
  }
  for (const { operation, value } of reads) {
    const cluster = byValue.get(canonicalJson(value));
    if (cluster === undefined || !cluster.isUnique) continue;
    if (operation.return >= (cluster.writer?.invoke ?? -1)) join(operation, cluster);
  }
  return { of };
}

function makeCluster(value: Json, writer: Operation | undefined, inForceBy: number): Cluster {
  return {
    value,
    writer,
    isUnique: true,
    earliest: undefined,
    inForceBy,
    cursor: undefined,
    overwritten: undefined,
  };
}

/** Index of the first that completed after `position`. */
function firstAfter(
  byReturn: readonly { readonly operation: Operation }[],
  position: number,
): number {
  let low = 0;
  let high = byReturn.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((byReturn[middle]?.operation.return ?? Infinity) > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
