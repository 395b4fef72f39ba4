import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Clock } from '../../contracts/clock.ts';
import type { Cluster, HookCall, HookControl, HookedFault } from '../../contracts/cluster.ts';
import { UserError } from '../../lib/user-error.ts';
import { GuardianClient, GuardianLost } from './guardian-client.ts';
import { callScript, describeEnd, isGroupAlive, killGroup, type ScriptEnd } from './script-call.ts';

export interface HooksOptions {
  /** Every script of the run, as the user named it. */
  readonly scripts: readonly string[];
  readonly cluster: Pick<Cluster, 'nodes' | 'url'>;
  /** The run's own seed. */
  readonly seed: string;
  /** For each call of a script. */
  readonly limitNs: number;
  /** What scripts say, and how they end, is appended to it. Its directory exists. */
  readonly logFile: string;
  readonly clock: Clock;
  /** Kills a `start` that is under way: the run is being ended. A `heal` is never cut short. */
  readonly signal: AbortSignal;
}

/**
 * Faults by the user's own scripts, `SCRIPT start SEED` and `SCRIPT heal`; never two calls at a time.
 * Another process calls them, so that what they broke is healed when this one is killed.
 *
 * They find in their environment: `GONG_NODES` (n1,n2,…), `GONG_ENDPOINTS` (their URLs, in the same
 * order) and `GONG_SEED` (the run's seed).
 */
export class Hooks implements HookControl, AsyncDisposable {
  readonly #options: HooksOptions;
  readonly #env: Readonly<Record<string, string>>;
  readonly #guardian: GuardianClient;
  /** Groups of processes that scripts left in the background after the guardian was lost. */
  readonly #left = new Set<number>();
  #turn: Promise<unknown> = Promise.resolve();
  /** False while something may be broken that no final heal has followed. */
  #isHealed = false;
  #disposal: Promise<void> | undefined;

  private constructor(
    options: HooksOptions,
    env: Readonly<Record<string, string>>,
    guardian: GuardianClient,
  ) {
    this.#options = options;
    this.#env = env;
    this.#guardian = guardian;
  }

  /** Puts the guardian on guard. @throws UserError (`infrastructure`, GONG-E153) */
  static async open(options: HooksOptions): Promise<Hooks> {
    const { cluster, scripts, seed, limitNs, logFile } = options;
    const env = {
      GONG_NODES: cluster.nodes.join(','),
      GONG_ENDPOINTS: cluster.nodes.map((node) => cluster.url(node)).join(','),
      GONG_SEED: seed,
    };
    const absolute = scripts.map((script) => path.resolve(script));
    const parts = { scripts: absolute, env, limitMs: limitNs / 1e6, logFile };
    try {
      return new Hooks(options, env, await GuardianClient.start(parts));
    } catch (error) {
      throw lost(error, logFile);
    }
  }

  /** For whoever wants to see the guardian at work. */
  get guardianPid(): number | undefined {
    return this.#guardian.pid;
  }

  async start(script: string, seed: string): Promise<HookedFault> {
    const { signal } = this.#options;
    this.#isHealed = false;
    const kill = (): void => this.#guardian.killCurrent();
    signal.addEventListener('abort', kill, { once: true });
    let failure: UserError | undefined;
    const calls: HookCall[] = [];
    try {
      const { call, end } = await this.#inTurn(() => this.#guarded(script, ['start', seed]));
      calls.push(call);
      // When the run is being ended, what was begun is healed as if it were in force.
      if (end.code !== 0 && !signal.aborted) failure = this.#failed(script, call, end);
    } catch (error) {
      failure = lost(error, this.#options.logFile);
    } finally {
      signal.removeEventListener('abort', kill);
    }
    if (failure !== undefined) throw await this.#healedAfter(script, failure);
    let healing: Promise<void> | undefined;
    return {
      calls,
      [Symbol.asyncDispose]: async () => {
        healing ??= this.#heal(script, calls);
        await healing;
      },
    };
  }

  async healAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const script of this.#options.scripts) {
      // One that fails must not keep the others from healing.
      await this.#heal(script).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
    this.#isHealed = true;
  }

