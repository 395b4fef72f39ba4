import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** What is planted in a small store: nothing, unless asked. */
export interface PlantedFaults {
  /** Every so many writes one is acknowledged and forgotten. */
  readonly loseEvery?: number;
  /** Every `everyMs` it answers nobody for `forMs`; what came meanwhile is done then, in order. */
  readonly stall?: { readonly everyMs: number; readonly forMs: number };
  /** How long each operation takes, in milliseconds: then clients, not the machine, limit the rate. */
  readonly serviceMs?: number;
  /** Answers everything with this text and status 200. */
  readonly garbage?: string;
  /** Takes requests and answers none. */
  readonly hang?: boolean;
  /** Ends its process, in the middle of an answer, after so many operations. */
  readonly dieAfter?: number;
}

/** What it was asked for, by itself: to be compared with what a history says. */
export interface StoreCounts {
  readonly reads: number;
  readonly writes: number;
  readonly cas: number;
}

export interface SmallStore extends AsyncDisposable {
  readonly url: string;
  readonly counts: () => StoreCounts;
}

/**
 * A key-value store over plain HTTP, one process and all in memory, so linearizable unless something
 * is planted. Somebody else's store, as far as Gong is concerned:
 *
 * - `GET /kv/KEY`: 200 with the value as text, or 404
 * - `PUT /kv/KEY`: stores the body, 204
 * - `POST /kv/KEY/cas` with `{"from":TEXT|null,"to":TEXT}`: `{"applied":true|false}`
 * - `GET /health`: `{"reads":N,"writes":N,"cas":N}`
 */
export async function startSmallStore(
  port: number = 0,
  planted: PlantedFaults = {},
): Promise<SmallStore> {
  const store = new Store(planted);
  const server = createServer((request, response) => store.handle(request, response));
  server.keepAliveTimeout = 60_000;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    counts: () => ({ ...store.counts }),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

class Store {
  readonly counts: { reads: number; writes: number; cas: number } = { reads: 0, writes: 0, cas: 0 };
  readonly #planted: PlantedFaults;
  readonly #values = new Map<string, string>();
  readonly #beganMs = performance.now();
  #operations = 0;

  constructor(planted: PlantedFaults) {
    this.#planted = planted;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { hang = false, garbage, dieAfter = Infinity } = this.#planted;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      if (hang) return;
      if (garbage !== undefined) {
        response.end(garbage);
        return;
      }
      const act = (): void => {
        const answer = this.#answer(request, Buffer.concat(chunks).toString('utf8'));
        response.writeHead(answer.status, { 'content-type': 'text/plain' });
        if (this.#operations >= dieAfter) {
          response.write('', () => process.exit(1));
        } else response.end(answer.body ?? '');
      };
      const waitMs = this.#stallLeftMs() + (this.#planted.serviceMs ?? 0);
      if (waitMs === 0) act();
      else setTimeout(act, waitMs);
    });
  }

  #answer(request: IncomingMessage, body: string): { status: number; body?: string } {
    const [, room, key = '', verb] = (request.url ?? '').split('/');
    if (room === 'health') return { status: 200, body: JSON.stringify(this.counts) };
    if (room !== 'kv' || key === '') return { status: 400 };
    this.#operations++;
    if (request.method === 'GET') {
      this.counts.reads++;
      const value = this.#values.get(key);
      return value === undefined ? { status: 404 } : { status: 200, body: value };
    }
    if (request.method === 'PUT') {
      this.counts.writes++;
      if (!this.#isLost()) this.#values.set(key, body);
      return { status: 204 };
    }
    if (request.method !== 'POST' || verb !== 'cas') return { status: 400 };
    this.counts.cas++;
    const { from, to } = JSON.parse(body) as { from: string | null; to: string };
    const applied = (this.#values.get(key) ?? null) === from;
    if (applied) this.#values.set(key, to);
    return { status: 200, body: JSON.stringify({ applied }) };
  }

  #isLost(): boolean {
    const { loseEvery } = this.#planted;
    return loseEvery !== undefined && this.counts.writes % loseEvery === 0;
  }

  #stallLeftMs(): number {
    const { stall } = this.#planted;
    if (stall === undefined) return 0;
    const phaseMs = (performance.now() - this.#beganMs) % stall.everyMs;
    // The first stretch of each period is undisturbed, so that a run can begin.
    return phaseMs < stall.everyMs - stall.forMs ? 0 : stall.everyMs - phaseMs;
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
