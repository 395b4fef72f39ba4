import { crc32c } from '../../lib/crc32c.ts';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';

/** Version of the peer protocol: nodes of different versions do not talk. */
const VERSION = 1;
/** length 4 (of what follows the checksum), checksum 4, version 1, kind 1 */
const HEADER_BYTES = 10;
/** Far above the largest append; a larger claim is a broken or a foreign stream. */
export const FRAME_BYTES_MAX: number = 16 * 1024 * 1024;

export type FrameKind = 'handshake' | 'message';
const KINDS = ['handshake', 'message'] as const satisfies readonly FrameKind[];

export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Uint8Array;
}

export function encodeFrame(kind: FrameKind, payload: Uint8Array): Uint8Array {
  const writer = new ByteWriter(HEADER_BYTES + payload.length);
  writer
    .u32(payload.length + 2)
    .u32(0)
    .u8(VERSION)
    .u8(KINDS.indexOf(kind))
    .raw(payload);
  return writer.patchU32(4, crc32c(writer.finish(), 8)).finish();
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #rest: Uint8Array = new Uint8Array(0);

  /**
   * @returns the frames that are complete now; their payloads are valid until the next call
   * @throws DecodeError when the stream is not one of frames: nothing more can be read from it
   */
  push(chunk: Uint8Array): Frame[] {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const header = new ByteReader(bytes.subarray(at, at + HEADER_BYTES));
      const length = header.u32();
      if (length < 2 || length > FRAME_BYTES_MAX)
        throw new DecodeError(`a frame of ${length} bytes`);
      const end = at + 8 + length;
      if (end > bytes.length) break;
      if (crc32c(bytes, at + 8, end) !== header.u32()) throw new DecodeError('a frame is damaged');
      const version = header.u8();
      if (version !== VERSION) throw new DecodeError(`protocol version ${version} is not known`);
      const kind = KINDS[header.u8()];
      if (kind === undefined) throw new DecodeError('the frame kind is not known');
      frames.push({ kind, payload: bytes.subarray(at + HEADER_BYTES, end) });
      at = end;
    }
    // A copy, so that the chunk can go; `slice` of a Buffer would be a view.
    this.#rest = new Uint8Array(bytes.subarray(at));
    return frames;
  }
}

/** The first frame on a connection: which cluster, who dials, and whom it means to reach. */
export interface Handshake {
  readonly clusterId: string;
  readonly from: string;
  readonly to: string;
}

export function encodeHandshake(handshake: Handshake): Uint8Array {
  const writer = new ByteWriter();
  writer.text(handshake.clusterId).text(handshake.from).text(handshake.to);
  return encodeFrame('handshake', writer.finish());
}

/** @throws DecodeError */
export function decodeHandshake(payload: Uint8Array): Handshake {
  const reader = new ByteReader(payload);
  const handshake = { clusterId: reader.text(), from: reader.text(), to: reader.text() };
  reader.end();
  return handshake;
}
