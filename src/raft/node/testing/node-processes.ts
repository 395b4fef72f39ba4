import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.ts';

const ENTRY = fileURLToPath(new URL('../main.ts', import.meta.url));

/** A node in a process of its own. */
export interface NodeProcess {
  readonly id: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly child: ChildProcess;
  /** What it has said so far, on both outputs. */
  readonly output: () => string;
}

/** Nodes as users run them: the production entry, real sockets, a directory each. */
export class NodeProcesses implements AsyncDisposable {
  readonly directory: string;
  readonly nodes: Map<string, NodeProcess> = new Map();
  readonly #ports = new Map<string, { readonly client: number; readonly peer: number }>();
  readonly #more: (id: string) => readonly string[];

  private constructor(more: (id: string) => readonly string[]) {
    this.directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gong-nodes-'));
    this.#more = more;
  }

  /** Starts nodes and waits until each serves clients. @param more - further arguments of a node */
  static async start(
    ids: readonly string[],
    more: (id: string) => readonly string[] = () => [],
  ): Promise<NodeProcesses> {
    const processes = new NodeProcesses(more);
    for (const id of ids) {
      processes.#ports.set(id, { client: await freePort(), peer: await freePort() });
    }
    await Promise.all(ids.map((id) => processes.start(id)));
    return processes;
  }

  async start(id: string): Promise<NodeProcess> {
    const ports = [...this.#ports];
    const own = this.#ports.get(id) ?? { client: 0, peer: 0 };
    const peers = ports
      .filter(([peer]) => peer !== id)
      .map(([peer, at]) => `--peer=${peer}=127.0.0.1:${at.peer}`);
    const child = spawn(
      process.execPath,
      [
        ENTRY,
        `--id=${id}`,
        '--cluster-id=test',
        `--data-dir=${path.join(this.directory, id)}`,
        `--client-port=${own.client}`,
        `--peer-port=${own.peer}`,
        '--stop-with-stdin',
        '--set=raft.heartbeatInterval=50ms',
        '--set=raft.electionTimeout=300..600ms',
        ...peers,
        ...this.#more(id),
      ],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    let output = '';
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onOutput = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('serves clients on')) resolve();
    };
    child.stdout.on('data', onOutput);
    child.stderr.on('data', onOutput);
    child.on('exit', (code) => reject(new Error(`${id} ended with ${code}: ${output}`)));
    await promise;
    const node = {
      id,
      clientPort: own.client,
      peerPort: own.peer,
      child,
      output: () => output,
    };
    this.nodes.set(id, node);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.nodes.values()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}
