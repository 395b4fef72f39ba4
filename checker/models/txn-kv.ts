import type { Json, Operation } from '../history.ts';
import { canonicalJson, isArray, sameJson } from '../json.ts';
import { cellsOf, describeCells, readCell, writeCell } from './cells.ts';
import { REJECTED, type Model } from './model.ts';
import { ofKey, show, showState, unknownFunction } from './register.ts';
import { describeCall } from './wording.ts';

const KINDS = ['if', 'read', 'write', 'delete'] as const;
type Kind = (typeof KINDS)[number];

/** One part of a transaction. */
interface Part {
  readonly kind: Kind;
  readonly key: Json;
  readonly value: Json;
}

/**
 * Several keys of a key-value store, which transactions compare, read and change at once: `txn` with a list
 * of `["if", key, value]`, `["read", key, null]`, `["write", key, value]` and `["delete", key, null]`,
 * comparisons first. All begin absent (null), which a comparison may ask for and nobody writes. The
 * comparisons are made of one state. Where all hold, the others are done, in their order, and at completion
 * the reads have their values. Where one does not hold, nothing is done: `applied: false`, an observation
 * that they did not all hold. A crashed transaction may have happened where its comparisons hold.
 *
 * States are lists of [key, value] for the keys that are there, sorted by key.
 */
export const txnKv: Model = {
  name: 'txn-kv',
  about: 'several keys of a store, compared, read and changed by transactions',
  functions: ['txn'],
  initial: [],
  malformed,
  step(state, operation) {
    const parts = partsOf(operation);
    const holds = parts.every((part) => part.kind !== 'if' || fits(cellsOf(state), part));
    if (isObservation(operation)) return holds ? REJECTED : state;
    if (!holds) return REJECTED;
    let cells = cellsOf(state);
    for (const part of parts) {
      const isWrong = part.kind === 'read' && operation.outcome === 'ok' && !fits(cells, part);
      if (isWrong) return REJECTED;
      cells = after(cells, part);
    }
    return cells;
  },
  isReadOnly: (operation) => isObservation(operation) || !partsOf(operation).some(changes),
  effectKey(operation) {
    const isKnown = operation.outcome === 'ok';
    const parts = partsOf(operation).filter(({ kind }) =>
      isObservation(operation) ? kind === 'if' : kind !== 'read' || isKnown,
    );
    const text = canonicalJson(parts.map(({ kind, key, value }) => [kind, key, value]));
    return isObservation(operation) ? `not ${text}` : text;
  },
  describe(operation) {
    if (operation.outcome === 'info') return describeCall(operation);
    const found = isObservation(operation) ? ' (found another state)' : '';
    const value = isObservation(operation) ? operation.input : operation.output;
    return `txn${ofKey(operation)} ${show(value)}${found}`;
  },
  describeState: describeCells,
  explainRejection(state, operation) {
    let cells = cellsOf(state);
    for (const part of partsOf(operation)) {
      if (part.kind === 'if' || part.kind === 'read') {
        if (fits(cells, part)) continue;
        if (isObservation(operation)) return 'it fits';
        const did = part.kind === 'if' ? 'expects' : 'read';
        const found = showState(readCell(cells, part.key));
        return `it ${did} ${show(part.value)} of ${show(part.key)}, but the state is ${found}`;
      }
      cells = after(cells, part);
    }
    return isObservation(operation)
      ? 'one of its comparisons did not hold, but all do in this state'
      : 'it fits';
  },
};

function malformed(operation: Operation): string | undefined {
  if (operation.f !== 'txn') return unknownFunction('txn-kv', ['txn'], operation);
  const { input, output, outcome } = operation;
  const asked = parse(input);
  if (asked === undefined) {
    return `txn has value ${show(input)}, expected a list of ["${KINDS.join('" or "')}", key, value]`;
  }
  const firstChange = asked.findIndex(({ kind }) => kind !== 'if');
  if (firstChange >= 0 && asked.slice(firstChange).some(({ kind }) => kind === 'if')) {
    return 'txn compares after something else; comparisons come first';
  }
  if (asked.some(({ kind, value }) => kind === 'write' && value === null)) {
    return 'txn writes null, which means absent';
  }
  if (outcome === 'info') return undefined;
  if (isObservation(operation)) {
    return firstChange === 0 || asked.length === 0
      ? 'txn has applied: false, but nothing to compare'
      : undefined;
  }
  const done = parse(output);
  const isSame = ({ kind, key, value }: Part, i: number): boolean => {
    const other = done?.[i];
    if (other === undefined || other.kind !== kind) return false;
    return sameJson(other.key, key) && (kind === 'read' || sameJson(other.value, value));
  };
  return done?.length === asked.length && asked.every(isSame)
    ? undefined
    : `txn ${show(input)} completed as ${show(output)}, which is another transaction`;
}

/** The transaction was told that its comparisons did not all hold. */
function isObservation({ outcome, applied }: Operation): boolean {
  return outcome === 'ok' && !applied;
}

/** Of one that was done its reads have their values. */
function partsOf({ input, output, outcome, applied }: Operation): readonly Part[] {
  return parse(outcome === 'ok' && applied ? output : input) ?? [];
}

function parse(value: Json): readonly Part[] | undefined {
  if (!isArray(value)) return undefined;
  const parts: Part[] = [];
  for (const each of value) {
    if (!isArray(each) || each.length !== 3) return undefined;
    const [word, key, its] = each;
    const kind = KINDS.find((known) => known === word);
    if (kind === undefined || key === undefined || its === undefined) return undefined;
    parts.push({ kind, key, value: kind === 'delete' ? null : its });
  }
  return parts;
}

function changes({ kind }: Part): boolean {
  return kind === 'write' || kind === 'delete';
}

function after(cells: readonly Json[], part: Part): readonly Json[] {
  return changes(part) ? writeCell(cells, part.key, part.value) : cells;
}

function fits(cells: readonly Json[], { key, value }: Part): boolean {
  return sameJson(readCell(cells, key), value);
}
