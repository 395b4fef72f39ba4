import type { Operation } from '../history.ts';
import type { Model } from '../models/model.ts';
import { replayOf } from '../models/replay.ts';
import { Cursor, Table } from '../table.ts';

/**
 * Replays a witness: every completed operation of the object exactly once and every crashed one at most
 * once, in an order that real time allows and in which the model accepts every result. Shares nothing
 * with the engines but the model.
 *
 * @param history - all operations of one object
 * @param order - ids
 * @returns what is wrong with it; undefined when it proves the object linearizable
 */
export function verifyWitness(
  history: Table | readonly Operation[],
  model: Model,
  order: ArrayLike<number>,
): string | undefined {
  const table = history instanceof Table ? history : Table.of(history);
  const placed = new Uint8Array(table.size);
  const operation = new Cursor(table.columns);
  const object = replayOf(model);
  let latestInvoke = -Infinity;
  let near = 0;
  for (let i = 0; i < order.length; i++) {
    const id = order[i] as number;
    const row = table.rowOf(id, near);
    if (row === undefined || placed[row] === 1) {
      return `operation ${id} is unknown, or stands there twice`;
    }
    placed[row] = 1;
    near = row;
    operation.at(row);
    // All before it must not have begun after it returned.
    if (operation.return < latestInvoke) {
      return `operation ${id} returned before an operation began that stands before it`;
    }
    latestInvoke = Math.max(latestInvoke, operation.invoke);
    if (!object.apply(operation)) {
      return `operation ${id} is rejected: ${model.explainRejection(object.state(), operation)}`;
    }
  }
  const missing = placed.findIndex((isPlaced, row) => isPlaced === 0 && table.isCompleted(row));
  return missing < 0 ? undefined : `operation ${table.id(missing)} completed and is missing`;
}
