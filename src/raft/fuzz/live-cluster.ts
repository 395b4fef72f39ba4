import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defined } from '../../lib/assert.ts';
import { type NodeProcess, NodeProcesses } from '../node/testing/node-processes.ts';

/** Far above what a node of a few thousand keys needs, far below what a leak comes to. */
const MEMORY_BYTES_MAX = 600 * 1024 * 1024;
/** A node that does not say for so long that it lives does not. */
const HANG_MS = 20_000;
const IDS = ['n1', 'n2', 'n3'];
const TOKEN = 'the-token-of-a-cluster-that-is-fuzzed';
const PAUSE_BETWEEN_WRITES_MS = 20;

/**
 * Three nodes in processes of their own, and a client that writes to them all the while: whatever else
 * they are sent, they go on, and lose nothing of what they acknowledged.
 */
export class LiveCluster implements AsyncDisposable {
  readonly #processes: NodeProcesses;
  readonly token: string | undefined;
  readonly #acknowledged = new Map<string, string>();
  readonly #end = new AbortController();
  readonly #writer: Promise<void>;
  #memoryBytesMax = 0;

  private constructor(processes: NodeProcesses, token: string | undefined) {
    this.#processes = processes;
    this.token = token;
    this.#writer = this.#write();
  }

  static async start(options: { readonly hasToken: boolean }): Promise<LiveCluster> {
    const directory = fs.mkdtempSync('/tmp/gong-fuzz-');
    const file = path.join(directory, 'token');
    fs.writeFileSync(file, TOKEN);
    const more = options.hasToken ? [`--token-file=${file}`] : [];
    try {
      const processes = await NodeProcesses.start(IDS, () => more);
      return new LiveCluster(processes, options.hasToken ? TOKEN : undefined);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  }

  node(place: number): NodeProcess {
    return defined(this.#processes.nodes.get(IDS[place % IDS.length] ?? ''), 'of three');
  }

  /** @throws when a node ended, hangs, or has grown beyond measure */
  async look(): Promise<void> {
    for (const id of IDS) {
      const { child, output } = defined(this.#processes.nodes.get(id), 'of three');
      const ended = child.exitCode ?? child.signalCode;
      assert.equal(ended, null, `${id} ended with ${ended}: ${output().slice(-2000)}`);
      const metrics = await (await this.#ask(id, '/metrics')).text();
      const bytes = Number(/^process_resident_memory_bytes (\d+)/m.exec(metrics)?.[1] ?? NaN);
      this.#memoryBytesMax = Math.max(this.#memoryBytesMax, bytes);
      assert.ok(bytes < MEMORY_BYTES_MAX, `${id} takes ${bytes} bytes of memory`);
    }
  }

  /**
   * Ends the writing, and reads everything that was acknowledged from every node.
   *
   * @throws when something is not there
   */
  async finish(): Promise<Readonly<Record<string, number>>> {
    this.#end.abort();
    await this.#writer;
    await this.look();
    const closed = await this.#counts();
    await this.#settled();
    for (const [key, value] of this.#acknowledged) {
      for (const id of IDS) {
        const response = await this.#ask(id, `/kv/${key}?consistency=stale`);
        const body: unknown = await response.json();
        const read = typeof body === 'object' && body !== null && 'value' in body && body.value;
        assert.equal(read, value, `${id} has lost ${key}, which was acknowledged`);
      }
    }
    return {
      ...closed,
      'writes acknowledged meanwhile, and there on all nodes': this.#acknowledged.size,
      'MiB of memory at most': Math.round(this.#memoryBytesMax / 1024 ** 2),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#writer.catch(() => {});
    await this.#processes[Symbol.asyncDispose]();
  }

  async #write(): Promise<void> {
    for (let i = 0; !this.#end.signal.aborted; i++) {
      const key = `acknowledged-${i}`;
      const body = JSON.stringify({ value: String(i) });
      try {
        const id = defined(IDS[i % IDS.length], 'of three');
        const response = await this.#ask(id, `/kv/${key}`, { method: 'PUT', body });
        await response.text();
        if (response.status === 200) this.#acknowledged.set(key, String(i));
      } catch {
        // Not acknowledged: nothing is promised. Whether the node lives is `look`'s to see.
      }
      await sleep(PAUSE_BETWEEN_WRITES_MS);
    }
  }

  async #ask(id: string, target: string, init: RequestInit = {}): Promise<Response> {
    const { clientPort } = defined(this.#processes.nodes.get(id), 'of three');
    const headers = this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
    const signal = AbortSignal.timeout(HANG_MS);
    return fetch(`http://127.0.0.1:${clientPort}${target}`, { ...init, headers, signal });
  }

  /** What the nodes have counted of what they were sent. */
  async #counts(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const id of IDS) {
      const metrics = await (await this.#ask(id, '/metrics')).text();
      const lines =
        /^gong_raft_(peer_connections_closed|clients_refused)_total\{reason="([^"]+)"\} (\d+)$/gm;
      for (const [, what, reason, count] of metrics.matchAll(lines)) {
        const name = `counted by the nodes: ${what} ${reason}`;
        if (count !== '0') counts[name] = (counts[name] ?? 0) + Number(count);
      }
    }
    return counts;
  }

  /** Until all nodes have applied the same. */
  async #settled(): Promise<void> {
    for (let round = 0; round < 500; round++) {
      const applied = new Set<string>();
      for (const id of IDS) {
        const metrics = await (await this.#ask(id, '/metrics')).text();
        const index = (name: string): string | undefined =>
          new RegExp(`^gong_raft_${name}_index (\\d+)`, 'm').exec(metrics)?.[1];
        applied.add(`${index('commit')}/${index('applied')}/${index('log_last')}`);
      }
      const [one = ''] = applied;
      if (applied.size === 1 && new Set(one.split('/')).size === 1) return;
      await sleep(20);
    }
    assert.fail('the nodes do not come to the same state');
  }
}
