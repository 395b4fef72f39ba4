import type { Client as Connection } from 'undici';
import { exchange, type HttpRequest, openConnection } from './exchange.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * Proof that an operation did not happen: nothing of its request left this process, and nothing will.
 * What a target's client throws with this name is recorded as `fail`; anything else as `info`.
 */
export class NeverSentError extends Error {
  override readonly name = 'NeverSentError';
}

/** One connection to an HTTP server, for one request at a time; it never repeats a request. */
export class HttpClient implements AsyncDisposable {
  readonly #url: string;
  #connection: Connection | undefined;

  /** @param url - of the server, without a path: `http://127.0.0.1:8080` */
  constructor(url: string) {
    this.#url = url;
  }

  /**
   * One request, one answer, whatever its status. The next one after a failure goes over a new
   * connection.
   *
   * @param deadlineNs - how long it may take, in nanoseconds from now
   * @throws NeverSentError when it was certainly not sent
   * @throws Error when it may have been: the connection was lost, or no answer came in time
   */
  async request(request: HttpRequest, deadlineNs: number): Promise<HttpAnswer> {
    this.#connection ??= openConnection(this.#url);
    const result = await exchange(this.#connection, request, deadlineNs);
    if (result.type === 'answer') return { status: result.status, body: result.body };
    await this.close();
    throw result.type === 'never-sent' ? new NeverSentError(result.error) : new Error(result.error);
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
