import type { IncomingMessage } from 'node:http';
import { BadRequest } from './bad-request.ts';

/** JSON may escape a byte as six; two values and their frame. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;

/**
 * The object in a request's body.
 *
 * Events instead of `for await`: an iterator over a stream costs 4 µs of the 15 µs that node:http takes
 * for a small PUT.
 *
 * @throws BadRequest when it is too large, cut off, or no object; what is left of it is not read then
 */
export function readJson(request: IncomingMessage): Promise<object> {
  const { promise, resolve, reject } = Promise.withResolvers<object>();
  const tooLarge = (): void =>
    reject(new BadRequest(413, `the body is over ${BODY_BYTES_MAX} bytes`));
  if (Number(request.headers['content-length']) > BODY_BYTES_MAX) {
    tooLarge();
    return promise;
  }
  // Most bodies come in one piece, which is then not copied.
  let whole: Buffer | undefined;
  let more: Buffer[] | undefined;
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) {
      request.pause();
      return tooLarge();
    }
    if (whole === undefined) whole = chunk;
    else (more ??= []).push(chunk);
  });
  request.on('end', () => {
    if (size > BODY_BYTES_MAX) return;
    const [first = Buffer.alloc(0)] = [whole];
    try {
      resolve(parseObject(more === undefined ? first : Buffer.concat([first, ...more])));
    } catch (error) {
      reject(error);
    }
  });
  request.on('error', () => reject(new BadRequest(400, 'the body was cut off')));
  return promise;
}

function parseObject(bytes: Buffer): object {
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new BadRequest(400, 'the body is not JSON');
  }
  if (typeof body !== 'object' || body === null) throw new BadRequest(400, 'the body is no object');
  return body;
}
