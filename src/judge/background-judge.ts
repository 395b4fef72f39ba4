import { Worker } from 'node:worker_threads';
import { assertNever } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { BUDGET_NS, judgeFile, MEMORY_BYTES_MAX } from './judge.ts';
import type { LiveCounts, Violation } from './live-judge.ts';
import type { FromLiveWorker, LiveWorkerData, ToLiveWorker } from './live-messages.ts';
import { withSeen } from './seen-violation.ts';
import type { JudgeVerdict, ReportedFailure } from './verdict.ts';

const PROGRAM = new URL('./live-worker.ts', import.meta.url);
/** Of the thread's heap. It holds no more than some hundred thousand operations. */
const HEAP_MEBIBYTES_MAX = 512;
/** How much longer than its budget the thread may say nothing, asked for the verdict. */
const PATIENCE_NS = 60 * SECOND;
const TIMER_MS_MAX = 0x7fff_ffff;

export interface BackgroundJudgeOptions {
  /** Of the `history.jsonl`, which somebody else writes; it may come to be later. */
  readonly path: string;
  /** Name of a model. */
  readonly model: string;
  /** Looks at keys that are not finished, too, for a violation. Default false. */
  readonly isWatching?: boolean;
  /** Takes what is worth a line in the run's log. */
  readonly note: (text: string) => void;
  /** The thread's program; a test's own. */
  readonly program?: URL;
  /** Bound of its heap. Default 512. */
  readonly heapMebibytesMax?: number;
  /** How much longer than its budget it may say nothing before it counts as stuck. Default 60 s. */
  readonly patienceNs?: number;
}

export interface VerdictOptions {
  /** For what is left to decide. Default 60 s. */
  readonly budgetNs?: number;
  /** What the search may hold for one key. Default 2 GiB. */
  readonly memoryBytesMax?: number;
  /** What is not decided when it aborts becomes `unknown`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Judges a history on a thread of its own while it is being written, at low priority, so that the
 * verdict is there soon after its end. Whatever happens to that thread costs time only: then the file
 * is judged as a whole, and a violation that was found before counts.
 */
export class BackgroundJudge implements AsyncDisposable {
  readonly #options: BackgroundJudgeOptions;
  readonly #worker: Worker;
  readonly #violated = new AbortController();
  #violation: Violation | undefined;
  /** The first that was found, watched for or not. */
  #failure: ReportedFailure | undefined;
  readonly #ended = Promise.withResolvers<JudgeVerdict | undefined>();
  #counts: LiveCounts = { lines: 0, timeNs: 0, keysDecided: 0, keysInvalid: 0, keysOpen: 0 };
  #isAlive = true;
  /** Ends a thread that is stuck; anything that it says starts it anew. */
  #watchdog: NodeJS.Timeout | undefined;

  constructor(options: BackgroundJudgeOptions) {
    this.#options = options;
    const { path, model, isWatching = false, program = PROGRAM } = options;
    const { heapMebibytesMax = HEAP_MEBIBYTES_MAX } = options;
    this.#worker = new Worker(program, {
      name: 'judge',
      execArgv: [],
      workerData: { path, model, isWatching } satisfies LiveWorkerData,
      resourceLimits: { maxOldGenerationSizeMb: heapMebibytesMax },
    });
    this.#worker.on('message', (message: FromLiveWorker) => this.#take(message));
    this.#worker.on('error', (error) => this.#giveUp(String(error)));
    this.#worker.on('exit', () => this.#giveUp('the thread ended'));
    // A run ends when it is over, not when its judge is.
    this.#worker.unref();
  }

  /** The first that was found; only a judge that watches looks for it. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** Aborted when there is one. */
  get violated(): AbortSignal {
    return this.#violated.signal;
  }

  /** What it has done so far; up to half a second old. */
  get counts(): LiveCounts {
    return this.#counts;
  }

  /** Tells that no operation on the key begins at this line (from 0) of the history or later. */
  keyFinished(key: string, line: number): void {
    this.#say({ type: 'finished', key, line });
  }

  /**
   * The verdict on the complete file: what `judgeFile` says of it, only sooner.
   *
   * @throws what `judgeFile` throws
   */
  async verdict(options: VerdictOptions = {}): Promise<JudgeVerdict> {
    const { budgetNs = BUDGET_NS, memoryBytesMax = MEMORY_BYTES_MAX, signal } = options;
    const interrupt = (): void => {
      this.#say({ type: 'interrupt' });
      this.#expectWord(0);
    };
    this.#expectWord(budgetNs);
    if (signal?.aborted === true) interrupt();
    signal?.addEventListener('abort', interrupt);
    this.#say({ type: 'end', budgetNs, memoryBytesMax });
    this.#worker.ref();
    try {
      const { path, model } = this.#options;
      const live = await this.#ended.promise;
      const verdict = live ?? (await judgeFile(path, { ...options, model })).verdict;
      return this.#failure === undefined ? verdict : withSeen(verdict, this.#failure);
    } finally {
      signal?.removeEventListener('abort', interrupt);
      clearTimeout(this.#watchdog);
      this.#worker.unref();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isAlive = false;
    await this.#worker.terminate();
  }

  #say(message: ToLiveWorker): void {
    if (this.#isAlive) this.#worker.postMessage(message, []);
  }

  #expectWord(budgetNs: number): void {
    const { patienceNs = PATIENCE_NS } = this.#options;
    clearTimeout(this.#watchdog);
    const end = (): void => {
      this.#giveUp('the thread is stuck');
      void this.#worker.terminate();
    };
    const ms = Math.min((budgetNs + patienceNs) / MILLISECOND, TIMER_MS_MAX);
    this.#watchdog = setTimeout(end, ms);
  }

  #take(message: FromLiveWorker): void {
    this.#watchdog?.refresh();
    switch (message.type) {
      case 'counts':
        this.#counts = message.counts;
        break;
      case 'violation':
        this.#failure = message.failure;
        if (this.#options.isWatching !== true) break;
        this.#violation = message.violation;
        this.#violated.abort();
        break;
      case 'verdict':
        this.#isAlive = false;
        this.#ended.resolve(message.verdict);
        break;
      case 'gave-up':
        this.#giveUp(message.why);
        break;
      default:
        assertNever(message);
    }
  }

  /** The thread judges no more, unless it has said all there is to say. */
  #giveUp(why: string): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#options.note(
      `the judge in the background gave up, the file is judged as a whole: ${why}`,
    );
    this.#ended.resolve(undefined);
  }
}
