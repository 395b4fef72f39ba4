import type { LinkTraffic } from '../contracts/cluster.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { Random } from '../lib/prng.ts';
import type { NodeId } from '../raft/core/types.ts';
import type { HappeningKind } from './coverage-names.ts';
import { Connection, Sign } from './connection.ts';
import { LinkGate } from './link-gate.ts';
import { LinkTroubles } from './link-trouble.ts';
import type { Happening } from './observer.ts';
import type { RangeNs } from './profile.ts';
import type { Simulation } from './simulation.ts';

/** As in the real transport. */
const BACKOFF_NS = { first: 20 * MILLISECOND, max: 500 * MILLISECOND };
const LASTING_NS = SECOND;
const DIAL_TIMEOUT_NS = SECOND;
const STALL_TIMEOUT_NS = 5 * SECOND;
/** Until the kernel sends again what nobody acknowledged, and may learn that its peer forgot it. */
const RETRANSMIT_NS_MAX = SECOND;
/** Until a link that is open again has a connection that delivers, whatever became of the last one. */
export const RECONNECT_NS_MAX: number =
  STALL_TIMEOUT_NS + RETRANSMIT_NS_MAX + DIAL_TIMEOUT_NS + 2 * BACKOFF_NS.max;

/** What the network knows of a node. */
export interface Endpoint {
  readonly node: NodeId;
  /** `off`: the machine has no power, and its kernel tells nobody. `down`: the process is not there. */
  readonly state: 'up' | 'down' | 'off';
  receive(from: NodeId, bytes: Uint8Array): void;
  /** What was sent to this peer lately may be lost. */
  disconnected(peer: NodeId): void;
  /** Runs it when the process runs: later while it is stopped, never when it ends before. */
  whenRunning(act: () => void): void;
}

export interface LinkParts {
  readonly sim: Simulation;
  readonly latency: RangeNs;
  /** What kernels take for a connection that delivers nothing; bytes. */
  readonly bufferBytes: number;
  /** Draws of this link only. */
  readonly random: Random;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly happened: (what: Happening) => void;
}

/**
 * One directed link: the connection that `from` dials to send to `to`, dialled again whenever it is
 * lost, as the real transport does it; and what is still under way on connections before it.
 */
