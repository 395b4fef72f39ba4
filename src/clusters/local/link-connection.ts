import { connect, type Socket } from 'node:net';
import { HOST } from './protocol.ts';

/** Whether a link lets anything through, and its books. */
export interface Gate {
  readonly isOpen: boolean;
  countForwarded(bytes: number): void;
  countHeld(bytes: number): void;
}

/** How much one direction of one connection keeps in memory before it stops reading. */
const PENDING_BYTES_MAX = 64 * 1024;

/**
 * One direction of one connection. What it reads waits here until the gate is open, and goes on in
 * order, one write at a time: so at most one chunk (64 KiB) is out of its hands but not yet in the
 * kernel when a cut begins. That chunk counts as having crossed, like what the kernel already has.
 */
class Pipe {
  readonly #source: Socket;
  readonly #gate: Gate;
  readonly #pending: Buffer[] = [];
  #pendingBytes = 0;
  #sink: Socket | undefined;
  #isWriting = false;
  #sourceHasEnded = false;
  #sinkWasEnded = false;

  constructor(source: Socket, gate: Gate) {
    this.#source = source;
    this.#gate = gate;
    source.on('data', (chunk: Buffer) => {
      this.#pending.push(chunk);
      this.#pendingBytes += chunk.length;
      if (!gate.isOpen) gate.countHeld(chunk.length);
      // Back-pressure: the kernel's buffers fill up behind us, as they would behind a real cut.
      if (this.#pendingBytes >= PENDING_BYTES_MAX) source.pause();
      this.pump();
    });
    source.on('end', () => {
      this.#sourceHasEnded = true;
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
    this.#gate.countHeld(this.#pendingBytes);
  }

  pump(): void {
    const sink = this.#sink;
    if (!this.#gate.isOpen || sink === undefined || sink.destroyed || this.#isWriting) return;
    const chunk = this.#pending.shift();
    if (chunk !== undefined) {
      this.#isWriting = true;
      this.#pendingBytes -= chunk.length;
      this.#gate.countForwarded(chunk.length);
      sink.write(chunk, (error) => {
        this.#isWriting = false;
        // An error also closes the sink, and that is where it is dealt with.
        if (!error) this.pump();
      });
      if (this.#pendingBytes < PENDING_BYTES_MAX && this.#source.isPaused()) this.#source.resume();
    } else if (this.#sourceHasEnded && !this.#sinkWasEnded) {
      this.#sinkWasEnded = true;
      sink.end();
    }
  }
}

/**
 * One connection that `from` dialled, and its continuation to `to`. While the gate is closed nothing
 * crosses: no bytes, no FIN, no RST, and no dial. Streams are delivered whole or reset, never with a
 * gap: a side that broke takes the bytes still held with it, and the other side sees a reset.
 */
export class LinkConnection {
  readonly #gate: Gate;
  readonly #targetPort: number;
  readonly #onGone: () => void;
  readonly #down: Socket;
  readonly #forth: Pipe;
  #up: Socket | undefined;
  #back: Pipe | undefined;
  /** A side was reset or could not be reached; the other one has to learn of it. */
  #isBroken = false;

  /**
   * @param down - as accepted from `from`, with `allowHalfOpen`
   * @param onGone - called once, when nothing is left of it
   */
  constructor(down: Socket, options: { gate: Gate; targetPort: number; onGone: () => void }) {
    this.#down = down;
    this.#gate = options.gate;
    this.#targetPort = options.targetPort;
    this.#onGone = options.onGone;
    down.setNoDelay(true);
    this.#forth = new Pipe(down, this.#gate);
    this.#watch(down);
    if (this.#gate.isOpen) this.#dial();
  }

  /** The link has just been cut. */
  hold(): void {
    this.#forth.hold();
    this.#back?.hold();
  }

  /** The link has just been healed: everything that happened meanwhile happens now. */
  release(): void {
    if (this.#isBroken) {
      this.reset();
    } else if (this.#up !== undefined) {
      this.#forth.pump();
      this.#back?.pump();
    } else if (this.#forth.sourceHasEnded && this.#forth.isEmpty) {
      // Opened and given up during the cut, without a word: nothing there to deliver.
      this.#down.end();
    } else {
      this.#dial();
    }
  }

  /** Resets both sides. */
  reset(): void {
    this.#down.resetAndDestroy();
    this.#up?.resetAndDestroy();
  }

  #dial(): void {
    const up = connect({ host: HOST, port: this.#targetPort, allowHalfOpen: true, noDelay: true });
    this.#up = up;
    this.#back = new Pipe(up, this.#gate);
    this.#back.attach(this.#down);
    this.#watch(up);
    // Not before: a socket that is still connecting would take bytes that a cut could not hold.
    up.once('connect', () => {
      this.#forth.attach(up);
    });
  }

  #watch(socket: Socket): void {
    // What went wrong does not matter to the other side: `close` follows, and it passes on a reset.
    socket.on('error', () => {});
    socket.on('close', (hadError) => {
      // A clean end has gone its way through the pipes already, in order behind the last byte.
      if (hadError || !this.#hasEndedBothWays(socket)) {
        this.#isBroken = true;
        if (this.#gate.isOpen) this.reset();
      }
      if (this.#down.destroyed && (this.#up === undefined || this.#up.destroyed)) this.#onGone();
    });
  }

  #hasEndedBothWays(socket: Socket): boolean {
    if (this.#back === undefined) return this.#forth.sourceHasEnded;
    return socket === this.#down
      ? this.#forth.sourceHasEnded && this.#back.sinkWasEnded
      : this.#back.sourceHasEnded && this.#forth.sinkWasEnded;
  }
}
