import net from 'node:net';

/** A connection that neither side ends: the node waits for something that nobody sends, for ever. */
const HANG_MS = 20_000;

/**
 * Sends that on a connection of its own, and waits for its end.
 *
 * @param quietMs - how long to wait for more of an answer before this side ends it; 0 when none is expected
 * @returns what came back
 * @throws when the node does not let go of the connection
 */
export async function sendAlone(port: number, bytes: Uint8Array, quietMs: number): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const hang = setTimeout(() => reject(new Error('the node keeps a connection open')), HANG_MS);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  // Closed while it was still being sent: that is an end as well.
  socket.on('error', () => socket.destroy());
  socket.on('close', () => resolve());
  socket.write(bytes);
  if (quietMs === 0) socket.end();
  else socket.setTimeout(quietMs, () => socket.end());
  try {
    await promise;
  } finally {
    clearTimeout(hang);
    socket.destroy();
  }
  return answer;
}
