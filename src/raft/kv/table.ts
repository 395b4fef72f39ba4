import { type ByteReader, type ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { SortedTree } from './sorted-tree.ts';

export interface RowCodec<V> {
  readonly write: (writer: ByteWriter, value: V) => void;
  /** @throws DecodeError */
  readonly read: (reader: ByteReader) => V;
}

/** The rows of a table as they were when it was frozen. */
export interface FrozenRows {
  /** Writes the next row, behind the number of its kind. @returns false when there is none */
  write(writer: ByteWriter, kind: number): boolean;
}

/** What the encoding of the state sees of a table, whatever its values are. */
export interface Rows {
  freezeRows(): FrozenRows;
  /** Reads a row that was written after all that were restored before. @throws DecodeError */
  restoreRow(reader: ByteReader): void;
}

/** Rows of one kind. */
export class Table<V> extends SortedTree<V> implements Rows {
  readonly #codec: RowCodec<V>;
  #lastRestored: string | undefined;

  constructor(codec: RowCodec<V>) {
    super();
    this.#codec = codec;
  }

  freezeRows(): FrozenRows {
    const cursor = this.freeze();
    const codec = this.#codec;
    return {
      write(writer, kind) {
        if (!cursor.next()) return false;
        codec.write(writer.u8(kind).text(cursor.key), cursor.value);
        return true;
      },
    };
  }

  restoreRow(reader: ByteReader): void {
    const key = reader.text();
    if (this.#lastRestored !== undefined && key <= this.#lastRestored) {
      throw new DecodeError('rows of the state are out of order');
    }
    this.#lastRestored = key;
    this.set(key, this.#codec.read(reader));
  }
}

export const TEXT: RowCodec<string> = {
  write: (writer, value) => void writer.text(value),
  read: (reader) => reader.text(),
};

/** For tables whose keys say it all. */
export const PRESENT: RowCodec<true> = { write() {}, read: () => true };

/** As a part of a key: numbers are ordered as texts then. */
export function orderedNumber(value: number): string {
  return value.toString(36).padStart(11, '0');
}

/** Begins the keys of all rows of one object, and of no other's. */
export function rowsPrefix(key: string): string {
  return `${key.length}:${key}`;
}
