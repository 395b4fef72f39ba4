import net from 'node:net';
import tls from 'node:tls';
import { DecodeError } from '../../lib/bytes.ts';
import type { NodeId } from '../core/types.ts';
import { decodeHandshake, FRAME_BYTES_MAX, FrameReader, HANDSHAKE_BYTES_MAX } from './frames.ts';
import { LogLimiter } from './log-limiter.ts';
import { demandCertificate, type TlsIdentity, whyNotNode } from './tls-identity.ts';
import type { SharedToken } from './token.ts';

/** Why this node closed a connection that a peer, or somebody else, had made to it. */
export const CLOSE_REASONS = [
  /** Bytes that are no frames, or a message that cannot be read. */
  'malformed',
  /** Of another cluster, for another node, or of one that is not known here. */
  'foreign',
  /** Without the token, or with a certificate of somebody else. */
  'unauthorized',
  /** It did not say in time who it is. */
  'handshake-timeout',
  /** Too many at a time. */
  'crowded',
  /** What it sent contradicts what is committed here. */
  'contradiction',
] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

export interface PeerListenerOptions {
  readonly clusterId: string;
  readonly id: NodeId;
  readonly host: string;
  readonly port: number;
  /** Peers must present it. */
  readonly token?: SharedToken | undefined;
  /** Peers must have a certificate in their name. */
  readonly tls?: TlsIdentity | undefined;
  /** How long a connection may take to say who it is. */
  readonly handshakeTimeoutMs?: number;
  /** @throws DecodeError: the connection is closed */
  readonly onMessage: (from: NodeId, bytes: Uint8Array) => void;
  readonly log: (line: string) => void;
}

const HANDSHAKE_TIMEOUT_MS = 5000;
/** Connections that have not said yet who they are; the oldest one gives way. */
const STRANGERS_MAX = 64;
/** A peer that dials again is not made to wait for the end of its old connection. */
const CONNECTIONS_PER_PEER_MAX = 4;

class Refused extends Error {
  readonly reason: CloseReason;
  constructor(reason: CloseReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

interface Stranger {
  readonly socket: net.Socket;
  readonly timer: NodeJS.Timeout;
}

/**
 * Accepts the connections on which peers send. Whoever connects is a stranger with little room and
 * little time until a handshake says who it is, of which cluster, and proves it; a malformed stream
 * ends its own connection and nothing else.
 */
export class PeerListener implements AsyncDisposable {
  readonly #options: PeerListenerOptions;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  /** By where they come from: a TLS socket and the one beneath it have that in common. */
  readonly #strangers = new Map<string, Stranger>();
  /** Oldest first. */
  readonly #ofPeer = new Map<NodeId, net.Socket[]>();
  readonly #isKnown: (id: string) => NodeId | undefined;
  readonly #onClientUrl: (id: NodeId, url: string) => void;
  readonly #log: LogLimiter;
  /** Connections closed by this node, by reason. */
  readonly closed: Record<CloseReason, number> = {
    malformed: 0,
    foreign: 0,
    unauthorized: 0,
    'handshake-timeout': 0,
    crowded: 0,
    contradiction: 0,
  };

  /**
   * @param isKnown - the peer of that name; undefined when this node does not talk to it
   * @param onClientUrl - told where clients reach a peer
   */
  constructor(
    options: PeerListenerOptions,
    isKnown: (id: string) => NodeId | undefined,
    onClientUrl: (id: NodeId, url: string) => void,
  ) {
    this.#options = options;
    this.#isKnown = isKnown;
    this.#onClientUrl = onClientUrl;
    this.#log = new LogLimiter(options.log);
    const accept = (socket: net.Socket): void => this.#accept(socket);
    this.#server =
      options.tls === undefined
        ? net.createServer({ noDelay: true }, accept)
        : tls.createServer({ ...demandCertificate(options.tls), noDelay: true }, accept);
    this.#server.on('connection', (socket: net.Socket) => this.#admit(socket));
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: tls.TLSSocket) => {
      socket.destroy();
      const why = whyRefused(error, socket);
      if (why !== undefined) this.#count('unauthorized', `refused a TLS connection: ${why}`);
    });
  }

  /** Rejects when the port is taken. */
  async listen(): Promise<void> {
    const server = this.#server;
    const listening = Promise.withResolvers<void>();
    server.once('error', listening.reject);
    server.listen(this.#options.port, this.#options.host, () => {
      server.off('error', listening.reject);
      server.on('error', (error) => this.#options.log(`peer listener: ${error.message}`));
      listening.resolve();
    });
    await listening.promise;
  }

  /** Connections of peers that have said who they are. */
  get connected(): number {
    let count = 0;
    for (const sockets of this.#ofPeer.values()) {
      for (const socket of sockets) if (!socket.destroyed) count += 1;
    }
    return count;
  }

  /** Whether there is room for a peer of that name: so many have connected at most, or it has already. */
  mayTake(peer: NodeId, peersMax: number): boolean {
    return this.#ofPeer.has(peer) || this.#ofPeer.size < peersMax;
  }

