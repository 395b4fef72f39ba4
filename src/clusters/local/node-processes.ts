import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { NodeId } from '../../contracts/names.ts';
import type { LaunchSpec } from '../../contracts/target.ts';
import { assert } from '../../lib/assert.ts';
import { readStat } from './proc.ts';
import type { NodeEvent } from './protocol.ts';
import { withTimeLimit } from './time-limit.ts';

interface Running {
  readonly child: ChildProcess;
  /** Resolves with its exit, or with its failure to come into being. */
  readonly gone: Promise<void>;
  /** What was asked for: `kill` ends by SIGKILL and nothing else, `stop` may end anyhow. */
  asked: 'nothing' | 'kill' | 'stop';
}

/** How long the kernel may take to end a process after SIGKILL. */
const KILL_LIMIT_MS = 10_000;

/** The node processes, as children of the supervisor. */
export class NodeProcesses {
  readonly #running = new Map<NodeId, Running>();
  readonly #emit: (event: NodeEvent) => void;
  #isStopping = false;

  constructor(emit: (event: NodeEvent) => void) {
    this.#emit = emit;
  }

  /**
   * Resolves when the process runs.
   *
   * @param spec - its `env` is added to the supervisor's own, which is the harness's
   * @param logFile - stdout and stderr are appended to it
   * @throws the operating system's error when the command cannot be run
   */
  async start(node: NodeId, spec: LaunchSpec, logFile: string): Promise<void> {
    assert(!this.#isStopping, `${node} cannot start: the cluster is being stopped`);
    assert(!this.#running.has(node), `${node} runs already`);
    const log = openSync(logFile, 'a');
    let child: ChildProcess;
    try {
      // stdin is a pipe that stays open as long as this process lives: its end tells a node to end.
      child = spawn(spec.command, spec.args, {
        stdio: ['pipe', log, log],
        env: { ...process.env, ...spec.env },
      });
    } finally {
      closeSync(log);
    }
    child.stdin?.on('error', () => {});
    const gone = Promise.withResolvers<void>();
    const running: Running = { child, gone: gone.promise, asked: 'nothing' };
    this.#running.set(node, running);
    const { pid } = child;
    child.once('exit', (code, signal) => {
      this.#running.delete(node);
      gone.resolve();
      if (pid === undefined) return;
      // A node that crashed just before it was killed has crashed: nobody asked for that.
      const isExpected =
        running.asked === 'stop' || (running.asked === 'kill' && signal === 'SIGKILL');
      this.#emit({ type: 'exited', node, pid, code, signal, isExpected });
    });
    child.once('error', () => {
      if (pid !== undefined) return; // about a signal or a message: the process lives on
      this.#running.delete(node);
      gone.resolve();
    });
    await once(child, 'spawn');
    if (pid !== undefined) this.#emit({ type: 'spawned', node, pid });
  }

  /** SIGKILL; resolves when the process is gone, at once when the node is down. */
  async kill(node: NodeId): Promise<void> {
    const running = this.#running.get(node);
    if (running === undefined) return;
    if (running.asked === 'nothing') running.asked = 'kill';
    running.child.kill('SIGKILL');
    await withTimeLimit(running.gone, KILL_LIMIT_MS, `${node} did not end after SIGKILL`);
  }

  /**
   * SIGKILLs every node without waiting: stopped (SIGSTOP) ones die of it, too. Nobody asked for their
   * ends by that: if somebody listens still, they are reported as unexpected.
   */
  killAllNow(): void {
    this.#isStopping = true;
    for (const running of this.#running.values()) running.child.kill('SIGKILL');
  }

  /**
   * Ends every node: SIGTERM, and SIGKILL for those that still run after `graceMs`. A stopped process
   * could not act on SIGTERM and gets SIGKILL at once.
   */
  async stopAll(graceMs: number): Promise<void> {
    this.#isStopping = true;
    for (const running of this.#running.values()) {
      running.asked = 'stop';
      running.child.kill(isStopped(running.child) ? 'SIGKILL' : 'SIGTERM');
    }
    try {
      await this.#allGone(graceMs);
    } catch {
      this.killAllNow();
      await this.#allGone(KILL_LIMIT_MS);
    }
  }

  /** Resolves when no node runs. @throws TimeLimitError after `limitMs` */
  async waitUntilGone(limitMs: number): Promise<void> {
    await this.#allGone(limitMs);
  }

  async #allGone(limitMs: number): Promise<void> {
    const all = Promise.all([...this.#running.values()].map((running) => running.gone));
    await withTimeLimit(all, limitMs, `${[...this.#running.keys()].join(', ')} did not end`);
  }
}

function isStopped(child: ChildProcess): boolean {
  return child.pid !== undefined && readStat(child.pid)?.state === 'T';
}
