import { setImmediate } from 'node:timers/promises';
import {
  JsonlReader,
  Matching,
  type HistoryEvent,
  type Model,
  type Operation,
} from '../../checker/index.ts';
import { assert, defined } from '../lib/assert.ts';
import { MILLISECOND } from '../lib/duration.ts';
import { decideAll } from './decide-all.ts';
import { faultWindows, type FaultWindow } from './faults.ts';
import { KeyHistory } from './key-history.ts';
import { partOfOperations, type Part } from './part.ts';
import { isUnsettled, prove, settled, type Proved } from './prove.ts';
import { Tally } from './tally.ts';
import { reportFailure, type JudgeVerdict, type ReportedFailure } from './verdict.ts';

export interface LiveJudgeOptions {
  readonly model: Model;
  /** What is used while the history grows: monotonic, in nanoseconds. */
  readonly now: () => number;
  /** Judges keys that are not finished, too, again and again. Default false. */
  readonly isWatching?: boolean;
  /** Takes the first key that is not linearizable, by the operation that could not be placed. */
  readonly onViolation?: ((violation: Violation, failure: ReportedFailure) => void) | undefined;
  readonly limits?: Partial<LiveLimits>;
}

/** The first proof that the history is not linearizable. */
export interface Violation {
  readonly key: string | null;
  /** What happened, from the evidence alone. */
  readonly sentence: string;
  /** When the operation completed that could not be placed, in nanoseconds since the run began. */
  readonly time: number;
}

/** Bounds of what is spent while the history grows; what stays open is tried again at the end. */
export interface LiveLimits {
  /** For deciding one key. */
  readonly keyMemoryBytes: number;
  /** For one look at a key that is not finished. */
  readonly prefixNs: number;
  /** After it that key rests so many times as long as the look took. */
  readonly prefixRest: number;
  /** Operations that are held at once: of keys that are not finished, and half of it of undecided ones. */
  readonly operationsHeld: number;
}

export const LIVE_LIMITS: LiveLimits = {
  keyMemoryBytes: 64 * 1024 ** 2,
  prefixNs: 200 * MILLISECOND,
  prefixRest: 10,
  operationsHeld: 500_000,
};

export interface LiveCounts {
  /** Lines of the history that were read. */
  readonly lines: number;
  /** The time on the last one, in nanoseconds since the run began. */
  readonly timeNs: number;
  readonly keysDecided: number;
  /** Among those. */
  readonly keysInvalid: number;
  /** Keys whose operations are held. */
  readonly keysOpen: number;
}

export interface FinishOptions {
  readonly budgetNs: number;
  readonly memoryBytesMax: number;
  /** Monotonic clock for the budget, in nanoseconds. */
  readonly now: () => number;
  /** What is not decided when it aborts becomes `unknown`. */
  readonly signal?: AbortSignal | undefined;
  /** False: more of the file was written than was pushed. Default true. */
  readonly isWhole?: boolean;
}

/** So many keys that were decided are remembered, to notice one that comes back. */
const DECIDED_REMEMBERED = 100_000;

/**
 * Judges a history while it is being written. Keys that are finished are decided and forgotten, so that
 * memory does not grow with the length of the run, and at its end little is left to do. The verdict is
 * the one that `judgeFile` gives for the whole file.
 *
 * It does no I/O: somebody feeds it the bytes of the file, says which keys are finished, and lets it
 * work in slices. Everything that is thrown means that it cannot judge this history; the file is still
 * there for `judgeFile`, which can say why.
 */
export class LiveJudge {
  readonly #options: LiveJudgeOptions;
  readonly #limits: LiveLimits;
  readonly #reader = new JsonlReader();
  readonly #matching: Matching<{ readonly history: KeyHistory; readonly slot: number }>;
  readonly #tally: Tally;
  /** Keys that are not decided, in the order of their first invocations. */
  readonly #open = new Map<string | undefined, KeyHistory>();
  /** Finished keys that may still have something under way, or lines that were not read yet. */
  readonly #finishing = new Map<string, number>();
  readonly #decided = new Set<string>();
  readonly #nemesis: HistoryEvent[] = [];
  #windows: readonly FaultWindow[] | undefined;
  #completed = 0;
  #crashed = 0;
  #failed = 0;
  #held = 0;
  #workedNs = 0;
  #timeNs = 0;
  #isViolationTold = false;

