import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { DecodeError } from '../../lib/bytes.ts';
import { makeConfiguration } from '../core/configuration.ts';
import { nodeId } from '../core/types.ts';
import { encodeFrame, encodeHandshake, type Handshake } from './frames.ts';
import { freePort } from './testing/ports.ts';
import { type PeerAddress, Transport } from './transport.ts';

interface Received {
  readonly from: string;
  readonly text: string;
}

async function open(id: string, port: number, peers: readonly PeerAddress[], clusterId = 'c') {
  const received: Received[] = [];
  const lines: string[] = [];
  const disconnected: string[] = [];
  const waiting = new Set<() => void>();
  const transport = await Transport.listen({
    clusterId,
    id: nodeId(id),
    host: '127.0.0.1',
    port,
    peers,
    onMessage(from, bytes) {
      const text = new TextDecoder().decode(bytes);
      if (text === 'malformed') throw new DecodeError('malformed');
      received.push({ from, text });
      for (const wake of waiting) wake();
    },
    onDisconnect: (peer) => {
      disconnected.push(peer);
      for (const wake of waiting) wake();
    },
    log: (line) => {
      lines.push(line);
      for (const wake of waiting) wake();
    },
  });
  onTestFinished(() => transport[Symbol.asyncDispose]());
  /** Resolves when something happened that makes `isDone` true. */
  const until = async (isDone: () => boolean) => {
    while (!isDone()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.add(resolve);
      await promise;
      waiting.delete(resolve);
    }
  };
  return { transport, received, lines, disconnected, until };
}

const handshake = (different: Partial<Handshake>) =>
  encodeHandshake({ clusterId: 'c', from: 'b', to: 'a', clientUrl: '', token: '', ...different });
const text = (value: string) => new TextEncoder().encode(value);

async function sendUntilTaken(transport: Transport, to: string, value: string): Promise<void> {
  while (!transport.send(nodeId(to), text(value))) await new Promise(setImmediate);
}

async function pair() {
  const ports = [await freePort(), await freePort()];
  const peer = (id: string, port = 0): PeerAddress => ({ id: nodeId(id), host: '127.0.0.1', port });
  const a = await open('a', ports[0] ?? 0, [peer('b', ports[1])]);
  return { a, ports, peer };
}

test('messages arrive in order, from whom the handshake said', async () => {
  const { a, ports, peer } = await pair();
  const b = await open('b', ports[1] ?? 0, [peer('a', ports[0])]);
  a.transport.connect();
  await sendUntilTaken(a.transport, 'b', '0');
  for (let i = 1; i < 100; i++) expect(a.transport.send(nodeId('b'), text(`${i}`))).toBe(true);
  await b.until(() => b.received.length === 100);
  expect(b.received.map((message) => message.text)).toEqual([...Array(100).keys()].map(String));
  expect(new Set(b.received.map(({ from }) => from))).toEqual(new Set(['a']));
});

test('without a connection a send says that it did not happen; a lost peer is dialled again', async () => {
  const { a, ports, peer } = await pair();
  a.transport.connect();
  expect(a.transport.send(nodeId('b'), text('x'))).toBe(false);
  const first = await open('b', ports[1] ?? 0, [peer('a', ports[0])]);
  await sendUntilTaken(a.transport, 'b', '1');
  await first.until(() => first.received.length === 1);
  await first.transport[Symbol.asyncDispose]();
  await a.until(() => a.disconnected.length === 1);
  const second = await open('b', ports[1] ?? 0, [peer('a', ports[0])]);
  await sendUntilTaken(a.transport, 'b', '2');
  await second.until(() => second.received.length === 1);
  expect(second.received).toEqual([{ from: 'a', text: '2' }]);
});

test.each([
  ['another cluster', handshake({ clusterId: 'x' }), /another cluster/],
  ['another node', handshake({ to: 'z' }), /looks for "z"/],
  ['itself', handshake({ from: 'a' }), /not a peer/],
  ['no handshake', encodeFrame('message', text('hi')), /no handshake/],
  ['no frames at all', text('GET / HTTP/1.1\r\n\r\n'), /frame/],
])('a connection of %s is closed, said in the log, and harms nobody', async (_name, bytes, why) => {
  const { a, ports, peer } = await pair();
  const socket = net.connect(ports[0] ?? 0, '127.0.0.1');
  socket.write(bytes);
  socket.resume();
  await once(socket, 'close');
  await a.until(() => a.lines.length > 0);
  expect(a.lines.join()).toMatch(why);
  const b = await open('b', ports[1] ?? 0, [peer('a', ports[0])]);
  b.transport.connect();
  await sendUntilTaken(b.transport, 'a', 'still here');
  await a.until(() => a.received.length === 1);
});

test('a message that the node cannot read closes that connection; the next one works', async () => {
  const { a, ports, peer } = await pair();
  const b = await open('b', ports[1] ?? 0, [peer('a', ports[0])]);
  b.transport.connect();
  await sendUntilTaken(b.transport, 'a', 'malformed');
  await b.until(() => b.disconnected.length === 1);
  await sendUntilTaken(b.transport, 'a', 'well');
  await a.until(() => a.received.length === 1);
  expect(a.received).toEqual([{ from: 'b', text: 'well' }]);
});

test('who belongs to the cluster and is not known here yet is heard (§6)', async () => {
  const { a, ports, peer } = await pair();
  const z = await open('z', await freePort(), [peer('a', ports[0])]);
  z.transport.connect();
  await sendUntilTaken(z.transport, 'a', 'I lead');
  await a.until(() => a.received.length === 1);
  expect(a.received).toEqual([{ from: 'z', text: 'I lead' }]);
  expect(a.transport.knows(nodeId('z')), 'heard, and still nobody knows where it is').toBe(false);
  expect(a.transport.send(nodeId('z'), text('x'))).toBe(false);
});

test('names that nobody knows are let in up to a number: they are their own invention', async () => {
  const { a, ports } = await pair();
  const sockets = Array.from({ length: 80 }, (_, i) => {
    const socket = net.connect(ports[0] ?? 0, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(handshake({ from: `z${i}` }));
    socket.write(encodeFrame('message', text(`${i}`)));
    socket.on('error', () => {});
    return socket.resume();
  });
  await a.until(
    () => a.received.length + a.transport.connections.closed.foreign === sockets.length,
  );
  expect(a.received.length).toBe(64);
  expect(a.transport.connections.closed.foreign).toBe(16);
});

test('a member of a configuration is dialled where it says; the address book wins (§6)', async () => {
  const { a, ports } = await pair();
  const at = [await freePort(), await freePort()];
  const [first, second] = [await open('z', at[0] ?? 0, []), await open('z', at[1] ?? 0, [])];
  const b = await open('b', ports[1] ?? 0, []);
  const follow = (port: number) =>
    a.transport.follow(
      makeConfiguration(['a', 'b', 'z'].map(nodeId), {
        addresses: new Map([
          [nodeId('z'), `127.0.0.1:${port}`],
          [nodeId('b'), '127.0.0.1:1'],
        ]),
      }),
    );
  follow(at[0] ?? 0);
  a.transport.connect();
  await sendUntilTaken(a.transport, 'z', '1');
  await first.until(() => first.received.length === 1);
  await sendUntilTaken(a.transport, 'b', '2');
  await b.until(() => b.received.length === 1);
  follow(at[1] ?? 0);
  await sendUntilTaken(a.transport, 'z', '3');
  await second.until(() => second.received.length === 1);
  expect(first.received).toEqual([{ from: 'a', text: '1' }]);
  expect(second.received).toEqual([{ from: 'a', text: '3' }]);
});
