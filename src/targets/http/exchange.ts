import { Client } from 'undici';

/** How one HTTP exchange ended, seen from a client that never repeats a request. */
export type Exchange =
  | { readonly type: 'answer'; readonly status: number; readonly body: string }
  /** Not a byte of the request left this process, and none will. */
  | { readonly type: 'never-sent'; readonly error: string }
  /** The request was handed to the socket; what became of it is not known. */
  | { readonly type: 'maybe-sent'; readonly error: string };

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Far more than any value; an answer without an end must not fill the memory until its deadline. */
const BODY_BYTES_MAX = 16 * 2 ** 20;

/**
 * A connection for one request at a time: no pipelining, no retry, no redirect. undici's own
 * time-outs fire up to a second late, so they are off and each exchange has a deadline here.
 */
export function openConnection(url: string): Client {
  return new Client(url, { pipelining: 1, headersTimeout: 0, bodyTimeout: 0, connectTimeout: 0 });
}

/**
 * One request, one answer. After anything but an answer the connection must be destroyed: at the
 * deadline a request that waits for its connection is still in undici's queue.
 *
 * @param deadlineNs - from now
 */
export async function exchange(
  client: Client,
  request: HttpRequest,
  deadlineNs: number,
): Promise<Exchange> {
  const { promise, resolve } = Promise.withResolvers<Exchange>();
  let isSent = false;
  let status = 0;
  let bytes = 0;
  const chunks: Buffer[] = [];
  const lost = (error: string): void =>
    resolve({ type: isSent ? 'maybe-sent' : 'never-sent', error });
  const timer = setTimeout(() => {
    lost('no answer in time');
    void client.destroy();
  }, deadlineNs / 1e6);
  client.dispatch(
    {
      method: request.method,
      path: request.path,
      headers: {
        ...request.headers,
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(request.body === undefined ? {} : { body: request.body }),
    },
    {
      // Runs just before the bytes are handed to the socket: from here on everything is "maybe".
      onRequestStart() {
        isSent = true;
      },
      onResponseStart(_controller, statusCode) {
        status = statusCode;
      },
      onResponseData(_controller, chunk) {
        bytes += chunk.length;
        if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
        else {
          chunks.length = 0;
          lost(`an answer of more than ${BODY_BYTES_MAX / 2 ** 20} MiB`);
          void client.destroy();
        }
      },
      onResponseEnd() {
        resolve({ type: 'answer', status, body: Buffer.concat(chunks).toString('utf8') });
      },
      onResponseError(_controller, error) {
        lost(reasonOf(error));
      },
    },
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** A name with several addresses, none of which answers, makes an error for each, and one without words. */
function reasonOf(error: Error): string {
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  const reasons = errors.map((one) => (one instanceof Error ? one.message : String(one)));
  return [error.message, ...reasons].filter((text) => text !== '').join(', ') || error.name;
}
