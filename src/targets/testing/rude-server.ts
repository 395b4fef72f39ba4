import { once } from 'node:events';
import net from 'node:net';

export interface RudeServer extends AsyncDisposable {
  readonly url: string;
  /** What arrived, chunk by chunk: one per request, as requests here are small. */
  readonly seen: readonly string[];
  /** Connections so far. */
  readonly accepted: () => number;
  /** Resolves when no connection is open. */
  readonly idle: () => Promise<void>;
}

/**
 * A server that treats each connection as `handle` says, down to the bytes: for what happens to clients
 * when somebody drops theirs.
 */
export async function startRudeServer(handle: (socket: net.Socket) => void): Promise<RudeServer> {
  const seen: string[] = [];
  const sockets = new Set<net.Socket>();
  let accepted = 0;
  let changed = Promise.withResolvers<void>();
  const server = net.createServer((socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      changed.resolve();
      changed = Promise.withResolvers<void>();
    });
    socket.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
    handle(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    accepted: () => accepted,
    async idle() {
      while (sockets.size > 0) await changed.promise;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

/** An answer with its length, complete. */
export function answerText(status: number, body: string, headers: string = ''): string {
  return `HTTP/1.1 ${status} X\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
