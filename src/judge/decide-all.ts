import { setImmediate } from 'node:timers/promises';
import type { GroupedColumns, Model } from '../../checker/index.ts';
import { defined } from '../lib/assert.ts';
import { MILLISECOND } from '../lib/duration.ts';
import { untouched, type Part } from './part.ts';
import type { Pool, PoolOptions } from './pool.ts';
import { isUnsettled, prove, settled, unproved, type Proved, type ProveOptions } from './prove.ts';
import {
  interrupt,
  operationsLeft,
  shareNs,
  take,
  workQueue,
  type WorkQueue,
} from './work-queue.ts';

export interface JudgeProgress {
  readonly keysDecided: number;
  readonly keysTotal: number;
  readonly keysInvalid: number;
}

/** What other threads need to take keys as well. */
export interface Sharing extends Pick<
  PoolOptions,
  'threads' | 'program' | 'heapMebibytesMax' | 'patienceNs'
> {
  /** The parts of it are those to decide. */
  readonly history: GroupedColumns;
  /** Threads are started once this one has been deciding for so long, and has as much before it. */
  readonly afterNs?: number | undefined;
}

export interface DecideOptions extends ProveOptions {
  /** Monotonic clock in nanoseconds. */
  readonly now: () => number;
  /** Of that clock, for all keys together. */
  readonly deadlineNs: number;
  /** What the search may hold for all keys that are decided at once. */
  readonly memoryBytesMax: number;
  /** Interrupts: keys that are not decided yet become `unknown`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each key. */
  readonly onProgress?: ((progress: JudgeProgress) => void) | undefined;
  /** Absent: this thread decides alone. */
  readonly sharing?: Sharing | undefined;
}

/** The longest that the event loop waits for the search, about. */
const TURN_NS = 20 * MILLISECOND;
/** What starting a thread takes, about twice. */
const SHARING_PAYS_NS = 60 * MILLISECOND;
/** How much of the time the first round may take, unless there is only one key. */
const FIRST_ROUND = 0.25;
/** By how much more time a key must get than before to be tried again. */
const RETRY_GAIN = 1.5;

/**
 * Decides every key, in rounds. In the first, largest keys first (so that no thread is left alone with a
 * large one at the end), each may use a share of a quarter of the time, so that one hard key starves
 * nobody. What stays open then gets equal shares of what is left, small keys first; what they do not
 * need goes on to the others. Keys that did not find room for their search beside others are tried alone.
 *
 * The event loop gets its turn all the while. The verdict does not depend on the number of threads,
 * but for where a budget ends.
 *
 * @returns one for each part, in their order
 */
export async function decideAll(
  parts: readonly Part[],
  model: Model,
  options: DecideOptions,
): Promise<readonly Proved[]> {
  using rounds = new Rounds(parts, model, options);
  return await rounds.decide();
}

class Rounds implements Disposable {
  readonly #parts: readonly Part[];
  readonly #model: Model;
  readonly #options: DecideOptions;
  readonly #begin: number;
  readonly #proved: (Proved | undefined)[];
  /** What a key was last given, by its number. */
  readonly #shares: Float64Array;
  /** Keys of this round that have no answer yet. */
  #open = new Set<number>();
  #queue: WorkQueue | undefined;
  #pool: Pool | undefined;
  #isPoolPossible: boolean;
  #turnEnds: number;
  #operationsDone = 0;
  #keysDecided = 0;
  #keysInvalid = 0;
  readonly #onAbort = (): void => {
    if (this.#queue !== undefined) interrupt(this.#queue);
    this.#pool?.interrupted();
  };

  constructor(parts: readonly Part[], model: Model, options: DecideOptions) {
    this.#parts = parts;
    this.#model = model;
    this.#options = options;
    this.#proved = parts.map(() => undefined);
    this.#shares = new Float64Array(parts.length);
    this.#begin = options.now();
    this.#turnEnds = this.#begin + TURN_NS;
    this.#isPoolPossible = parts.length > 1 && (options.sharing?.threads ?? 0) > 0;
    options.signal?.addEventListener('abort', this.#onAbort);
  }

  [Symbol.dispose](): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#pool?.[Symbol.dispose]();
  }

