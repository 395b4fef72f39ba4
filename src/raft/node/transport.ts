import net from 'node:net';
import tls from 'node:tls';
import { type Configuration, members } from '../core/configuration.ts';
import { type NodeId, nodeId } from '../core/types.ts';
import type { Network } from '../driver/ports.ts';
import { encodeFrame, encodeHandshake, FRAME_BYTES_MAX } from './frames.ts';
import { type HostAndPort, parseAddress } from './peer-address.ts';
import { LogLimiter } from './log-limiter.ts';
import { type CloseReason, PeerListener, type PeerListenerOptions } from './peer-listener.ts';
import { whyNotNode } from './tls-identity.ts';

export interface PeerAddress extends HostAndPort {
  readonly id: NodeId;
}

export interface TransportOptions extends PeerListenerOptions {
  /** The address book: wins over what configurations say, since links may be proxied. */
  readonly peers: readonly PeerAddress[];
  /** Where clients reach this node; its peers are told. */
  readonly clientUrl?: string | undefined;
  readonly onDisconnect: (peer: NodeId) => void;
}

const BACKOFF_MS = { first: 20, max: 500 };
/** A connection that lasted so long was a real one: the next wait begins small again. */
const LASTING_MS = 1000;
const CONNECT_TIMEOUT_MS = 1000;
/** Bytes that wait for a slow peer; beyond, messages are dropped, which Raft bears. */
const QUEUED_BYTES_MAX = 2 * FRAME_BYTES_MAX;
/** A connection that takes nothing for so long is given up and dialled anew. */
const STALL_TIMEOUT_MS = 5000;
/** How long the connection to a node that has left is kept. */
const LINGER_MS = 10_000;
/** Peers that are connected and that neither the address book nor a configuration knows. */
const UNKNOWN_MAX = 64;
const CLIENT_URLS_MAX = 1024;

/**
 * Peer connections, one per direction: this node dials each peer to send to it, and only reads on
 * those that it accepts.
 */
export class Transport implements Network, AsyncDisposable {
  readonly #options: TransportOptions;
  readonly #listener: PeerListener;
  readonly #outgoing: Map<NodeId, Outgoing>;
  readonly #clientUrls = new Map<NodeId, string>();
  /** Learnt from a configuration that they are not in any more. */
  readonly #leaving = new Map<NodeId, NodeJS.Timeout>();
  #isConnecting = false;

