import type { Command } from '../../kv/commands.ts';
import { BadRequest } from '../bad-request.ts';
import {
  type ApiLimits,
  checkKey,
  fieldOf,
  parseInteger,
  parseKey,
  parseText,
  parseTtlMs,
} from '../fields.ts';
import type { ReadOf } from '../../kv/state-machine.ts';
import { commandOf, consistencyOf, notForThisPath, type Route } from './call.ts';

/** What can be posted behind `/NAME/:key`; an empty text is the key's own path. */
type Changes = Readonly<Record<string, Change>>;

/** Makes the command; where the body says it, what makes it of the body. */
type Change = (key: string, limits: ApiLimits) => Command | ((body: object) => Command);

/** `GET /set/:key`, `POST /set/:key` with `{"add":…}` or `{"remove":…}`. */
export const setRoute: Route = objectRoute('set', {
  '': (key, limits) => (body) => {
    const isRemoved = fieldOf(body, 'add') === undefined;
    return isRemoved
      ? { type: 'set-remove', key, element: parseText(body, 'remove', limits) }
      : { type: 'set-add', key, element: parseText(body, 'add', limits) };
  },
});

/** `GET /queue/:key` for its length, `POST /queue/:key/enqueue` with `{"value":…}`, `…/dequeue`. */
export const queueRoute: Route = objectRoute('queue', {
  enqueue: (key, limits) => (body) => {
    return { type: 'enqueue', key, element: parseText(body, 'value', limits) };
  },
  dequeue: (key) => ({ type: 'dequeue', key }),
});

const TOKENS = [0, Number.MAX_SAFE_INTEGER] as const;

/**
 * `GET /lock/:key`, `POST /lock/:key/acquire` with `{"ttlMs","owner"}`, `…/renew` with
 * `{"token","ttlMs"}`, `…/release` with `{"token"}`.
 */
export const lockRoute: Route = objectRoute('lock', {
  acquire: (key, limits) => (body) => {
    const owner = fieldOf(body, 'owner') === undefined ? '' : parseText(body, 'owner', limits);
    checkKey(owner, 'owner', limits);
    return { type: 'acquire', key, owner, ttlMs: parseTtlMs(body) };
  },
  renew: (key) => (body) => {
    const token = parseInteger(body, 'token', TOKENS);
    return { type: 'renew', key, token, ttlMs: parseTtlMs(body) };
  },
  release: (key) => (body) => {
    return { type: 'release', key, token: parseInteger(body, 'token', TOKENS) };
  },
});

function objectRoute(of: ReadOf, changes: Changes): Route {
  return (call) => {
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
    const made = change(key, options.limits);
    return typeof made === 'function'
      ? (body) => commandOf(call, made(body))
      : commandOf(call, made);
  };
}
