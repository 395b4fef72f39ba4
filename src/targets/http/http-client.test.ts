import { once } from 'node:events';
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
