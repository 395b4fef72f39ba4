import { getCompileCacheDir } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { EngineName } from '../../checker/index.ts';
import { assertNever } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import {
  IDLE,
  sharedClockNs,
  type FromPoolThread,
  type PoolThreadData,
  type ToPoolThread,
} from './pool-messages.ts';
import type { Proved } from './prove.ts';
import type { SharedHistory } from './shared-history.ts';
import type { WorkQueue } from './work-queue.ts';

const PROGRAM = new URL('./pool-thread.ts', import.meta.url);
/** Of a thread's heap; what engines count lies outside of it, for the most part. */
const HEAP_MEBIBYTES_MAX = 512;
/** How long after its budget a thread counts as stuck, and how long after an interruption. */
const PATIENCE_NS = 30 * SECOND;
const PATIENCE_INTERRUPTED_NS = 5 * SECOND;
const TIMER_MS_MAX = 0x7fff_ffff;

export interface PoolOptions {
  readonly history: SharedHistory;
  /** Name of a model. */
  readonly model: string;
  /** How many beside the one that asks. */
  readonly threads: number;
  readonly engine?: EngineName | undefined;
  readonly isVerified?: boolean | undefined;
  readonly onProved: (key: number, proved: Proved) => void;
  /** The threads' program; a test's own. */
  readonly program?: URL | undefined;
  /** Bound of each heap. Default 512. */
  readonly heapMebibytesMax?: number | undefined;
  /** How long after its budget, or an interruption, a thread counts as stuck. Default 30 s, or 5 s. */
  readonly patienceNs?: number | undefined;
}

/** What all threads of a pool are to do. */
export interface PoolWork {
  readonly queue: WorkQueue;
  /** From now on. */
  readonly leftNs: number;
  readonly lanes: number;
  /** For each key. */
  readonly memoryBytesMax: number;
}

/**
 * Threads that decide keys of one history. Whatever becomes of them, no key is lost: one without an answer
 * is left to who asked, and `unbearable` tells which ones not to try in the asking thread.
 */
export class Pool implements Disposable {
  readonly #options: PoolOptions;
  readonly #busy: Int32Array;
  /** Undefined: it died. */
  readonly #workers: (Worker | undefined)[] = [];
  /** Lanes that have not said that they are through. */
  readonly #working = new Set<number>();
  #through = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  /** Keys that a thread's heap was too small for, or that took no notice of the end of their time. */
  readonly unbearable: Map<number, 'memory' | 'time'> = new Map();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#busy = new Int32Array(new SharedArrayBuffer(4 * options.threads)).fill(IDLE);
    for (let lane = 0; lane < options.threads; lane++) this.#workers.push(this.#start(lane));
  }

  /** Threads that live. */
  get threads(): number {
    return this.#workers.reduce((count, worker) => count + (worker === undefined ? 0 : 1), 0);
  }

  /** Lets all threads take from the queue. */
  begin({ leftNs, ...work }: PoolWork): void {
    const message: ToPoolThread = { ...work, deadlineNs: sharedClockNs() + leftNs };
    this.#through = Promise.withResolvers();
    for (const [lane, worker] of this.#workers.entries()) {
      if (worker === undefined) continue;
      this.#working.add(lane);
      worker.postMessage(message, []);
    }
    this.#expectEnd(leftNs + (this.#options.patienceNs ?? PATIENCE_NS));
    this.#endIfThrough();
  }

  /** The queue was interrupted: threads see it soon. */
  interrupted(): void {
    const patienceNs = this.#options.patienceNs ?? PATIENCE_INTERRUPTED_NS;
    if (this.#working.size > 0) this.#expectEnd(patienceNs);
  }

  /** Resolves when no thread works on the queue any more, for whatever reason. */
  async through(): Promise<void> {
    await this.#through.promise;
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const [lane] of this.#workers.entries()) this.#end(lane);
  }

  #start(lane: number): Worker {
    const { history, model, engine, isVerified = true } = this.#options;
    const { program = PROGRAM, heapMebibytesMax = HEAP_MEBIBYTES_MAX } = this.#options;
    const compileCache = getCompileCacheDir();
    const data: PoolThreadData = {
      history,
      model,
      engine,
      isVerified,
      compileCache,
      busy: this.#busy,
      lane,
    };
    const worker = new Worker(program, {
      name: `judge ${lane}`,
      execArgv: [],
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: heapMebibytesMax },
    });
    worker.on('message', (message: FromPoolThread) => this.#take(lane, message));
    worker.on('error', (error) => this.#died(lane, error));
    worker.on('exit', () => this.#died(lane, undefined));
    worker.unref();
    return worker;
  }

  #take(lane: number, message: FromPoolThread): void {
    switch (message.type) {
      case 'proved':
        this.#options.onProved(message.key, message.proved);
        break;
      case 'threw':
        break;
      case 'idle':
        this.#working.delete(lane);
        this.#endIfThrough();
        break;
      default:
        assertNever(message);
    }
  }

  #died(lane: number, error: unknown): void {
    const key = this.#busy[lane] as number;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_WORKER_OUT_OF_MEMORY' && key !== IDLE) this.unbearable.set(key, 'memory');
    this.#end(lane);
  }

  #end(lane: number): void {
    const worker = this.#workers[lane];
    this.#workers[lane] = undefined;
    this.#working.delete(lane);
    this.#endIfThrough();
    void worker?.terminate();
  }

  #endIfThrough(): void {
    if (this.#working.size === 0) this.#through.resolve();
  }

  /** Ends threads that say nothing although their time is over. */
  #expectEnd(patienceNs: number): void {
    clearTimeout(this.#timer);
    const end = (): void => {
      for (const lane of this.#working) {
        const key = this.#busy[lane] as number;
        if (key !== IDLE) this.unbearable.set(key, 'time');
        this.#end(lane);
      }
    };
    this.#timer = setTimeout(end, Math.min(patienceNs / MILLISECOND, TIMER_MS_MAX));
  }
}
