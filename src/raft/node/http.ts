import type http from 'node:http';
import { assertNever } from '../../lib/assert.ts';
import type { NodeId } from '../core/types.ts';
import type { Driver } from '../driver/driver.ts';
import type { Answer, Consistency } from '../driver/requests.ts';
import type { RefusalReason } from '../kv/result.ts';
import { BadRequest } from './bad-request.ts';
import type { ApiLimits } from './fields.ts';
import { JsonBodies } from './json-body.ts';
import { answerOfCluster, type ClusterControl } from './routes/cluster.ts';
import { ROUTES, type RouteOptions } from './routes/index.ts';

export type { ApiLimits } from './fields.ts';

/** What the API asks of the driver. */
export type Store = Pick<Driver, 'submit'> & ClusterControl;

/** What the API knows of its node beside the store. */
export interface ApiOptions {
  readonly readMode: Consistency;
  readonly limits: ApiLimits;
  /** Of sessions that are opened here. */
  readonly sessionExpiryMs: number;
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
  const { readMode, limits, sessionExpiryMs } = options;
  const bodies = new JsonBodies(limits.maxBodyBytes);
  const api = { store, options, bodies, routing: { readMode, limits, sessionExpiryMs } };
  return (request, response) => {
    try {
      answer(api, request, response);
    } catch (error) {
      refuse(request, response, error);
    }
  };
}

interface Api {
  readonly store: Store;
  readonly options: ApiOptions;
  readonly routing: RouteOptions;
  readonly bodies: JsonBodies;
}

/** @throws BadRequest, where that is known before anything was read */
function answer(
  { store, options, routing, bodies }: Api,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): void {
  const target = parseTarget(request.url ?? '/');
  const { name, rest, query } = target;
  const { method = 'the method' } = request;
  const refused = (error: unknown): void => refuse(request, response, error);
  if (PAGES.has(name)) {
    answerOfNode(options, target, method, response).catch(refused);
    return;
  }
  // A transfer is a request like any other: followers forward it.
  if (name === 'cluster' && rest !== 'transfer') {
    answerOfCluster({ control: store, bodies, request, method, rest }).then(
      ({ status, body }) => reply(response, status, body),
      refused,
    );
    return;
  }
  const route = ROUTES.get(name);
  if (route === undefined) {
    const names = [...ROUTES.keys(), 'cluster', 'status', 'config', 'metrics', 'healthz'];
    throw new BadRequest(404, `the path begins with one of /${names.join(', /')}`);
  }
  const done = (result: Answer): void => replyWith(options, target, response, result);
  const asked = route({ options: routing, request, method, rest, query });
  if (typeof asked !== 'function') return store.submit(asked, done);
  const submit = (body: object): void => {
    try {
      store.submit(asked(body), done);
    } catch (error) {
      refused(error);
    }
  };
  bodies.read(request, submit, refused);
}

function refuse(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  error: unknown,
): void {
  if (!(error instanceof BadRequest)) {
    const message = error instanceof Error ? error.message : String(error);
    return reply(response, 500, { error: message, definite: false });
  }
  // What is left of the body is not read: the connection cannot be used again.
  if (!request.complete) response.setHeader('connection', 'close');
  reply(response, error.status, { error: error.message, definite: true });
}

/** What this node says of itself. */
async function answerOfNode(
  options: ApiOptions,
  { name, rest }: Target,
  method: string,
  response: http.ServerResponse,
): Promise<void> {
  if (rest !== '') throw new BadRequest(404, `the path is /${name}`);
  if (method !== 'GET') throw new BadRequest(405, `${method} is not for this path`);
  if (name === 'status') reply(response, 200, options.status());
  else if (name === 'healthz') reply(response, 200, { ok: true });
  else if (name === 'config') reply(response, 200, options.config());
  else {
    const { type, text } = await options.metrics();
    response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
    response.end(text);
  }
}

const PAGES: ReadonlySet<string> = new Set(['status', 'healthz', 'config', 'metrics']);

function replyWith(
  options: ApiOptions,
  { path, query }: Target,
  response: http.ServerResponse,
  result: Answer,
): void {
  if (result.type === 'ok') {
    const { value, applied, servedBy, term, appliedIndex } = result;
    return reply(response, 200, { value, applied, servedBy, term, appliedIndex });
  }
  const definite = result.type === 'refused';
  const { leader, reason } =
    result.type === 'refused' ? result : { leader: undefined, reason: undefined };
  if (leader === undefined) {
    return reply(response, statusOf(reason), { error: result.error, definite });
  }
  const body = { error: result.error, definite, leader };
  const at = options.clientUrlOf(leader);
  // Without an address the client is to look for the leader itself.
  if (at === undefined) return reply(response, 503, body);
  response.setHeader('location', at + path + query);
  reply(response, 307, body);
}

/** Who is refused by the state need not come again; who is refused by this node may ask another. */
function statusOf(reason: RefusalReason | undefined): number {
  switch (reason) {
    case undefined:
      return 503;
    case 'conflict':
      return 409;
    case 'session':
      return 410;
    default:
      return assertNever(reason);
  }
}

function reply(response: http.ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** A request target taken apart: `/kv/a/cas?x` is `kv`, `a/cas` and `?x`. */
interface Target {
  readonly path: string;
  readonly name: string;
  readonly rest: string;
  /** With its question mark; empty when there is none. */
  readonly query: string;
}

/** @throws BadRequest */
function parseTarget(target: string): Target {
  // A URL costs as much as all the rest of a small request: only what is more than a path becomes one.
  if (!isPlain(target)) return parseUrl(target);
  const mark = target.indexOf('?');
  return mark < 0 ? split(target, '') : split(target.slice(0, mark), target.slice(mark));
}

/** A path and a query that a URL would leave as they are. */
function isPlain(target: string): boolean {
  return /^\/(?!\/)[\w\-~%/?=&]*$/.test(target);
}

/** `//` and its like are no URLs, though HTTP lets them through. */
function parseUrl(target: string): Target {
  const url = URL.canParse(target, 'http://node') ? new URL(target, 'http://node') : undefined;
  if (url === undefined) throw new BadRequest(400, 'the request target is no URL');
  return split(url.pathname, url.search);
}

function split(path: string, query: string): Target {
  const slash = path.indexOf('/', 1);
  if (slash < 0) return { path, name: path.slice(1), rest: '', query };
  return { path, name: path.slice(1, slash), rest: path.slice(slash + 1), query };
}
