import { isDeepStrictEqual } from 'node:util';
import type { Invocation } from '../../contracts/client.ts';

type Json = Invocation['value'];

/** Deeper than any value of a workload; a cycle is deeper still. */
const DEPTH_MAX = 100;

/** The value, when it is JSON all the way down and would come back from a file as it is. */
export function readValue(value: unknown, depth = 0): Json | undefined {
  return isJson(value, depth) ? value : undefined;
}

function isJson(value: unknown, depth: number): value is Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth >= DEPTH_MAX) return false;
  if (Array.isArray(value)) return value.every((one) => isJson(one, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((one) => isJson(one, depth + 1));
}

export function sameJson(a: unknown, b: Json): boolean {
  return isDeepStrictEqual(a, b);
}

type TypeName = 'number' | 'text' | 'boolean';

/**
 * Which types of values were ever written. A read of another type is the most common mistake of a
 * target, a number that comes back as its text; recorded, it would be a violation that is none. Of
 * lists and objects it knows nothing: what a workload adds one by one, it may read as a list.
 */
export class WrittenTypes {
  readonly #seen = new Set<TypeName>();

  /** Takes the value of an invocation, and the elements of a list: a `cas` has a pair of values. */
  note(value: Json): void {
    if (Array.isArray(value)) for (const one of value) this.note(one);
    const type = typeOf(value);
    if (type !== undefined) this.#seen.add(type);
  }

  /** The value's type, when nothing of that type was written but something else was. */
  stranger(value: Json): TypeName | undefined {
    const type = typeOf(value);
    return this.#seen.size === 0 || type === undefined || this.#seen.has(type) ? undefined : type;
  }
}

function typeOf(value: Json): TypeName | undefined {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return 'number';
  return typeof value === 'boolean' ? 'boolean' : undefined;
}
