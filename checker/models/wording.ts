import type { Json, Operation } from '../history.ts';
import { ofKey, show } from './register.ts';

/**
 * `dequeue of k1 → 3`.
 *
 * @param result - what follows the arrow; absent: the operation says nothing
 */
export function describeCall(operation: Operation, result?: string): string {
  const { f, input, outcome } = operation;
  const of = ofKey(operation);
  const argument = input === null ? '' : ` ${show(input)}`;
  if (outcome === 'info') return `${f}${of}${argument} (outcome unknown)`;
  return `${f}${of}${argument}${result === undefined ? '' : ` → ${result}`}`;
}

/** A collection for people: `empty`, or its elements, shortened. */
export function showElements(state: Json): string {
  return Array.isArray(state) && state.length === 0 ? 'empty' : show(state);
}

/** `1 element`, `3 elements`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
