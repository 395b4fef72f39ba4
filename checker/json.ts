import type { Json } from './history.ts';

/**
 * A text that is equal for two JSON values exactly when they are structurally equal: object keys are
 * sorted, `1.0` is `1`, `-0` is `0`. Values are compared by this text, never by reference.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${members.join(',')}}`;
}

/** Structural equality, as `canonicalJson` has it. */
export function sameJson(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (isArray(a)) {
    return (
      isArray(b) && a.length === b.length && a.every((each, i) => sameJson(each, b[i] ?? null))
    );
  }
  if (isArray(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key] ?? null, b[key] ?? null))
  );
}

/** `Array.isArray` that narrows readonly arrays too. */
export function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
