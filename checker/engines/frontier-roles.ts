import { NONE, type Demands, type Problem } from './problem.ts';

/** What an operation is to the frontier. A CAS from a value to itself observes it: a read. */
export const FREE = 0;
export const READ = 1;
/** Happens in every state but one, and changes nothing. */
export const OBSERVE = 2;
/** Happens in every state and overwrites it. */
export const WRITE = 3;
/** Happens in one state only and overwrites it. */
export const CAS = 4;

/** Operations that overwrite, sorted by what they can do: all that does not change with time. */
export interface Roles {
  /** Per operation: one of the above. */
  readonly roleOf: Uint8Array;
  /** Per class of mutations: the state it needs, NONE for writes, and the state it leaves. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Per state: the class of writes of it; NONE when there are none. */
  readonly writeOf: Int32Array;
  /** Classes of CAS by the state they need: those of `state` are [casFromAt[state], casFromAt[state+1]). */
  readonly casFrom: Int32Array;
  readonly casFromAt: Int32Array;
  /** The same by the state they leave. */
  readonly casTo: Int32Array;
  readonly casToAt: Int32Array;
}

/** @returns undefined when some operation is none of the five */
export function rolesOf(problem: Problem, values: Demands): Roles | undefined {
  const { size, completed, classes, classOf } = problem;
  const { requires, forbids, produces, states } = values;
  const roleOf = new Uint8Array(size);
  const from = new Int32Array(classes).fill(NONE);
  const to = new Int32Array(classes).fill(NONE);
  const writeOf = new Int32Array(states).fill(NONE);
  const isCas = new Uint8Array(classes);
  for (let i = 0; i < size; i++) {
    const required = requires[i] as number;
    const produced = produces[i] as number;
    if (forbids[i] !== NONE) {
      if (required !== NONE || produced !== NONE) return undefined;
      roleOf[i] = OBSERVE;
    } else if (produced === NONE || produced === required) {
      // Crashed, it would change nothing.
      roleOf[i] = required === NONE || i >= completed ? FREE : READ;
    } else {
      const itsClass = classOf[i] as number;
      roleOf[i] = required === NONE ? WRITE : CAS;
      from[itsClass] = required;
      to[itsClass] = produced;
      if (required === NONE) writeOf[produced] = itsClass;
      else isCas[itsClass] = 1;
    }
  }
  const [casFrom, casFromAt] = sorted(isCas, from, states);
  const [casTo, casToAt] = sorted(isCas, to, states);
  return { roleOf, from, to, writeOf, casFrom, casFromAt, casTo, casToAt };
}

/** Counting sort of the classes of CAS by a state. */
function sorted(isCas: Uint8Array, key: Int32Array, states: number): [Int32Array, Int32Array] {
  const at = new Int32Array(states + 1);
  let count = 0;
  for (let each = 0; each < key.length; each++) {
    if (isCas[each] === 0) continue;
    const next = (key[each] as number) + 1;
    at[next] = (at[next] as number) + 1;
    count++;
  }
  for (let state = 0; state < states; state++) {
    at[state + 1] = (at[state + 1] as number) + (at[state] as number);
  }
  const items = new Int32Array(count);
  const filled = at.slice();
  for (let each = 0; each < key.length; each++) {
    if (isCas[each] === 0) continue;
    const state = key[each] as number;
    const place = filled[state] as number;
    items[place] = each;
    filled[state] = place + 1;
  }
  return [items, at];
}
