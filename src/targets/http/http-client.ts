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
  readonly #origin: string;
  /** Before the path of each request. */
  readonly #base: string;
  #connection: Connection | undefined;

  /**
   * @param url - of the server, `http://127.0.0.1:8080`; a path of its own comes before each request's
   * @throws TypeError when it is no URL of HTTP
   */
  constructor(url: string) {
    const { protocol, origin, pathname } = new URL(url);
    if (protocol !== 'http:' && protocol !== 'https:') {
      throw new TypeError(`${url} is no URL of HTTP`);
    }
    this.#origin = origin;
    this.#base = pathname.replace(/\/+$/, '');
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
    this.#connection ??= openConnection(this.#origin);
    const path = `${this.#base}${request.path}`;
    const result = await exchange(this.#connection, { ...request, path }, deadlineNs);
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
