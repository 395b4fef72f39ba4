import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { NodeId } from '../../contracts/names.ts';
import { assertNever } from '../../lib/assert.ts';
import { UserError } from '../../lib/user-error.ts';
import { identify, killAndWait, type ProcessIdentity } from './proc.ts';
import type {
  Failure,
  FromSupervisor,
  NodeEvent,
  Request,
  Result,
  ResultOf,
  ToSupervisor,
} from './protocol.ts';
import { withTimeLimit } from './time-limit.ts';

const READY_LIMIT_MS = 20_000;
/** More than the supervisor itself allows a node to die in. */
const ANSWER_LIMIT_MS = 15_000;
const STOP_GRACE_MS = 2_000;
const LAST_RESORT_LIMIT_MS = 5_000;

/** The supervisor refused, or failed at, what it was asked. */
export class SupervisorFailure extends Error {
  override readonly name = 'SupervisorFailure';
  /** The operating system's word for it, such as `EADDRINUSE`. */
  readonly errno: string | undefined;
  readonly port: number | undefined;

  constructor(failure: Failure) {
    super(failure.message);
    this.errno = failure.errno;
    this.port = failure.port;
  }
}

export interface SupervisorOptions {
  readonly logFile: string;
  /** Directories that it deletes when the harness dies. */
  readonly removeOnExit: readonly string[];
  /**
   * Hears of every node that comes or goes, in order; also of those that go because the supervisor
   * died: as unexpected, with neither code nor signal.
   */
  readonly onNodeEvent: (event: NodeEvent) => void;
}

/**
 * The harness's end of the channel to a supervisor, which it starts and ends. It knows every node's
 * pid, so that no node outlives a supervisor that is killed itself.
 */
