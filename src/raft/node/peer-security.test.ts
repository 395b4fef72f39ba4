import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type NodeId, nodeId } from '../core/types.ts';
import { encodeFrame, encodeHandshake, type Handshake, HANDSHAKE_BYTES_MAX } from './frames.ts';
import type { CloseReason } from './peer-listener.ts';
import { identity } from './testing/identities.ts';
import { freePort } from './testing/ports.ts';
import { SharedToken } from './token.ts';
import { Transport, type TransportOptions } from './transport.ts';

const TOKEN = 'correct-horse-battery-staple';
const text = (value: string) => new TextEncoder().encode(value);

/** In turns of the event loop: what is awaited is nobody's to tell. */
async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise(setImmediate);
}

async function open(id: string, different: Partial<TransportOptions> = {}) {
  const received: { from: NodeId; text: string }[] = [];
  const lines: string[] = [];
  const options: TransportOptions = {
    clusterId: 'c',
    id: nodeId(id),
    host: '127.0.0.1',
    port: await freePort(),
    peers: [],
    onMessage(from, bytes) {
      received.push({ from, text: new TextDecoder().decode(bytes) });
    },
    onDisconnect() {},
    log(line) {
      lines.push(line);
    },
    ...different,
  };
  const transport = await Transport.listen(options);
  onTestFinished(() => transport[Symbol.asyncDispose]());
  return { transport, options, received, lines };
}

const peer = (id: string, port = 1) => ({ id: nodeId(id), host: '127.0.0.1', port });

const handshake = (different: Partial<Handshake> = {}) =>
  encodeHandshake({
    clusterId: 'c',
    from: 'n2',
    to: 'n1',
    clientUrl: '',
    token: '',
    ...different,
  });

/** Sends that and waits for the end of the connection. */
async function sendRaw(port: number, bytes: Uint8Array): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(bytes);
  socket.resume();
  await new Promise((resolve) => socket.on('close', resolve));
}

async function sendUntilTaken(transport: Transport, to: string, value: string): Promise<void> {
  while (!transport.send(nodeId(to), text(value))) await new Promise(setImmediate);
}

/** Two nodes that know each other: n2 dials n1. */
async function pair(first: Partial<TransportOptions>, second: Partial<TransportOptions>) {
  const n1 = await open('n1', { peers: [peer('n2')], ...first });
  const n2 = await open('n2', { peers: [peer('n1', n1.options.port)], ...second });
  n2.transport.connect();
  return { n1, n2 };
}

test.each<[string, Partial<TransportOptions>]>([
  ['the token', { token: new SharedToken(TOKEN) }],
  ['certificates', {}],
  ['both', { token: new SharedToken(TOKEN) }],
])('peers that have %s talk to each other', async (what, options) => {
  const isTls = what !== 'the token';
  const { n1, n2 } = await pair(
    { ...options, ...(isTls ? { tls: identity('n1') } : {}) },
    { ...options, ...(isTls ? { tls: identity('n2') } : {}), clientUrl: 'http://here' },
  );
  await sendUntilTaken(n2.transport, 'n1', 'hello');
  await until(() => n1.received.length === 1);
  expect(n1.received).toEqual([{ from: 'n2', text: 'hello' }]);
  expect(n1.transport.connections.open).toBe(1);
  expect(n1.transport.clientUrlOf(nodeId('n2'))).toBe('http://here');
});

test.each<[string, Partial<TransportOptions>, Partial<TransportOptions>]>([
  ['no token', { token: new SharedToken(TOKEN) }, {}],
  [
    'another token',
    { token: new SharedToken(TOKEN) },
    { token: new SharedToken(`${TOKEN.slice(0, -1)}x`) },
  ],
  ['no TLS', { tls: identity('n1') }, {}],
  ['the certificate of a client', { tls: identity('n1') }, { tls: identity('client') }],
  [
    'a certificate of a foreign authority',
    { tls: identity('n1') },
    { tls: identity('foreign-n2') },
  ],
])('a peer with %s is not let in, and that is counted', async (_name, first, second) => {
  const { n1 } = await pair(first, second);
  await until(() => n1.transport.connections.closed.unauthorized > 0);
  expect(n1.lines.join()).toMatch(/closed the connection from|refused a TLS/);
  expect(n1.lines.join()).not.toContain(TOKEN);
  expect(n1.received).toEqual([]);
  expect(n1.transport.connections.open).toBe(0);
});