  /**
   * The last `heal` of every script, unless that was just done, and the end of the guardian.
   *
   * @throws UserError (`infrastructure`, GONG-E152) when a heal fails
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    try {
      if (!this.#isHealed) await this.healAll();
    } finally {
      await this.#guardian.release();
      for (const pid of this.#left) killGroup(pid);
    }
  }

  async #heal(script: string, calls: HookCall[] = []): Promise<void> {
    const { call, end } = await this.#inTurn(() => this.#surely(script, ['heal']));
    calls.push(call);
    if (end.code !== 0) throw this.#failed(script, call, end);
  }

  /** The failure of a `start`, once `heal` was called after it. */
  async #healedAfter(script: string, failure: UserError): Promise<UserError> {
    try {
      await this.#heal(script);
      return failure;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return new UserError({
        kind: failure.kind,
        code: failure.code,
        what: `${failure.message}, and ${error.message}`,
        why: failure.why,
        fix: error.fix,
        log: failure.log,
        cause: failure,
      });
    }
  }

  /** By the guardian. @throws GuardianLost */
  #guarded(script: string, words: readonly string[]): Promise<Called> {
    return this.#timed(words, () =>
      this.#guardian.call({ script: path.resolve(script), words, env: this.#env }),
    );
  }

  /** By the guardian, or from here when that is lost: a heal must happen. */
  async #surely(script: string, words: readonly string[]): Promise<Called> {
    if (!this.#guardian.isLost) {
      try {
        return await this.#guarded(script, words);
      } catch (error) {
        if (!(error instanceof GuardianLost)) throw error;
      }
    }
    const { limitNs, logFile } = this.#options;
    return this.#timed(words, async () => {
      const running = callScript({
        script: path.resolve(script),
        words,
        env: this.#env,
        limitMs: limitNs / 1e6,
        logFile,
      });
      const end = await running.ended;
      if (running.pid !== undefined && isGroupAlive(running.pid)) this.#left.add(running.pid);
      return end;
    });
  }

  async #timed(words: readonly string[], act: () => Promise<ScriptEnd>): Promise<Called> {
    const { clock } = this.#options;
    const startedNs = clock.now();
    const end = await act();
    const call: HookCall = {
      words,
      code: end.code ?? undefined,
      output: end.spawnError ?? end.output,
      startedNs,
      endedNs: clock.now(),
    };
    return { call, end };
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act, act);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #failed(script: string, call: HookCall, end: ScriptEnd): UserError {
    const { limitNs, logFile } = this.#options;
    const words = call.words.join(' ');
    const isHeal = call.words[0] === 'heal';
    const limit = `${limitNs / 1e9} s`;
    return new UserError({
      kind: 'infrastructure',
      code: isHeal ? 'GONG-E152' : 'GONG-E151',
      what: end.isTimedOut
        ? `the fault script ${script} did not end its "${words}" within ${limit} and was killed`
        : `the fault script ${script} failed at "${words}": ${describeEnd(end)}`,
      why: lastLine(call.output) ?? 'it said nothing',
      fix: isHeal
        ? `what it broke may still be broken: run ${script} heal yourself, and see why it fails`
        : `run ${script} ${words} yourself${end.isTimedOut ? ', or pass a longer --hook-timeout' : ''}; heal was called`,
      log: logFile,
    });
  }
}

interface Called {
  readonly call: HookCall;
  readonly end: ScriptEnd;
}

function lost(cause: unknown, logFile: string): UserError {
  return new UserError({
    kind: 'infrastructure',
    code: 'GONG-E153',
    what: 'the process that calls the fault scripts was lost',
    why: cause instanceof Error ? cause.message : String(cause),
    fix: 'run again; if its log ends in an error, that is a bug in Gong',
    log: logFile,
    cause,
  });
}

/** Of a script's last line people are shown so much. */
const LINE_MAX = 300;

/** Without what would colour a terminal, or move about on it. */
function lastLine(output: string): string | undefined {
  const [line = ''] = stripVTControlCharacters(output)
    .trimEnd()
    .split(/[\r\n]+/)
    .slice(-1);
  const shown = line.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  if (shown === '') return undefined;
  return shown.length > LINE_MAX ? `${shown.slice(0, LINE_MAX)}…` : shown;
}

/**
 * The same cluster, with fault scripts: any cluster can have them. Its disposal heals by the scripts
 * first, while the nodes still run.
 */
export function withHooks(cluster: Cluster, hooks: Hooks): Cluster {
  return {
    nodes: cluster.nodes,
    ...(cluster.spares === undefined ? {} : { spares: cluster.spares }),
    url: (node) => cluster.url(node),
    ...(cluster.processes === undefined ? {} : { processes: cluster.processes }),
    ...(cluster.links === undefined ? {} : { links: cluster.links }),
    hooks,
    ...(cluster.membership === undefined ? {} : { membership: cluster.membership }),
    ...(cluster.leadership === undefined ? {} : { leadership: cluster.leadership }),
    onUnexpectedExit: (listener) => cluster.onUnexpectedExit(listener),
    async [Symbol.asyncDispose]() {
      try {
        await hooks[Symbol.asyncDispose]();
      } finally {
        await cluster[Symbol.asyncDispose]();
      }
    },
  };
}
