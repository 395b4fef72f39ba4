import type net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Completion, Invocation } from '../../contracts/client.ts';
import { answerText, type RudeServer, startRudeServer } from '../testing/rude-server.ts';
import { connectTo } from './client.ts';

const SECOND = 1_000_000_000;
const AS_REGISTER = { model: 'cas-register', inSessions: false };
const WRITE: Invocation = { f: 'write', key: 'k', value: 5 };
const READ: Invocation = { f: 'read', key: 'k', value: null };
const OK = '{"value":"5","applied":true}';
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 28\r\n\r\n';

async function serve(handle: (socket: net.Socket) => void): Promise<RudeServer> {
  const server = await startRudeServer(handle);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

function onRequest(act: (socket: net.Socket) => void): (socket: net.Socket) => void {
  return (socket) => void socket.on('data', () => act(socket));
}

async function write(url: string, ns = SECOND): Promise<Completion> {
  await using client = connectTo(url, { ...AS_REGISTER, readMode: 'linearizable' });
  return await client.invoke(WRITE, ns);
}

const drop = (socket: net.Socket): unknown => socket.destroy();
const reset = (socket: net.Socket): unknown => socket.resetAndDestroy();
const end = (socket: net.Socket): unknown => socket.end();

describe.each([
  ['closed', drop],
  ['reset', reset],
  ['ended', end],
])('the connection is %s', (_, cut) => {
  test('before the request is read: maybe, or certainly not when not a byte arrived', async () => {
    const server = await serve(cut);
    const { type } = await write(server.url);
    expect(type).not.toBe('ok');
    // A request that left this process may have arrived; certainty needs that none did.
    const isHonest = type === 'info' || server.seen.length === 0;
    expect(isHonest).toBe(true);
    expect(server.accepted()).toBe(1);
  });

  test.each([
    ['when the request was read', ''],
    ['in the status line', 'HTTP/1.1 20'],
    ['in the headers', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['after the headers', HEAD],
    ['in the body', `${HEAD}{"value"`],
    ['in a chunk of the body', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1c\r\n{"va'],
    [
      'between chunks that together look like an answer',
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1c\r\n${OK}\r\n`,
    ],
  ])('%s: maybe, asked once', async (__, said) => {
    const server = await serve(
      onRequest((socket) => {
        if (said === '') cut(socket);
        else socket.write(said, () => cut(socket));
      }),
    );
    expect(await write(server.url)).toMatchObject({ type: 'info' });
    expect(server.seen).toHaveLength(1);
    expect(server.accepted()).toBe(1);
  });

  test('while it is idle: a new one is taken, and nothing is sent twice', async () => {
    const sockets: net.Socket[] = [];
    const server = await serve((socket) => {
      sockets.push(socket);
      socket.on('data', () => socket.write(answerText(200, OK)));
    });
    await using client = connectTo(server.url, { ...AS_REGISTER, readMode: 'linearizable' });
    expect(await client.invoke(WRITE, SECOND)).toMatchObject({ type: 'ok' });
    for (const socket of sockets) cut(socket);
    await server.idle();
    // The client may not have heard of it yet: the next request may meet the old connection's end.
    const types = [await client.invoke(WRITE, SECOND), await client.invoke(WRITE, SECOND)].map(
      ({ type }) => type,
    );
    expect(types[1]).toBe('ok');
    const isArrivalTold = server.seen.length === 2 + (types[0] === 'ok' ? 1 : 0);
    expect(isArrivalTold).toBe(true);
    expect(server.accepted()).toBe(2);
  });
});

test('an answer that was complete before the connection went counts', async () => {
  for (const cut of [drop, end]) {
    const server = await serve(
      onRequest((socket) => socket.write(answerText(200, OK), () => cut(socket))),
    );
    expect(await write(server.url)).toMatchObject({ type: 'ok', value: 5 });
  }
  const closing = await serve(
    onRequest((socket) => socket.end(answerText(200, OK, 'connection: close\r\n'))),
  );
  await using client = connectTo(closing.url, { ...AS_REGISTER, readMode: 'linearizable' });
  for (let i = 0; i < 3; i++) {
    expect(await client.invoke(WRITE, SECOND)).toMatchObject({ type: 'ok' });
  }
  expect(closing.accepted()).toBe(3);
});

test('a second answer to one request belongs to nobody', async () => {
  let asked = 0;
  const server = await serve(
    onRequest((socket) => {
      const fresh = `{"value":"${++asked}"}`;
      socket.write(answerText(200, fresh) + answerText(200, '{"value":"99"}'));
    }),
  );
  await using client = connectTo(server.url, { ...AS_REGISTER, readMode: 'linearizable' });
  const values: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    const completion = await client.invoke(READ, SECOND);
    values.push(completion.type === 'ok' ? completion.value : completion.type);
  }
  expect(values).not.toContain(99);
  expect(values[0]).toBe(1);
});

test('an answer that comes after the deadline never meets the next operation', async () => {
  const held: net.Socket[] = [];
  const server = await serve(
    onRequest((socket) => {
      if (held.length === 0) held.push(socket);
      else {
        held[0]?.write(answerText(200, '{"value":"99"}'));
        socket.write(answerText(200, '{"value":"5"}'));
      }
    }),
  );
  await using client = connectTo(server.url, { ...AS_REGISTER, readMode: 'linearizable' });
  expect(await client.invoke(READ, SECOND / 10)).toMatchObject({ type: 'info' });
  expect(await client.invoke(READ, SECOND)).toMatchObject({ type: 'ok', value: 5 });
});

test('no status makes a client ask twice: not a redirect, not 421, not 503', async () => {
  for (const status of [301, 307, 308, 408, 421, 425, 429, 503]) {
    const server = await serve(
      onRequest((socket) =>
        socket.write(answerText(status, '{}', `location: /\r\nretry-after: 0\r\n`)),
      ),
    );
    expect(await write(server.url), `${status}`).toMatchObject({ type: 'info' });
    expect(server.seen, `${status}`).toHaveLength(1);
  }
});