  async decide(): Promise<readonly Proved[]> {
    const { now, deadlineNs } = this.#options;
    const keys = this.#parts.map((_, key) => key);
    const isOnly = keys.length === 1;
    const first = isOnly ? deadlineNs : this.#begin + FIRST_ROUND * (deadlineNs - this.#begin);
    const size = (key: number): number => this.#part(key).operations;
    const { memoryBytesMax } = this.#options;
    const mostLanes = this.#isPoolPossible ? 1 + (this.#options.sharing?.threads ?? 0) : 1;
    const isCrowded = mostLanes > 1;
    const memory = memoryBytesMax / mostLanes;
    const bySize = keys.toSorted((a, b) => size(b) - size(a));
    await this.#round(bySize, { deadlineNs: first, memory, isBySize: true });
    const crowdedOut = (key: number): boolean =>
      isCrowded && isShortOfMemory(defined(this.#proved[key], 'it was decided'));
    for (;;) {
      const left = deadlineNs - now();
      const unsettled = bySize.filter((key) => isUnsettled(this.#result(key))).toReversed();
      // Each that stayed open gets about as much, whether it lacks time or room.
      const crowded = bySize.filter(crowdedOut).length;
      const forThese = left * (unsettled.length / Math.max(1, unsettled.length + crowded));
      const share = Math.min(forThese, (forThese * this.#lanes()) / unsettled.length);
      const worthwhile = unsettled.filter(
        (key) => share > RETRY_GAIN * (this.#shares[key] as number),
      );
      if (this.#isOver() || left <= 0 || worthwhile.length === 0) break;
      await this.#round(worthwhile, { deadlineNs: now() + forThese, memory, isBySize: false });
    }
    const alone = bySize.filter(crowdedOut).toReversed();
    if (!this.#isOver() && alone.length > 0) {
      this.#pool?.[Symbol.dispose]();
      this.#isPoolPossible = false;
      await this.#round(alone, { deadlineNs, memory: memoryBytesMax, isBySize: false });
    }
    return this.#proved.map((proved) => defined(proved, 'every key was decided'));
  }

  async #round(keys: readonly number[], limits: RoundLimits): Promise<void> {
    this.#open = new Set(keys);
    this.#queue = workQueue(keys, (key) => this.#part(key).operations, limits.isBySize);
    const left = limits.deadlineNs - this.#options.now();
    // Those that other threads take have about these.
    for (const [at, key] of keys.entries()) {
      this.#shares[key] = shareNs(this.#queue, at, left, this.#lanes());
    }
    this.#lendToPool(limits);
    await this.#work(this.#queue, limits);
    await this.#pool?.through();
    // Who died, or met with something thrown, left its key to this thread.
    const lost = [...this.#open];
    const own: number[] = [];
    for (const key of lost) {
      const reason = this.#pool?.unbearable.get(key);
      if (reason === undefined) own.push(key);
      else this.#record(key, unproved(untouched(this.#part(key), reason)));
    }
    if (own.length === 0) return;
    this.#queue = workQueue(own, (key) => this.#part(key).operations, limits.isBySize);
    await this.#work(this.#queue, limits);
    for (const key of this.#open) {
      this.#record(key, unproved(untouched(this.#part(key), 'interrupted')));
    }
  }

  /** Decides keys in this thread until the queue is empty. */
  async #work(queue: WorkQueue, limits: RoundLimits): Promise<void> {
    const { now } = this.#options;
    if (this.#isOver()) interrupt(queue);
    for (let at = take(queue); at !== undefined; at = take(queue)) {
      const key = queue.order[at] as number;
      const share = shareNs(queue, at, limits.deadlineNs - now(), this.#lanes());
      this.#shares[key] = share;
      const budget = { now, memoryBytesMax: limits.memory, deadlineNs: now() + share };
      const proving = prove(this.#part(key).table(), this.#model, budget, this.#options);
      let step = proving.next();
      while (step.done !== true) {
        if (now() >= this.#turnEnds) await this.#turn(limits);
        if (this.#isOver()) return;
        step = proving.next();
      }
      this.#record(key, step.value);
      if (now() >= this.#turnEnds) await this.#turn(limits);
    }
  }

  async #turn(limits: RoundLimits): Promise<void> {
    if (this.#isPoolPossible && this.#pool === undefined && this.#pays()) {
      await this.#startPool();
      this.#lendToPool(limits);
    }
    await setImmediate();
    this.#turnEnds = this.#options.now() + TURN_NS;
  }

  /** Whether other threads would save more than starting them takes. */
  #pays(): boolean {
    const { now, sharing } = this.#options;
    const afterNs = sharing?.afterNs ?? SHARING_PAYS_NS;
    const elapsed = now() - this.#begin;
    const left = this.#queue === undefined ? 0 : operationsLeft(this.#queue);
    if (left === 0 || elapsed < afterNs) return false;
    return this.#operationsDone === 0 || (left / this.#operationsDone) * elapsed >= afterNs;
  }

  async #startPool(): Promise<void> {
    const { sharing, engine, isVerified } = this.#options;
    const { history, ...rest } = defined(sharing, 'it is shared');
    const [{ Pool: Threads }, { share }] = await Promise.all([
      import('./pool.ts'),
      import('./shared-history.ts'),
    ]);
    this.#pool = new Threads({
      ...rest,
      engine,
      isVerified,
      history: share(history),
      model: this.#model.name,
      onProved: (key, proved) => this.#record(key, proved),
    });
  }

  #lendToPool({ deadlineNs, memory }: RoundLimits): void {
    if (this.#pool === undefined || this.#queue === undefined) return;
    const leftNs = deadlineNs - this.#options.now();
    const lanes = this.#lanes();
    this.#pool.begin({ queue: this.#queue, leftNs, lanes, memoryBytesMax: memory });
  }

  #record(key: number, proved: Proved): void {
    if (!this.#open.delete(key)) return;
    const before = this.#proved[key];
    this.#proved[key] = settled(before, proved);
    this.#operationsDone += this.#part(key).operations;
    if (before === undefined) {
      this.#keysDecided++;
      if (proved.verdict.valid === false) this.#keysInvalid++;
    }
    const keysTotal = this.#parts.length;
    const { onProgress } = this.#options;
    onProgress?.({ keysDecided: this.#keysDecided, keysTotal, keysInvalid: this.#keysInvalid });
  }

  #isOver(): boolean {
    return this.#options.signal?.aborted === true;
  }

  /** How many keys are decided at once. */
  #lanes(): number {
    return 1 + (this.#pool?.threads ?? 0);
  }

  #part(key: number): Part {
    return this.#parts[key] as Part;
  }

  #result(key: number): Proved {
    return defined(this.#proved[key], 'every key was decided');
  }
}

interface RoundLimits {
  readonly deadlineNs: number;
  /** For each key that is decided at once. */
  readonly memory: number;
  readonly isBySize: boolean;
}

function isShortOfMemory({ verdict }: Proved): boolean {
  return verdict.valid === 'unknown' && verdict.reason === 'memory';
}
