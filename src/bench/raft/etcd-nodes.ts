import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { defined } from '../../lib/assert.ts';
import type { NodesOptions } from './gong-nodes.ts';
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

const HOST = '127.0.0.1';

/** What etcd says of its version; undefined where it is not installed. */
export function etcdVersion(): string | undefined {
  try {
    const text = execFileSync('etcd', ['--version'], { encoding: 'utf8', stdio: 'pipe' });
    return /etcd Version: (\S+)/.exec(text)?.[1] ?? 'unknown';
  } catch {
    return undefined;
  }
}

interface Member {
  readonly name: string;
  readonly url: string;
  readonly peerUrl: string;
  process: ServerProcess;
}

/** Three etcd nodes at their defaults (100 ms, 1000 ms), spoken to through the JSON gateway. */
export class EtcdNodes implements System {
  readonly name = 'etcd';
  readonly #options: NodesOptions;
  readonly #members: Member[] = [];

  private constructor(options: NodesOptions) {
    this.#options = options;
  }

  static async start(options: NodesOptions): Promise<EtcdNodes> {
    const nodes = new EtcdNodes(options);
    try {
      const addresses = ['e1', 'e2', 'e3'].map((name, i) => ({
        name,
        url: `http://${HOST}:${defined(options.ports[2 * i], 'two for each node')}`,
        peerUrl: `http://${HOST}:${defined(options.ports[2 * i + 1], 'two for each node')}`,
      }));
      for (const address of addresses) {
        const process = await nodes.#start(address, addresses, 'new');
        nodes.#members.push({ ...address, process });
      }
      await nodes.leaderUrl();
    } catch (error) {
      await nodes[Symbol.asyncDispose]();
      throw error;
    }
    return nodes;
  }

  get pids(): readonly number[] {
    return this.#members.map((member) => member.process.pid);
  }

  async urls(): Promise<readonly string[]> {
    const leader = await this.leaderUrl();
    return [leader, ...this.#members.map(({ url }) => url).filter((url) => url !== leader)];
  }

  async leaderUrl(): Promise<string> {
    return eventually('a leader of three etcd nodes', async () => (await this.#findLeader())?.url);
  }

  requestsFor(operation: Operation): readonly PreparedRequest[] {
    const text = (value: string): string => Buffer.from(value).toString('base64');
    if (operation === 'write') {
      return KEYS.map((key) => ({
        method: 'POST',
        path: '/v3/kv/put',
        body: JSON.stringify({ key: text(key), value: text(VALUE) }),
      }));
    }
    const serializable = operation === 'stale read' ? { serializable: true } : {};
    return KEYS.map((key) => ({
      method: 'POST',
      path: '/v3/kv/range',
      body: JSON.stringify({ key: text(key), ...serializable }),
    }));
  }

  async syncs(): Promise<number> {
    const response = await fetch(`${await this.leaderUrl()}/metrics`);
    const text = await response.text();
    return Number(/^etcd_disk_wal_fsync_duration_seconds_count (\S+)/m.exec(text)?.[1] ?? NaN);
  }

  async killLeader(): Promise<Killed> {
    const url = await this.leaderUrl();
    const member = defined(
      this.#members.find((one) => one.url === url),
      'the leader is one of them',
    );
    const ended = member.process.kill();
    const killedMs = performance.now();
    await ended;
    return {
      killedMs,
      restart: async () => {
        member.process = await this.#start(member, this.#members, 'existing');
      },
    };
  }

  async transferLeadership(): Promise<void> {
    const [leader, next] = await this.urls();
    const status = await statusOf(defined(next, 'there are three'));
    const body = JSON.stringify({ targetID: status.member });
    await fetchJson(`${leader}/v3/maintenance/transfer-leadership`, { method: 'POST', body });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endAll(this.#members.map((member) => member.process));
  }

  async #findLeader(): Promise<Member | undefined> {
    for (const member of this.#members) {
      const status = await statusOf(member.url).catch(() => undefined);
      if (status !== undefined && status.member === status.leader) return member;
    }
    return undefined;
  }

  #start(
    own: Omit<Member, 'process'>,
    all: readonly Omit<Member, 'process'>[],
    state: 'new' | 'existing',
  ): Promise<ServerProcess> {
    const { directory } = this.#options;
    mkdirSync(directory, { recursive: true });
    const args = flagsOf({
      name: own.name,
      'data-dir': path.join(directory, own.name),
      'listen-client-urls': own.url,
      'advertise-client-urls': own.url,
      'listen-peer-urls': own.peerUrl,
      'initial-advertise-peer-urls': own.peerUrl,
      'initial-cluster': all.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(','),
      'initial-cluster-state': state,
      'initial-cluster-token': 'bench',
      'heartbeat-interval': '100',
      'election-timeout': '1000',
      logger: 'zap',
      'log-level': 'error',
      'quota-backend-bytes': String(8 * 2 ** 30),
    });
    return startProcess('etcd', args, path.join(directory, `${own.name}.log`));
  }
}

/** Ids are texts: they do not fit into numbers. */
async function statusOf(
  url: string,
): Promise<{ readonly member: string; readonly leader: string }> {
  const status = await fetchJson(`${url}/v3/maintenance/status`, { method: 'POST', body: '{}' });
  const header = status['header'] as { readonly member_id: string };
  return { member: header.member_id, leader: String(status['leader']) };
}
