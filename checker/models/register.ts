import { canonicalJson, isArray, sameJson } from '../json.ts';
import type { Json, Operation } from '../history.ts';
import { REJECTED, type Model, type Overwrite } from './model.ts';

/** A register: `read`, `write`. It begins absent (`null`); `null` is never written. */
export const register: Model = registerModel(
  'register',
  ['read', 'write'],
  'a value that is read and written',
);

/**
 * A register with compare-and-set: `read`, `write`, `cas [from, to]`. A CAS that found another value
 * is `ok` with `applied: false`: an observation that the state was not `from`. From `null`: the
 * register was absent.
 */
export const casRegister: Model = registerModel(
  'cas-register',
  ['read', 'write', 'cas'],
  'a register with compare-and-set',
);

function registerModel(name: string, functions: readonly string[], about: string): Model {
  return {
    name,
    about,
    functions,
    initial: null,
    malformed(operation) {
      if (!functions.includes(operation.f)) return unknownFunction(name, functions, operation);
      if (operation.f === 'read') return undefined;
      return operation.f === 'write' ? malformedWrite(operation) : malformedCas(operation);
    },
    step: (state, operation) => stepOverwrite(state, overwrite(operation)),
    isReadOnly: (operation) => operation.f === 'read' || isObservation(operation),
    effectKey: (operation) => overwriteKey(overwrite(operation)),
    overwrite,
    assign: (state) => (state === null ? undefined : { f: 'write', input: state }),
    describe,
    describeState: showState,
    explainRejection: (state, operation) =>
      explainOverwrite(state, operation, overwrite(operation)),
  };
}

function overwrite(operation: Operation): Overwrite {
  if (operation.f === 'read') return { requires: operation.output };
  if (operation.f === 'write') return { produces: operation.input };
  return casOverwrite(operation);
}

/** An `ok` CAS that found another value. */
export function isObservation(operation: Operation): boolean {
  return operation.outcome === 'ok' && !operation.applied;
}

/** Of a well-formed `cas`. */
export function casOverwrite(operation: Operation): Overwrite {
  const [from, to] = casPair(operation.input) ?? [null, null];
  return isObservation(operation) ? { forbids: from } : { requires: from, produces: to };
}

export function casPair(input: Json): readonly [Json, Json] | undefined {
  if (!isArray(input) || input.length !== 2) return undefined;
  const [from, to] = input;
  return from === undefined || to === undefined ? undefined : [from, to];
}

export function unknownFunction(
  name: string,
  functions: readonly string[],
  operation: Operation,
): string {
  return `f is "${operation.f}", model ${name} knows ${functions.join(', ')}`;
}

export function malformedWrite(operation: Operation): string | undefined {
  if (operation.input === null) return `${operation.f} of null, which means absent`;
  return malformedObservation(operation);
}

/** Of a function that has no observed failure. */
export function malformedObservation({ f, applied }: Operation): string | undefined {
  return applied ? undefined : `${f} has applied: false, which is for operations on a condition`;
}

export function malformedCas(operation: Operation): string | undefined {
  const pair = casPair(operation.input);
  if (pair === undefined) return `cas has value ${show(operation.input)}, expected [from, to]`;
  return pair[1] === null ? 'cas to null, which means absent' : undefined;
}

/** What `Model.step` is for an operation whose effect does not depend on the state. */
export function stepOverwrite(state: Json, effect: Overwrite): Json | typeof REJECTED {
  if (effect.requires !== undefined && !sameJson(state, effect.requires)) return REJECTED;
  if (effect.forbids !== undefined && sameJson(state, effect.forbids)) return REJECTED;
  return effect.produces === undefined ? state : effect.produces;
}

export function overwriteKey({ requires, forbids, produces }: Overwrite): string {
  const part = (value: Json | undefined): string =>
    value === undefined ? '' : canonicalJson(value);
  return `${part(requires)} ${part(forbids)} ${part(produces)}`;
}

export function describe(operation: Operation): string {
  const { f, input, output, outcome } = operation;
  const of = ofKey(operation);
  if (f === 'cas') {
    const [from, to] = casPair(input) ?? [null, null];
    const end =
      outcome === 'info' ? ' (outcome unknown)' : operation.applied ? '' : ' (found another)';
    return `cas${of} ${show(from)} → ${show(to)}${end}`;
  }
  const unknown = outcome === 'info' ? ' (outcome unknown)' : '';
  if (f === 'read' || f === 'get') return `${f}${of}${unknown || ` → ${show(output)}`}`;
  const argument = input === null ? '' : ` ${show(input)}`;
  return `${f}${of}${argument}${unknown}${operation.applied ? '' : ' (found it absent)'}`;
}

export function explainOverwrite(state: Json, operation: Operation, effect: Overwrite): string {
  if (effect.forbids !== undefined && sameJson(state, effect.forbids)) {
    return `its cas found another value than ${show(effect.forbids)}, but the state is that value`;
  }
  const did = operation.f === 'cas' ? 'expects' : 'returned';
  return `it ${did} ${show(effect.requires ?? null)}, but the state is ${showState(state)}`;
}

/** ` of k17`, for people: short; nothing where there are no keys. */
export function ofKey({ key }: Operation): string {
  return key === undefined ? '' : ` of ${shortKey(key)}`;
}

/** A key for people. */
export function shortKey(key: string): string {
  return key.length > 80 ? `${key.slice(0, 79)}…` : key;
}

/** A value for people: short, and `null` by its name. */
export function show(value: Json): string {
  if (value === null) return 'null (absent)';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

export function showState(state: Json): string {
  return state === null ? 'absent' : show(state);
}
