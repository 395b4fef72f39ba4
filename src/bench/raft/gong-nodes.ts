import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defined } from '../../lib/assert.ts';
import { RUNTIME_FLAGS } from '../../raft/node/config.ts';
import { type ServerProcess, startProcess } from './server-process.ts';
import {
  endAll,
  eventually,
  fetchJson,
  flagsOf,
  KEYS,
  type Killed,
  type Operation,
  type PreparedRequest,
  type System,
  VALUE,
} from './system.ts';

const MAIN = fileURLToPath(new URL('../../raft/node/main.ts', import.meta.url));
const HOST = '127.0.0.1';
/** The defaults, said aloud: what is compared must not drift with them. */
const SETTINGS = [
  'raft.fsync=always',
  'raft.heartbeatInterval=100ms',
  'raft.electionTimeout=1000..2000ms',
];

export interface NodesOptions {
  /** Gets a directory for each node. */
  readonly directory: string;
  /** Two for each of the three nodes. */
  readonly ports: readonly number[];
  /** Passed to node in front of the program, such as `--cpu-prof`. */
  readonly execArgv?: readonly string[];
}

interface Node {
  readonly id: string;
  readonly url: string;
  process: ServerProcess;
}

/** Three of our nodes at their defaults: fsync before acknowledging, 100 ms, 1000..2000 ms. */
export class GongNodes implements System {
  readonly name = 'gong';
  readonly #options: NodesOptions;
  readonly #nodes: Node[] = [];
  readonly #ids = ['n1', 'n2', 'n3'];

  private constructor(options: NodesOptions) {
    this.#options = options;
  }

  static async start(options: NodesOptions): Promise<GongNodes> {
    const nodes = new GongNodes(options);
    try {
      for (const id of nodes.#ids) {
        nodes.#nodes.push({ id, url: nodes.#urlOf(id), process: await nodes.#start(id) });
      }
      await nodes.leaderUrl();
    } catch (error) {
      await nodes[Symbol.asyncDispose]();
      throw error;
    }
    return nodes;
  }

  get pids(): readonly number[] {
    return this.#nodes.map((node) => node.process.pid);
  }

  /** All nodes, the leader first. */
  async urls(): Promise<readonly string[]> {
    const leader = await this.leaderUrl();
    return [leader, ...this.#nodes.map(({ url }) => url).filter((url) => url !== leader)];
  }

  async leaderUrl(): Promise<string> {
    return eventually('a leader of three of our nodes', () => this.#findLeader());
  }

  requestsFor(operation: Operation): readonly PreparedRequest[] {
    if (operation === 'write') {
      const body = JSON.stringify({ value: VALUE });
      return KEYS.map((key) => ({ method: 'PUT', path: `/kv/${key}`, body }));
    }
    const query = operation === 'stale read' ? '?consistency=stale' : '';
    return KEYS.map((key) => ({ method: 'GET', path: `/kv/${key}${query}` }));
  }

  async syncs(): Promise<number> {
    return Number((await fetchJson(`${await this.leaderUrl()}/status`))['walBatches']);
  }

  async killLeader(): Promise<Killed> {
    const url = await this.leaderUrl();
    const node = defined(
      this.#nodes.find((one) => one.url === url),
      'the leader is one of them',
    );
    const ended = node.process.kill();
    const killedMs = performance.now();
    await ended;
    return {
      killedMs,
      restart: async () => {
        node.process = await this.#start(node.id);
      },
    };
  }

  /** @returns the address that leads from now on */
  async transferLeadership(): Promise<void> {
    const [leader, next] = await this.urls();
    const to = this.#nodes.find(({ url }) => url === next)?.id;
    const body = JSON.stringify({ to });
    await fetchJson(`${leader}/cluster/transfer`, { method: 'POST', body });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endAll(this.#nodes.map((node) => node.process));
  }

  /** The one that most follow: a leader that was cut off or killed counts for nothing. */
  async #findLeader(): Promise<string | undefined> {
    for (const { id, url, process } of this.#nodes) {
      const status = await fetchJson(`${url}/status`).catch(() => undefined);
      if (status?.['role'] !== 'leader' || status['pid'] !== process.pid) continue;
      const { commitIndex, lastApplied } = status;
      if (status['id'] === id && commitIndex === lastApplied && Number(commitIndex) > 0) return url;
    }
    return undefined;
  }

  #urlOf(id: string): string {
    return `http://${HOST}:${this.#port(id, 0)}`;
  }

  #port(id: string, which: 0 | 1): number {
    return defined(this.#options.ports[2 * this.#ids.indexOf(id) + which], 'two for each node');
  }

  #start(id: string): Promise<ServerProcess> {
    const { directory, execArgv = [] } = this.#options;
    mkdirSync(directory, { recursive: true });
    const flags = flagsOf({
      id,
      'cluster-id': 'bench',
      host: HOST,
      'data-dir': path.join(directory, id),
      'client-port': String(this.#port(id, 0)),
      'peer-port': String(this.#port(id, 1)),
      peer: this.#ids
        .filter((other) => other !== id)
        .map((peer) => `${peer}=${HOST}:${this.#port(peer, 1)}`),
      set: SETTINGS,
    });
    const args = [...RUNTIME_FLAGS, ...execArgv, MAIN, ...flags, '--stop-with-stdin'];
    return startProcess(process.execPath, args, path.join(directory, `${id}.log`));
  }
}
