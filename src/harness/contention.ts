import type { Json } from '../../checker/index.ts';
import type { Effect, Workload } from '../contracts/workload.ts';
import type { FinishedOperation } from './recorder.ts';

/** Keys that are remembered: workloads have few at a time, and leave them behind for new ones. */
const KEYS_MAX = 1_000;
/** Of what was written to a key, the last are remembered: a queue gives them back later. */
const WRITTEN_MAX = 16;

interface KeySeen {
  /** When the last operation on the key completed. */
  completedNs: number;
  /** What the last ones that wrote left there, and who did it; the newest last. */
  readonly written: { readonly value: Json; readonly process: number }[];
}

/**
 * Counts, as operations complete, whether clients met: what happens to one client alone tells little of
 * a store. Remembers only the last operations of each key, so it may count less than there was; a
 * run in which clients meet has plenty all the same.
 */
export class Contention {
  readonly #effects: Workload['effects'];
  /** In the order of their last use. */
  readonly #keys = new Map<string, KeySeen>();
  readonly #refused = new Map<string, number>();
  #overlaps = 0;
  #readsOfOthers = 0;

  constructor(workload: Pick<Workload, 'effects'>) {
    this.#effects = workload.effects;
  }

  /** Operations that were under way when another process completed one on the same key. */
  get overlaps(): number {
    return this.#overlaps;
  }

  /** Reads of what another process had written; undefined when the workload does not tell. */
  get readsOfOthers(): number | undefined {
    return this.#effects === undefined ? undefined : this.#readsOfOthers;
  }

  /** How many operations of `f` ended ok but changed nothing: a CAS that found another value. */
  refused(f: string): number {
    return this.#refused.get(f) ?? 0;
  }

  record({ invocation, invokedNs, completedNs, completion, process }: FinishedOperation): void {
    const { f, key = '' } = invocation;
    const seen = this.#keys.get(key) ?? { completedNs: -Infinity, written: [] };
    // Earlier than: a process that goes on under a new id begins when its old one ends. One process
    // has one operation at a time, so whoever completed meanwhile was another.
    if (invokedNs < seen.completedNs) this.#overlaps++;
    seen.completedNs = completedNs;
    this.#keys.delete(key);
    this.#keys.set(key, seen);
    this.#forgetOldest();
    if (completion.type !== 'ok') return;
    if (completion.applied === false) this.#refused.set(f, this.refused(f) + 1);
    const effects = this.#effects?.(invocation, completion) ?? [];
    // Written values are numbers or texts where they are unique: identity is equality.
    const isOfOther = ({ type, value }: Effect): boolean =>
      type === 'read' && seen.written.some((one) => one.value === value && one.process !== process);
    if (effects.some(isOfOther)) this.#readsOfOthers++;
    for (const { type, value } of effects) {
      if (type === 'wrote' && seen.written.push({ value, process }) > WRITTEN_MAX) {
        seen.written.shift();
      }
    }
  }

  #forgetOldest(): void {
    if (this.#keys.size <= KEYS_MAX) return;
    for (const oldest of this.#keys.keys()) {
      this.#keys.delete(oldest);
      return;
    }
  }
}
