import { writeJsonlLine, type HistoryEvent } from '../../checker/index.ts';
import type { ReportedFailure } from '../judge/index.ts';

type Part = NonNullable<ReportedFailure['counterexample']>['operations'][number];

/** Process ids from here on are nobody's in the history. */
const FRESH_PROCESS = 1_000_000_000;

/**
 * A counterexample as a history that can be judged by itself, gathered while its history is read: strong
 * operations as they were; weak ones are invoked and never complete; the checker's own begin before all.
 */
export class MinimalHistory {
  readonly #parts = new Map<number, Part>();
  readonly #underWay = new Map<HistoryEvent['process'], Part>();
  readonly #events: HistoryEvent[] = [];
  readonly #open = new Set<number>();
  /** Completions of the checker's own that are still to come, by their position. */
  readonly #own: { readonly position: number; readonly event: HistoryEvent }[] = [];

  constructor(counterexample: ReportedFailure['counterexample'] | undefined) {
    for (const part of counterexample?.operations ?? []) {
      if (part.isOwn) {
        this.#addOwn(part);
      } else {
        this.#parts.set(part.id, part);
        this.#open.add(part.id);
      }
    }
  }

  /** True when nothing of it is still to come. */
  get isWhole(): boolean {
    return this.#open.size === 0;
  }

  /** The next event of the whole history. */
  add(event: HistoryEvent): void {
    const { type, process, index } = event;
    if (process === 'nemesis' || this.isWhole) return;
    this.#completeOwn(index);
    if (type === 'invoke') {
      const part = this.#parts.get(index);
      this.#underWay.delete(process);
      if (part === undefined) return;
      this.#underWay.set(process, part);
      // What never completes retires its process, which may have gone on.
      this.#events.push(part.isWeak ? { ...event, process: FRESH_PROCESS + index } : event);
      if (part.isWeak) this.#open.delete(index);
      return;
    }
    const part = this.#underWay.get(process);
    this.#underWay.delete(process);
    if (part === undefined || part.isWeak) return;
    this.#events.push(event);
    this.#open.delete(part.id);
  }

  /** As JSONL, numbered anew. */
  get lines(): readonly string[] {
    this.#completeOwn(Infinity);
    return this.#events.map((event, index) => writeJsonlLine({ ...event, index }));
  }

  #addOwn({ id, f, key, input, invokeTime, returnIndex }: Part): void {
    const event = {
      index: 0,
      time: invokeTime,
      process: FRESH_PROCESS + id,
      f,
      ...(key === null ? undefined : { key }),
      value: input,
    } as const;
    this.#completeOwn(id);
    this.#events.push({ ...event, type: 'invoke' });
    if (returnIndex === null) return;
    this.#own.push({ position: returnIndex, event: { ...event, type: 'ok' } });
  }

  /** Those that complete before a position; they are in order. */
  #completeOwn(position: number): void {
    for (;;) {
      const first = this.#own[0];
      if (first === undefined || first.position >= position) return;
      this.#events.push(first.event);
      this.#own.shift();
    }
  }
}