  constructor(options: LiveJudgeOptions) {
    this.#options = options;
    this.#limits = { ...LIVE_LIMITS, ...options.limits };
    this.#tally = new Tally(options.model);
    this.#matching = new Matching({
      began: (invoke) => this.#begin(invoke),
      ended: ({ history, slot }, operation) => this.#end(history, slot, operation),
      nemesis: (event) => {
        this.#nemesis.push(event);
        this.#windows = undefined;
      },
    });
  }

  get counts(): LiveCounts {
    return {
      lines: this.#matching.events,
      timeNs: this.#timeNs,
      keysDecided: this.#tally.keysDecided,
      keysInvalid: this.#tally.keysInvalid,
      keysOpen: this.#open.size,
    };
  }

  /** The next bytes of the file; they may end anywhere. */
  push(chunk: Uint8Array): void {
    const { events, error } = this.#reader.push(chunk);
    this.#add(events);
    if (error !== undefined) throw new Error(`line ${error.line}: ${error.message}`);
  }

  /**
   * Tells that no operation on the key begins at this line (from 0) of the history or later. What is
   * under way there may still end.
   */
  finished(key: string, line: number): void {
    this.#finishing.set(key, line);
  }

  /**
   * Decides the keys that are finished; each yield is a moment to do something else.
   *
   * @param keyNs - what may be spent on one key
   */
  *decideFinished(keyNs: number): Generator<void, void> {
    for (const [key, line] of this.#finishing) {
      if (this.#matching.events < line) continue;
      const history = this.#open.get(key);
      if (history !== undefined && history.underWay > 0) continue;
      this.#finishing.delete(key);
      if (history === undefined) continue;
      const part = partOfOperations(history.operations());
      const proved = yield* this.#decide(part, keyNs);
      if (proved.verdict.valid === false) this.#found(proved, history, part);
      // There is a bound to what can be kept for the end.
      const isForTheEnd = proved.verdict.valid === 'unknown' || isUnsettled(proved);
      if (isForTheEnd && this.#held <= this.#limits.operationsHeld / 2) continue;
      this.#settleBest(history, proved, part);
    }
  }

  /**
   * Looks at keys that are not finished, as they stand. A violation found so is one of the whole
   * history: what is linearizable is so up to every moment, with the operations that are under way
   * then counting as crashed ones, which may have happened or not.
   */
  *decideUnfinished(): Generator<void, void> {
    const { now, isWatching = false } = this.#options;
    if (!isWatching) return;
    for (const history of this.#open.values()) {
      if (!history.hasNews || now() < history.restsUntilNs || history.known !== undefined) continue;
      const part = partOfOperations(this.#asItStands(history));
      const begin = now();
      history.hasNews = false;
      const proved = yield* this.#decide(part, this.#limits.prefixNs);
      history.restsUntilNs = now() + this.#limits.prefixRest * (now() - begin);
      if (proved.verdict.valid === false) this.#found(proved, history, part);
    }
  }

  /**
   * Takes the last bytes as they are and decides what is open under a budget of its own.
   *
   * @throws InvariantError when a witness does not replay (a bug in Gong) and no key is invalid
   */
  async finish(options: FinishOptions): Promise<JudgeVerdict> {
    const { now } = options;
    const begin = now();
    const last = this.#reader.end();
    this.#add(last.events);
    for (const { handle, operation } of this.#matching.pending()) {
      this.#end(handle.history, handle.slot, operation);
    }
    const open = [...this.#open.values()]
      .map((history) => ({ history, part: partOfOperations(history.operations()) }))
      .filter(({ part }) => part.operations > 0);
    await setImmediate();
    const parts = open.map(({ part }) => part);
    const decided = await decideAll(parts, this.#options.model, {
      ...options,
      deadlineNs: begin + options.budgetNs,
    });
    for (const [i, { history, part }] of open.entries()) {
      this.#settleBest(history, defined(decided[i], 'every open key was decided'), part);
    }
    const counts = {
      operations: this.#completed + this.#crashed,
      completed: this.#completed,
      failed: this.#failed,
      torn: last.torn,
      isWhole: options.isWhole ?? true,
      elapsedNs: this.#workedNs + now() - begin,
      readNs: 0,
    };
    return this.#tally.verdict(counts, this.#faults());
  }

  #add(events: readonly HistoryEvent[]): void {
    for (const event of events) {
      const error = this.#matching.add(event);
      if (error !== undefined) throw new Error(`line ${error.line}: ${error.message}`);
    }
    this.#timeNs = events.at(-1)?.time ?? this.#timeNs;
  }

  #begin(invoke: HistoryEvent): { readonly history: KeyHistory; readonly slot: number } {
    const { key } = invoke;
    let history = this.#open.get(key);
    if (history === undefined) {
      assert(key === undefined || !this.#decided.has(key), `key ${key} was finished`);
      this.#open.set(key, (history = new KeyHistory(key)));
    }
    this.#held++;
    assert(
      this.#held <= this.#limits.operationsHeld,
      `more than ${this.#limits.operationsHeld} operations belong to keys that are not decided`,
    );
    return { history, slot: history.begin() };
  }

  #end(history: KeyHistory, slot: number, operation: Operation | undefined): void {
    history.end(slot, operation);
    if (operation === undefined) {
      this.#failed++;
      return;
    }
    const malformed = this.#options.model.malformed(operation);
    if (malformed !== undefined) throw new Error(`line ${operation.invoke + 1}: ${malformed}`);
    if (operation.outcome === 'ok') this.#completed++;
    else this.#crashed++;
  }

  *#decide(part: Part, limitNs: number): Generator<void, Proved> {
    const { now, model } = this.#options;
    const begin = now();
    const memoryBytesMax = this.#limits.keyMemoryBytes;
    const budget = { now, memoryBytesMax, deadlineNs: begin + limitNs };
    const proving = prove(part.table(), model, budget, {});
    let step = proving.next();
    while (step.done !== true) {
      yield;
      step = proving.next();
    }
    this.#workedNs += now() - begin;
    yield;
    return step.value;
  }

  #asItStands(history: KeyHistory): readonly Operation[] {
    const underWay = new Map<number, Operation>();
    for (const { handle, operation } of this.#matching.pending()) {
      if (handle.history === history) underWay.set(handle.slot, operation);
    }
    return history.operations(underWay);
  }

  /** Keeps what is known of an invalid key, and tells of the first. */
  #found(proved: Proved, history: KeyHistory, part: Part): void {
    const { verdict } = proved;
    assert(verdict.valid === false, 'a violation was found');
    history.known = { proved, part };
    if (this.#isViolationTold) return;
    this.#isViolationTold = true;
    const { key = null, sentence, stuck } = verdict;
    const { onViolation, model } = this.#options;
    const failure = reportFailure(verdict, part.table(), model.name, this.#faults());
    onViolation?.({ key, sentence, time: stuck.operation.returnTime }, failure);
  }

  /** Settles it with what is known by now, or was known before: a violation is not forgotten. */
  #settleBest(history: KeyHistory, after: Proved, part: Part): void {
    const { known } = history;
    const best = settled(known?.proved, after);
    assert(known === undefined || best.verdict.valid === false, 'a violation stays one');
    this.#settle(history, best, best.verdict === known?.proved.verdict ? known.part : part);
  }

  #settle(history: KeyHistory, proved: Proved, part: Part): void {
    const { key } = history;
    if (part.operations > 0) this.#tally.add(proved, part, this.#faults());
    this.#held -= history.invocations;
    this.#open.delete(key);
    if (key === undefined) return;
    this.#decided.add(key);
    if (this.#decided.size <= DECIDED_REMEMBERED) return;
    for (const oldest of this.#decided) {
      this.#decided.delete(oldest);
      return;
    }
  }

  #faults(): readonly FaultWindow[] {
    return (this.#windows ??= faultWindows(this.#nemesis));
  }
}
