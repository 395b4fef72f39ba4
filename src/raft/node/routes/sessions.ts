import type { Command } from '../../kv/commands.ts';
import { BadRequest } from '../bad-request.ts';
import { type Call, notForThisPath, type Route } from './call.ts';

/**
 * `POST /sessions` opens one and answers with its id, `POST /sessions/:id` is a sign of life,
 * `DELETE /sessions/:id` ends it (thesis §6.3). They belong to no session themselves: a client that
 * lost the answer to `POST /sessions` opens another, and the first one expires.
 */
export const sessionRoute: Route = (call) => ({ type: 'command', command: parseCommand(call) });

function parseCommand(call: Call): Command {
  const { rest, method, options } = call;
  if (rest === '') {
    if (method !== 'POST') throw notForThisPath(call);
    return { type: 'open-session', expiryMs: options.sessionExpiryMs };
  }
  const id = /^\d{1,16}$/.test(rest) ? Number(rest) : NaN;
  if (!Number.isSafeInteger(id))
    throw new BadRequest(404, 'the path is /sessions or /sessions/:id');
  if (method === 'POST') return { type: 'keep-session', id };
  if (method === 'DELETE') return { type: 'close-session', id };
  throw notForThisPath(call);
}
