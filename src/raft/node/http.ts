import type http from 'node:http';
import type { NodeId } from '../core/types.ts';
import type { Driver } from '../driver/driver.ts';
import { type Answer, CONSISTENCIES, type Consistency, type Request } from '../driver/requests.ts';
import type { Value } from '../kv/value.ts';
import type { Tunables } from './config.ts';

/** What the API takes; bytes of UTF-8, and of a whole body. */
export type ApiLimits = Pick<Tunables, 'maxKeyBytes' | 'maxValueBytes' | 'maxBodyBytes'>;

/** Bodies that are being read take so much together; what is beyond is refused. */
const BODIES_BYTES_MAX = 256 * 1024 * 1024;

/** A request that cannot be meant: refused before anything was done. */
class BadRequest extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What the API asks of the driver. */
export type Store = Pick<Driver, 'submit'>;

/** What the API knows of its node beside the store. */
export interface ApiOptions {
  readonly readMode: Consistency;
  readonly limits: ApiLimits;
  /** Bodies of `GET /status` and `GET /config`. */
  readonly status: () => object;
  readonly config: () => object;
  /** Body of `GET /metrics`, and its type. */
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
  /** Where clients reach a node, if it has said so. */
  readonly clientUrlOf: (node: NodeId) => string | undefined;
}

/**
 * The node's API for clients. Every answer says whether an operation that did not succeed
 * certainly did not happen (`"definite":true`) or may have.
 */
export function makeApi(store: Store, options: ApiOptions): http.RequestListener {
  const bodies = { bytes: 0 };
  return (request, response) => {
    void answer({ store, options, bodies }, request, response);
  };
}

interface Api {
  readonly store: Store;
  readonly options: ApiOptions;
  /** Of bodies that are being read now. */
  readonly bodies: { bytes: number };
}

async function answer(
  api: Api,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  try {
    const url = parseUrl(request.url ?? '/');
    if (await answerOfNode(api.options, url.pathname, request.method, response)) return;
    const parsed = await parse(api, request, url);
    api.store.submit(parsed, (result) => replyWith(api.options, url, response, result));
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

/** What this node says of itself. @returns false when the path is another */
async function answerOfNode(
  options: ApiOptions,
  path: string,
  method: string | undefined,
  response: http.ServerResponse,
): Promise<boolean> {
  if (!['/status', '/healthz', '/config', '/metrics'].includes(path)) return false;
  if (method !== 'GET') throw new BadRequest(405, `${method ?? 'the method'} is not for this path`);
  if (path === '/status') reply(response, 200, options.status());
  else if (path === '/healthz') reply(response, 200, { ok: true });
  else if (path === '/config') reply(response, 200, options.config());
  else {
    const { type, text } = await options.metrics();
    response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
    response.end(text);
  }
  return true;
}

function replyWith(
  options: ApiOptions,
  url: URL,
  response: http.ServerResponse,
  result: Answer,
): void {
  if (result.type === 'ok') {
    const { value, applied, servedBy, term, appliedIndex } = result;
    return reply(response, 200, { value, applied, servedBy, term, appliedIndex });
  }
  const definite = result.type === 'refused';
  const leader = result.type === 'refused' ? result.leader : undefined;
  if (leader === undefined) return reply(response, 503, { error: result.error, definite });
  const body = { error: result.error, definite, leader };
  const at = options.clientUrlOf(leader);
  // Without an address the client is to look for the leader itself.
  if (at === undefined) return reply(response, 503, body);
  response.setHeader('location', at + url.pathname + url.search);
  reply(response, 307, body);
}

function reply(response: http.ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

async function parse(api: Api, request: http.IncomingMessage, url: URL): Promise<Request> {
  const { limits, readMode } = api.options;
  const match = /^\/kv\/([^/]+)(\/cas)?$/.exec(url.pathname);
  if (match === null)
    throw new BadRequest(
      404,
      'the path is /kv/:key, /kv/:key/cas, /status, /config, /metrics or /healthz',
    );
  const key = parseKey(match[1] ?? '', limits);
  const isCas = match[2] !== undefined;
  const { method } = request;
  if (isCas && method === 'POST') {
    const body = await readJson(api, request);
    return {
      type: 'command',
      command: {
        type: 'cas',
        key,
        from: parseValue(body, 'from', limits),
        to: parseValue(body, 'to', limits),
      },
    };
  }
  if (!isCas && method === 'GET') {
    return { type: 'read', key, consistency: parseConsistency(url, readMode) };
  }
  if (!isCas && method === 'PUT') {
    const value = parseValue(await readJson(api, request), 'value', limits);
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

function parseKey(encoded: string, { maxKeyBytes }: ApiLimits): string {
  let key: string;
  try {
    key = decodeURIComponent(encoded);
  } catch {
    throw new BadRequest(400, 'the key is not percent-encoded UTF-8');
  }
  if (Buffer.byteLength(key) > maxKeyBytes) {
    throw new BadRequest(400, `the key is longer than ${maxKeyBytes} bytes`);
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

function parseValue(
  body: object,
  field: 'value' | 'from' | 'to',
  { maxValueBytes }: ApiLimits,
): Value {
  const value: unknown = Object.entries(body).find(([name]) => name === field)?.[1];
  if (value === null) return null;
  // A lone surrogate has no UTF-8: it would come back as another string.
  if (typeof value !== 'string' || !value.isWellFormed()) {
    throw new BadRequest(400, `${field} must be a string or null`);
  }
  if (Buffer.byteLength(value) > maxValueBytes) {
    throw new BadRequest(413, `${field} is longer than ${maxValueBytes} bytes`);
  }
  return value;
}

async function readJson(api: Api, request: http.IncomingMessage): Promise<object> {
  const text = await readBody(api, request);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new BadRequest(400, 'the body is not JSON');
  }
  if (typeof body !== 'object' || body === null) throw new BadRequest(400, 'the body is no object');
  return body;
}

async function readBody({ options, bodies }: Api, request: http.IncomingMessage): Promise<string> {
  const { maxBodyBytes } = options.limits;
  // Said beforehand, it can be answered; leaving the loop below ends the connection.
  if (Number(request.headers['content-length']) > maxBodyBytes) {
    throw new BadRequest(413, `the body is over ${maxBodyBytes} bytes`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  let isCrowded = false;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      bodies.bytes += chunk.length;
      isCrowded = bodies.bytes > BODIES_BYTES_MAX;
      if (size > maxBodyBytes || isCrowded) break;
      chunks.push(chunk);
    }
  } catch {
    throw new BadRequest(400, 'the body was cut off');
  } finally {
    bodies.bytes -= size;
  }
  if (size > maxBodyBytes) throw new BadRequest(413, `the body is over ${maxBodyBytes} bytes`);
  if (isCrowded) throw new BadRequest(503, 'too many bodies are being read');
  return decodeUtf8(Buffer.concat(chunks));
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Anything else would be stored as something else than was sent. */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new BadRequest(400, 'the body is not UTF-8');
  }
}
