import type { Command } from '../../kv/commands.ts';
import { BadRequest } from '../bad-request.ts';
import { fieldOf, parseInteger, parseKey, parseText, parseValue } from '../fields.ts';
import {
  type Call,
  commandOf,
  consistencyOf,
  type FromBody,
  notForThisPath,
  type Route,
} from './call.ts';

const INTEGERS = [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const;

/** `GET|PUT|DELETE /kv/:key`, `POST /kv/:key/cas|incr|append`. */
export const valueRoute: Route = (call) => {
  const { rest, options, method } = call;
  const slash = rest.indexOf('/');
  if (slash >= 0) return changeOf(call, rest.slice(0, slash), rest.slice(slash + 1));
  if (rest === '') throw noKey();
  const key = parseKey(rest, options.limits);
  switch (method) {
    case 'GET':
      return { type: 'read', key, consistency: consistencyOf(call) };
    case 'PUT':
      return (body) => {
        const value = parseValue(body, 'value', options.limits);
        if (value === null)
          throw new BadRequest(400, 'value must be a string; DELETE removes a key');
        return commandOf(call, { type: 'put', key, value });
      };
    case 'DELETE':
      return commandOf(call, { type: 'delete', key });
    default:
      throw notForThisPath(call);
  }
};

function changeOf(call: Call, encoded: string, change: string): FromBody {
  if (encoded === '' || !['cas', 'incr', 'append'].includes(change)) throw noKey();
  const key = parseKey(encoded, call.options.limits);
  if (call.method !== 'POST') throw notForThisPath(call);
  return (body) => commandOf(call, parseChange(call, key, change, body));
}

function parseChange({ options }: Call, key: string, change: string, body: object): Command {
  const { limits } = options;
  if (change === 'incr') {
    const by = fieldOf(body, 'by') === undefined ? 1 : parseInteger(body, 'by', INTEGERS);
    return { type: 'incr', key, by };
  }
  if (change === 'append') return { type: 'append', key, value: parseText(body, 'value', limits) };
  const from = parseValue(body, 'from', limits);
  return { type: 'cas', key, from, to: parseValue(body, 'to', limits) };
}

function noKey(): BadRequest {
  return new BadRequest(404, 'the path is /kv/:key or /kv/:key/cas, /incr or /append');
}
