import { type ByteReader, type ByteWriter, DecodeError } from '../../lib/bytes.ts';

/** Values are UTF-8 strings; `null` stands for an absent key. */
export type Value = string | null;

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

/** A safe integer of either sign. */
export function writeInteger(writer: ByteWriter, value: number): void {
  writer.u8(value < 0 ? 1 : 0).u53(Math.abs(value));
}

/** @throws DecodeError */
export function readInteger(reader: ByteReader): number {
  const sign = reader.u8();
  if (sign > 1) throw new DecodeError(`${sign} is no sign`);
  const magnitude = reader.u53();
  // Never -0, which no text stands for.
  return sign === 0 ? magnitude : 0 - magnitude;
}
