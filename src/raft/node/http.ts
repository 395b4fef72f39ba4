import http from 'node:http';
import type { Driver } from '../driver/driver.ts';
import { type Answer, CONSISTENCIES, type Consistency, type Request } from '../driver/requests.ts';
import type { Value } from '../kv/commands.ts';
import { BadRequest } from './bad-request.ts';
import { parseTransfer } from './cluster-routes.ts';

/** Bytes of UTF-8. */
export const KEY_BYTES_MAX = 512;
export const VALUE_BYTES_MAX: number = 256 * 1024;
/** JSON may escape a byte as six; two values and their frame. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;

/** What the API asks of the driver. */
export type Store = Pick<Driver, 'submit' | 'status'>;

/**
 * The node's API for clients. Every answer says whether an operation that did not succeed
 * certainly did not happen (`"definite":true`) or may have.
 */
export function makeHttpServer(
  driver: Store,
  options: { readonly readMode: Consistency },
): http.Server {
  const server = http.createServer((request, response) => {
    void answer(driver, options.readMode, request, response);
  });
  // Clients keep one connection; it must not be closed under a request that is just being sent.
  server.keepAliveTimeout = 120_000;
  server.requestTimeout = 30_000;
  return server;
}

async function answer(
  driver: Store,
  readMode: Consistency,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  try {
    const url = parseUrl(request.url ?? '/');
    const path = url.pathname;
    if (path === '/status') return reply(response, 200, { ...driver.status(), pid: process.pid });
    if (path === '/healthz') return reply(response, 200, { ok: true });
    const parsed = await parse(request, url, readMode);
    driver.submit(parsed, (result) => replyWith(response, result));
  } catch (error) {
    if (!(error instanceof BadRequest)) {
      const message = error instanceof Error ? error.message : String(error);
      return reply(response, 500, { error: message, definite: false });
    }
    // What is left of the body is not read: the connection cannot be used again.
    if (!request.complete) response.setHeader('connection', 'close');
    reply(response, error.status, { error: error.message, definite: true });
  }
}

function replyWith(response: http.ServerResponse, result: Answer): void {
  if (result.type !== 'ok') {
    const definite = result.type === 'refused';
    return reply(response, 503, { error: result.error, definite });
  }
  const { value, applied, servedBy, term, appliedIndex } = result;
  reply(response, 200, { value, applied, servedBy, term, appliedIndex });
}

function reply(response: http.ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

async function parse(
  request: http.IncomingMessage,
  url: URL,
  readMode: Consistency,
): Promise<Request> {
  if (url.pathname === '/cluster/transfer') {
    if (request.method !== 'POST') throw new BadRequest(405, 'a transfer is asked for by POST');
    return parseTransfer(await readJson(request));
  }
  const match = /^\/kv\/([^/]+)(\/cas)?$/.exec(url.pathname);
  if (match === null)
    throw new BadRequest(
      404,
      'the path is /kv/:key, /kv/:key/cas, /cluster/transfer, /status or /healthz',
    );
  const key = parseKey(match[1] ?? '');
  const isCas = match[2] !== undefined;
  const { method } = request;
  if (isCas && method === 'POST') {
    const body = await readJson(request);
    return {
      type: 'command',
      command: {
        type: 'cas',
        key,
        from: parseValue(body, 'from'),
        to: parseValue(body, 'to'),
      },
    };
  }
  if (!isCas && method === 'GET') {
    return { type: 'read', key, consistency: parseConsistency(url, readMode) };
  }
  if (!isCas && method === 'PUT') {
    const value = parseValue(await readJson(request), 'value');
    if (value === null) throw new BadRequest(400, 'value must be a string; DELETE removes a key');
    return { type: 'command', command: { type: 'put', key, value } };
  }
  if (!isCas && method === 'DELETE') return { type: 'command', command: { type: 'delete', key } };
  throw new BadRequest(405, `${method ?? 'the method'} is not for this path`);
}

/** `//` and its like are no URLs, though HTTP lets them through. */
function parseUrl(target: string): URL {
  const url = URL.canParse(target, 'http://node') ? new URL(target, 'http://node') : undefined;
  if (url === undefined) throw new BadRequest(400, 'the request target is no URL');
  return url;
}

function parseKey(encoded: string): string {
  let key: string;
  try {
    key = decodeURIComponent(encoded);
  } catch {
    throw new BadRequest(400, 'the key is not percent-encoded UTF-8');
  }
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) {
    throw new BadRequest(400, `the key is longer than ${KEY_BYTES_MAX} bytes`);
  }
  return key;
}

function parseConsistency(url: URL, fallback: Consistency): Consistency {
  const asked = url.searchParams.get('consistency');
  if (asked === null) return fallback;
  const found = CONSISTENCIES.find((consistency) => consistency === asked);
  if (found === undefined) {
    throw new BadRequest(400, `consistency is one of ${CONSISTENCIES.join(', ')}`);
  }
  return found;
}

function parseValue(body: object, field: 'value' | 'from' | 'to'): Value {
  const value: unknown = Object.entries(body).find(([name]) => name === field)?.[1];
  if (value === null) return null;
  // A lone surrogate has no UTF-8: it would come back as another string.
  if (typeof value !== 'string' || !value.isWellFormed()) {
    throw new BadRequest(400, `${field} must be a string or null`);
  }
  if (Buffer.byteLength(value) > VALUE_BYTES_MAX) {
    throw new BadRequest(413, `${field} is longer than ${VALUE_BYTES_MAX} bytes`);
  }
  return value;
}

async function readJson(request: http.IncomingMessage): Promise<object> {
  // Said beforehand, it can be answered; leaving the loop below ends the connection.
  if (Number(request.headers['content-length']) > BODY_BYTES_MAX) {
    throw new BadRequest(413, `the body is over ${BODY_BYTES_MAX} bytes`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > BODY_BYTES_MAX) break;
      chunks.push(chunk);
    }
  } catch {
    throw new BadRequest(400, 'the body was cut off');
  }
  if (size > BODY_BYTES_MAX) throw new BadRequest(413, `the body is over ${BODY_BYTES_MAX} bytes`);
  let body: unknown;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new BadRequest(400, 'the body is not JSON');
  }
  if (typeof body !== 'object' || body === null) throw new BadRequest(400, 'the body is no object');
  return body;
}
