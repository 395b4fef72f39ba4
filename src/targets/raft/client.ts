import { setTimeout } from 'node:timers/promises';
import type { Client as Connection } from 'undici';
import type { Client, Completion, Invocation, Served } from '../../contracts/client.ts';
import type { Clock } from '../../contracts/clock.ts';
import type { ConnectOptions } from '../../contracts/target.ts';
import { UserError } from '../../lib/user-error.ts';
import { type Call, callOf, type Told } from '../../raft/client/calls.ts';
import {
  type Attempted,
  completionAs,
  SessionClient,
  type SessionStamp,
} from '../../raft/client/session-client.ts';
import { type Exchange, exchange, openConnection } from '../http/exchange.ts';
import { httpOf } from './requests.ts';

const CLOCK: Clock = {
  now: () => performance.now() * 1e6,
  sleep: (ns) => setTimeout(ns / 1e6),
};

/** A client of one node of the reference store. */
export function connectTo(url: string, { readMode, model, inSessions }: ConnectOptions): Client {
  const connection = new NodeConnection(url, readMode);
  const attempt = connection.attempt.bind(connection);
  const close = connection.disconnect.bind(connection);
  if (inSessions) {
    const call = (invocation: Invocation): Call => knownCall(model, invocation);
    return new SessionClient({ model, callOf: call, attempt, clock: CLOCK, close });
  }
  return {
    async invoke(invocation, deadlineNs): Promise<Completion> {
      const ended = await attempt(knownCall(model, invocation), undefined, deadlineNs);
      return completionAs(model, invocation, ended);
    },
    [Symbol.asyncDispose]: close,
  };
}

/** @throws UserError (`usage`, GONG-E054) */
function knownCall(model: string, invocation: Invocation): Call {
  const call = callOf(model, invocation);
  if (call !== undefined) return call;
  throw new UserError({
    kind: 'usage',
    code: 'GONG-E054',
    what: `the raft target cannot ${invocation.f} ${JSON.stringify(invocation.value)} as a ${model}`,
    why: 'the model has no such operation, or the value does not fit it',
    fix: 'choose a workload of other operations',
  });
}

/** One connection at a time, opened when it is needed. */
class NodeConnection {
  readonly #url: string;
  readonly #readMode: string;
  #connection: Connection | undefined;

  constructor(url: string, readMode: string) {
    this.#url = url;
    this.#readMode = readMode;
  }

  async attempt(
    call: Call,
    stamp: SessionStamp | undefined,
    deadlineNs: number,
  ): Promise<Attempted> {
    this.#connection ??= openConnection(this.#url);
    const request = httpOf(call, { readMode: this.#readMode, stamp });
    const result = await exchange(this.#connection, request, deadlineNs);
    if (result.type !== 'answer') await this.disconnect();
    return attemptedOf(call, result);
  }

  async disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.destroy();
  }
}

function attemptedOf(call: Call, result: Exchange): Attempted {
  if (result.type === 'never-sent') return { type: 'refused', error: result.error };
  if (result.type === 'maybe-sent') return { type: 'unknown', error: result.error };
  const answer = objectOf(result.body);
  if (answer === undefined) {
    return { type: 'unknown', error: `status ${result.status} with a body that is no JSON object` };
  }
  if (result.status !== 200) {
    const error = `${result.status} ${JSON.stringify(answer['error'] ?? null)}`;
    if (answer['definite'] !== true) return { type: 'unknown', error };
    const reason = REASONS.get(result.status);
    return { type: 'refused', error, ...(reason === undefined ? {} : { reason }) };
  }
  return doneOf(call, answer);
}

/** Where the state itself refused, the status says why. */
const REASONS: ReadonlyMap<number, 'conflict' | 'session'> = new Map([
  [409, 'conflict'],
  [410, 'session'],
]);

function doneOf(call: Call, answer: Readonly<Record<string, unknown>>): Attempted {
  const { applied, value } = answer;
  if (call.type === 'command' && typeof applied !== 'boolean') {
    return { type: 'unknown', error: 'the answer does not say whether it was applied' };
  }
  if (value === undefined) return { type: 'unknown', error: 'the answer has no value' };
  const served: Served = {
    ...(typeof answer['servedBy'] === 'string' ? { servedBy: answer['servedBy'] } : {}),
    ...(typeof answer['term'] === 'number' ? { term: answer['term'] } : {}),
    ...(typeof answer['appliedIndex'] === 'number' ? { appliedIndex: answer['appliedIndex'] } : {}),
  };
  // It comes from JSON: whatever it is, the checker says what it makes of it.
  return { type: 'ok', value: value as Told['value'], applied: applied !== false, served };
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? { ...body } : undefined;
  } catch {
    return undefined;
  }
}