  /** Ends what this peer has connected; it may dial again. */
  closeFrom(peer: NodeId, reason: CloseReason, why: string): void {
    for (const socket of this.#ofPeer.get(peer)?.slice() ?? []) {
      this.#close(socket, new Refused(reason, why), peer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { timer } of this.#strangers.values()) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    await closed.promise;
  }

  /** Before TLS, where there is any: also who never says a word takes a place only for a while. */
  #admit(socket: net.Socket): void {
    const address = addressOf(socket);
    const timeoutMs = this.#options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    const timer = setTimeout(
      () => this.#close(socket, new Refused('handshake-timeout', 'it does not say who it is')),
      timeoutMs,
    );
    this.#strangers.set(address, { socket, timer });
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#introduced(address);
    });
    const [oldest] = this.#strangers;
    if (this.#strangers.size > STRANGERS_MAX && oldest !== undefined) {
      this.#close(oldest[1].socket, new Refused('crowded', 'too many do not say who they are'));
      this.#introduced(oldest[0]);
    }
  }

  #introduced(address: string): void {
    clearTimeout(this.#strangers.get(address)?.timer);
    this.#strangers.delete(address);
  }

  #accept(socket: net.Socket): void {
    const address = addressOf(socket);
    const frames = new FrameReader(HANDSHAKE_BYTES_MAX);
    let from: NodeId | undefined;
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const { kind, payload } of frames.push(chunk)) {
          if (from !== undefined && kind === 'message') this.#options.onMessage(from, payload);
          else if (from !== undefined) throw new DecodeError('a second handshake');
          else if (kind !== 'handshake') throw new DecodeError('the first frame is no handshake');
          else {
            from = this.#checkHandshake(socket, payload);
            frames.allow(FRAME_BYTES_MAX);
            this.#introduced(address);
            this.#welcome(from, socket);
          }
          // What was closed meanwhile is not listened to any more.
          if (socket.destroyed) return;
        }
      } catch (error) {
        this.#close(socket, error, from);
      }
    });
    socket.on('error', () => socket.destroy());
  }

  #checkHandshake(socket: net.Socket, payload: Uint8Array): NodeId {
    const { clusterId, from, to, clientUrl, token } = decodeHandshake(payload);
    const options = this.#options;
    // First of all: who has no token learns nothing, not even by being let in or not.
    if (options.token !== undefined && !options.token.matches(token)) {
      throw new Refused('unauthorized', 'it does not present the token');
    }
    if (clusterId !== options.clusterId) {
      throw new Refused('foreign', `it is of another cluster, ${JSON.stringify(clusterId)}`);
    }
    if (to !== options.id) {
      throw new Refused('foreign', `it looks for ${JSON.stringify(to)}, this is ${options.id}`);
    }
    const peer = this.#isKnown(from);
    if (peer === undefined) {
      throw new Refused('foreign', `${JSON.stringify(from)} is not a peer of this node`);
    }
    if (socket instanceof tls.TLSSocket) {
      const why = whyNotNode(from, socket.getPeerCertificate());
      if (why !== undefined) throw new Refused('unauthorized', why);
    }
    if (clientUrl !== '') this.#onClientUrl(peer, clientUrl);
    return peer;
  }

  #welcome(peer: NodeId, socket: net.Socket): void {
    const sockets = this.#ofPeer.get(peer) ?? [];
    this.#ofPeer.set(peer, sockets);
    sockets.push(socket);
    socket.on('close', () => {
      const at = sockets.indexOf(socket);
      if (at >= 0) sockets.splice(at, 1);
      if (sockets.length === 0 && this.#ofPeer.get(peer) === sockets) this.#ofPeer.delete(peer);
    });
    const [oldest] = sockets;
    if (sockets.length <= CONNECTIONS_PER_PEER_MAX || oldest === undefined) return;
    sockets.shift();
    this.#close(oldest, new Refused('crowded', 'it has many younger connections'), peer);
  }

  #close(socket: net.Socket, error: unknown, from?: string): void {
    if (socket.destroyed) return;
    const address = addressOf(socket);
    socket.destroy();
    const message = error instanceof Error ? error.message : String(error);
    const reason = error instanceof Refused ? error.reason : 'malformed';
    this.#count(reason, `closed the connection from ${from ?? address}: ${message}`);
  }

  #count(reason: CloseReason, line: string): void {
    this.closed[reason] += 1;
    this.#log.line(line);
  }
}

function addressOf(socket: net.Socket): string {
  return `${socket.remoteAddress ?? 'somewhere'}:${socket.remotePort ?? 0}`;
}

/** Undefined when nobody was refused: what was closed on either side is counted where that was done. */
function whyRefused(error: NodeJS.ErrnoException, socket: tls.TLSSocket): string | undefined {
  // A certificate that does not convince ends the socket, and the error says only that it ended.
  if (error.code !== 'ECONNRESET') return error.message;
  // The types promise an Error; it is null as long as nothing was wrong, and then a code.
  const refusal: unknown = socket.authorizationError;
  if (refusal === undefined || refusal === null) return undefined;
  return typeof refusal === 'string' ? refusal : 'the certificate does not convince';
}
