import net from 'node:net';
import { type NodeId, nodeId } from '../core/types.ts';
import type { Network } from '../driver/ports.ts';
import {
  decodeHandshake,
  encodeFrame,
  encodeHandshake,
  FRAME_BYTES_MAX,
  FrameReader,
} from './frames.ts';

export interface PeerAddress {
  readonly id: NodeId;
  readonly host: string;
  readonly port: number;
}

export interface TransportOptions {
  readonly clusterId: string;
  readonly id: NodeId;
  readonly host: string;
  readonly port: number;
  readonly peers: readonly PeerAddress[];
  /** @throws DecodeError: the connection is closed */
  readonly onMessage: (from: NodeId, bytes: Uint8Array) => void;
  readonly onDisconnect: (peer: NodeId) => void;
  readonly log: (line: string) => void;
}

const BACKOFF_MS = { first: 20, max: 500 };
/** A connection that lasted so long was a real one: the next wait begins small again. */
const LASTING_MS = 1000;
const CONNECT_TIMEOUT_MS = 1000;
/** Bytes that wait for a slow peer; beyond, messages are dropped, which Raft bears. */
const QUEUED_BYTES_MAX = 2 * FRAME_BYTES_MAX;
/** A connection that takes nothing for so long is given up and dialled anew. */
const STALL_TIMEOUT_MS = 5000;

/**
 * Peer connections, one per direction: this node dials each peer to send to it, and only reads on
 * those that it accepts.
 */
export class Transport implements Network, AsyncDisposable {
  readonly #options: TransportOptions;
  readonly #server: net.Server;
  readonly #accepted = new Set<net.Socket>();
  readonly #outgoing: ReadonlyMap<NodeId, Outgoing>;

  private constructor(options: TransportOptions) {
    this.#options = options;
    this.#server = net.createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#outgoing = new Map(options.peers.map((peer) => [peer.id, new Outgoing(options, peer)]));
  }

  /** Listens; rejects when the port is taken. Peers are dialled by `connect`. */
  static async listen(options: TransportOptions): Promise<Transport> {
    const transport = new Transport(options);
    const server = transport.#server;
    const listening = Promise.withResolvers<void>();
    server.once('error', listening.reject);
    server.listen(options.port, options.host, () => {
      server.off('error', listening.reject);
      server.on('error', (error) => options.log(`peer listener: ${error.message}`));
      listening.resolve();
    });
    await listening.promise;
    return transport;
  }

  connect(): void {
    for (const outgoing of this.#outgoing.values()) outgoing.dial();
  }

  send(to: NodeId, bytes: Uint8Array): boolean {
    return this.#outgoing.get(to)?.send(bytes) ?? false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const outgoing of this.#outgoing.values()) outgoing.close();
    for (const socket of this.#accepted) socket.destroy();
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    await closed.promise;
  }

  #accept(socket: net.Socket): void {
    this.#accepted.add(socket);
    const frames = new FrameReader();
    let from: NodeId | undefined;
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const { kind, payload } of frames.push(chunk)) {
          if (from === undefined) {
            if (kind !== 'handshake') throw new Error('the first frame is not a handshake');
            from = this.#checkHandshake(payload);
          } else if (kind === 'message') this.#options.onMessage(from, payload);
          else throw new Error('a second handshake');
        }
      } catch (error) {
        // A malformed stream ends this connection and nothing else.
        const reason = error instanceof Error ? error.message : String(error);
        this.#options.log(`closed the connection from ${from ?? socket.remotePort}: ${reason}`);
        socket.destroy();
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#accepted.delete(socket));
  }

  #checkHandshake(payload: Uint8Array): NodeId {
    const { clusterId, from, to } = decodeHandshake(payload);
    const options = this.#options;
    if (clusterId !== options.clusterId) throw new Error(`it is of another cluster, ${clusterId}`);
    if (to !== options.id) throw new Error(`it looks for ${to}, this is ${options.id}`);
    const peer = options.peers.find(({ id }) => id === nodeId(from));
    if (peer === undefined) throw new Error(`${from} is not a peer of this node`);
    return peer.id;
  }
}

/** The connection on which this node sends to one peer; dialled again whenever it is lost. */
class Outgoing {
  readonly #options: TransportOptions;
  readonly #peer: PeerAddress;
  #socket: net.Socket | undefined;
  #isConnected = false;
  #connectedAt = 0;
  #isClosed = false;
  #backoffMs = BACKOFF_MS.first;
  #timer: NodeJS.Timeout | undefined;
  /** How much the kernel had taken when it was last seen to take something, and when that was. */
  #taken = { bytes: 0, at: 0 };

  constructor(options: TransportOptions, peer: PeerAddress) {
    this.#options = options;
    this.#peer = peer;
  }

  dial(): void {
    if (this.#isClosed) return;
    const socket = net.connect({ host: this.#peer.host, port: this.#peer.port, noDelay: true });
    this.#socket = socket;
    this.#timer = setTimeout(() => socket.destroy(), CONNECT_TIMEOUT_MS);
    socket.on('connect', () => {
      clearTimeout(this.#timer);
      this.#isConnected = true;
      this.#connectedAt = performance.now();
      this.#taken = { bytes: 0, at: performance.now() };
      const { clusterId, id } = this.#options;
      socket.write(encodeHandshake({ clusterId, from: id, to: this.#peer.id }));
    });
    socket.on('error', () => socket.destroy());
    // The peer sends nothing on this connection; reading is how its end is noticed.
    socket.resume();
    socket.on('close', () => this.#onClose());
  }

  send(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (socket === undefined || !this.#isConnected) return false;
    if (this.#hasStalled(socket) || socket.writableLength > QUEUED_BYTES_MAX) return false;
    // Everything that leaves in one turn goes to the kernel in one write.
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    socket.write(encodeFrame('message', bytes));
    return true;
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
