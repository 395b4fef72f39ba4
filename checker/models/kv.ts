import { canonicalJson } from '../json.ts';
import type { Json, Operation } from '../history.ts';
import { REJECTED, type Model, type Overwrite } from './model.ts';
import {
  casOverwrite,
  casPair,
  describe,
  explainOverwrite,
  isObservation,
  malformedCas,
  malformedObservation,
  malformedWrite,
  overwriteKey,
  show,
  showState,
  stepOverwrite,
  unknownFunction,
} from './register.ts';

const FUNCTIONS = ['get', 'put', 'delete', 'cas', 'append'] as const;

/**
 * One key of a key-value store: `get`, `put`, `delete`, `cas [from, to]`, `append`. It begins absent
 * (`null`). Strings can be appended to; absent counts as empty then, and a `get` of an absent key may
 * say `null` or `""`. A `delete` with `applied: false` found the key absent.
 */
export const kv: Model = {
  name: 'kv',
  about: 'one key of a key-value store: values, deletion, compare-and-set, strings appended to',
  functions: FUNCTIONS,
  initial: null,
  malformed(operation) {
    switch (operation.f) {
      case 'get':
      case 'delete':
        return undefined;
      case 'put':
        return malformedWrite(operation);
      case 'cas':
        return malformedCas(operation);
      case 'append':
        return typeof operation.input === 'string'
          ? malformedObservation(operation)
          : `append has value ${show(operation.input)}, expected a string`;
      default:
        return unknownFunction('kv', FUNCTIONS, operation);
    }
  },
  step(state, operation) {
    const effect = overwrite(operation);
    if (effect !== undefined) return stepOverwrite(state, effect);
    if (operation.f === 'get') return isEmpty(state) ? state : REJECTED;
    return append(state, operation);
  },
  isReadOnly: (operation) => operation.f === 'get' || isObservation(operation),
  effectKey(operation) {
    const effect = overwrite(operation);
    if (effect !== undefined) return overwriteKey(effect);
    return operation.f === 'get' ? 'get empty' : `append ${canonicalJson(operation.input)}`;
  },
  overwrite,
  folding,
  assign: (state) => (state === null ? { f: 'delete', input: null } : { f: 'put', input: state }),
  describe,
  describeState: showState,
  explainRejection(state, operation) {
    const effect = overwrite(operation);
    if (effect !== undefined) return explainOverwrite(state, operation, effect);
    return operation.f === 'get'
      ? `it returned ${show(operation.output)}, but the state is ${showState(state)}`
      : `nothing can be appended to ${showState(state)}`;
  },
};

function overwrite(operation: Operation): Overwrite | undefined {
  switch (operation.f) {
    case 'get':
      // An empty string may stand for absent: two states allow it, so it requires neither.
      return operation.output === '' ? undefined : { requires: operation.output };
    case 'put':
      return { produces: operation.input };
    case 'delete':
      return isObservation(operation) ? { requires: null } : { produces: null };
    case 'cas':
      return casOverwrite(operation);
    default:
      return undefined;
  }
}

/**
 * Texts that begin nothing that any of the operations returned or expects become one. What is appended to
 * such a text is such a text again, no `get` fits it, and no CAS from it: until it is overwritten nobody
 * can tell it from another.
 */
function folding(operations: readonly Operation[]): ((state: Json) => Json) | undefined {
  const expected: string[] = [];
  for (const each of operations) {
    const value =
      each.f === 'get' ? each.output : each.f === 'cas' ? casPair(each.input)?.[0] : null;
    if (typeof value === 'string') expected.push(value);
  }
  expected.sort();
  const beginsAny = (text: string): boolean => {
    // Those that begin with a text stand together, from the first that is not less.
    let low = 0;
    let high = expected.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((expected[middle] ?? '') < text) low = middle + 1;
      else high = middle;
    }
    return expected[low]?.startsWith(text) ?? false;
  };
  let code = 0;
  while (beginsAny(String.fromCodePoint(code))) code++;
  const other = String.fromCodePoint(code);
  return (state) => (typeof state !== 'string' || beginsAny(state) ? state : other);
}

function isEmpty(state: Json): boolean {
  return state === null || state === '';
}

function append(state: Json, operation: Operation): Json | typeof REJECTED {
  if (typeof operation.input !== 'string') return REJECTED;
  if (state === null) return operation.input;
  return typeof state === 'string' ? state + operation.input : REJECTED;
}