  private constructor(options: TransportOptions) {
    this.#options = options;
    this.#listener = new PeerListener(
      options,
      (name) => this.#nameOf(name),
      (id, url) => this.#learnUrl(id, url),
    );
    this.#outgoing = new Map(options.peers.map((at) => [at.id, new Outgoing(options, at)]));
  }

  /** Listens; rejects when the port is taken. Peers are dialled by `connect`. */
  static async listen(options: TransportOptions): Promise<Transport> {
    const transport = new Transport(options);
    await transport.#listener.listen();
    return transport;
  }

  connect(): void {
    this.#isConnecting = true;
    for (const outgoing of this.#outgoing.values()) outgoing.dial();
  }

  /**
   * Dials members that the address book does not have where the configuration says they are, and lets
   * go of those that have left.
   */
  follow(configuration: Configuration): void {
    const { id: own, peers } = this.#options;
    const all = members(configuration);
    for (const node of all) {
      this.#stays(node);
      const address = parseAddress(configuration.addresses.get(node) ?? '');
      if (address === undefined || node === own || peers.some(({ id }) => id === node)) continue;
      const before = this.#outgoing.get(node);
      if (before?.isAt(address) === true) continue;
      before?.close();
      const outgoing = new Outgoing(this.#options, { id: node, ...address });
      this.#outgoing.set(node, outgoing);
      if (this.#isConnecting) outgoing.dial();
    }
    for (const node of this.#outgoing.keys()) {
      if (!all.includes(node) && !peers.some(({ id }) => id === node)) this.#leaves(node);
    }
  }

  #stays(node: NodeId): void {
    clearTimeout(this.#leaving.get(node));
    this.#leaving.delete(node);
  }

  /** Not at once: it is to hear that it has left. */
  #leaves(node: NodeId): void {
    if (this.#leaving.has(node)) return;
    const timer = setTimeout(() => {
      this.#leaving.delete(node);
      this.#outgoing.get(node)?.close();
      this.#outgoing.delete(node);
    }, LINGER_MS);
    this.#leaving.set(node, timer.unref());
  }

  /**
   * Who belongs to the cluster may be known to others first, and is let in (§6): a node need not know
   * yet who its leader is. Only so many of them, since their names are their own invention.
   */
  #nameOf(name: string): NodeId | undefined {
    const id = nodeId(name);
    if (name === '' || id === this.#options.id) return undefined;
    if (this.#outgoing.has(id)) return id;
    return this.#listener.mayTake(id, UNKNOWN_MAX) ? id : undefined;
  }

  /** Whoever may dial may also come under ever other names. */
  #learnUrl(peer: NodeId, url: string): void {
    const isKept = this.#clientUrls.has(peer) || this.#clientUrls.size < CLIENT_URLS_MAX;
    if (isKept || this.knows(peer)) this.#clientUrls.set(peer, url);
  }

  knows(node: NodeId): boolean {
    return this.#outgoing.has(node);
  }

  send(to: NodeId, bytes: Uint8Array): boolean {
    return this.#outgoing.get(to)?.send(bytes) ?? false;
  }

  flush(): void {
    for (const outgoing of this.#outgoing.values()) outgoing.flush();
  }

  /** As the peer said itself; undefined before it has connected. */
  clientUrlOf(peer: NodeId): string | undefined {
    return this.#clientUrls.get(peer);
  }

  /** For what it sent; it may dial again. */
  closeFrom(peer: NodeId, reason: CloseReason, why: string): void {
    this.#listener.closeFrom(peer, reason, why);
  }

  /** Connections of peers now, and those that this node closed, by reason. */
  get connections(): {
    readonly open: number;
    readonly closed: Readonly<Record<CloseReason, number>>;
  } {
    return { open: this.#listener.connected, closed: this.#listener.closed };
  }

  /** Bytes that wait for each peer to take them. */
  get queuedBytes(): ReadonlyMap<NodeId, number> {
    return new Map([...this.#outgoing].map(([peer, outgoing]) => [peer, outgoing.queuedBytes]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    for (const outgoing of this.#outgoing.values()) outgoing.close();
    await this.#listener[Symbol.asyncDispose]();
  }
}

/** The connection on which this node sends to one peer; dialled again whenever it is lost. */
class Outgoing {
  readonly #options: TransportOptions;
  readonly #peer: PeerAddress;
  readonly #log: LogLimiter;
  #socket: net.Socket | undefined;
  #isConnected = false;
  #connectedAt = 0;
  #isCorked = false;
  #isClosed = false;
  #backoffMs = BACKOFF_MS.first;
  #timer: NodeJS.Timeout | undefined;
  /** How much the kernel had taken when it was last seen to take something, and when that was. */
  #taken = { bytes: 0, at: 0 };

  constructor(options: TransportOptions, peer: PeerAddress) {
    this.#options = options;
    this.#peer = peer;
    this.#log = new LogLimiter(options.log);
  }

  isAt({ host, port }: HostAndPort): boolean {
    return this.#peer.host === host && this.#peer.port === port;
  }

  dial(): void {
    if (this.#isClosed) return;
    const socket = this.#connect();
    this.#socket = socket;
    this.#timer = setTimeout(() => socket.destroy(), CONNECT_TIMEOUT_MS);
    socket.on(socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect', () => {
      clearTimeout(this.#timer);
      this.#isConnected = true;
      this.#connectedAt = performance.now();
      this.#taken = { bytes: 0, at: performance.now() };
      socket.write(this.#handshake());
    });
    socket.on('error', (error) => {
      // That nobody listens is usual; that somebody has the wrong certificate is for people to mend.
      if (isRefusedByTls(error)) this.#log.line(`${this.#peer.id}: ${error.message}`);
      socket.destroy();
    });
    // The peer sends nothing on this connection; reading is how its end is noticed.
    socket.resume();
    socket.on('close', () => this.#onClose());
  }

  #connect(): net.Socket {
    const { id, host, port } = this.#peer;
    const { tls: identity } = this.#options;
    if (identity === undefined) return net.connect({ host, port, noDelay: true });
    const socket = tls.connect({
      ...identity,
      host,
      port,
      minVersion: 'TLSv1.2',
      // The certificate names the node and not the address, which a cluster may change.
      checkServerIdentity: (_host, certificate) => {
        const why = whyNotNode(id, certificate);
        return why === undefined ? undefined : new Error(why);
      },
    });
    return socket.setNoDelay(true);
  }

  #handshake(): Uint8Array {
    const { clusterId, id, clientUrl = '', token } = this.#options;
    const to = this.#peer.id;
    return encodeHandshake({ clusterId, from: id, to, clientUrl, token: token?.reveal() ?? '' });
  }

  get queuedBytes(): number {
    return this.#socket?.writableLength ?? 0;
  }

  send(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (socket === undefined || !this.#isConnected) return false;
    if (this.#hasStalled(socket) || socket.writableLength > QUEUED_BYTES_MAX) return false;
    // Everything that leaves in one turn goes to the kernel in one write: such a write costs 5 µs and
    // more, most of it in the kernel, whatever its length.
    if (!this.#isCorked) {
      this.#isCorked = true;
      socket.cork();
      process.nextTick(() => this.flush());
    }
    socket.write(encodeFrame('message', bytes));
    return true;
  }

  flush(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#socket?.uncork();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #hasStalled(socket: net.Socket): boolean {
    const now = performance.now();
    const bytes = socket.bytesWritten - socket.writableLength;
    if (!socket.writableNeedDrain || bytes > this.#taken.bytes) this.#taken = { bytes, at: now };
    if (now - this.#taken.at < STALL_TIMEOUT_MS) return false;
    socket.destroy();
    return true;
  }

  #onClose(): void {
    clearTimeout(this.#timer);
    this.#socket = undefined;
    this.#isCorked = false;
    if (this.#isConnected) {
      this.#options.onDisconnect(this.#peer.id);
      const lastedMs = performance.now() - this.#connectedAt;
      if (lastedMs >= LASTING_MS) this.#backoffMs = BACKOFF_MS.first;
    }
    this.#isConnected = false;
    if (this.#isClosed) return;
    // Half of the wait is random: nodes that lost the same peer do not dial in step.
    const waitMs = this.#backoffMs * (0.5 + Math.random() / 2);
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MS.max);
    this.#timer = setTimeout(() => this.dial(), waitMs);
  }
}

/** Not what the network did: what one side says of the other's certificate. */
function isRefusedByTls(error: Error): boolean {
  const code = 'code' in error ? String(error.code) : '';
  return code === '' || /^ERR_(TLS|SSL)|CERT|SELF_SIGNED|SIGNATURE/.test(code);
}
