import type { Command } from '../../kv/commands.ts';
import { BadRequest } from '../bad-request.ts';
import { checkKey, fieldOf, parseInteger, parseKey, parseText, parseTtlMs } from '../fields.ts';
import type { ReadOf } from '../../kv/state-machine.ts';
import { type Call, commandOf, consistencyOf, notForThisPath, type Route } from './call.ts';

/** What can be posted behind `/NAME/:key`; an empty text is the key's own path. */
type Changes = Readonly<Record<string, (call: Call, key: string) => Command | Promise<Command>>>;

/** `GET /set/:key`, `POST /set/:key` with `{"add":…}` or `{"remove":…}`. */
export const setRoute: Route = objectRoute('set', {
  '': async (call, key) => {
    const { limits, bodies } = call.options;
    const body = await bodies.read(call.request);
    const isRemoved = fieldOf(body, 'add') === undefined;
    return isRemoved
      ? { type: 'set-remove', key, element: parseText(body, 'remove', limits) }
      : { type: 'set-add', key, element: parseText(body, 'add', limits) };
  },
});

/** `GET /queue/:key` for its length, `POST /queue/:key/enqueue` with `{"value":…}`, `…/dequeue`. */
export const queueRoute: Route = objectRoute('queue', {
  enqueue: async (call, key) => {
    const { limits, bodies } = call.options;
    const element = parseText(await bodies.read(call.request), 'value', limits);
    return { type: 'enqueue', key, element };
  },
  dequeue: (_, key) => ({ type: 'dequeue', key }),
});

const TOKENS = [0, Number.MAX_SAFE_INTEGER] as const;

/**
 * `GET /lock/:key`, `POST /lock/:key/acquire` with `{"ttlMs","owner"}`, `…/renew` with
 * `{"token","ttlMs"}`, `…/release` with `{"token"}`.
 */
export const lockRoute: Route = objectRoute('lock', {
  acquire: async (call, key) => {
    const { limits, bodies } = call.options;
    const body = await bodies.read(call.request);
    const owner = fieldOf(body, 'owner') === undefined ? '' : parseText(body, 'owner', limits);
    checkKey(owner, 'owner', limits);
    return { type: 'acquire', key, owner, ttlMs: parseTtlMs(body) };
  },
  renew: async (call, key) => {
    const body = await call.options.bodies.read(call.request);
    const token = parseInteger(body, 'token', TOKENS);
    return { type: 'renew', key, token, ttlMs: parseTtlMs(body) };
  },
  release: async (call, key) => {
    const body = await call.options.bodies.read(call.request);
    return { type: 'release', key, token: parseInteger(body, 'token', TOKENS) };
  },
});

function objectRoute(of: ReadOf, changes: Changes): Route {
  return async (call) => {
    const { rest, options, method } = call;
    const slash = rest.indexOf('/');
    const encoded = slash < 0 ? rest : rest.slice(0, slash);
    const name = slash < 0 ? '' : rest.slice(slash + 1);
    const change = Object.hasOwn(changes, name) ? changes[name] : undefined;
    if (encoded === '' || (name !== '' && change === undefined)) {
      const paths = Object.keys(changes).filter((each) => each !== '');
      const more = paths.map((each) => `, /${of}/:key/${each}`).join('');
      throw new BadRequest(404, `the path is /${of}/:key${more}`);
    }
    const key = parseKey(encoded, options.limits);
    if (method === 'GET' && name === '') {
      return { type: 'read', of, key, consistency: consistencyOf(call) };
    }
    if (method !== 'POST' || change === undefined) throw notForThisPath(call);
    return commandOf(call, await change(call, key));
  };
}
