import { closeSync, openSync, writeSync } from 'node:fs';
import { assert } from '../lib/assert.ts';
import { cannotWrite } from './write-error.ts';

/** Characters collected before they are written. */
const BATCH_LENGTH = 64 * 1024;
/** How long a line waits for others, in milliseconds: what a crash of this process may lose. */
const WAIT_MS = 20;

/**
 * Appends lines to a file, in the order of the calls. Lines are collected and written in one
 * synchronous write: a stream costs several times as much per line, and its order of failure is
 * nobody's.
 *
 * A write that fails is remembered, and the next `append` and `close` throw it (GONG-E041): a history
 * with a hole must not pass for one without.
 */
export class LineWriter implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  #lines = '';
  #timer: NodeJS.Timeout | undefined;
  #failure: Error | undefined;
  /** Whether a caller was thrown the failure. */
  #isTold = false;
  #isClosed = false;

  /** @throws UserError (`infrastructure`, GONG-E041) */
  constructor(path: string) {
    this.path = path;
    try {
      this.#descriptor = openSync(path, 'a');
    } catch (cause) {
      throw cannotWrite(path, cause);
    }
  }

  /** @param line - without its newline, and without one inside */
  append(line: string): void {
    // The number of a file that was closed is given to the next one that is opened.
    assert(!this.#isClosed, `a line came for ${this.path} after it was closed`);
    this.#throwFailure();
    this.#lines += `${line}\n`;
    if (this.#lines.length >= BATCH_LENGTH) this.flush();
    else this.#timer ??= setTimeout(() => this.#flushQuietly(), WAIT_MS);
  }

  /** Writes what was collected. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#throwFailure();
    if (this.#lines === '') return;
    const bytes = Buffer.from(this.#lines);
    this.#lines = '';
    try {
      for (let written = 0; written < bytes.length;) {
        written += writeSync(this.#descriptor, bytes, written);
      }
    } catch (cause) {
      this.#failure = cannotWrite(this.path, cause);
      this.#throwFailure();
    }
  }

  /** Flushes and closes; a second call does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.flush();
    } finally {
      closeSync(this.#descriptor);
    }
  }

  /** As `close`; a failure that somebody knows already does not stand in its own way again. */
  [Symbol.dispose](): void {
    const isKnown = this.#isTold;
    try {
      this.close();
    } catch (error) {
      if (!isKnown || error !== this.#failure) throw error;
    }
  }

  #throwFailure(): void {
    if (this.#failure === undefined) return;
    this.#isTold = true;
    throw this.#failure;
  }

  /** From the timer nobody could catch: the failure waits for the next call. */
  #flushQuietly(): void {
    try {
      this.flush();
    } catch {
      // Remembered by flush, and nobody knows it yet.
      this.#isTold = false;
    }
  }
}
