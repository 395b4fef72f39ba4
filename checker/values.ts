import { defined } from './assert.ts';
import type { Json } from './history.ts';
import { canonicalJson, isArray } from './json.ts';

/** The id of `null`. */
export const NULL = -1;

/** Integers from 0 to this are their own ids. */
const INTEGER_MAX = 0x3fff_ffff;

/**
 * JSON values as 32-bit integers: two values have one id exactly when they are structurally equal.
 * Integers from 0 to 2³⁰-1 are their own ids, so that most histories never look anything up; `null` is
 * -1; all else is interned, from -2 downwards.
 */
export class Values {
  readonly #ids = new Map<string, number>();
  readonly #strings = new Map<string, number>();
  readonly #others: Json[] = [];
  readonly #elements: (Int32Array | undefined)[] = [];

  id(value: Json): number {
    if (value === null) return NULL;
    if (typeof value === 'number') {
      const integer = value | 0;
      if (integer === value && integer >= 0 && integer <= INTEGER_MAX) return integer;
    }
    if (typeof value !== 'string') return this.#intern(this.#ids, canonicalJson(value), value);
    return this.#intern(this.#strings, value, value);
  }

  value(id: number): Json {
    if (id >= 0) return id;
    return id === NULL ? null : defined(this.#others[-2 - id], 'an interned id');
  }

  /** The ids of an array's elements; undefined when the value is no array. */
  elements(id: number): Int32Array | undefined {
    if (id >= NULL) return undefined;
    const known = this.#elements[-2 - id];
    if (known !== undefined) return known;
    const value = this.value(id);
    if (!isArray(value)) return undefined;
    const elements = Int32Array.from(value, (element) => this.id(element));
    this.#elements[-2 - id] = elements;
    return elements;
  }

  #intern(ids: Map<string, number>, text: string, value: Json): number {
    const known = ids.get(text);
    if (known !== undefined) return known;
    const id = -2 - this.#others.length;
    ids.set(text, id);
    this.#others.push(value);
    return id;
  }
}
