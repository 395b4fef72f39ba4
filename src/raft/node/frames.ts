import { crc32c } from '../../lib/crc32c.ts';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';

/** Version of the peer protocol: nodes of different versions do not talk. */
const VERSION = 2;
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

const writer = ByteWriter.shared();

/** The bytes are the caller's for good. */
export function encodeFrame(kind: FrameKind, payload: Uint8Array): Uint8Array {
  writer
    .begin()
    .u32(payload.length + 2)
    .u32(0)
    .u8(VERSION)
    .u8(KINDS.indexOf(kind))
    .raw(payload);
  return writer.patchU32(4, crc32c(writer.finish(), 8)).take();
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  /** What has come of frames that are not complete, in pieces: they are joined once, when they are. */
  #pieces: Uint8Array[] = [];
  #size = 0;
  /** With fewer bytes there is nothing new to see. */
  #needed = HEADER_BYTES;
  #bytesMax: number;

  /** @param bytesMax - a larger frame is refused by its header, before anything of it is kept */
  constructor(bytesMax: number = FRAME_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** From the next frame on. */
  allow(bytesMax: number): void {
    this.#bytesMax = bytesMax;
  }

  /**
   * One frame after the other: what was learnt from one counts for how the next is read.
   *
   * @returns the frames that are complete now; their payloads are valid until the next call
   * @throws DecodeError when the stream is not one of frames: nothing more can be read from it
   */
  *push(chunk: Uint8Array): Generator<Frame, void, void> {
    this.#pieces.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) {
      // A copy, so that the chunk can go: it may be a view of a larger block.
      this.#pieces[this.#pieces.length - 1] = new Uint8Array(chunk);
      return;
    }
    const bytes = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces);
    let at = 0;
    this.#needed = HEADER_BYTES;
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + this.#sizeAt(bytes, at);
      if (end > bytes.length) {
        this.#needed = end - at;
        break;
      }
      const frame = frameAt(bytes, at, end);
      at = end;
      yield frame;
    }
    const rest = new Uint8Array(bytes.subarray(at));
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }

  /** Of the whole frame, by its header. */
  #sizeAt(bytes: Uint8Array, at: number): number {
    const length = new ByteReader(bytes, at).u32();
    if (length < 2 || length > this.#bytesMax) throw new DecodeError(`a frame of ${length} bytes`);
    return length + 8;
  }
}

function frameAt(bytes: Uint8Array, at: number, end: number): Frame {
  const header = new ByteReader(bytes, at + 4);
  if (crc32c(bytes, at + 8, end) !== header.u32()) throw new DecodeError('a frame is damaged');
  const version = header.u8();
  if (version !== VERSION) throw new DecodeError(`protocol version ${version} is not known`);
  const kind = KINDS[header.u8()];
  if (kind === undefined) throw new DecodeError('the frame kind is not known');
  return { kind, payload: bytes.subarray(at + HEADER_BYTES, end) };
}

/** A first frame that claims more is refused: nobody has said yet who they are. */
export const HANDSHAKE_BYTES_MAX = 4096;

/** The first frame on a connection: which cluster, who dials, and whom it means to reach. */
export interface Handshake {
  readonly clusterId: string;
  readonly from: string;
  readonly to: string;
  /** Where clients reach who dials; empty when that is not told. */
  readonly clientUrl: string;
  /** Empty when there is none. */
  readonly token: string;
}

export function encodeHandshake(handshake: Handshake): Uint8Array {
  const writer = new ByteWriter();
  writer.text(handshake.clusterId).text(handshake.from).text(handshake.to);
  writer.text(handshake.clientUrl).text(handshake.token);
  return encodeFrame('handshake', writer.finish());
}

/** @throws DecodeError */
export function decodeHandshake(payload: Uint8Array): Handshake {
  const reader = new ByteReader(payload);
  const handshake = {
    clusterId: reader.text(),
    from: reader.text(),
    to: reader.text(),
    clientUrl: reader.text(),
    token: reader.text(),
  };
  reader.end();
  return handshake;
}
