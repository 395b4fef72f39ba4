import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assertNever } from '../../lib/assert.ts';
import type { FromGuardian, GuardianParts, ToGuardian } from './hook-protocol.ts';
import { killGroup, type ScriptEnd } from './script-call.ts';

const READY_LIMIT_MS = 20_000;
const RELEASE_LIMIT_MS = 5_000;
/** The guardian kills a script at its limit; one that does not even do that is lost itself. */
const ANSWER_GRACE_MS = 5_000;

/** The guardian is gone, or deaf; the script that it ran was killed. */
export class GuardianLost extends Error {
  override readonly name = 'GuardianLost';
}

interface Pending {
  readonly answer: PromiseWithResolvers<ScriptEnd>;
  pid: number | null;
}

/** Gong's end of the channel to the process that calls and guards the fault scripts. */
export class GuardianClient {
  readonly #child: ChildProcess;
  readonly #limitMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #ready = Promise.withResolvers<void>();
  #nextId = 1;
  #isLost = false;

  private constructor(parts: GuardianParts) {
    this.#limitMs = parts.limitMs;
    const log = openSync(parts.logFile, 'a');
    try {
      // Detached: in a session of its own, no Ctrl-C on a terminal reaches it or a script.
      this.#child = spawn(
        process.execPath,
        [fileURLToPath(new URL('./hook-guardian.ts', import.meta.url)), JSON.stringify(parts)],
        { detached: true, stdio: ['ignore', log, log, 'ipc'] },
      );
    } finally {
      closeSync(log);
    }
    this.#child.on('message', (message) => {
      // Our own guardian, of the same version: its messages are what their types say.
      this.#receive(message as FromGuardian);
    });
    this.#child.on('error', (error) => this.#lose(error.message));
    this.#child.on('exit', (code, signal) => {
      this.#lose(signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`);
    });
    this.#ready.promise.catch(() => {}); // whoever waits for it hears of it
  }

  /** Resolves when it is on guard. @throws GuardianLost */
  static async start(parts: GuardianParts): Promise<GuardianClient> {
    const client = new GuardianClient(parts);
    await client.#within(client.#ready.promise, READY_LIMIT_MS);
    return client;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** @throws GuardianLost */
  async call(request: {
    readonly script: string;
    readonly words: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  }): Promise<ScriptEnd> {
    if (this.#isLost) throw new GuardianLost('it ended before');
    const id = this.#nextId++;
    const pending: Pending = { answer: Promise.withResolvers<ScriptEnd>(), pid: null };
    this.#pending.set(id, pending);
    this.#send({ type: 'call', id, ...request });
    try {
      return await this.#within(pending.answer.promise, this.#limitMs + ANSWER_GRACE_MS);
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Kills the script that runs now; its call ends by that. */
  killCurrent(): void {
    if (!this.#isLost) this.#send({ type: 'kill' });
  }

  /** It need not heal any more. Resolves when it is gone. */
  async release(): Promise<void> {
    if (this.#isLost) return;
    const gone = once(this.#child, 'exit');
    this.#send({ type: 'release' });
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), RELEASE_LIMIT_MS);
    await gone;
    clearTimeout(timer);
  }

  #send(message: ToGuardian): void {
    this.#child.send(message, (error) => {
      if (error) this.#lose(error.message);
    });
  }

  #receive(message: FromGuardian): void {
    switch (message.type) {
      case 'ready':
        this.#ready.resolve();
        break;
      case 'called': {
        const pending = this.#pending.get(message.id);
        if (pending !== undefined) pending.pid = message.pid;
        break;
      }
      case 'ended':
        this.#pending.get(message.id)?.answer.resolve(message.end);
        break;
      default:
        assertNever(message);
    }
  }

  async #within<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    const timer = setTimeout(() => {
      this.#child.kill('SIGKILL');
      this.#lose(`it did not answer within ${limitMs / 1000} s`);
    }, limitMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #lose(why: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    const error = new GuardianLost(why);
    this.#ready.reject(error);
    for (const { answer, pid } of this.#pending.values()) {
      // Nobody watches over it any more.
      killGroup(pid ?? undefined);
      answer.reject(error);
    }
  }
}
