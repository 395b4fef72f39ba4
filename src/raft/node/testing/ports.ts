import { once } from 'node:events';
import net from 'node:net';

/** Below the ports that clusters take for themselves, from 10 000 on: some may be about to be used. */
const LOWEST = 2000;
/** Processes look in ranges of their own: what is free now would else be free for two. */
const RANGE = 100;
const RANGES = 80;

const first = LOWEST + (process.pid % RANGES) * RANGE;
let given = 0;

/** A port that is free now, and that no other call of this process gets soon. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + (given++ % RANGE);
    const server = net.createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