test('who dials demands the certificate of the node that it means, wherever it is', async () => {
  const imposter = await open('n1', { peers: [peer('n2')], tls: identity('client') });
  const n2 = await open('n2', {
    peers: [peer('n1', imposter.options.port)],
    tls: identity('n2'),
  });
  n2.transport.connect();
  await until(() => n2.lines.length > 0);
  expect(n2.lines.join()).toMatch(/n1.*altnames/i);
  expect(n2.transport.send(nodeId('n1'), text('secret'))).toBe(false);
});

test.each<[CloseReason, Uint8Array]>([
  ['malformed', text('GET / HTTP/1.1\r\n\r\n')],
  ['malformed', encodeFrame('message', text('hi'))],
  ['malformed', encodeFrame('handshake', text('nonsense'))],
  ['malformed', encodeFrame('handshake', new Uint8Array(HANDSHAKE_BYTES_MAX))],
  ['malformed', Buffer.concat([handshake(), handshake()])],
  ['malformed', Buffer.concat([handshake(), Buffer.alloc(64, 255)])],
  ['foreign', handshake({ clusterId: 'another' })],
  ['foreign', handshake({ from: 'n1' })],
  ['foreign', handshake({ to: 'n9' })],
])('what is %s is closed and counted, and the node goes on (%#)', async (reason, bytes) => {
  const n1 = await open('n1', { peers: [peer('n2')] });
  await sendRaw(n1.options.port, bytes);
  expect(n1.transport.connections.closed).toMatchObject({ [reason]: 1 });
  expect(Object.values(n1.transport.connections.closed).reduce((a, b) => a + b)).toBe(1);
});

test.each([
  ['in the clear', {}],
  ['over TLS', { tls: identity('n1') }],
])('who says nothing takes a place only for a while: %s', async (_name, options) => {
  const n1 = await open('n1', { ...options, handshakeTimeoutMs: 20 });
  await sendRaw(n1.options.port, new Uint8Array(0));
  expect(n1.transport.connections.closed['handshake-timeout']).toBe(1);
});

test('of many who do not say who they are the oldest gives way, and a peer gets through', async () => {
  const { n1, n2 } = await pair({}, {});
  await sendUntilTaken(n2.transport, 'n1', '1');
  const strangers = Array.from({ length: 200 }, () => {
    const socket = net.connect(n1.options.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    return socket;
  });
  onTestFinished(() => {
    for (const socket of strangers) socket.destroy();
  });
  await until(() => n1.transport.connections.closed.crowded >= 200 - 64);
  const late = net.connect(n1.options.port, '127.0.0.1');
  onTestFinished(() => void late.destroy());
  late.write(Buffer.concat([handshake(), encodeFrame('message', text('late'))]));
  await until(() => n1.received.some((message) => message.text === 'late'));
  expect(n2.transport.send(nodeId('n1'), text('2'))).toBe(true);
  await until(() => n1.received.some((message) => message.text === '2'));
  expect(n1.lines.length).toBeLessThan(30);
});

test('a peer that dials again and again keeps its youngest connections', async () => {
  const n1 = await open('n1', { peers: [peer('n2')] });
  const sockets: net.Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let i = 0; i < 10; i++) {
    const socket = net.connect(n1.options.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(Buffer.concat([handshake(), encodeFrame('message', text(String(i)))]));
    sockets.push(socket);
    await until(() => n1.received.length === i + 1);
  }
  expect(n1.transport.connections).toMatchObject({ open: 4, closed: { crowded: 6 } });
});

test('a connection whose peer contradicted what is committed is closed', async () => {
  const { n1, n2 } = await pair({}, {});
  await sendUntilTaken(n2.transport, 'n1', '1');
  await until(() => n1.received.length === 1);
  n1.transport.closeFrom(nodeId('n2'), 'contradiction', 'its entry 1 is another one');
  expect(n1.transport.connections).toMatchObject({ open: 0, closed: { contradiction: 1 } });
  expect(n1.lines.join()).toMatch(/from n2: its entry 1/);
});
