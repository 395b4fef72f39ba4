import { getCompileCacheDir } from 'node:module';
import { Worker } from 'node:worker_threads';
import { assertNever, InvariantError } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { UserError } from '../lib/user-error.ts';
import type { FromThread, ThreadData, ToThread } from './pool-messages.ts';
import type { SeedOutcome } from './run-seed.ts';
import type { Constraints } from './swarm.ts';

const PROGRAM = new URL('./pool-thread.ts', import.meta.url);
/** Of a thread's heap: a run holds its history, its logs and its disks. */
const HEAP_MEBIBYTES_MAX = 1024;
/** A thread that works says so several times a second. */
const PATIENCE_NS = 120 * SECOND;

export interface LaneOptions {
  readonly constraints: Constraints;
  /** Name of a planted one. */
  readonly defect: string | undefined;
  /** Called with the simulated time of the run under way. */
  readonly onProgress: (simulatedNs: number) => void;
  /** The threads' program; a test's own. */
  readonly program?: URL | undefined;
  /** How long a thread may be silent before it counts as stuck. Default 120 s. */
  readonly patienceNs?: number | undefined;
}

/** One thread, which runs one seed after the other. Disposal ends it, whatever it does. */
export class Lane implements AsyncDisposable {
  readonly #options: LaneOptions;
  readonly #worker: Worker;
  #running:
    { readonly seed: string; readonly ended: PromiseWithResolvers<SeedOutcome> } | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Why it is of no use any more. */
  #death: string | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
    const workerData: ThreadData = {
      constraints: options.constraints,
      defect: options.defect,
      compileCache: getCompileCacheDir(),
    };
    this.#worker = new Worker(options.program ?? PROGRAM, {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES_MAX },
    });
    this.#worker.on('message', (message: FromThread) => this.#take(message));
    this.#worker.on('error', (error) => {
      this.#die(error instanceof Error ? error.message : String(error));
    });
    this.#worker.on('exit', (code) => this.#die(`it ended with code ${code}`));
  }

  /**
   * Runs a seed to its end.
   *
   * @throws UserError (`infrastructure`, GONG-E158) when the thread dies or is stuck; InvariantError
   *   when the run throws what is no violation
   */
  run(seed: string): Promise<SeedOutcome> {
    const ended = Promise.withResolvers<SeedOutcome>();
    this.#running = { seed, ended };
    if (this.#death !== undefined) this.#die(this.#death);
    else {
      this.#watch();
      this.#worker.postMessage({ seed } satisfies ToThread, []);
    }
    return ended.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#running = undefined;
    await this.#worker.terminate();
  }

  #take(message: FromThread): void {
    const running = this.#running;
    if (running === undefined) return;
    switch (message.type) {
      case 'progress':
        this.#watch();
        return this.#options.onProgress(message.simulatedNs);
      case 'ended':
        this.#finish();
        return running.ended.resolve(message.outcome);
      case 'threw':
        this.#finish();
        return running.ended.reject(
          new InvariantError(`seed ${running.seed} ended by a bug in Gong`, {
            cause: message.error,
          }),
        );
      default:
        return assertNever(message);
    }
  }

  #watch(): void {
    clearTimeout(this.#timer);
    const patienceNs = this.#options.patienceNs ?? PATIENCE_NS;
    this.#timer = setTimeout(() => {
      this.#die(`it was silent for ${Math.round(patienceNs / SECOND)} s`);
    }, patienceNs / MILLISECOND);
  }

  #finish(): void {
    clearTimeout(this.#timer);
    this.#running = undefined;
  }

  #die(why: string): void {
    this.#death ??= why;
    const running = this.#running;
    if (running === undefined) return;
    this.#finish();
    running.ended.reject(
      new UserError({
        kind: 'infrastructure',
        code: 'GONG-E158',
        what: `the thread that ran seed ${running.seed} is gone`,
        why,
        fix: `see what that seed does: gong sim --seed ${running.seed}`,
      }),
    );
  }
}
