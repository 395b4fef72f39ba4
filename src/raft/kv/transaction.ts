import { assertNever } from '../../lib/assert.ts';
import { type ByteReader, type ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { readInteger, readValue, type Value, writeInteger, writeValue } from './value.ts';

/** Holds where the value is (or is not) this one; null: absent. */
export interface Compare {
  readonly key: string;
  readonly is: '=' | '!=';
  readonly value: Value;
}

/** What a transaction does; each sees what those before it did. */
export type Operation =
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'incr'; readonly key: string; readonly by: number }
  | { readonly type: 'append'; readonly key: string; readonly value: string };

/**
 * Does `success` if all compares hold, else `failure`; applied tells which. All of it happens at one
 * index of the log, or nothing where one of its operations is refused. Answers with a list: what each
 * operation answers on its own, null for a put and a delete.
 */
export interface Transaction {
  readonly type: 'txn';
  readonly compares: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

const RELATIONS = ['=', '!='] as const satisfies readonly Compare['is'][];
const TYPES = [
  'get',
  'put',
  'delete',
  'incr',
  'append',
] as const satisfies readonly Operation['type'][];

/** Without the type, which is the command's. */
export function writeTransaction(
  writer: ByteWriter,
  { compares, success, failure }: Transaction,
): void {
  writer.u32(compares.length);
  for (const { key, is, value } of compares) {
    writeValue(writer.text(key).u8(RELATIONS.indexOf(is)), value);
  }
  writeOperations(writer, success);
  writeOperations(writer, failure);
}

/** @throws DecodeError */
export function readTransaction(reader: ByteReader): Transaction {
  const compares: Compare[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    const key = reader.text();
    const is = RELATIONS[reader.u8()];
    if (is === undefined) throw new DecodeError('the relation is not known');
    compares.push({ key, is, value: readValue(reader) });
  }
  const success = readOperations(reader);
  return { type: 'txn', compares, success, failure: readOperations(reader) };
}

function writeOperations(writer: ByteWriter, operations: readonly Operation[]): void {
  writer.u32(operations.length);
  for (const operation of operations) {
    writer.u8(TYPES.indexOf(operation.type)).text(operation.key);
    switch (operation.type) {
      case 'get':
      case 'delete':
        break;
      case 'put':
      case 'append':
        writer.text(operation.value);
        break;
      case 'incr':
        writeInteger(writer, operation.by);
        break;
      default:
        assertNever(operation);
    }
  }
}

function readOperations(reader: ByteReader): Operation[] {
  const operations: Operation[] = [];
  for (let left = reader.u32(); left > 0; left--) operations.push(readOperation(reader));
  return operations;
}

function readOperation(reader: ByteReader): Operation {
  const type = TYPES[reader.u8()];
  if (type === undefined) throw new DecodeError('the operation of a transaction is not known');
  const key = reader.text();
  switch (type) {
    case 'get':
    case 'delete':
      return { type, key };
    case 'put':
    case 'append':
      return { type, key, value: reader.text() };
    case 'incr':
      return { type, key, by: readInteger(reader) };
    default:
      return assertNever(type);
  }
}
