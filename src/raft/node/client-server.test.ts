import { once } from 'node:events';
import type http from 'node:http';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ClientServer, type ClientServerOptions } from './client-server.ts';
import { SharedToken } from './token.ts';

const TOKEN = 'correct-horse-battery-staple';

async function open(
  options: Partial<ClientServerOptions> = {},
  api: http.RequestListener = (_request, response) => response.end('{"served":true}'),
) {
  const clients = new ClientServer(
    { maxClientConnections: 100, maxPendingRequests: 100, ...options },
    api,
  );
  clients.server.listen(0, '127.0.0.1');
  await once(clients.server, 'listening');
  onTestFinished(() => {
    clients.server.closeAllConnections();
    clients.server.close();
  });
  const address = clients.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { clients, port, url: `http://127.0.0.1:${port}` };
}

/** Connects, sends that, and gives what came back until the end of the connection. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  socket.on('error', () => {});
  socket.write(bytes);
  await new Promise((resolve) => socket.on('close', resolve));
  return received;
}

test.each([
  [undefined, 401],
  ['', 401],
  ['Bearer', 401],
  [`Bearer ${TOKEN.slice(0, -1)}`, 401],
  [`Bearer ${TOKEN}x`, 401],
  [`Basic ${TOKEN}`, 401],
  [`Bearer ${TOKEN}`, 200],
  [`bearer  ${TOKEN}`, 200],
])('where a token is asked for, "Authorization: %s" is answered %d', async (header, status) => {
  const { url, clients } = await open({ token: new SharedToken(TOKEN) });
  const headers = new Headers(header === undefined ? {} : { authorization: header });
  const response = await fetch(`${url}/kv/a`, { headers });
  expect(response.status).toBe(status);
  expect(clients.counts.unauthorized).toBe(status === 401 ? 1 : 0);
  expect(await response.json()).toMatchObject(
    status === 401 ? { definite: true } : { served: true },
  );
});

test('whether the node lives is told without a token, and nothing else', async () => {
  const { url } = await open({ token: new SharedToken(TOKEN) });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  for (const path of ['/metrics', '/config', '/status', '/healthz/../kv/a', '//healthz']) {
    expect((await fetch(url + path)).status, path).toBe(401);
  }
});

test('a request too many is refused at once and for certain; those that wait are served', async () => {
  const waiting: http.ServerResponse[] = [];
  const { url, clients } = await open({ maxPendingRequests: 2 }, (_request, response) => {
    waiting.push(response);
  });
  const served = [fetch(`${url}/1`), fetch(`${url}/2`)];
  while (waiting.length < 2) await new Promise(setImmediate);
  const refused = await fetch(`${url}/3`);
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ definite: true });
  expect(clients.counts.overloaded).toBe(1);
  for (const response of waiting) response.end();
  expect((await Promise.all(served)).map(({ status }) => status)).toEqual([200, 200]);
  while (clients.pending > 0) await new Promise(setImmediate);
});

test.each([
  ['nothing at all', ''],
  ['half a head', 'GET / HTTP/1.1\r\nhost: x\r\n'],
  ['a head and half a body', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab'],
])('who sends %s loses the connection, and others are served', async (_what, bytes) => {
  const { port, url } = await open(
    { headTimeoutMs: 50, requestTimeoutMs: 100 },
    (request, response) => {
      request.resume();
      request.on('end', () => response.end('{}'));
      request.on('error', () => response.destroy());
    },
  );
  const slow = Array.from({ length: 50 }, () => exchange(port, bytes));
  expect((await fetch(url)).status).toBe(200);
  for (const received of await Promise.all(slow)) expect(received).not.toContain('200 OK');
});

test('connections beyond the limit are closed and counted', async () => {
  const { port, clients } = await open({ maxClientConnections: 3 });
  const sockets = Array.from({ length: 3 }, () => net.connect(port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  expect(await exchange(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')).toBe('');
  expect(clients.counts.dropped).toBe(1);
  for (const socket of sockets) socket.destroy();
});

test.each([
  ['NONSENSE\r\n\r\n', /^HTTP\/1.1 400 /],
  [`GET / HTTP/1.1\r\nhost: x\r\nlong: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1.1 431 /],
])('what is no HTTP is answered so, and counted (%#)', async (bytes, answer) => {
  const { port, clients } = await open();
  const received = await exchange(port, bytes);
  expect(received).toMatch(answer);
  expect(received).toContain('"definite":true');
  expect(clients.counts.malformed).toBe(1);
});

test('nonsense behind a request that waits is not taken for its answer', async () => {
  const { port, clients } = await open({}, () => {});
  const head = 'PUT /kv/a HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n';
  expect(await exchange(port, `${head}NONSENSE\r\n\r\n`)).toBe('');
  expect(clients.counts.malformed).toBe(1);
});
