import { ByteReader, ByteWriter } from '../../lib/bytes.ts';
import { crc32c } from '../../lib/crc32c.ts';

/** A piece of a snapshot file; see `snapshot-format.ts`. */
export interface Piece {
  readonly kind: number;
  readonly number: number;
  readonly payload: Uint8Array;
}

const MAGIC = 0x47534e50;

/** The pieces of a file that is whole. */
export function piecesOf(bytes: Uint8Array): readonly Piece[] {
  const pieces: Piece[] = [];
  const reader = new ByteReader(bytes);
  while (reader.remaining > 0) {
    reader.u32();
    const kind = reader.u8();
    const number = reader.u32();
    const length = reader.u32();
    reader.u32();
    reader.u32();
    const payload = new Uint8Array(length);
    for (let i = 0; i < length; i++) payload[i] = reader.u8();
    pieces.push({ kind, number, payload });
  }
  return pieces;
}

/** A file of these pieces, whose checksums and chain are right whatever is in them. */
export function fileOf(pieces: readonly Piece[]): Uint8Array {
  const file = new ByteWriter();
  let chain = 0;
  for (const { kind, number, payload } of pieces) {
    const header = new ByteWriter();
    header.u32(MAGIC).u8(kind).u32(number).u32(payload.length).u32(crc32c(payload));
    chain = crc32c(new ByteWriter().u32(chain).raw(header.finish()).finish());
    file.raw(header.finish()).u32(chain).raw(payload);
  }
  return file.finish();
}
