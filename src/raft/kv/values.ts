import { assertNever } from '../../lib/assert.ts';
import { unitsOf, type Datum } from './datum.ts';
import { APPENDED_UNITS_MAX, TXN_ANSWER_UNITS_MAX } from './limits.ts';
import { applied, APPLIED, conflict, NOT_APPLIED, type Result } from './result.ts';
import { Table, TEXT } from './table.ts';
import type { Compare, Operation, Transaction } from './transaction.ts';
import type { Value } from './value.ts';

/** Reads and writes values: of the table, or of a transaction that may come to nothing. */
interface Store {
  read(key: string): Value;
  write(key: string, value: Value): void;
}

/** Values by key. */
export class Values implements Store {
  readonly table: Table<string> = new Table(TEXT);

  read(key: string): Value {
    return this.table.get(key) ?? null;
  }

  write(key: string, value: Value): void {
    if (value === null) this.table.delete(key);
    else this.table.set(key, value);
  }

  cas(key: string, from: Value, to: Value): Result {
    if (this.read(key) !== from) return NOT_APPLIED;
    this.write(key, to);
    return APPLIED;
  }

  transact({ compares, success, failure }: Transaction): Result {
    const holds = compares.every((compare) => this.#holds(compare));
    const draft = new Draft(this);
    const answers: Datum[] = [];
    let units = 0;
    for (const operation of holds ? success : failure) {
      const result = operate(draft, operation);
      if (result.type === 'refused') return result;
      units += unitsOf(result.value);
      if (units > TXN_ANSWER_UNITS_MAX) return conflict('the transaction would read too much');
      answers.push(result.value);
    }
    draft.finish();
    return { type: 'done', applied: holds, value: answers };
  }

  #holds({ key, is, value }: Compare): boolean {
    return (this.read(key) === value) === (is === '=');
  }
}

export function operate(store: Store, operation: Operation): Result {
  switch (operation.type) {
    case 'get':
      return applied(store.read(operation.key));
    case 'put':
      store.write(operation.key, operation.value);
      return APPLIED;
    case 'delete':
      store.write(operation.key, null);
      return APPLIED;
    case 'incr':
      return increment(store, operation.key, operation.by);
    case 'append':
      return append(store, operation.key, operation.value);
    default:
      return assertNever(operation);
  }
}

function increment(store: Store, key: string, by: number): Result {
  const text = store.read(key) ?? '0';
  const number = Number(text);
  // The text of an integer, as `String` writes it: no spaces, no leading zeros, no -0.
  if (!Number.isSafeInteger(number) || String(number) !== text) {
    return conflict('the value is no integer');
  }
  const sum = number + by;
  if (!Number.isSafeInteger(sum)) return conflict('the sum is beyond 2^53');
  store.write(key, String(sum));
  return applied(sum);
}

function append(store: Store, key: string, tail: string): Result {
  const text = store.read(key) ?? '';
  const length = text.length + tail.length;
  if (length > APPENDED_UNITS_MAX) return conflict('the value would be too long');
  store.write(key, text + tail);
  return applied(length);
}

/** What a transaction wrote so far, over what is there. */
class Draft implements Store {
  readonly #below: Store;
  readonly #written = new Map<string, Value>();

  constructor(below: Store) {
    this.#below = below;
  }

  read(key: string): Value {
    const written = this.#written.get(key);
    return written === undefined ? this.#below.read(key) : written;
  }

  write(key: string, value: Value): void {
    this.#written.set(key, value);
  }

  finish(): void {
    for (const [key, value] of this.#written) this.#below.write(key, value);
  }
}
