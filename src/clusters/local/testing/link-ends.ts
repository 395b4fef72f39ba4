import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, vi } from 'vitest';
import { defined } from '../../../lib/assert.ts';
import { LinkProxy } from '../link-proxy.ts';
import { claimPorts } from '../ports.ts';
import { HOST } from '../protocol.ts';

/** One side of a connection, and everything that was seen of the other. */
export class End {
  readonly socket: Socket;
  readonly #hash = createHash('sha256');
  bytes = 0;
  text = '';
  hasFin = false;
  error: string | undefined;
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      this.#hash.update(chunk);
      if (this.bytes < 1000) this.text += chunk.toString();
    });
    socket.on('end', () => (this.hasFin = true));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code));
    socket.on('close', () => (this.isClosed = true));
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

/** The peer port of `to`: every connection that reached it. */
async function openServer(port: number): Promise<{ ends: End[]; close: () => void }> {
  const ends: End[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => ends.push(new End(socket)));
  server.listen(port, HOST);
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const end of ends) end.socket.destroy();
  };
  onTestFinished(close);
  return { ends, close };
}

/** Dials as `from` does. */
export async function dial(port: number): Promise<End> {
  const socket = connect({ host: HOST, port, allowHalfOpen: true });
  const end = new End(socket);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return end;
}

/** A proxy with a server behind it, as long as the test runs. */
export interface OpenLink {
  readonly port: number;
  readonly targetPort: number;
  readonly server: { readonly ends: readonly End[]; readonly close: () => void };
  readonly proxy: LinkProxy;
}

export async function openLink(): Promise<OpenLink> {
  const claimed = await claimPorts(2);
  onTestFinished(() => claimed[Symbol.asyncDispose]());
  const [port = 0, targetPort = 0] = claimed.ports;
  const server = await openServer(targetPort);
  const proxy = await LinkProxy.listen({ port, targetPort });
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return { port, targetPort, server, proxy };
}

export function until(claim: () => void): Promise<void> {
  return vi.waitFor(claim, { timeout: 10_000, interval: 5 });
}

/** A connection through the link with a word exchanged in both directions. */
export async function connectThrough(link: OpenLink): Promise<{ from: End; to: End }> {
  const index = link.server.ends.length;
  const from = await dial(link.port);
  await until(() => expect(link.server.ends.length).toBe(index + 1));
  const to = defined(link.server.ends[index], 'just seen');
  from.socket.write('hello');
  to.socket.write('welcome');
  await until(() => expect([to.text, from.text]).toEqual(['hello', 'welcome']));
  return { from, to };
}

/**
 * Several round trips through another link in the same process: what the kernel had for a proxy
 * before has been offered to it many times over by then, and would have crossed if it could.
 */
export async function letPassWhatCan(): Promise<void> {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  to.socket.on('data', (chunk) => to.socket.write(chunk));
  for (let i = 1; i <= 20; i++) {
    const before = from.bytes;
    from.socket.write('x');
    await until(() => expect(from.bytes).toBe(before + 1));
  }
}
