import type { Operation } from '../history.ts';
import { REJECTED, type Model } from '../models/model.ts';

/**
 * Replays a witness: every completed operation of the key exactly once and every crashed one at most
 * once, in an order that real time allows and in which the model accepts every result. Shares nothing
 * with the engines but the model.
 *
 * @param operations - all of one key
 * @param order - ids
 * @returns what is wrong with it; undefined when it proves the key linearizable
 */
export function verifyWitness(
  operations: readonly Operation[],
  model: Model,
  order: readonly number[],
): string | undefined {
  const open = new Map(operations.map((operation) => [operation.id, operation]));
  let state = model.initial;
  let latestInvoke = -Infinity;
  for (const id of order) {
    const operation = open.get(id);
    if (operation === undefined) return `operation ${id} is unknown, or stands there twice`;
    open.delete(id);
    // All before it must not have begun after it returned.
    if (operation.return < latestInvoke) {
      return `operation ${id} returned before an operation began that stands before it`;
    }
    latestInvoke = Math.max(latestInvoke, operation.invoke);
    const next = model.step(state, operation);
    if (next === REJECTED) {
      return `operation ${id} is rejected: ${model.explainRejection(state, operation)}`;
    }
    state = next;
  }
  for (const operation of open.values()) {
    if (operation.outcome === 'ok') return `operation ${operation.id} completed and is missing`;
  }
  return undefined;
}
