import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { assert } from '../../lib/assert.ts';
import { type Gate, LinkConnection } from './link-connection.ts';
import { HOST, type LinkSpec, type Traffic } from './protocol.ts';

class CountedGate implements Gate {
  holders = 0;
  forwardedBytes = 0;
  heldBytes = 0;

  get isOpen(): boolean {
    return this.holders === 0;
  }

  countForwarded(bytes: number): void {
    this.forwardedBytes += bytes;
  }

  countHeld(bytes: number): void {
    this.heldBytes += bytes;
  }
}

/**
 * The directed link between two nodes: a TCP proxy that `from` dials instead of `to`'s peer port.
 *
 * While it is cut nothing crosses in either direction of its connections (`to`'s own connections run
 * through the link of the opposite direction): no bytes, no FIN, no RST, no dial upstream. It stops
 * reading, so that back-pressure builds up; new connections are accepted and held. At the heal all of
 * that happens, in order; a stream that cannot be continued whole is reset.
 */
export class LinkProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #connections = new Set<LinkConnection>();
  readonly #gate = new CountedGate();

  private constructor(targetPort: number) {
    this.#server = createServer({ allowHalfOpen: true }, (down) => {
      const connection = new LinkConnection(down, {
        gate: this.#gate,
        targetPort,
        onGone: () => this.#connections.delete(connection),
      });
      this.#connections.add(connection);
    });
  }

  /** @throws the operating system's error, with `code` and `port`, when it cannot listen */
  static async listen(spec: Pick<LinkSpec, 'port' | 'targetPort'>): Promise<LinkProxy> {
    const proxy = new LinkProxy(spec.targetPort);
    proxy.#server.listen({ host: HOST, port: spec.port });
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get isCut(): boolean {
    return !this.#gate.isOpen;
  }

  /** Cuts, at once. Cuts are counted: the link is open again when each has been released. */
  hold(): void {
    this.#gate.holders += 1;
    if (this.#gate.holders > 1) return;
    for (const connection of this.#connections) connection.hold();
  }

  /** Takes back one `hold`; the last one heals. */
  release(): void {
    assert(this.#gate.holders > 0, 'released a link that nobody holds');
    this.#gate.holders -= 1;
    if (this.#gate.holders > 0) return;
    for (const connection of this.#connections) connection.release();
  }

  /**
   * Bytes since it listens, both directions of its connections together. `forwardedBytes` were handed
   * to the receiving side's socket; `heldBytes` are those that a cut made wait (up to 64 KiB for each
   * direction of a connection, then it stops reading), whether they were delivered later or not.
   */
  traffic(): Traffic {
    return { forwardedBytes: this.#gate.forwardedBytes, heldBytes: this.#gate.heldBytes };
  }

  /** Resets every connection and stops listening. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const connection of this.#connections) connection.reset();
    await closed;
  }
}
