import { assertNever } from '../../lib/assert.ts';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { readTransaction, type Transaction, writeTransaction } from './transaction.ts';
import { readInteger, readValue, type Value, writeInteger, writeValue } from './value.ts';

export { readValue, type Value, writeValue } from './value.ts';

/**
 * What the log carries. Values, sets, queues and locks are apart: the same key may name one of each.
 */
export type Command =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly key: string }
  /** Sets `to` if the value is `from`; a `from` of null wants the key absent, a `to` of null deletes it. */
  | { readonly type: 'cas'; readonly key: string; readonly from: Value; readonly to: Value }
  /** Of a value that is a decimal integer, or absent, which counts as 0; answers with the sum. */
  | { readonly type: 'incr'; readonly key: string; readonly by: number }
  /** At the end of the value; absent counts as empty. Answers with the length, in UTF-16 units. */
  | { readonly type: 'append'; readonly key: string; readonly value: string }
  | Transaction
  /** Applied where it was not inside. */
  | { readonly type: 'set-add'; readonly key: string; readonly element: string }
  /** Applied where it was inside. */
  | { readonly type: 'set-remove'; readonly key: string; readonly element: string }
  | { readonly type: 'enqueue'; readonly key: string; readonly element: string }
  /** Answers with the oldest element; null, and not applied, where there is none. */
  | { readonly type: 'dequeue'; readonly key: string }
  /** Answers with a fencing token greater than all before; null, and not applied, where it is held. */
  | {
      readonly type: 'acquire';
      readonly key: string;
      /** For people who ask who holds it; it opens nothing. */
      readonly owner: string;
      readonly ttlMs: number;
    }
  /** Holds the lock for `ttlMs` from now on; not applied unless the token holds it. */
  | {
      readonly type: 'renew';
      readonly key: string;
      readonly token: number;
      readonly ttlMs: number;
    }
  /** Not applied unless the token holds it. */
  | { readonly type: 'release'; readonly key: string; readonly token: number }
  /** Answers with the session's id. It ends when nothing is heard of it for `expiryMs`. */
  | { readonly type: 'open-session'; readonly expiryMs: number }
  /** A sign of life; not applied where the session is over. */
  | { readonly type: 'keep-session'; readonly id: number }
  /** Not applied where the session is over. */
  | { readonly type: 'close-session'; readonly id: number };

/** The numbers of the encoding: only ever add to the end. */
const TYPES = [
  'put',
  'delete',
  'cas',
  'incr',
  'append',
  'txn',
  'set-add',
  'set-remove',
  'enqueue',
  'dequeue',
  'acquire',
  'renew',
  'release',
  'open-session',
  'keep-session',
  'close-session',
] as const satisfies readonly Command['type'][];

const writer = ByteWriter.shared();

/** The bytes are the caller's for good. */
export function encodeCommand(command: Command): Uint8Array {
  writeCommand(writer.begin(), command);
  return writer.take();
}

/** @throws DecodeError */
export function decodeCommand(bytes: Uint8Array): Command {
  const reader = new ByteReader(bytes);
  const command = readCommand(reader);
  reader.end();
  return command;
}

export function writeCommand(to: ByteWriter, command: Command): void {
  to.u8(TYPES.indexOf(command.type));
  switch (command.type) {
    case 'put':
    case 'append':
      to.text(command.key).text(command.value);
      break;
    case 'delete':
    case 'dequeue':
      to.text(command.key);
      break;
    case 'cas':
      to.text(command.key);
      writeValue(to, command.from);
      writeValue(to, command.to);
      break;
    case 'incr':
      writeInteger(to.text(command.key), command.by);
      break;
    case 'txn':
      writeTransaction(to, command);
      break;
    case 'set-add':
    case 'set-remove':
    case 'enqueue':
      to.text(command.key).text(command.element);
      break;
    case 'acquire':
      to.text(command.key).text(command.owner).u53(command.ttlMs);
      break;
    case 'renew':
      to.text(command.key).u53(command.token).u53(command.ttlMs);
      break;
    case 'release':
      to.text(command.key).u53(command.token);
      break;
    case 'open-session':
      to.u53(command.expiryMs);
      break;
    case 'keep-session':
    case 'close-session':
      to.u53(command.id);
      break;
    default:
      assertNever(command);
  }
}

/** @throws DecodeError */
export function readCommand(reader: ByteReader): Command {
  const type = TYPES[reader.u8()];
  if (type === undefined) throw new DecodeError('the command is not known');
  switch (type) {
    case 'put':
    case 'append':
      return { type, key: reader.text(), value: reader.text() };
    case 'delete':
    case 'dequeue':
      return { type, key: reader.text() };
    case 'cas':
      return { type, key: reader.text(), from: readValue(reader), to: readValue(reader) };
    case 'incr':
      return { type, key: reader.text(), by: readInteger(reader) };
    case 'txn':
      return readTransaction(reader);
    case 'set-add':
    case 'set-remove':
    case 'enqueue':
      return { type, key: reader.text(), element: reader.text() };
    case 'acquire':
      return { type, key: reader.text(), owner: reader.text(), ttlMs: reader.u53() };
    case 'renew':
      return { type, key: reader.text(), token: reader.u53(), ttlMs: reader.u53() };
    case 'release':
      return { type, key: reader.text(), token: reader.u53() };
    case 'open-session':
      return { type, expiryMs: reader.u53() };
    case 'keep-session':
    case 'close-session':
      return { type, id: reader.u53() };
    default:
      return assertNever(type);
  }
}
