import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestDrivers } from '../driver/testing/drivers.ts';
import { nodeId } from '../core/types.ts';
import type { Answer, Request } from '../driver/requests.ts';
import { KEY_BYTES_MAX, makeHttpServer, type Store, VALUE_BYTES_MAX } from './http.ts';

let answer: Answer = { type: 'refused', error: 'not yet' };
let submitted: Request[] = [];
let server: http.Server;
let url = '';

beforeAll(async () => {
  const drivers = new TestDrivers(1);
  await drivers.startAll();
  const status = drivers.driver(nodeId('n1')).status();
  const driver: Store = {
    submit(request, done) {
      submitted.push(request);
      done(answer);
    },
    status: () => status,
  };
  server = makeHttpServer(driver, { readMode: 'linearizable' });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function ask(method: string, path: string, body?: string) {
  submitted = [];
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, body: await response.json() };
}

test('each path and method is one request to the driver', async () => {
  answer = {
    type: 'ok',
    value: 'v',
    applied: true,
    servedBy: nodeId('n2'),
    term: 3,
    appliedIndex: 9,
  };
  const ok = { value: 'v', applied: true, servedBy: 'n2', term: 3, appliedIndex: 9 };
  expect(await ask('GET', '/kv/a%20b')).toEqual({ status: 200, body: ok });
  expect(submitted).toEqual([{ type: 'read', key: 'a b', consistency: 'linearizable' }]);
  await ask('GET', '/kv/a?consistency=stale');
  expect(submitted).toMatchObject([{ consistency: 'stale' }]);
  await ask('PUT', '/kv/a', '{"value":"x"}');
  expect(submitted).toMatchObject([{ command: { type: 'put', key: 'a', value: 'x' } }]);
  await ask('DELETE', '/kv/a');
  expect(submitted).toMatchObject([{ command: { type: 'delete', key: 'a' } }]);
  await ask('POST', '/kv/a/cas', '{"from":null,"to":"y"}');
  expect(submitted).toMatchObject([{ command: { type: 'cas', from: null, to: 'y' } }]);
});

test('an answer says whether what did not succeed certainly did not happen', async () => {
  answer = { type: 'refused', error: 'no leader' };
  expect(await ask('GET', '/kv/a')).toEqual({
    status: 503,
    body: { error: 'no leader', definite: true },
  });
  answer = { type: 'unknown', error: 'time' };
  expect(await ask('DELETE', '/kv/a')).toMatchObject({ status: 503, body: { definite: false } });
});

const long = 'x'.repeat(VALUE_BYTES_MAX + 1);
test.each([
  ['GET', '/nowhere', undefined, 404],
  ['GET', '/kv/', undefined, 404],
  ['GET', '/kv/a/b', undefined, 404],
  ['POST', '/kv/a', '{}', 405],
  ['GET', '/kv/a?consistency=psychic', undefined, 400],
  ['GET', '/kv/%ff', undefined, 400],
  ['GET', `/kv/${'k'.repeat(KEY_BYTES_MAX + 1)}`, undefined, 400],
  ['PUT', '/kv/a', '{"value":4}', 400],
  ['PUT', '/kv/a', '{"value":null}', 400],
  ['PUT', '/kv/a', '{}', 400],
  ['PUT', '/kv/a', 'nonsense', 400],
  ['PUT', '/kv/a', '"text"', 400],
  ['PUT', '/kv/a', String.raw`{"value":"\ud800"}`, 400],
  ['PUT', '/kv/a', `{"value":"${long}"}`, 413],
  ['PUT', '/kv/a', `{"value":"${'x'.repeat(5_000_000)}"}`, 413],
  ['POST', '/kv/a/cas', '{"from":"x"}', 400],
])(
  '%s %s is refused for certain and reaches no driver (%#)',
  async (method, path, body, status) => {
    const result = await ask(method, path, body);
    expect(result).toMatchObject({ status, body: { definite: true } });
    expect(submitted).toEqual([]);
  },
);

test.each(['//', '//x:y', 'http://[', '*', '/kv/%', '/kv/a%00%zz'])(
  'the request target %s is answered, and the node lives',
  async (target) => {
    const { port } = new URL(url);
    const socket = net.connect(Number(port), '127.0.0.1');
    socket.end(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    let response = '';
    socket.on('data', (chunk: Buffer) => (response += chunk.toString()));
    await once(socket, 'close');
    expect(response).toMatch(/^HTTP\/1.1 40[04] /);
    expect(response).toContain('"definite":true');
  },
);

test('a client that goes away in the middle of a body harms nobody', async () => {
  submitted = [];
  const { port } = new URL(url);
  const socket = net.connect(Number(port), '127.0.0.1');
  socket.write('PUT /kv/a HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"value":');
  await once(socket, 'connect');
  socket.destroy();
  await once(socket, 'close');
  expect(await ask('GET', '/status')).toMatchObject({ status: 200, body: { id: 'n1' } });
  expect((await ask('GET', '/healthz')).status).toBe(200);
  expect(submitted).toEqual([]);
});

/** A request whose body comes in these pieces, of a length that nobody says beforehand. */
async function askInPieces(pieces: readonly string[]): Promise<string> {
  submitted = [];
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  let response = '';
  socket.on('data', (chunk: Buffer) => (response += chunk.toString()));
  // The node may be done with the connection before everything was sent.
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.write(
    'PUT /kv/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n',
  );
  for (const piece of pieces) {
    socket.write(`${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.write('0\r\n\r\n');
  await closed;
  return response;
}

test('a body may come in any pieces', async () => {
  answer = { type: 'refused', error: 'not now' };
  await askInPieces(['{"va', 'lue":"', 'ä', 'b"}']);
  expect(submitted).toMatchObject([{ command: { type: 'put', key: 'a', value: 'äb' } }]);
});

test('a body that says nothing of its length is refused when it gets too long, and reaches no driver', async () => {
  const piece = 'x'.repeat(1024 * 1024);
  const response = await askInPieces(['{"value":"', piece, piece, piece, piece, piece, '"}']);
  // The connection is reset under a client that goes on sending, and the answer may be lost with it.
  expect(response).toMatch(/^(HTTP\/1.1 413 [^]*"definite":true[^]*)?$/);
  expect(submitted).toEqual([]);
  expect((await ask('GET', '/healthz')).status).toBe(200);
});
