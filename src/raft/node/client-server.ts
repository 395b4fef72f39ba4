import http from 'node:http';
import https from 'node:https';
import type net from 'node:net';
import { demandCertificate, type TlsIdentity } from './tls-identity.ts';
import type { SharedToken } from './token.ts';

/** What clients may not do, and how much of the rest. */
export interface ClientServerOptions {
  /** Clients must present it as `Authorization: Bearer TOKEN`. */
  readonly token?: SharedToken | undefined;
  /** Clients must have a certificate of the authority. */
  readonly tls?: TlsIdentity | undefined;
  readonly maxClientConnections: number;
  readonly maxPendingRequests: number;
  /** How long the head of a request may take, and all of it. */
  readonly headTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
}

/** What was refused before it reached the API. */
export interface ClientCounts {
  /** No HTTP, or not in time. */
  malformed: number;
  /** Without the token, or without a certificate that convinces. */
  unauthorized: number;
  /** Beyond `maxPendingRequests`. */
  overloaded: number;
  /** Connections beyond `maxClientConnections`. */
  dropped: number;
}

const HEAD_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Clients keep one connection; it must not be closed under a request that is just being sent. */
const KEEP_ALIVE_MS = 120_000;
const HEAD_BYTES_MAX = 16 * 1024;
/** Answers without knowing who asks: whether the process lives is no secret. */
const OPEN_PATH = '/healthz';

/**
 * The listener for clients: who may ask at all, how many at a time, and how long they may take to say
 * what they want. Who sends slowly, or nothing, or what is no HTTP, loses its own connection.
 */
export class ClientServer {
  readonly server: http.Server;
  readonly counts: ClientCounts = { malformed: 0, unauthorized: 0, overloaded: 0, dropped: 0 };
  readonly #options: ClientServerOptions;
  #pending = 0;
  /** Requests of a connection that are not answered yet. */
  readonly #unanswered = new WeakMap<net.Socket, number>();

  constructor(options: ClientServerOptions, api: http.RequestListener) {
    this.#options = options;
    const requestTimeout = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    const headersTimeout = Math.min(options.headTimeoutMs ?? HEAD_TIMEOUT_MS, requestTimeout);
    const limits: http.ServerOptions = {
      headersTimeout,
      requestTimeout,
      connectionsCheckingInterval: Math.min(1000, headersTimeout),
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEAD_BYTES_MAX,
      noDelay: true,
    };
    const listener: http.RequestListener = (request, response) =>
      this.#admit(request, response, api);
    this.server =
      options.tls === undefined
        ? http.createServer(limits, listener)
        : https.createServer(
            { ...limits, ...demandCertificate(options.tls), handshakeTimeout: headersTimeout },
            listener,
          );
    // Also who does not read its answers is idle.
    this.server.timeout = KEEP_ALIVE_MS;
    this.server.maxConnections = options.maxClientConnections;
    this.server.on('drop', () => (this.counts.dropped += 1));
    this.server.on('tlsClientError', () => (this.counts.unauthorized += 1));
    this.server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.#onMalformed(error, socket as net.Socket);
    });
  }

  /** Requests that are not answered yet. */
  get pending(): number {
    return this.#pending;
  }

  #admit(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    api: http.RequestListener,
  ): void {
    const { token, maxPendingRequests } = this.#options;
    const { socket } = request;
    this.#pending += 1;
    this.#unanswered.set(socket, (this.#unanswered.get(socket) ?? 0) + 1);
    response.on('close', () => {
      this.#pending -= 1;
      this.#unanswered.set(socket, (this.#unanswered.get(socket) ?? 1) - 1);
    });
    if (token !== undefined && request.url !== OPEN_PATH) {
      if (!token.matchesHeader(request.headers.authorization)) {
        this.counts.unauthorized += 1;
        response.setHeader('www-authenticate', 'Bearer');
        return refuse(request, response, 401, 'this node asks for a token');
      }
    }
    if (this.#pending > maxPendingRequests) {
      this.counts.overloaded += 1;
      return refuse(request, response, 503, 'too many requests wait for their answer');
    }
    api(request, response);
  }

  #onMalformed(error: NodeJS.ErrnoException, socket: net.Socket): void {
    if (error.code === 'ECONNRESET') return void socket.destroy();
    this.counts.malformed += 1;
    // SAFETY: what is written now would be taken for the answer to the oldest request that waits.
    if (!socket.writable || (this.#unanswered.get(socket) ?? 0) > 0) return void socket.destroy();
    const body = JSON.stringify({ error: `no HTTP request: ${error.message}`, definite: true });
    socket.end(
      `HTTP/1.1 ${statusOf(error)}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
}

/** Refused before anything was done; the rest of the body is not read, so the connection ends. */
function refuse(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  status: number,
  error: string,
): void {
  if (hasBody(request)) response.setHeader('connection', 'close');
  const body = JSON.stringify({ error, definite: true });
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function hasBody({ headers }: http.IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function statusOf({ code }: NodeJS.ErrnoException): string {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  return '400 Bad Request';
}
