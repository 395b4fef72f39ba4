/** Bytes that are not what they should be: too short, or a number that cannot be. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

const encoder = new TextEncoder();
/** A byte order mark is a character like any other: what was written is read, all of it. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An allocation of more than 64 bytes costs the runtime ten times a view of a block like this. */
const BLOCK_BYTES = 64 * 1024;

/**
 * Appends numbers and bytes to a growing buffer; all numbers are big-endian.
 *
 * One writer may serve a whole module: what `take` hands out belongs to the taker for good, and the
 * next text begins behind it. Whoever shares one begins with `begin`, since an encoding that threw
 * may have left half a text.
 */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  /** Where the present text begins; what stands before it was taken and is never written again. */
  #start = 0;
  #end = 0;
  readonly #capacity: number;

  constructor(capacity: number = 256) {
    this.#capacity = capacity;
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** A writer for many short texts, each of which is taken. */
  static shared(): ByteWriter {
    return new ByteWriter(BLOCK_BYTES);
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** Forgets what was written and not taken. */
  begin(): this {
    this.#end = this.#start;
    return this;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
    return this;
  }

  /** A non-negative safe integer in eight bytes. */
  u53(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a u53: ${value}`);
    const at = this.#reserve(8);
    this.#view.setUint32(at, Math.floor(value / 0x1_0000_0000));
    this.#view.setUint32(at + 4, value >>> 0);
    return this;
  }

  /** Length first, in four bytes. */
  block(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes);
  }

  /** UTF-8, length in bytes first. */
  text(value: string): this {
    if (value.length <= SHORT_TEXT_MAX && this.#shortAscii(value)) return this;
    return this.block(encoder.encode(value));
  }

  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    copyBytes(bytes, 0, bytes.length, this.#bytes, at);
    return this;
  }

  /** Overwrites four bytes written earlier: lengths and checksums that come out later. */
  patchU32(at: number, value: number): this {
    this.#view.setUint32(this.#start + at, value);
    return this;
  }

  /** A view of what was written; valid until the next write. */
  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#start, this.#end - this.#start);
  }

  /** What was written; this writer never touches it again, and is as new. */
  take(): Uint8Array {
    const bytes = this.finish();
    this.#start = this.#end;
    return bytes;
  }

  /** ASCII is its own UTF-8. @returns false, with nothing written, when the text is not ASCII */
  #shortAscii(value: string): boolean {
    const { length } = value;
    const at = this.#reserve(4 + length);
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.#end = at;
        return false;
      }
      bytes[at + 4 + i] = code;
    }
    this.#view.setUint32(at, length);
    return true;
  }

  /** May replace the buffer: call it first, then look at `#view` and `#bytes`. */
  #reserve(size: number): number {
    const at = this.#end;
    if (at + size <= this.#bytes.length) {
      this.#end = at + size;
      return at;
    }
    return this.#grow(size);
  }

  #grow(size: number): number {
    const written = this.finish();
    const needed = written.length + size;
    // A block of which parts were taken is left to the takers, and the next one begins.
    const capacity = this.#start > 0 ? this.#capacity : this.#bytes.length * 2;
    this.#bytes = new Uint8Array(Math.max(needed, capacity));
    this.#view = new DataView(this.#bytes.buffer);
    this.#bytes.set(written);
    this.#start = 0;
    this.#end = needed;
    return written.length;
  }
}