export class Link {
  readonly gate: LinkGate;
  readonly troubles: LinkTroubles = new LinkTroubles();
  readonly #parts: LinkParts;
  readonly #latency: Random;
  readonly #dials: Random;
  /** Of those connections that `to` has accepted and that are not over. */
  readonly #connections = new Set<Connection>();
  /** On which `from` sends. */
  #outgoing: Connection | undefined;
  #connectedAtNs = 0;
  /** Signs and timers of earlier dials mean nothing. */
  #dial = 0;
  #backoffNs = BACKOFF_NS.first;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#latency = parts.random.fork('latency');
    this.#dials = parts.random.fork('dials');
    this.gate = new LinkGate(parts.sim, parts.random.fork('jitter'));
  }

  get from(): NodeId {
    return this.#parts.from.node;
  }

  get to(): NodeId {
    return this.#parts.to.node;
  }

  get isConnected(): boolean {
    return this.#outgoing !== undefined;
  }

  get traffic(): LinkTraffic {
    return this.gate.traffic;
  }

  /** `from` begins to dial. */
  open(): void {
    this.#backoffNs = BACKOFF_NS.first;
    this.#dialNow();
  }

  /** The process of `from` is gone. What its kernel has goes on its way; without power, what has left. */
  senderLeft(): void {
    this.#dial += 1;
    this.#outgoing = undefined;
    const isOff = this.#parts.from.state === 'off';
    for (const connection of this.#connections) connection.senderLeft(isOff);
  }

  /** The process of `to` is gone: its kernel says so, unless it has no power. */
  receiverLeft(): void {
    const isOff = this.#parts.to.state === 'off';
    for (const connection of this.#connections) {
      if (!connection.isReceiving) continue;
      connection.isReceiving = false;
      if (isOff) this.#tell('connection-half-open', this.from, `to ${this.to}`);
      else this.#sayReset(connection);
    }
  }

  /** The machine of `to` runs again: it knows nothing of the connections that it had. */
  receiverIsBack(): void {
    for (const connection of this.#connections) {
      if (connection.isReceiving || !connection.isUnacknowledged) continue;
      const waitNs = this.#dials.integer(0, RETRANSMIT_NS_MAX);
      this.#parts.sim.after(waitNs, () => this.#sayReset(connection));
    }
  }

  /** @returns false when it certainly was not sent */
  send(bytes: Uint8Array): boolean {
    const connection = this.#outgoing;
    if (connection === undefined) return false;
    const { sim, bufferBytes } = this.#parts;
    if (connection.stalledForNs(sim.now(), bufferBytes) >= STALL_TIMEOUT_NS) {
      this.#giveUp(connection);
      return false;
    }
    const fate = this.troubles.fateOf(bytes[0] === 0);
    if (fate.isLost) this.#tellOf('message-lost', bytes);
    else connection.send(bytes, fate.lateNs);
    if (fate.copyLateNs === undefined) return true;
    this.#tellOf('message-duplicated', bytes);
    connection.sendCopy(bytes, fate.copyLateNs);
    return true;
  }

  /**
   * Ends what connections there are, both sides told; at the heal while the link is cut.
   *
   * @returns how many now
   */
  reset(): number {
    let count = 0;
    for (const connection of this.#connections) {
      if (this.gate.isOpen) {
        this.#end(connection);
        count += 1;
      } else connection.endsAtHeal = true;
    }
    return count;
  }

  /** Takes one cut back. */
  heal(): void {
    this.gate.heal(() => {
      for (const one of this.#connections) if (one.endsAtHeal) this.#end(one);
    });
  }

  /** For a message: when it arrives, if it sets out now. */
  #flightNs(): number {
    const { minNs, maxNs } = this.#parts.latency;
    return this.#parts.sim.now() + this.#latency.integer(minNs, maxNs);
  }

  #dialNow(): void {
    const { sim, to } = this.#parts;
    this.#dial += 1;
    const dial = this.#dial;
    sim.after(DIAL_TIMEOUT_NS, () => {
      if (dial !== this.#dial || this.#outgoing !== undefined) return;
      this.#tell('dial-timed-out', this.from, `to ${this.to}`);
      this.#dialFailed(dial);
    });
    this.#sign(() => {
      // Nobody answers, or nobody asks any more.
      if (to.state === 'off' || dial !== this.#dial) return;
      if (to.state === 'down') return this.#sign(() => this.#dialFailed(dial));
      const connection = this.#accept();
      this.#sign(() => this.#established(dial, connection));
    });
  }

  #accept(): Connection {
    const { sim, from, to } = this.#parts;
    const connection = new Connection({
      sim,
      flightNs: () => this.#flightNs(),
      enter: (message) => this.gate.enter(message),
      deliver: (bytes) => to.receive(from.node, bytes),
      refused: (message) => {
        if (to.state !== 'off') this.#sayReset(message.connection);
      },
      happened: (kind, bytes) => this.#tellOf(kind, bytes),
      isOver: (over) => void this.#connections.delete(over),
    });
    this.#connections.add(connection);
    return connection;
  }

  #established(dial: number, connection: Connection): void {
    if (dial !== this.#dial) {
      // Whoever asked is gone, or gave up asking.
      connection.isBroken = true;
      this.#connections.delete(connection);
      return;
    }
    if (connection.isBroken) return this.#dialFailed(dial);
    this.#outgoing = connection;
    this.#connectedAtNs = this.#parts.sim.now();
    this.gate.count('connections');
    this.#tell('connection-made', this.from, `to ${this.to}`);
  }

  #dialFailed(dial: number): void {
    if (dial !== this.#dial) return;
    this.#dial += 1;
    this.#dialLater();
  }

  /** Half of the wait is random: nodes that lost the same peer do not dial in step. */
  #dialLater(): void {
    const { sim, from } = this.#parts;
    const dial = this.#dial;
    const waitNs = this.#dials.integer(Math.floor(this.#backoffNs / 2), this.#backoffNs);
    this.#backoffNs = Math.min(2 * this.#backoffNs, BACKOFF_NS.max);
    sim.after(waitNs, () =>
      from.whenRunning(() => {
        if (dial === this.#dial && this.#outgoing === undefined) this.#dialNow();
      }),
    );
  }

  /** The kernel of `to` tells that of `from` that it does not know, or no longer, this connection. */
  #sayReset(connection: Connection): void {
    if (connection.isResetUnderWay) return;
    connection.isResetUnderWay = true;
    this.#sign(() => this.#lost(connection));
  }

  /** By the sender: what the other side has not got goes with it. */
  #giveUp(connection: Connection): void {
    if (connection.isGivenUp) return;
    connection.isGivenUp = true;
    connection.isReceiving = false;
    this.#tell('connection-stalled', this.from, `to ${this.to}`);
    // The socket says so in an event of its own, not within the call.
    this.#parts.sim.after(0, () => this.#lost(connection));
  }

  #end(connection: Connection): void {
    connection.isReceiving = false;
    this.gate.count('resets');
    this.#tell('connection-reset', this.from, `to ${this.to}`);
    this.#lost(connection);
  }

  /** `from` learns that this connection is over. */
  #lost(connection: Connection): void {
    const { from, sim } = this.#parts;
    if (connection.isBroken) return;
    connection.isBroken = true;
    this.#connections.delete(connection);
    if (connection !== this.#outgoing) return;
    this.#outgoing = undefined;
    this.#dial += 1;
    const dial = this.#dial;
    const lastedNs = sim.now() - this.#connectedAtNs;
    from.whenRunning(() => {
      from.disconnected(this.to);
      if (lastedNs >= LASTING_NS) this.#backoffNs = BACKOFF_NS.first;
      if (dial === this.#dial) this.#dialLater();
    });
  }

  #sign(arrive: () => void): void {
    this.gate.enter(new Sign(() => this.#flightNs(), arrive));
  }

  #tellOf(kind: HappeningKind, message: Uint8Array): void {
    this.#parts.happened({ kind, node: this.to, detail: `from ${this.from}`, message });
  }

  #tell(kind: HappeningKind, node: NodeId, detail: string): void {
    this.#parts.happened({ kind, node, detail });
  }
}