export class SupervisorClient implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #onNodeEvent: (event: NodeEvent) => void;
  readonly #running = new Map<NodeId, ProcessIdentity>();
  readonly #waiting = new Map<number, PromiseWithResolvers<Result>>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  #nextId = 1;
  #isEnding = false;
  #exitText: string | undefined;
  #disposal: Promise<void> | undefined;

  private constructor(options: SupervisorOptions) {
    this.#logFile = options.logFile;
    this.#onNodeEvent = options.onNodeEvent;
    const log = openSync(options.logFile, 'a');
    try {
      // Detached: in a session of its own, no Ctrl-C on a terminal reaches it or its nodes.
      this.#child = spawn(
        process.execPath,
        [fileURLToPath(new URL('./supervisor.ts', import.meta.url)), ...options.removeOnExit],
        { detached: true, stdio: ['ignore', log, log, 'ipc'] },
      );
    } finally {
      closeSync(log);
    }
    this.#child.on('message', (message) => {
      // Our own supervisor, of the same version: its messages are what their types say.
      this.#receive(message as FromSupervisor);
    });
    this.#child.on('error', (error) => {
      // Without a pid there will be no `exit` event.
      if (this.#child.pid === undefined) this.#hasExited(`did not start: ${error.message}`);
    });
    this.#child.on('exit', (code, signal) => {
      this.#hasExited(signal === null ? `ended with code ${code}` : `was ended by ${signal}`);
    });
    // Messages that the supervisor sent before it ended may come after the news of its end; when the
    // channel closes there are no more.
    this.#child.on('disconnect', () => {
      this.#isLost();
    });
    this.#ready.promise.catch(() => {}); // whoever waits for it hears of it
  }

  /**
   * Starts a supervisor; resolves when it is on guard.
   *
   * @throws UserError (`infrastructure`)
   */
  static async start(options: SupervisorOptions): Promise<SupervisorClient> {
    const client = new SupervisorClient(options);
    try {
      await withTimeLimit(client.#ready.promise, READY_LIMIT_MS, 'the supervisor was not ready');
      return client;
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error instanceof UserError ? error : client.#failed(error);
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** True from the beginning of its disposal. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** The node's process, as far as has been reported. */
  pidOf(node: NodeId): number | undefined {
    return this.#running.get(node)?.pid;
  }

  /**
   * @throws SupervisorFailure when it answers with an error
   * @throws UserError (`infrastructure`) when it is gone, or does not answer in time
   */
  async request<R extends Request>(request: R): Promise<ResultOf<R>> {
    const isTooLate = this.#isEnding && request.type !== 'stop';
    if (isTooLate || this.#exitText !== undefined) throw this.#failed(undefined);
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<Result>();
    this.#waiting.set(id, waiting);
    const message: ToSupervisor = { id, request };
    this.#child.send(message, (error) => {
      if (error) waiting.reject(this.#failed(error));
    });
    try {
      const what = `the supervisor did not answer to '${request.type}'`;
      // The protocol pairs each request's type with this type of answer.
      return (await withTimeLimit(waiting.promise, ANSWER_LIMIT_MS, what)) as ResultOf<R>;
    } catch (error) {
      if (error instanceof SupervisorFailure || error instanceof UserError) throw error;
      throw this.#failed(error);
    } finally {
      this.#waiting.delete(id);
    }
  }

  /**
   * Stops nodes and supervisor, and resolves when none of them runs any more.
   *
   * @throws UserError (`infrastructure`) when a process survives SIGKILL
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    this.#isEnding = true;
    try {
      await this.request({ type: 'stop', graceMs: STOP_GRACE_MS });
      await withTimeLimit(this.#exited.promise, LAST_RESORT_LIMIT_MS, 'the supervisor did not end');
    } catch {
      // It is dead, or deaf, or could not end a node: then from here, by pid.
      if (this.#exitText === undefined) this.#child.kill('SIGKILL');
    }
    await this.#killLeftovers();
    if (this.#child.pid !== undefined) {
      await withTimeLimit(this.#exited.promise, LAST_RESORT_LIMIT_MS, 'the supervisor did not end');
    }
  }

  #receive(message: FromSupervisor): void {
    switch (message.type) {
      case 'ready':
        this.#ready.resolve();
        break;
      case 'done':
        this.#waiting.get(message.id)?.resolve(message.result);
        break;
      case 'failed':
        this.#waiting.get(message.id)?.reject(new SupervisorFailure(message.failure));
        break;
      case 'spawned':
        this.#running.set(message.node, identify(message.pid));
        this.#onNodeEvent(message);
        break;
      case 'exited':
        if (this.#running.delete(message.node)) this.#onNodeEvent(message);
        break;
      default:
        assertNever(message);
    }
  }

  #hasExited(text: string): void {
    this.#exitText = text;
    const error = this.#failed(undefined);
    this.#ready.reject(error);
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#exited.resolve();
    this.#isLost();
  }

  #isLost(): void {
    // A node that survives SIGKILL is found, and told of, again at disposal.
    if (!this.#isEnding) void this.#killLeftovers().catch(() => {});
  }

  /** The nodes of a dead supervisor end when they see their stdin closed, unless they are stopped. */
  async #killLeftovers(): Promise<void> {
    const survivors: number[] = [];
    const kill = async (node: NodeId, identity: ProcessIdentity): Promise<void> => {
      if (!(await killAndWait(identity, LAST_RESORT_LIMIT_MS))) {
        survivors.push(identity.pid);
      } else if (this.#running.delete(node)) {
        const { pid } = identity;
        const isExpected = this.#isEnding;
        this.#onNodeEvent({ type: 'exited', node, pid, code: null, signal: null, isExpected });
      }
    };
    await Promise.all([...this.#running].map(([node, identity]) => kill(node, identity)));
    if (survivors.length === 0) return;
    throw new UserError({
      kind: 'infrastructure',
      code: 'GONG-E036',
      what: `processes of the local cluster are still alive: pid ${survivors.join(', ')}`,
      why: `SIGKILL did not end them within ${LAST_RESORT_LIMIT_MS / 1000} s`,
      fix: 'look at their state with ps; a process in state D waits for a disk',
      log: this.#logFile,
    });
  }

  #failed(cause: unknown): UserError {
    const state = this.#exitText ?? (this.#isEnding ? 'is ending' : 'does not answer');
    const why = this.#isEnding ? 'the cluster has been stopped' : 'nobody asked it to end';
    return new UserError({
      kind: 'infrastructure',
      code: 'GONG-E036',
      what: `the supervisor of the local cluster ${state}`,
      why: cause instanceof Error ? cause.message : why,
      fix: 'run again; if its log ends in an error, that is a bug in Gong',
      log: this.#logFile,
      cause,
    });
  }
}