/** Reads what `ByteWriter` wrote and never beyond its end. Every method throws DecodeError. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;

  /** @param start - where to begin */
  constructor(bytes: Uint8Array, start: number = 0) {
    this.#bytes = bytes;
    this.#at = start;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  u32(): number {
    return u32At(this.#bytes, this.#take(4));
  }

  u53(): number {
    const at = this.#take(8);
    const high = u32At(this.#bytes, at);
    if (high > 0x1f_ffff) throw new DecodeError('a number is beyond 2^53');
    return high * 0x1_0000_0000 + u32At(this.#bytes, at + 4);
  }

  /** A copy: it outlives the buffer that was read. */
  block(): Uint8Array {
    const length = this.u32();
    const at = this.#take(length);
    return copyOf(this.#bytes, at, length);
  }

  /** Not a copy: for what is decoded at once. */
  blockInPlace(): Uint8Array {
    const length = this.u32();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  text(): string {
    const length = this.u32();
    const at = this.#take(length);
    const short = length <= SHORT_TEXT_MAX ? shortAscii(this.#bytes, at, length) : undefined;
    if (short !== undefined) return short;
    try {
      return decoder.decode(this.#bytes.subarray(at, at + length));
    } catch (cause) {
      throw new DecodeError('a text is not UTF-8', { cause });
    }
  }

  /** @throws DecodeError when something follows */
  end(): void {
    if (this.remaining > 0) throw new DecodeError(`${this.remaining} bytes too many`);
  }

  #take(size: number): number {
    const at = this.#at;
    const end = at + size;
    if (end > this.#bytes.length) {
      throw new DecodeError(`${end - this.#bytes.length} bytes are missing`);
    }
    this.#at = end;
    return at;
  }
}

/** The caller has looked: the bytes are there, and the zeros are for the compiler. */
function u32At(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}

/** Below, a loop costs less than the call into the runtime. */
const LOOP_BYTES_MAX = 48;

function copyBytes(
  from: Uint8Array,
  start: number,
  length: number,
  to: Uint8Array,
  at: number,
): void {
  if (length > LOOP_BYTES_MAX) {
    to.set(from.subarray(start, start + length), at);
    return;
  }
  for (let i = 0; i < length; i++) to[at + i] = from[start + i] ?? 0;
}

let copies = new Uint8Array(0);
let copiesEnd = 0;

/** Short copies share blocks of memory, but no byte: each part is handed out once. */
function copyOf(bytes: Uint8Array, start: number, length: number): Uint8Array {
  // Not `slice`: of a Buffer that would be a view.
  if (length > BLOCK_BYTES / 16) return new Uint8Array(bytes.subarray(start, start + length));
  if (copiesEnd + length > copies.length) {
    copies = new Uint8Array(BLOCK_BYTES);
    copiesEnd = 0;
  }
  const at = copiesEnd;
  copiesEnd += length;
  copyBytes(bytes, start, length, copies, at);
  return new Uint8Array(copies.buffer, at, length);
}

/** Texts up to here take the short way when they are ASCII: names, keys and most values. */
const SHORT_TEXT_MAX = 64;

/** Short texts read lately, by a hash of their bytes: names and keys come again and again. */
const RECENT_TEXTS: string[] = Array.from({ length: 512 }, () => '');

/** Undefined when the text is not ASCII. */
function shortAscii(bytes: Uint8Array, at: number, length: number): string | undefined {
  let hash = length;
  for (let i = at; i < at + length; i++) {
    const code = bytes[i] ?? 0;
    if (code > 0x7f) return undefined;
    hash = (Math.imul(hash, 31) + code) | 0;
  }
  const slot = (hash ^ (hash >>> 15)) & (RECENT_TEXTS.length - 1);
  const recent = RECENT_TEXTS[slot] ?? '';
  if (equalsAscii(recent, bytes, at, length)) return recent;
  const text =
    length <= JOINED_TEXT_MAX
      ? joinedAscii(bytes, at, length)
      : decoder.decode(bytes.subarray(at, at + length));
  RECENT_TEXTS[slot] = text;
  return text;
}

/** Above, the runtime keeps what is joined as a tree of its parts: several times the memory. */
const JOINED_TEXT_MAX = 12;

function joinedAscii(bytes: Uint8Array, at: number, length: number): string {
  let text = '';
  for (let i = at; i < at + length; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text;
}

function equalsAscii(text: string, bytes: Uint8Array, at: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false;
  return true;
}
