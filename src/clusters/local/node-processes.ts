import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeId } from '../../contracts/names.ts';
import type { LaunchSpec } from '../../contracts/target.ts';
import { assert } from '../../lib/assert.ts';
import { isStopped, readStat } from './proc.ts';
import type { NodeEvent } from './protocol.ts';
import { TimeLimitError, withTimeLimit } from './time-limit.ts';

interface Running {
  readonly child: ChildProcess;
  /** Resolves with its exit, or with its failure to come into being. */
  readonly gone: Promise<void>;
  /** What was asked for: `kill` ends by SIGKILL and nothing else, `stop` may end anyhow. */
  asked: 'nothing' | 'kill' | 'stop';
  /** It was asked to stop (SIGSTOP), whether or not it has done so yet. */
  isPaused: boolean;
}

/** How long the kernel may take to end a process after SIGKILL, or to stop or continue one. */
const KILL_LIMIT_MS = 10_000;
/** What a node had started dies with it, unseen; where nobody takes in orphans it stays as a zombie. */
const GROUP_LIMIT_MS = 500;
/** The kernel has no event for that: its state is looked at this often. */
const LOOK_MS = 2;

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
        // A process group of its own: the command may be a wrapper, and the node its child.
        detached: true,
        stdio: ['pipe', log, log],
        env: { ...process.env, ...spec.env },
      });
    } finally {
      closeSync(log);
    }
    child.stdin?.on('error', () => {});
    const gone = Promise.withResolvers<void>();
    const running: Running = { child, gone: gone.promise, asked: 'nothing', isPaused: false };
    this.#running.set(node, running);
    const { pid } = child;
    child.once('exit', (code, signal) => {
      this.#running.delete(node);
      gone.resolve();
      if (pid === undefined) return;
      // What it started ends with it: nothing would hold that any more.
      signalGroup(running, 'SIGKILL');
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
    signalGroup(running, 'SIGKILL');
    await withTimeLimit(running.gone, KILL_LIMIT_MS, `${node} did not end after SIGKILL`);
    await groupGone(running);
  }

  /**
   * SIGSTOP; resolves when the process is seen to be stopped. Its parent does it, who will end it
   * whatever becomes of the harness: a stopped process cannot watch its stdin.
   *
   * @throws when the node is down, or ends meanwhile
   */
  async pause(node: NodeId): Promise<void> {
    assert(!this.#isStopping, `${node} cannot be paused: the cluster is being stopped`);
    const running = this.#running.get(node);
    if (running === undefined) throw new Error(`${node} is down`);
    running.isPaused = true;
    signalGroup(running, 'SIGSTOP');
    await this.#untilStopped(node, running, true);
    if (this.#running.get(node) !== running) throw new Error(`${node} ended while it was paused`);
  }

  /** SIGCONT; resolves when the process is not stopped any more, at once when the node is down. */
  async resume(node: NodeId): Promise<void> {
    const running = this.#running.get(node);
    if (running === undefined) return;
    signalGroup(running, 'SIGCONT');
    await this.#untilStopped(node, running, false);
    running.isPaused = false;
  }

  /** Resolves when the process is in that state, or gone. @throws TimeLimitError */
  async #untilStopped(node: NodeId, running: Running, wanted: boolean): Promise<void> {
    const { pid } = running.child;
    if (pid === undefined) return;
    const deadline = performance.now() + KILL_LIMIT_MS;
    while (this.#running.get(node) === running) {
      if ((await isStopped(pid)) === wanted) return;
      if (performance.now() > deadline) {
        const what = `${node} was not seen to ${wanted ? 'stop' : 'go on'}`;
        throw new TimeLimitError(`${what} within ${KILL_LIMIT_MS / 1000} s`);
      }
      await sleep(LOOK_MS);
    }
  }

  /**
   * SIGKILLs every node without waiting: stopped (SIGSTOP) ones die of it, too. Nobody asked for their
   * ends by that: if somebody listens still, they are reported as unexpected.
   */
  killAllNow(): void {
    this.#isStopping = true;
    for (const running of this.#running.values()) signalGroup(running, 'SIGKILL');
  }

  /**
   * Ends every node: SIGTERM, and SIGKILL for those that still run after `graceMs`. A stopped process
   * could not act on SIGTERM and gets SIGKILL at once.
   */
  async stopAll(graceMs: number): Promise<void> {
    this.#isStopping = true;
    for (const running of this.#running.values()) {
      running.asked = 'stop';
      signalGroup(running, isPaused(running) ? 'SIGKILL' : 'SIGTERM');
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

function isPaused({ child, isPaused }: Running): boolean {
  return isPaused || (child.pid !== undefined && readStat(child.pid)?.state === 'T');
}

/** To a node's process and all that it started, unless that left its group; false: none is left. */
function signalGroup({ child }: Running, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch {
    return false;
  }
}

/** What still dies may hold the ports that the node needs when it starts again. */
async function groupGone(running: Running): Promise<void> {
  const deadline = performance.now() + GROUP_LIMIT_MS;
  while (signalGroup(running, 0) && performance.now() < deadline) await sleep(LOOK_MS);
}
