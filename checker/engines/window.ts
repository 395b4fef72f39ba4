import { NONE, type Problem } from './problem.ts';

/** The completed operations of a problem as events, and what can be said of them before any search. */
export interface Layout {
  /** In order: 2·operation for an invocation, 2·operation+1 for a completion. */
  readonly events: Int32Array;
  /** Per completed operation: a number that no other has while it is pending. */
  readonly slotOf: Int32Array;
  /** How many such numbers: the greatest concurrency. */
  readonly slots: number;
}

/** Lays out completed operations; O(n). */
export function layout({ table, rows, completed }: Problem): Layout {
  const operationOf = new Int32Array(table.size).fill(NONE);
  for (let i = 0; i < completed; i++) operationOf[rows[i] as number] = i;
  const events = new Int32Array(2 * completed);
  const slotOf = new Int32Array(completed);
  const free: number[] = [];
  let slots = 0;
  let next = 0;
  for (let rank = 0; rank < table.events.length; rank++) {
    const event = table.events[rank] as number;
    const operation = operationOf[event >>> 1] as number;
    if (operation === NONE) continue;
    events[next++] = 2 * operation + (event & 1);
    if ((event & 1) === 1) free.push(slotOf[operation] as number);
    else slotOf[operation] = free.pop() ?? slots++;
  }
  return { events, slotOf, slots };
}

/**
 * Per completed plain write `w`: whether anything invoked after it returned might see it. 0 is certain,
 * 1 is not.
 *
 * What sees `w` is placed after `w` and before the next mutation. Every mutation that is invoked after
 * `w` returned comes after `w`; so who sees `w` precedes the one of these that returns first, `h`, or is
 * `h`, and was invoked before `h` returned. An observation that forbids a value may need `w` to leave it.
 */
export function visibleLater(problem: Problem, { events }: Layout): Uint8Array {
  const { completed, isReadOnly, values } = problem;
  const isVisible = new Uint8Array(completed);
  if (values === undefined) return isVisible;
  const { requires, forbids, produces, crashedDemand } = values;
  const never = events.length;
  // Walking backwards: where each value is next required, where one is next forbidden, where `h` returns.
  const nextRequired = new Int32Array(values.states).fill(never);
  let nextForbidden = never;
  let horizon = never;
  const returnedAt = new Int32Array(completed);
  for (let at = never - 1; at >= 0; at--) {
    const event = events[at] as number;
    const operation = event >>> 1;
    if ((event & 1) === 1) {
      returnedAt[operation] = at;
      const made = produces[operation] as number;
      if (made === NONE || requires[operation] !== NONE) continue;
      const seenAt = Math.min(nextRequired[made] as number, nextForbidden);
      if (seenAt < horizon || crashedDemand[made] !== 0) isVisible[operation] = 1;
      continue;
    }
    const required = requires[operation] as number;
    if (required !== NONE) nextRequired[required] = at;
    if (forbids[operation] !== NONE) nextForbidden = at;
    if (isReadOnly[operation] === 0) horizon = Math.min(horizon, returnedAt[operation] as number);
  }
  return isVisible;
}

/**
 * The trail of a search as an order of operations: `~w` in it is a plain write that returned without
 * having been placed, because it fits unseen somewhere before: right before another plain write, or
 * where the state is what it writes.
 *
 * It may stand there when nothing that comes after was completed before `w` was invoked; what comes
 * before was invoked before `w` returned, since all of it was placed while `w` was pending. The latest
 * such place is taken, and there is one, or the search would not have let it return.
 */
export function arrange(problem: Problem, trail: ArrayLike<number>): Int32Array {
  const { values, initial, invoke } = problem;
  const { length } = trail;
  const order = new Int32Array(length);
  if (values === undefined) {
    for (let i = 0; i < length; i++) order[i] = trail[i] as number;
    return order;
  }
  const { requires, produces } = values;
  // The state before each entry, and the least return from there on.
  const states = new Int32Array(length + 1);
  const least = new Int32Array(length + 1);
  states[0] = initial;
  for (let i = 0; i < length; i++) {
    const entry = trail[i] as number;
    const made = entry < 0 ? NONE : (produces[entry] as number);
    states[i + 1] = made === NONE ? (states[i] as number) : made;
  }
  least[length] = 0x7fff_ffff;
  for (let i = length - 1; i >= 0; i--) {
    const entry = trail[i] as number;
    const returns = problem.return[entry < 0 ? ~entry : entry] as number;
    least[i] = Math.min(least[i + 1] as number, returns);
  }
  /** Absorbed writes before each entry, as lists. */
  const first = new Int32Array(length + 1).fill(NONE);
  const following = new Int32Array(problem.size).fill(NONE);
  for (let i = 0; i < length; i++) {
    const entry = trail[i] as number;
    if (entry >= 0) continue;
    const write = ~entry;
    let at = i;
    for (; (least[at] as number) > (invoke[write] as number); at--) {
      if (states[at] === produces[write]) break;
      const next = trail[at] as number;
      if (next >= 0 && produces[next] !== NONE && requires[next] === NONE) break;
    }
    following[write] = first[at] as number;
    first[at] = write;
  }
  let length2 = 0;
  for (let i = 0; i < length; i++) {
    for (let w = first[i] as number; w !== NONE; w = following[w] as number) order[length2++] = w;
    const entry = trail[i] as number;
    if (entry >= 0) order[length2++] = entry;
  }
  return order;
}
