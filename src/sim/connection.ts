import type { Crossing } from './link-gate.ts';
import type { Simulation } from './simulation.ts';

export interface ConnectionParts {
  readonly sim: Simulation;
  /** When a message arrives that sets out now, by the latency of the link. */
  readonly flightNs: () => number;
  readonly enter: (crossing: Crossing) => void;
  readonly deliver: (bytes: Uint8Array) => void;
  /** A message came for a process that does not know the connection. */
  readonly refused: (message: Message) => void;
  readonly happened: (kind: MessageHappening, message: Uint8Array) => void;
  /** Its sender is gone, and all that it sent has come to its end. */
  readonly isOver: (connection: Connection) => void;
}

export type MessageHappening = 'message-held' | 'message-overtaken' | 'message-dropped';

/**
 * One connection, from the side of the network: bytes go one way, in order, each once, and end with
 * it. (Where a link has troubles, its messages are less fortunate: `link-trouble.ts`.)
 */
export class Connection {
  readonly #parts: ConnectionParts;
  /** The process that accepted it is there, and it was not reset. */
  isReceiving = true;
  /** The sender knows that it is over. */
  isBroken = false;
  isResetUnderWay = false;
  isGivenUp = false;
  endsAtHeal = false;
  #sender: 'up' | 'down' | 'off' = 'up';
  #sent = 0;
  /** The highest number that has arrived. */
  #arrived = 0;
  #lastNs = 0;
  #underWay = 0;
  #unacknowledgedBytes = 0;
  /** Since when the kernels take nothing more: nothing was acknowledged since. */
  #fullSinceNs = Infinity;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** Something was sent of which no kernel has said that it came. */
  get isUnacknowledged(): boolean {
    return this.#unacknowledgedBytes > 0;
  }

  /** For how long it has taken nothing, when more waits than the kernels hold. */
  stalledForNs(nowNs: number, bufferBytes: number): number {
    if (this.#unacknowledgedBytes <= bufferBytes) return 0;
    if (this.#fullSinceNs === Infinity) this.#fullSinceNs = nowNs;
    return nowNs - this.#fullSinceNs;
  }

  /** @param lateNs - it may be overtaken, and arrives so much later; undefined: it keeps its place */
  send(bytes: Uint8Array, lateNs: number | undefined): void {
    this.#sent += 1;
    this.#launch(new Message(this, bytes, this.#sent, lateNs));
  }

  /** What was sent last, once more. */
  sendCopy(bytes: Uint8Array, lateNs: number): void {
    this.#launch(new Message(this, bytes, this.#sent, lateNs));
  }

  /** @param isOff - the machine, too: what a cut holds will not be sent again */
  senderLeft(isOff: boolean): void {
    this.#sender = isOff ? 'off' : 'down';
    if (this.#underWay === 0) this.#parts.isOver(this);
  }

  /** For its messages: see `Crossing`. */
  arrivalNs(lateNs: number | undefined): number {
    const flightNs = this.#parts.flightNs();
    if (lateNs !== undefined) return flightNs + lateNs;
    this.#lastNs = Math.max(this.#lastNs, flightNs);
    return this.#lastNs;
  }

  arrive(message: Message): boolean {
    const { bytes, number } = message;
    const isTaken = this.isReceiving && !message.isForsaken;
    if (isTaken) {
      this.#unacknowledgedBytes -= bytes.length;
      this.#fullSinceNs = Infinity;
      if (number < this.#arrived) this.#parts.happened('message-overtaken', bytes);
      this.#arrived = Math.max(this.#arrived, number);
      this.#parts.deliver(bytes);
    } else {
      this.#parts.happened('message-dropped', bytes);
      if (!this.isBroken) this.#parts.refused(message);
    }
    this.#ended();
    return isTaken;
  }

  /** A cut makes a message wait; the kernel that would send it again must be there. */
  hold(message: Message): boolean {
    const { bytes } = message;
    if (this.#sender !== 'off') {
      this.#parts.happened('message-held', bytes);
      return true;
    }
    this.#parts.happened('message-dropped', bytes);
    this.#ended();
    return false;
  }

  get isSenderOff(): boolean {
    return this.#sender === 'off';
  }

  #launch(message: Message): void {
    this.#underWay += 1;
    this.#unacknowledgedBytes += message.size;
    this.#parts.enter(message);
  }

  #ended(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0 && this.#sender !== 'up') this.#parts.isOver(this);
  }
}

export class Message implements Crossing {
  readonly connection: Connection;
  readonly bytes: Uint8Array;
  /** Its place on the connection, from 1. */
  readonly number: number;
  readonly #lateNs: number | undefined;
  #isHeld = false;

  constructor(
    connection: Connection,
    bytes: Uint8Array,
    number: number,
    lateNs: number | undefined,
  ) {
    this.connection = connection;
    this.bytes = bytes;
    this.number = number;
    this.#lateNs = lateNs;
  }

  get size(): number {
    return this.bytes.length;
  }

  /** It was held, and the machine that would have sent it again lost its power meanwhile. */
  get isForsaken(): boolean {
    return this.#isHeld && this.connection.isSenderOff;
  }

  arrivalNs(): number {
    return this.connection.arrivalNs(this.#lateNs);
  }

  arrive(): boolean {
    return this.connection.arrive(this);
  }

  hold(): boolean {
    this.#isHeld = true;
    return this.connection.hold(this);
  }
}

/** A sign between kernels: a connection is asked for, accepted, refused, reset. */
export class Sign implements Crossing {
  readonly size = 0;
  readonly #flightNs: () => number;
  readonly #arrive: () => void;

  constructor(flightNs: () => number, arrive: () => void) {
    this.#flightNs = flightNs;
    this.#arrive = arrive;
  }

  arrivalNs(): number {
    return this.#flightNs();
  }

  arrive(): boolean {
    this.#arrive();
    return true;
  }

  hold(): boolean {
    return true;
  }
}
