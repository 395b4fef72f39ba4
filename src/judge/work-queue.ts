/**
 * Keys that are to be decided, in order, and who has got to where: one memory that all threads look at,
 * so that each takes the next key as soon as it has time.
 */
export interface WorkQueue {
  /** Numbers of keys. */
  readonly order: Int32Array;
  /** How many operations the keys from here on have together, by position in `order`. */
  readonly operationsFrom: Float64Array;
  /** Position of the next key to take; 1 when everything is interrupted. */
  readonly control: Int32Array;
  /** Whether a key's share grows with its size. */
  readonly isBySize: boolean;
}

const NEXT = 0;
const INTERRUPTED = 1;

/** @param sizes - how many operations a key has, by its number */
export function workQueue(
  order: readonly number[],
  sizes: (key: number) => number,
  isBySize: boolean,
): WorkQueue {
  const shared = new SharedArrayBuffer(order.length * 12 + 16);
  const operationsFrom = new Float64Array(shared, 0, order.length + 1);
  const control = new Int32Array(shared, 8 * (order.length + 1), 2);
  const numbers = new Int32Array(shared, 8 * (order.length + 2), order.length);
  numbers.set(order);
  for (let i = order.length - 1; i >= 0; i--) {
    operationsFrom[i] = (operationsFrom[i + 1] as number) + sizes(order[i] as number);
  }
  return { order: numbers, operationsFrom, control, isBySize };
}

/** @returns a position that nobody else gets; undefined when there is none left, or an interruption */
export function take(queue: WorkQueue): number | undefined {
  if (isInterrupted(queue)) return undefined;
  const at = Atomics.add(queue.control, NEXT, 1);
  return at < queue.order.length ? at : undefined;
}

/** Operations of the keys that nobody has taken. */
export function operationsLeft({ control, order, operationsFrom }: WorkQueue): number {
  return operationsFrom[Math.min(Atomics.load(control, NEXT), order.length)] as number;
}

export function interrupt(queue: WorkQueue): void {
  Atomics.store(queue.control, INTERRUPTED, 1);
}

export function isInterrupted(queue: WorkQueue): boolean {
  return Atomics.load(queue.control, INTERRUPTED) === 1;
}

/**
 * How long the key at this position may take. Every share leaves something: of what is left for all
 * threads together each key gets its part, half of it by size and half by number, or all by number. What
 * it does not need is for those after it, so one hard key starves nobody.
 *
 * @param leftNs - until the end of the budget for all keys of the queue
 * @param lanes - how many keys are decided at once
 */
export function shareNs(queue: WorkQueue, at: number, leftNs: number, lanes: number): number {
  const { order, operationsFrom, isBySize } = queue;
  const from = operationsFrom[at] as number;
  const part = 1 / (order.length - at);
  const own = isBySize ? (1 - (operationsFrom[at + 1] as number) / from) / 2 + part / 2 : part;
  return Math.max(0, Math.min(leftNs, leftNs * lanes * own));
}
