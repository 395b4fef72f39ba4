import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { LinkDelay, LinkTraffic } from '../../contracts/cluster.ts';
import { LinkConnection } from './link-connection.ts';
import { LinkGate } from './link-gate.ts';
import { HOST, type LinkSpec } from './protocol.ts';

/**
 * The directed link between two nodes: a TCP proxy that `from` dials instead of `to`'s peer port.
 *
 * While it is cut nothing crosses in either direction of its connections (`to`'s own connections run
 * through the link of the opposite direction): no bytes, no FIN, no RST, no dial upstream. It stops
 * reading, so that back-pressure builds up; new connections are accepted and held. At the heal all of
 * that happens, in order; a stream that cannot be continued whole is reset.
 *
 * While it is slow each chunk, FIN and RST waits its time in it, counted from its arrival; connections
 * are made at once.
 */
export class LinkProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #connections = new Set<LinkConnection>();
  readonly #gate = new LinkGate();

  private constructor(targetPort: number) {
    this.#server = createServer({ allowHalfOpen: true }, (down) => {
      const connection = new LinkConnection(down, {
        gate: this.#gate,
        targetPort,
        onGone: () => this.#connections.delete(connection),
      });
      this.#connections.add(connection);
      this.#gate.count('connections', 1);
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
    if (!this.#gate.hold()) return;
    for (const connection of this.#connections) connection.hold();
  }

  /** Takes back one `hold`; the last one heals. */
  release(): void {
    if (!this.#gate.release()) return;
    for (const connection of this.#connections) connection.release();
  }

  /** Delays what arrives from now on. The longest delay counts. */
  slow(delay: LinkDelay): void {
    this.#gate.slow(delay);
  }

  /** Takes back that very delay: what still waits does so as if it had arrived now. */
  hurry(delay: LinkDelay): void {
    this.#gate.hurry(delay);
    for (const connection of this.#connections) connection.hurry();
  }

  /** Resets every connection, or at the heal while it is cut. @returns how many now */
  reset(): number {
    return [...this.#connections].filter((connection) => connection.reset()).length;
  }

  /**
   * Since it listens, both directions of its connections together. `forwardedBytes` were handed to the
   * receiving side's socket; `heldBytes` are those that a cut made wait (up to 64 KiB for each
   * direction of a connection, then it stops reading), whether they were delivered later or not.
   */
  traffic(): LinkTraffic {
    return this.#gate.traffic();
  }

  /** Resets every connection and stops listening. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }
}
