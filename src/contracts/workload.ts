import type { Random } from '../lib/prng.ts';
import type { Json } from '../../checker/index.ts';
import type { Completion, Invocation } from './client.ts';

export interface WorkloadOptions {
  /** Operations per key before a new key takes its place. */
  readonly keyOps: number;
  /** How many logical clients run at a time. */
  readonly concurrency: number;
  /** Written values: unique per key (`undefined`), or drawn from 0 … `values - 1`. */
  readonly values: number | undefined;
}

/** Draws operations one by one; pure but for its own state. Same seed, same calls: same answers. */
export interface Generator {
  /** The next operation of this process. */
  next(process: number): Invocation;
  /** Operations for the end, after everything has healed: each is asked of every node. */
  finalReads(): readonly Invocation[];
  /**
   * Keys that neither `next` nor `finalReads` will ever name again, those of earlier calls left out:
   * once what is under way on them has ended, their histories are complete and can be judged.
   */
  takeFinishedKeys(): readonly string[];
}

/** What an ok operation did to its key: left this value there, or found it. */
export interface Effect {
  readonly type: 'wrote' | 'read';
  readonly value: Json;
}

/** What clients do, and what a correct object would answer. */
export interface Workload {
  readonly name: string;
  /** Name of the checker's model that judges it. */
  readonly model: string;
  /** Every `f` that the generator may draw: gates ask a minimum of ok operations of each. */
  readonly functions: readonly string[];
  /** Those of them that may change the object: their unavailability is measured apart. */
  readonly mutations: readonly string[];
  /**
   * Undefined when it did neither. The run asks whether reads saw what others wrote; of a workload
   * without this it does not.
   */
  effect?(invocation: Invocation, ok: Extract<Completion, { type: 'ok' }>): Effect | undefined;
  generator(options: WorkloadOptions, random: Random): Generator;
}
