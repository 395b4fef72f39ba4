import type { Socket } from 'node:net';
import type { LinkGate } from './link-gate.ts';

/** How much one direction of one connection keeps in memory before it stops reading. */
const PENDING_BYTES_MAX = 64 * 1024;
/** The same while the link is slow: otherwise a delay would be a narrow bandwidth, too. */
const SLOW_PENDING_BYTES_MAX = 4 * 1024 * 1024;

/**
 * One direction of one connection. What it reads waits here until the gate is open and its time has
 * come, and goes on in order, one write at a time: so at most one chunk (64 KiB) is out of its hands
 * but not yet in the kernel when a cut begins. That chunk counts as having crossed, like what the
 * kernel already has.
 */
export class Pipe {
  readonly #source: Socket;
  readonly #gate: LinkGate;
  readonly #pending: Buffer[] = [];
  /** When each of them may go on, see `LinkGate.dueMs`. */
  readonly #dueMs: number[] = [];
  #pendingBytes = 0;
  #sink: Socket | undefined;
  #isWriting = false;
  #sourceHasEnded = false;
  #endDueMs = 0;
  #sinkWasEnded = false;
  /** Runs while the next in line waits for its time. */
  #timer: NodeJS.Timeout | undefined;

  constructor(source: Socket, gate: LinkGate) {
    this.#source = source;
    this.#gate = gate;
    source.on('data', (chunk: Buffer) => {
      this.#pending.push(chunk);
      this.#dueMs.push(gate.dueMs());
      this.#pendingBytes += chunk.length;
      if (!gate.isOpen) gate.count('heldBytes', chunk.length);
      // Back-pressure: the kernel's buffers fill up behind us, as they would behind a real cut.
      if (this.#isFull) source.pause();
      this.pump();
    });
    source.on('end', () => {
      this.#sourceHasEnded = true;
      this.#endDueMs = gate.dueMs();
      this.pump();
    });
  }

  get sourceHasEnded(): boolean {
    return this.#sourceHasEnded;
  }

  get sinkWasEnded(): boolean {
    return this.#sinkWasEnded;
  }

  get isEmpty(): boolean {
    return this.#pendingBytes === 0;
  }

  attach(sink: Socket): void {
    this.#sink = sink;
    this.pump();
  }

  /** The gate has just closed: what was read and not written counts as held. */
  hold(): void {
    this.#gate.count('heldBytes', this.#pendingBytes);
  }

  /** A delay has just ended: nothing waits longer than what arrives now. */
  hurry(): void {
    const dueMsMax = this.#gate.dueMsMax();
    this.#dueMs.forEach((dueMs, i) => {
      this.#dueMs[i] = Math.min(dueMs, dueMsMax);
    });
    this.#endDueMs = Math.min(this.#endDueMs, dueMsMax);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.pump();
  }

  /** Nothing will go through any more. */
  close(): void {
    clearTimeout(this.#timer);
  }

  pump(): void {
    const sink = this.#sink;
    if (!this.#gate.isOpen || sink === undefined || sink.destroyed || this.#isWriting) return;
    const next = this.#pending[0];
    const isEnd = next === undefined && this.#sourceHasEnded && !this.#sinkWasEnded;
    if (next === undefined && !isEnd) return;
    const dueMs = isEnd ? this.#endDueMs : (this.#dueMs[0] ?? 0);
    if (dueMs > 0 && !this.#isDue(dueMs)) return;
    if (next === undefined) {
      this.#sinkWasEnded = true;
      sink.end();
      return;
    }
    this.#pending.shift();
    this.#dueMs.shift();
    this.#isWriting = true;
    this.#pendingBytes -= next.length;
    this.#gate.count('forwardedBytes', next.length);
    if (dueMs > 0) this.#gate.count('delayedBytes', next.length);
    sink.write(next, (error) => {
      this.#isWriting = false;
      // An error also closes the sink, and that is where it is dealt with.
      if (!error) this.pump();
    });
    if (!this.#isFull && this.#source.isPaused()) this.#source.resume();
  }

  get #isFull(): boolean {
    const isWaiting = this.#gate.isSlow && this.#gate.isOpen;
    return this.#pendingBytes >= (isWaiting ? SLOW_PENDING_BYTES_MAX : PENDING_BYTES_MAX);
  }

  /** If not, pumps again when it is. */
  #isDue(dueMs: number): boolean {
    const leftMs = dueMs - performance.now();
    if (leftMs <= 0) return true;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.pump();
    }, Math.ceil(leftMs));
    return false;
  }
}
