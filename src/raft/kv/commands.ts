import { assertNever } from '../../lib/assert.ts';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';

/** Values are UTF-8 strings; `null` stands for an absent key. */
export type Value = string | null;

/** What the log carries. */
export type Command =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly key: string }
  /** Sets `to` if the value is `from`; a `from` of null wants the key absent, a `to` of null deletes it. */
  | { readonly type: 'cas'; readonly key: string; readonly from: Value; readonly to: Value };

const TYPES = ['put', 'delete', 'cas'] as const satisfies readonly Command['type'][];

const writer = ByteWriter.shared();

/** The bytes are the caller's for good. */
export function encodeCommand(command: Command): Uint8Array {
  writer.begin().u8(TYPES.indexOf(command.type)).text(command.key);
  switch (command.type) {
    case 'put':
      writer.text(command.value);
      break;
    case 'delete':
      break;
    case 'cas':
      writeValue(writer, command.from);
      writeValue(writer, command.to);
      break;
    default:
      assertNever(command);
  }
  return writer.take();
}

/** @throws DecodeError */
export function decodeCommand(bytes: Uint8Array): Command {
  const reader = new ByteReader(bytes);
  const type = TYPES[reader.u8()];
  if (type === undefined) throw new DecodeError('the command is not known');
  const key = reader.text();
  const command = readCommand(reader, type, key);
  reader.end();
  return command;
}

function readCommand(reader: ByteReader, type: Command['type'], key: string): Command {
  switch (type) {
    case 'put':
      return { type, key, value: reader.text() };
    case 'delete':
      return { type, key };
    case 'cas':
      return { type, key, from: readValue(reader), to: readValue(reader) };
    default:
      return assertNever(type);
  }
}

/** Also used for values in answers between peers. */
export function writeValue(writer: ByteWriter, value: Value): void {
  if (value === null) writer.u8(0);
  else writer.u8(1).text(value);
}

/** @throws DecodeError */
export function readValue(reader: ByteReader): Value {
  const flag = reader.u8();
  if (flag > 1) throw new DecodeError(`${flag} does not tell whether a value is there`);
  return flag === 0 ? null : reader.text();
}
