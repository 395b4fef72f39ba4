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
  /** What the workload declares beside these, by name; an absent one has its default. */
  readonly settings?: Readonly<Record<string, number>>;
}

/** A number that a workload lets its user choose: `--set workload.NAME=VALUE`. */
export interface WorkloadSetting {
  readonly name: string;
  /** What it is, for people: half a sentence. */
  readonly what: string;
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
  readonly isWhole?: boolean;
}

/** Who asks for an operation, and when. */
export interface Asked {
  /** The id that the operation will carry. Unknown outcomes retire ids: they only grow. */
  readonly process: number;
  /** Which of the logical clients this is, from 0 to `concurrency - 1`: it keeps its number. */
  readonly client: number;
  /** Nanoseconds since the run began. */
  readonly nowNs: number;
}

/** What a client that asks is told. */
export type Draw =
  | { readonly type: 'invoke'; readonly invocation: Invocation }
  | {
      readonly type: 'wait';
      /** Ask again then; Infinity when time alone changes nothing. */
      readonly untilNs: number;
      /** Ask again already when an operation completes, whosever it is. */
      readonly orCompletion: boolean;
    }
  /** Nothing more, for nobody, ever. */
  | { readonly type: 'done' };

/**
 * Where operations come from. Only a draw of type `invoke` uses anything up: who was told to wait may
 * ask as often as he likes. Pure but for its own state. Same seed, same calls: same answers.
 */
export interface Source {
  next(asked: Asked): Draw;
  /** Told of each completion once, of those that others drew, too. */
  completed?(process: number, invocation: Invocation, completion: Completion): void;
}

/** The operations of one run. */
export interface Generator extends Source {
  /** Operations for the end, after everything has healed: each is asked of every node. */
  finalReads(): readonly Invocation[];
  /**
   * Keys that neither `next` nor `finalReads` will ever name again, those of earlier calls left out:
   * once what is under way on them has ended, their histories are complete and can be judged.
   */
  takeFinishedKeys(): readonly string[];
}

/** What an ok operation did to its key: left this value there, or found it, perhaps among others. */
export interface Effect {
  readonly type: 'wrote' | 'read';
  readonly value: Json;
}

/** What clients do, and what a correct object would answer. */
export interface Workload {
  readonly name: string;
  /** What it does, for people: half a sentence. */
  readonly about: string;
  /** What of a store it shows to be broken, for people: half a sentence. */
  readonly finds: string;
  /** Name of the checker's model that judges it. */
  readonly model: string;
  /** Every `f` that the generator may draw: gates ask a minimum of ok operations of each. */
  readonly functions: readonly string[];
  /** Those of them that may change the object: their unavailability is measured apart. */
  readonly mutations: readonly string[];
  /** What it lets its user choose beside `WorkloadOptions`. */
  readonly settings?: readonly WorkloadSetting[];
  /**
   * Its clients hold sessions of the store and repeat, with the same number, what was not answered: the
   * store must do it once. To the history it is one operation. By default nothing is repeated.
   */
  readonly inSessions?: boolean;
  /**
   * Empty when it did neither. The run asks whether reads saw what others wrote; of a workload
   * without this it does not.
   */
  effects?(invocation: Invocation, ok: Extract<Completion, { type: 'ok' }>): readonly Effect[];
  /**
   * Operations that show what a key holds, for runs whose operations are given one by one: each is asked of
   * every node in the end.
   */
  readonly lookAt: (key: string) => readonly Invocation[];
  generator(options: WorkloadOptions, random: Random): Generator;
}
