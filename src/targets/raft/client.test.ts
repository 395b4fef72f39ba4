import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Completion, Invocation } from '../../contracts/client.ts';
import { connectTo } from './client.ts';

const SECOND = 1_000_000_000;
const AS_REGISTER = { model: 'cas-register', inSessions: false };
const READ: Invocation = { f: 'read', key: 'k', value: null };
const WRITE: Invocation = { f: 'write', key: 'k', value: 5 };
const CAS: Invocation = { f: 'cas', key: 'k', value: [5, 6] };

/** A server that treats each connection as `handle` says; counts the requests that it saw. */
async function serve(handle: (socket: net.Socket) => void) {
  const seen: string[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
    handle(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, seen, server };
}

function answering(status: number, body: string) {
  return (socket: net.Socket) => {
    socket.on('data', () => {
      socket.write(
        `HTTP/1.1 ${status} X\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    });
  };
}

async function invoke(url: string, invocation: Invocation, ns = SECOND): Promise<Completion> {
  await using client = connectTo(url, { ...AS_REGISTER, readMode: 'linearizable' });
  return await client.invoke(invocation, ns);
}

test('nobody listens: certainly not sent', async () => {
  const { url, server } = await serve(() => {});
  server.close();
  await once(server, 'close');
  expect(await invoke(url, WRITE)).toMatchObject({
    type: 'fail',
    error: expect.stringMatching(/ECONNREFUSED/),
  });
});

test('the connection is dropped after the request, or in the middle of the answer: maybe', async () => {
  const after = await serve((socket) => socket.on('data', () => socket.destroy()));
  expect(await invoke(after.url, WRITE)).toMatchObject({ type: 'info' });
  const during = await serve((socket) => {
    socket.on('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"val', () => socket.destroy());
    });
  });
  expect(await invoke(during.url, WRITE)).toMatchObject({ type: 'info' });
  expect(after.seen.length + during.seen.length, 'nothing is sent twice').toBe(2);
});

test('no answer within the deadline: maybe; and an accepted request is never repeated', async () => {
  const { url, seen } = await serve(() => {});
  expect(await invoke(url, WRITE, SECOND / 10)).toMatchObject({
    type: 'info',
    error: 'no answer in time',
  });
  expect(seen).toHaveLength(1);
});

test('a kept connection that the server closed is opened anew for the next request', async () => {
  const { url, seen } = await serve((socket) => {
    answering(200, '{"value":"5","applied":true}')(socket);
    socket.on('data', () => setImmediate(() => socket.end()));
  });
  await using client = connectTo(url, { ...AS_REGISTER, readMode: 'linearizable' });
  const completions: Completion[] = [];
  for (let i = 0; i < 5; i++) {
    completions.push(await client.invoke(READ, SECOND));
  }
  expect(completions[0]).toMatchObject({ type: 'ok', value: 5 });
  // Whatever the race between the close and the next request: sent once or not at all, never twice.
  const sent = completions.filter(({ type }) => type !== 'fail');
  expect(seen).toHaveLength(sent.length);
});

test('answers say what happened: applied, observed, refused for certain, or not known', async () => {
  const ok = '{"value":null,"applied":true,"servedBy":"n2","term":7,"appliedIndex":9}';
  const served = { servedBy: 'n2', term: 7, appliedIndex: 9 };
  const at = async (status: number, body: string, invocation: Invocation) => {
    const { url } = await serve(answering(status, body));
    return invoke(url, invocation);
  };
  expect(await at(200, ok, WRITE)).toEqual({ type: 'ok', value: 5, ...served });
  expect(await at(200, ok, READ)).toEqual({ type: 'ok', value: null, ...served });
  expect(await at(200, ok.replace('null', '"5"'), READ)).toMatchObject({ type: 'ok', value: 5 });
  expect(await at(200, ok, CAS)).toEqual({ type: 'ok', value: [5, 6], ...served });
  expect(await at(200, ok.replace('true', 'false'), CAS)).toMatchObject({
    type: 'ok',
    applied: false,
  });
  const refusal = '{"error":"no leader","definite":true}';
  expect(await at(503, refusal, WRITE)).toMatchObject({
    type: 'fail',
    error: expect.stringMatching(/no leader/),
  });
  expect(await at(503, '{"error":"?","definite":false}', WRITE)).toMatchObject({ type: 'info' });
  for (const garbage of ['', '[]', '<html>', '{"valu']) {
    expect(await at(500, garbage, WRITE), garbage).toMatchObject({ type: 'info' });
    expect(await at(200, garbage, READ), garbage).toMatchObject({ type: 'info' });
  }
});

test('keys are escaped, values are JSON text, the read mode goes with each read', async () => {
  const { url, seen } = await serve(answering(200, '{"value":null,"applied":true}'));
  await using client = connectTo(url, { ...AS_REGISTER, readMode: 'stale' });
  await client.invoke({ f: 'write', key: 'a/b ?', value: 'x' }, SECOND);
  await client.invoke({ ...READ, key: 'a/b ?' }, SECOND);
  expect(seen[0]).toContain('PUT /kv/a%2Fb%20%3F ');
  expect(seen[0]).toContain(String.raw`{"value":"\"x\""}`);
  expect(seen[1]).toContain('GET /kv/a%2Fb%20%3F?consistency=stale ');
});
