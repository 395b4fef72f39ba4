import type { Json, Operation } from '../history.ts';
import { canonicalJson, isArray } from '../json.ts';
import { malformedObservation, show } from './register.ts';

/**
 * Of an operation that puts its argument into a collection: null, which means nothing, cannot be
 * one.
 */
export function malformedElement(operation: Operation): string | undefined {
  if (operation.input === null) return `${operation.f} of null, which is no element`;
  return malformedObservation(operation);
}

/**
 * Of an operation that answers with all elements: null is what an object says that does not exist
 * yet.
 */
export function malformedElements(operation: Operation): string | undefined {
  const { f, outcome, output } = operation;
  if (outcome === 'info' || output === null || isArray(output)) return undefined;
  return `${f} returned ${show(output)}, expected an array`;
}

/** What such an operation returned; null counts as nothing inside. */
export function elementsOf(operation: Operation): readonly Json[] {
  return isArray(operation.output) ? operation.output : [];
}

/** The state of a collection, which is an array always. */
export function inside(state: Json): readonly Json[] {
  return isArray(state) ? state : [];
}

/**
 * Where an element stands in an array sorted by canonical text, or would have to.
 *
 * @returns the first place whose element is not less
 */
export function placeOf(sorted: readonly Json[], element: Json): number {
  const text = canonicalJson(element);
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (canonicalJson(sorted[middle] ?? null) < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** By canonical text: the same elements give the same array, whatever their order. */
export function sortElements(elements: readonly Json[]): readonly Json[] {
  return elements
    .map((element) => ({ element, text: canonicalJson(element) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ element }) => element);
}

/** Counts by value: numbers and strings are looked up as they are, all else by its text. */
export class Tally {
  readonly #plain = new Map<Json, number>();
  readonly #composite = new Map<string, number>();

  get(element: Json): number {
    if (typeof element !== 'object') return this.#plain.get(element) ?? 0;
    return this.#composite.get(canonicalJson(element)) ?? 0;
  }

  /** 0 forgets it. */
  set(element: Json, count: number): void {
    if (typeof element === 'object') change(this.#composite, canonicalJson(element), count);
    else change(this.#plain, element, count);
  }

  /** Each element with its count, in no particular order. */
  *entries(): Generator<readonly [Json, number]> {
    yield* this.#plain;
    for (const [text, count] of this.#composite) yield [JSON.parse(text) as Json, count];
  }
}

function change<K>(counts: Map<K, number>, key: K, count: number): void {
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
