import type { IncomingMessage } from 'node:http';
import {
  CONSISTENCIES,
  type Consistency,
  type Request,
  type SessionNumber,
} from '../../driver/requests.ts';
import type { Command } from '../../kv/commands.ts';
import { BadRequest } from '../bad-request.ts';
import type { ApiLimits } from '../fields.ts';

/** What routes know of their node. */
export interface RouteOptions {
  readonly readMode: Consistency;
  readonly limits: ApiLimits;
  readonly sessionExpiryMs: number;
}

/** A request to be taken apart by the route of its path. */
export interface Call {
  readonly options: RouteOptions;
  readonly request: IncomingMessage;
  readonly method: string;
  /** What stands behind the name of the route and a slash: `a/cas` of `/kv/a/cas`. */
  readonly rest: string;
  /** With its question mark; empty when there is none. */
  readonly query: string;
}

/** Makes of the body what the driver is asked for. @throws BadRequest */
export type FromBody = (body: object) => Request;

/**
 * Makes of a call what the driver is asked for; where the body says it, what makes it of the body.
 *
 * @throws BadRequest
 */
export type Route = (call: Call) => Request | FromBody;

/** @throws BadRequest */
export function consistencyOf({ query, options }: Call): Consistency {
  if (query === '') return options.readMode;
  const asked = new URLSearchParams(query).get('consistency');
  if (asked === null) return options.readMode;
  const found = CONSISTENCIES.find((consistency) => consistency === asked);
  if (found === undefined) {
    throw new BadRequest(400, `consistency is one of ${CONSISTENCIES.join(', ')}`);
  }
  return found;
}

/** The command with the session that the call names, if it does. @throws BadRequest */
export function commandOf({ request }: Call, command: Command): Request {
  const header = request.headers['gong-session'];
  return header === undefined
    ? { type: 'command', command }
    : { type: 'command', command, session: parseSession(String(header)) };
}

const SESSION = /^(\d{1,16})\/(\d{1,16})(?:\/(\d{1,16}))?$/;

/** `ID/NUMBER`, and optionally `/N`: the client has the answers to all numbers below N. */
function parseSession(header: string): SessionNumber {
  const [, ...parts] = SESSION.exec(header) ?? [];
  const [id = NaN, sequence = NaN, acknowledged = 0] = parts
    .filter((part) => part !== undefined)
    .map(Number);
  const areSafe = [id, sequence, acknowledged].every(Number.isSafeInteger);
  if (!areSafe) throw new BadRequest(400, 'gong-session is ID/NUMBER or ID/NUMBER/ACKNOWLEDGED');
  if (acknowledged > sequence) {
    throw new BadRequest(400, 'gong-session says that it has the answer to this very number');
  }
  return { id, sequence, acknowledged };
}

export function notForThisPath({ method }: Call): BadRequest {
  return new BadRequest(405, `${method} is not for this path`);
}
