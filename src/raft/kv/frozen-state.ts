import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import type { FrozenRows, Rows } from './table.ts';

/**
 * The state as it was when it was frozen, encoded piece by piece while commands go on being applied
 * (copy on write). The bytes depend on the state alone: not on how the stream is cut, nor on what is
 * applied meanwhile, nor on whether the state was ever restored from such bytes.
 */
export interface FrozenState extends Disposable {
  /**
   * @returns about `bytesMax` more bytes, in whole rows, at least one; undefined when all were given.
   *   Costs CPU in proportion to what it returns. The bytes are the caller's for good.
   */
  next(bytesMax: number): Uint8Array | undefined;
}

const VERSION = 1;
/** The last row goes beyond what was asked for: without room for it all would be copied once more. */
const LAST_ROW_BYTES = 256;
/** A writer grows; what it begins with must not depend on a wish alone. */
const CAPACITY_MAX = 1024 * 1024;
/** The first byte of a row; in between, the number of its table, from 1. */
const FIRST_ROW = 0;
const LAST_ROW = 255;

/** @param tables - always the same ones in the same order: their places are their numbers */
export function freeze(timeMs: number, tables: readonly Rows[]): FrozenState {
  // Frozen now, all of them: they are read later.
  let frozen: readonly FrozenRows[] | undefined = tables.map((table) => table.freezeRows());
  let [at, rows, isBegun] = [0, 0, false];
  return {
    next(bytesMax) {
      if (frozen === undefined) return undefined;
      const writer = new ByteWriter(Math.min(bytesMax + LAST_ROW_BYTES, CAPACITY_MAX));
      if (!isBegun) writer.u8(FIRST_ROW).u8(VERSION).u53(timeMs);
      isBegun = true;
      while (writer.length < bytesMax || writer.length === 0) {
        const table = frozen[at];
        if (table === undefined) {
          frozen = undefined;
          return writer.u8(LAST_ROW).u53(rows).take();
        }
        if (table.write(writer, at + 1)) rows += 1;
        else at += 1;
      }
      return writer.take();
    },
    [Symbol.dispose]() {
      frozen = undefined;
    },
  };
}

/**
 * Fills tables with the rows of a frozen state, piece by piece.
 *
 * @param tables - empty, the same ones in the same order
 */
export class Restoring {
  readonly #tables: readonly Rows[];
  #timeMs: number | undefined;
  #table = 0;
  #rows = 0;
  #isWhole = false;

  constructor(tables: readonly Rows[]) {
    this.#tables = tables;
  }

  /** @throws DecodeError */
  push(piece: Uint8Array): void {
    const reader = new ByteReader(piece);
    while (reader.remaining > 0) {
      if (this.#isWhole) throw new DecodeError('the state goes on behind its end');
      const kind = reader.u8();
      if (this.#timeMs === undefined) this.#timeMs = readFirst(reader, kind);
      else if (kind === LAST_ROW) this.#readLast(reader);
      else this.#readRow(reader, kind);
    }
  }

  /** @returns the log time @throws DecodeError when something is missing */
  finish(): number {
    if (this.#timeMs === undefined || !this.#isWhole) {
      throw new DecodeError('the state ends before its end');
    }
    return this.#timeMs;
  }

  #readRow(reader: ByteReader, table: number): void {
    const rows = this.#tables[table - 1];
    if (rows === undefined) throw new DecodeError(`rows of kind ${table} are not known`);
    if (table < this.#table) throw new DecodeError('rows of the state are out of order');
    this.#table = table;
    this.#rows += 1;
    rows.restoreRow(reader);
  }

  #readLast(reader: ByteReader): void {
    const rows = reader.u53();
    if (rows !== this.#rows)
      throw new DecodeError(`${this.#rows} rows, where ${rows} were written`);
    this.#isWhole = true;
  }
}

function readFirst(reader: ByteReader, kind: number): number {
  if (kind !== FIRST_ROW) throw new DecodeError('the state does not begin with its first row');
  const version = reader.u8();
  if (version !== VERSION) throw new DecodeError(`version ${version} of the state is not known`);
  return reader.u53();
}
