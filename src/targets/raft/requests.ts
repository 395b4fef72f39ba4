import { assertNever } from '../../lib/assert.ts';
import type { Call } from '../../raft/client/calls.ts';
import type { SessionStamp } from '../../raft/client/session-client.ts';
import type { HttpRequest } from '../http/exchange.ts';

type Command = Extract<Call, { type: 'command' }>['command'];

/** Where each kind of object is read. */
const PLACES = { value: 'kv', set: 'set', queue: 'queue', lock: 'lock' } as const;

/** What the node's API is sent for a call. */
export function httpOf(
  call: Call,
  { readMode, stamp }: { readonly readMode: string; readonly stamp: SessionStamp | undefined },
): HttpRequest {
  if (call.type === 'read') {
    const path = `/${PLACES[call.of]}/${encodeURIComponent(call.key)}?consistency=${readMode}`;
    return { method: 'GET', path };
  }
  const request = commandRequest(call.command);
  if (stamp === undefined) return request;
  const { id, sequence } = stamp;
  // A client that goes on to a number has the answers to all before.
  return { ...request, headers: { 'gong-session': `${id}/${sequence}/${sequence}` } };
}

function commandRequest(command: Command): HttpRequest {
  switch (command.type) {
    case 'put':
      return { method: 'PUT', path: pathOf('kv', command.key), ...body({ value: command.value }) };
    case 'delete':
      return { method: 'DELETE', path: pathOf('kv', command.key) };
    case 'cas':
      return post(pathOf('kv', command.key, 'cas'), { from: command.from, to: command.to });
    case 'incr':
      return post(pathOf('kv', command.key, 'incr'), { by: command.by });
    case 'append':
      return post(pathOf('kv', command.key, 'append'), { value: command.value });
    case 'txn': {
      const { compares, success, failure } = command;
      return post('/txn', { compares, success, failure });
    }
    case 'set-add':
      return post(pathOf('set', command.key), { add: command.element });
    case 'set-remove':
      return post(pathOf('set', command.key), { remove: command.element });
    case 'enqueue':
      return post(pathOf('queue', command.key, 'enqueue'), { value: command.element });
    case 'dequeue':
      return { method: 'POST', path: pathOf('queue', command.key, 'dequeue') };
    case 'acquire':
      return post(pathOf('lock', command.key, 'acquire'), {
        owner: command.owner,
        ttlMs: command.ttlMs,
      });
    case 'renew':
      return post(pathOf('lock', command.key, 'renew'), {
        token: command.token,
        ttlMs: command.ttlMs,
      });
    case 'release':
      return post(pathOf('lock', command.key, 'release'), { token: command.token });
    case 'open-session':
      return { method: 'POST', path: '/sessions' };
    case 'keep-session':
      return { method: 'POST', path: `/sessions/${command.id}` };
    case 'close-session':
      return { method: 'DELETE', path: `/sessions/${command.id}` };
    default:
      return assertNever(command);
  }
}

function pathOf(place: string, key: string, change?: string): string {
  return `/${place}/${encodeURIComponent(key)}${change === undefined ? '' : `/${change}`}`;
}

function post(path: string, fields: object): HttpRequest {
  return { method: 'POST', path, ...body(fields) };
}

function body(fields: object): Pick<HttpRequest, 'body'> {
  return { body: JSON.stringify(fields) };
}
