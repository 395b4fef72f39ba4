/** Bytes that grow at their end without copying what is there each time. */
export class GrowingBytes {
  #buffer = new Uint8Array(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Writes over what is there; a gap before `at` reads as zeros. */
  writeAt(at: number, bytes: Uint8Array): void {
    const end = at + bytes.length;
    // Zeros only for a gap: the rest is written over at once.
    this.extend(at);
    this.#reserve(end);
    this.#buffer.set(bytes, at);
    this.#size = Math.max(this.#size, end);
  }

  /** Grows to `size` with zeros; never shrinks. */
  extend(size: number): void {
    if (size <= this.#size) return;
    this.#reserve(size);
    this.#buffer.fill(0, this.#size, size);
    this.#size = size;
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    // The old buffer is left as it is: views of it stay what they were.
    const grown = new Uint8Array(Math.max(size, this.#buffer.length * 2, 1024));
    grown.set(this.#buffer.subarray(0, this.#size));
    this.#buffer = grown;
  }

  truncate(size: number): void {
    this.#size = Math.min(this.#size, size);
  }

  /** A view: it changes when these bytes are written over. */
  view(from: number = 0, to: number = this.#size): Uint8Array {
    return this.#buffer.subarray(from, Math.min(to, this.#size));
  }

  copy(): Uint8Array {
    return this.#buffer.slice(0, this.#size);
  }

  /** @param mask - the bits of the byte `at` that change; does nothing behind the end */
  flip(at: number, mask: number): void {
    if (at < this.#size) this.#buffer[at] = (this.#buffer[at] ?? 0) ^ mask;
  }
}
