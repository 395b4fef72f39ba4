import type { Json, Operation } from '../history.ts';
import { canonicalJson, isArray, sameJson } from '../json.ts';
import { cellsOf, describeCells, readCell, writeCell } from './cells.ts';
import { REJECTED, type Model } from './model.ts';
import { malformedObservation, ofKey, show, showState, unknownFunction } from './register.ts';
import { describeCall } from './wording.ts';

/** One read or write of a transaction. */
export interface Micro {
  readonly isWrite: boolean;
  readonly key: Json;
  readonly value: Json;
}

/**
 * Several registers, of which one transaction reads and writes some at once: `txn` with a list of
 * `["read", key, null]` and `["write", key, value]` (also `"r"`, `"w"`), done in that order; at
 * completion the reads have their values. All begin absent; null is never written, and a read of an
 * absent register may say null or 0: recorders begin with either. Of a
 * crashed transaction only the writes count; one without writes is read-only.
 *
 * States are lists of [key, value] for the registers that were written, sorted by key.
 */
export const multiRegister: Model = {
  name: 'multi-register',
  about: 'several registers, read and written by transactions',
  functions: ['txn'],
  initial: [],
  malformed,
  step(state, operation) {
    const isCertain = operation.outcome === 'ok';
    let registers = cellsOf(state);
    for (const { isWrite, key, value } of microsOf(operation)) {
      if (isWrite) registers = writeCell(registers, key, value);
      else if (isCertain && !fits(readCell(registers, key), value)) return REJECTED;
    }
    return registers;
  },
  isReadOnly: (operation) => microsOf(operation).every(({ isWrite }) => !isWrite),
  effectKey(operation) {
    const micros = microsOf(operation).filter(
      ({ isWrite }) => isWrite || operation.outcome === 'ok',
    );
    return canonicalJson(micros.map(({ isWrite, key, value }) => [isWrite, key, value]));
  },
  describe(operation) {
    if (operation.outcome === 'info') return describeCall(operation);
    return `txn${ofKey(operation)} ${show(operation.output)}`;
  },
  describeState: describeCells,
  explainRejection(state, operation) {
    let registers = cellsOf(state);
    for (const { isWrite, key, value } of microsOf(operation)) {
      const found = readCell(registers, key);
      if (isWrite) registers = writeCell(registers, key, value);
      else if (!fits(found, value)) {
        return `it read ${show(value)} of ${show(key)}, but the state is ${showState(found)}`;
      }
    }
    return 'it fits';
  },
};

function malformed(operation: Operation): string | undefined {
  if (operation.f !== 'txn') return unknownFunction('multi-register', ['txn'], operation);
  const { input, output, outcome } = operation;
  const asked = parse(input);
  if (asked === undefined) {
    return `txn has value ${show(input)}, expected a list of ["read" or "write", key, value]`;
  }
  if (asked.some(({ isWrite, value }) => isWrite && value === null)) {
    return 'txn writes null, which means absent';
  }
  if (outcome === 'ok') {
    const done = parse(output);
    const isSame = ({ isWrite, key, value }: Micro, i: number): boolean => {
      const other = done?.[i];
      if (other === undefined || other.isWrite !== isWrite) return false;
      return sameJson(other.key, key) && (!isWrite || sameJson(other.value, value));
    };
    if (done?.length !== asked.length || !asked.every(isSame)) {
      return `txn ${show(input)} completed as ${show(output)}, which is another transaction`;
    }
  }
  return malformedObservation(operation);
}

/** What a transaction did; of a crashed one its reads have no values. */
export function microsOf({ input, output, outcome }: Operation): readonly Micro[] {
  return parse(outcome === 'ok' ? output : input) ?? [];
}

function parse(value: Json): readonly Micro[] | undefined {
  if (!isArray(value)) return undefined;
  const micros: Micro[] = [];
  for (const each of value) {
    if (!isArray(each) || each.length !== 3) return undefined;
    const [f, key, its] = each;
    if (key === undefined || its === undefined) return undefined;
    const isWrite = f === 'write' || f === 'w';
    if (!isWrite && f !== 'read' && f !== 'r') return undefined;
    micros.push({ isWrite, key, value: its });
  }
  return micros;
}

/** Whether a read may return the value where the register holds what was `found`; null: absent. */
function fits(found: Json, value: Json): boolean {
  return sameJson(found, value) || (found === null && value === 0);
}
