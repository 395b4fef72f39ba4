import { connect, type Socket } from 'node:net';
import type { LinkGate } from './link-gate.ts';
import { Pipe } from './link-pipe.ts';
import { HOST } from './protocol.ts';

/**
 * One connection that `from` dialled, and its continuation to `to`. While the gate is closed nothing
 * crosses: no bytes, no FIN, no RST, and no dial. Streams are delivered whole or reset, never with a
 * gap: a side that broke takes the bytes still held with it, and the other side sees a reset. On a slow
 * link that reset waits as long as any byte would.
 */
export class LinkConnection {
  readonly #gate: LinkGate;
  readonly #targetPort: number;
  readonly #onGone: () => void;
  readonly #down: Socket;
  readonly #forth: Pipe;
  #up: Socket | undefined;
  #back: Pipe | undefined;
  /** A side was reset or could not be reached, or a reset was asked for: the rest has to follow. */
  #isBroken = false;
  #isResetByOrder = false;
  /** Runs while a reset is on its way over a slow link. */
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param down - as accepted from `from`, with `allowHalfOpen`
   * @param onGone - called once, when nothing is left of it
   */
  constructor(down: Socket, options: { gate: LinkGate; targetPort: number; onGone: () => void }) {
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
      this.#end();
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

  /** A delay of the link has just ended. */
  hurry(): void {
    this.#forth.hurry();
    this.#back?.hurry();
    if (this.#isBroken && this.#gate.isOpen) this.#endInTime();
  }

  /**
   * Resets both sides; when the link is cut, at the heal.
   *
   * @returns whether it did so now, and there was something to reset
   */
  reset(): boolean {
    const wasBroken = this.#isBroken;
    this.#isBroken = true;
    this.#isResetByOrder ||= !wasBroken;
    if (this.#gate.isOpen) this.#end();
    return this.#gate.isOpen && !wasBroken;
  }

  /** Resets both sides, even if the link is cut. */
  destroy(): void {
    this.#stopTimers();
    this.#down.resetAndDestroy();
    this.#up?.resetAndDestroy();
  }

  /** What a break leads to, once it may cross. */
  #end(): void {
    if (this.#isResetByOrder) this.#gate.count('resets', 1);
    this.#isResetByOrder = false;
    this.destroy();
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
      if (hadError || !this.#hasEndedBothWays(socket)) this.#hasBroken();
      if (this.#down.destroyed && (this.#up === undefined || this.#up.destroyed)) {
        this.#stopTimers();
        this.#onGone();
      }
    });
  }

  #stopTimers(): void {
    this.#forth.close();
    this.#back?.close();
    clearTimeout(this.#timer);
  }

  /** A side is gone before its time: the other one hears of it when the link lets it. */
  #hasBroken(): void {
    const isNews = !this.#isBroken;
    this.#isBroken = true;
    if (isNews && this.#gate.isOpen) this.#endInTime();
  }

  /** Not before any byte that is still on its way over a slow link. */
  #endInTime(): void {
    clearTimeout(this.#timer);
    const dueMs = this.#gate.dueMsMax();
    if (dueMs === 0) {
      this.#end();
      return;
    }
    this.#timer = setTimeout(
      () => {
        if (this.#gate.isOpen) this.#end();
      },
      Math.ceil(dueMs - performance.now()),
    );
  }

  #hasEndedBothWays(socket: Socket): boolean {
    if (this.#back === undefined) return this.#forth.sourceHasEnded;
    return socket === this.#down
      ? this.#forth.sourceHasEnded && this.#back.sinkWasEnded
      : this.#back.sourceHasEnded && this.#forth.sinkWasEnded;
  }
}
