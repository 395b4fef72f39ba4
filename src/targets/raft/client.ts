import type { Client as Connection } from 'undici';
import type { Json } from '../../../checker/index.ts';
import type { Client, Completion, Invocation, Served } from '../../contracts/client.ts';
import { UserError } from '../../lib/user-error.ts';
import { type Exchange, exchange, type HttpRequest, openConnection } from '../http/exchange.ts';

/** Values are kept in the store as JSON text; null stands for an absent key. */
function encode(value: Json): string | null {
  return value === null ? null : JSON.stringify(value);
}

function toRequest(invocation: Invocation, readMode: string): HttpRequest {
  const path = `/kv/${encodeURIComponent(invocation.key ?? 'gong')}`;
  switch (invocation.f) {
    case 'read':
    case 'get':
      return { method: 'GET', path: `${path}?consistency=${readMode}` };
    case 'write':
    case 'put':
      // Absent is null in a history: writing it is deleting the key.
      if (invocation.value === null) return { method: 'DELETE', path };
      return { method: 'PUT', path, body: JSON.stringify({ value: encode(invocation.value) }) };
    case 'delete':
      return { method: 'DELETE', path };
    case 'cas': {
      if (!Array.isArray(invocation.value)) break;
      const [from = null, to = null]: readonly Json[] = invocation.value;
      const body = JSON.stringify({ from: encode(from), to: encode(to) });
      return { method: 'POST', path: `${path}/cas`, body };
    }
    default:
  }
  throw new UserError({
    kind: 'usage',
    code: 'GONG-E054',
    what: `the raft target cannot ${invocation.f} ${JSON.stringify(invocation.value)}`,
    why: 'it knows read, write, get, put, delete and cas with [from, to]',
    fix: 'choose a workload of these operations',
  });
}

/** A client of one node of the reference store. */
export class RaftClient implements Client {
  readonly #url: string;
  readonly #readMode: string;
  #connection: Connection | undefined;

  constructor(url: string, readMode: string) {
    this.#url = url;
    this.#readMode = readMode;
  }

  async invoke(invocation: Invocation, deadlineNs: number): Promise<Completion> {
    const request = toRequest(invocation, this.#readMode);
    this.#connection ??= openConnection(this.#url);
    const result = await exchange(this.#connection, request, deadlineNs);
    if (result.type !== 'answer') await this.#disconnect();
    return toCompletion(invocation, result);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disconnect();
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.destroy();
  }
}

function toCompletion(invocation: Invocation, result: Exchange): Completion {
  if (result.type === 'never-sent') return { type: 'fail', error: result.error };
  if (result.type === 'maybe-sent') return { type: 'info', error: result.error };
  let body: unknown;
  try {
    body = JSON.parse(result.body);
  } catch {
    body = undefined;
  }
  if (typeof body !== 'object' || body === null) {
    return { type: 'info', error: `status ${result.status} with a body that is no JSON object` };
  }
  const answer: Record<string, unknown> = { ...body };
  if (result.status !== 200) {
    const error = `${result.status} ${JSON.stringify(answer['error'] ?? null)}`;
    return { type: answer['definite'] === true ? 'fail' : 'info', error };
  }
  return toOk(invocation, answer);
}

function toOk(invocation: Invocation, answer: Record<string, unknown>): Completion {
  const served: Served = {
    ...(typeof answer['servedBy'] === 'string' ? { servedBy: answer['servedBy'] } : {}),
    ...(typeof answer['term'] === 'number' ? { term: answer['term'] } : {}),
    ...(typeof answer['appliedIndex'] === 'number' ? { appliedIndex: answer['appliedIndex'] } : {}),
  };
  if (invocation.f === 'cas') {
    if (typeof answer['applied'] !== 'boolean') {
      return { type: 'info', error: 'the answer does not say whether the CAS was applied' };
    }
    return {
      type: 'ok',
      value: invocation.value,
      ...(answer['applied'] ? {} : { applied: false }),
      ...served,
    };
  }
  if (invocation.f !== 'read' && invocation.f !== 'get') {
    return { type: 'ok', value: invocation.value, ...served };
  }
  const { value } = answer;
  if (value === null) return { type: 'ok', value, ...served };
  if (typeof value !== 'string') return { type: 'info', error: 'the answer has no value' };
  return { type: 'ok', value: decode(value), ...served };
}

/** What Gong did not write itself is taken as the text that it is: the checker will object. */
function decode(text: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    return text;
  }
}
