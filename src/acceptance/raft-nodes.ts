import { readdirSync, readFileSync, statSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { Client } from 'undici';
import { RUNTIME_FLAGS } from '../raft/node/config.ts';
import { ROOT, type Started, start } from './gong.ts';
import { until } from './processes.ts';
import { must } from './scenario.ts';

const MAIN = path.join(ROOT, 'src/raft/node/main.ts');
const HOST = '127.0.0.1';

/** What a node says of itself, as far as scenarios look. */
export interface NodeStatus {
  readonly id: string;
  readonly role: string;
  readonly leader: string | undefined;
  readonly lastApplied: number;
  readonly log: { readonly firstIndex: number; readonly lastIndex: number };
  readonly snapshot: {
    readonly lastIndex: number;
    readonly bytes: number;
    readonly isTaking: boolean;
    readonly taken: number;
    readonly installed: number;
    readonly slices: number;
    readonly sliceCpuNsMax: number;
  };
}

/** Three nodes as processes of their own, each with a directory that stays when it ends. */
export class RaftNodes implements AsyncDisposable {
  readonly ids: readonly string[] = ['n1', 'n2', 'n3'];
  readonly #directory: string;
  readonly #mark: string;
  readonly #ports = new Map<string, { readonly client: number; readonly peer: number }>();
  readonly #running = new Map<string, Started>();

  /** @param mark - every process carries it */
  constructor(directory: string, mark: string) {
    this.#directory = directory;
    this.#mark = mark;
  }

  /** @param settings - `raft.NAME=VALUE`, for all of them */
  async startAll(settings: readonly string[]): Promise<void> {
    for (const id of this.ids) {
      this.#ports.set(
        id,
        this.#ports.get(id) ?? { client: await freePort(), peer: await freePort() },
      );
    }
    for (const id of this.ids) this.start(id, settings);
    await this.leader();
  }

  start(id: string, settings: readonly string[]): void {
    const ports = this.#portsOf(id);
    const peers = this.ids
      .filter((other) => other !== id)
      .flatMap((other) => ['--peer', `${other}=${HOST}:${this.#portsOf(other).peer}`]);
    const args = [
      ...RUNTIME_FLAGS,
      MAIN,
      '--id',
      id,
      '--cluster-id',
      'acceptance',
      '--host',
      HOST,
      '--data-dir',
      this.directoryOf(id),
      '--client-port',
      String(ports.client),
      '--peer-port',
      String(ports.peer),
      ...peers,
      ...settings.flatMap((setting) => ['--set', setting]),
    ];
    this.#running.set(id, start(args, { id: this.#mark }));
  }

  /** SIGKILL, and its end. */
  async kill(id: string): Promise<void> {
    const node = this.#running.get(id);
    this.#running.delete(id);
    node?.child.kill('SIGKILL');
    await node?.ended;
  }

  async killAll(): Promise<void> {
    for (const id of this.ids) await this.kill(id);
  }

  url(id: string): string {
    return `http://${HOST}:${this.#portsOf(id).client}`;
  }

  /** Undefined while it does not answer. */
  async status(id: string): Promise<NodeStatus | undefined> {
    try {
      const answer = await fetch(`${this.url(id)}/status`, { signal: AbortSignal.timeout(2000) });
      return (await answer.json()) as NodeStatus;
    } catch {
      return undefined;
    }
  }

  /** Who leads, when all that run know it. */
  async leader(): Promise<string> {
    let leader: string | undefined;
    await until('a leader', 60_000, async () => {
      const statuses = await Promise.all([...this.#running.keys()].map((id) => this.status(id)));
      leader = statuses.find((status) => status?.role === 'leader')?.id;
      return leader !== undefined && statuses.every((status) => status?.leader === leader);
    });
    must(leader !== undefined, 'somebody leads');
    return leader;
  }

  /** The value of a metric; of a histogram its buckets, upper bound in seconds and count. */
  async buckets(id: string, metric: string): Promise<ReadonlyMap<number, number>> {
    const text = await (await fetch(`${this.url(id)}/metrics`)).text();
    const found = new Map<number, number>();
    for (const line of text.split('\n')) {
      const match = /^(\w+)_bucket\{le="([^"]+)"\} (\d+)$/.exec(line);
      if (match?.[1] !== metric) continue;
      found.set(match[2] === '+Inf' ? Infinity : Number(match[2]), Number(match[3]));
    }
    return found;
  }

  /** The most memory that a node ever held, in bytes. */
  peakMemory(id: string): number {
    const pid = this.#running.get(id)?.child.pid;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Infinity) * 1024;
  }

  /** Bytes of all files of a node whose names begin so. */
  diskBytes(id: string, prefix: string): number {
    let bytes = 0;
    for (const name of readdirSync(this.directoryOf(id))) {
      if (!name.startsWith(prefix)) continue;
      bytes +=
        statSync(path.join(this.directoryOf(id), name), { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  }

  directoryOf(id: string): string {
    return path.join(this.#directory, id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killAll();
  }

  #portsOf(id: string): { readonly client: number; readonly peer: number } {
    const ports = this.#ports.get(id);
    must(ports !== undefined, `${id} has its ports`);
    return ports;
  }
}

/** A write, as it is sent. */
export interface Write {
  readonly method: 'PUT' | 'POST';
  readonly path: string;
  readonly body: string;
}

export interface Written {
  readonly count: number;
  readonly failed: number;
  /** Of the slowest, milliseconds. */
  readonly slowestMs: number;
}

/**
 * Writes in a closed loop over so many connections, until `next` has no more.
 *
 * @param next - a write; undefined ends that connection
 */
export async function write(
  url: string,
  connections: number,
  next: () => Write | undefined,
): Promise<Written> {
  let [count, failed, slowestMs] = [0, 0, 0];
  const work = async (): Promise<void> => {
    const client = new Client(url);
    for (let one = next(); one !== undefined; one = next()) {
      const began = performance.now();
      const { statusCode, body } = await client.request({
        ...one,
        headers: { 'content-type': 'application/json' },
      });
      const text = await body.text();
      slowestMs = Math.max(slowestMs, performance.now() - began);
      if (statusCode === 200) count += 1;
      else if (failed++ < 3) process.stderr.write(`write: ${statusCode} ${text}\n`);
    }
    await client.close();
  };
  await Promise.all(Array.from({ length: connections }, work));
  return { count, failed, slowestMs };
}

/** A port below the ephemeral range that is free now. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = net.createServer().listen(port, HOST);
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
}
