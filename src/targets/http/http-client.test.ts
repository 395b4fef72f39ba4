import { once } from 'node:events';
import { createServer } from 'node:http';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { HttpClient, NeverSentError } from './http-client.ts';

const SECOND = 1_000_000_000;
const GET = { method: 'GET', path: '/x' } as const;

/** A server that treats every request as `handle` says, told its number. */
async function serve(handle: (socket: net.Socket, request: number) => void): Promise<string> {
  let requests = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => handle(socket, ++requests));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

test('an answer is its status and its text, whatever the status', async () => {
  const url = await serve((socket) => {
    socket.write('HTTP/1.1 500 X\r\ncontent-length: 2\r\n\r\nno');
  });
  await using client = new HttpClient(url);
  expect(await client.request(GET, SECOND)).toEqual({ status: 500, body: 'no' });
});

test('what nobody listens to was never sent', async () => {
  await using client = new HttpClient('http://127.0.0.1:9');
  await expect(client.request(GET, SECOND)).rejects.toBeInstanceOf(NeverSentError);
});

test('a lost connection and a late answer are no proof; the next request has a new connection', async () => {
  const url = await serve((socket, request) => {
    if (request === 1) socket.destroy();
    if (request === 3) socket.write('HTTP/1.1 200 X\r\ncontent-length: 1\r\n\r\n3');
  });
  await using client = new HttpClient(url);
  const lost = client.request(GET, SECOND);
  await expect(lost).rejects.toThrow(Error);
  await expect(lost).rejects.not.toBeInstanceOf(NeverSentError);
  const late = client.request(GET, SECOND / 10);
  await expect(late).rejects.toThrow('no answer in time');
  await expect(late).rejects.not.toBeInstanceOf(NeverSentError);
  expect(await client.request(GET, SECOND)).toEqual({ status: 200, body: '3' });
});

test('the path of the URL comes before the path of each request', async () => {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  for (const base of ['', '/', '/api/v1', '/api/v1/']) {
    await using client = new HttpClient(`${origin}${base}`);
    await client.request(GET, SECOND);
  }
  expect(paths).toEqual(['/x', '/x', '/api/v1/x', '/api/v1/x']);
  expect(() => new HttpClient('redis://127.0.0.1:1')).toThrow(
    'redis://127.0.0.1:1 is no URL of HTTP',
  );
});

test('of a name behind which nobody listens the reason is told', async () => {
  await using client = new HttpClient('http://localhost:9');
  const refused = client.request(GET, SECOND);
  await expect(refused).rejects.toBeInstanceOf(NeverSentError);
  await expect(refused).rejects.toThrow(/ECONNREFUSED|EADDRNOTAVAIL/);
});

test('an answer without an end is given up long before its deadline', async () => {
  const block = 'x'.repeat(2 ** 20);
  const url = await serve((socket) => {
    socket.write('HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n');
    const flood = (): void => {
      while (!socket.destroyed && socket.write(`${block.length.toString(16)}\r\n${block}\r\n`));
    };
    socket.on('drain', flood);
    flood();
  });
  await using client = new HttpClient(url);
  const flooded = client.request(GET, 60 * SECOND);
  await expect(flooded).rejects.toThrow('an answer of more than 16 MiB');
  await expect(flooded).rejects.not.toBeInstanceOf(NeverSentError);
});
