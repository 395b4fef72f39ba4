import type { HistoryOptions } from './history.ts';

/** One history of the ladder. */
export interface Row {
  readonly name: string;
  readonly options: HistoryOptions;
  readonly valid: boolean;
  /** What a fresh `gong check` may take on two cores, start-up and reading included. */
  readonly limit?: { readonly seconds: number; readonly mebibytes: number } | undefined;
  /**
   * Seconds that Porcupine 1.3 took for such a history on a machine of this kind, in its own process and
   * without reading; Infinity where 60 s or 9 GB were not enough.
   */
  readonly porcupineSeconds?: number | undefined;
  /** No checker is known to decide it: `unknown` is an honest answer. */
  readonly isOpen: boolean;
}

interface Draft {
  readonly name: string;
  readonly options: Omit<HistoryOptions, 'seed' | 'violationAt'>;
  /** Where a violation stands; undefined: valid. Default: valid, and at half. */
  readonly violations?: readonly (number | undefined)[];
  readonly limit?: { readonly seconds: number; readonly mebibytes: number };
  /** One for each of `violations`; NaN where none is known. */
  readonly porcupine?: readonly number[];
  readonly isOpen?: boolean;
}

const MEBIBYTES = 1024;
const K = 1_000;
const register = { object: 'register', keys: 0 } as const;
const cas5 = { ...register, values: 5, casShare: 1 / 3 } as const;
const ends = [undefined, 0.99] as const;

const DRAFTS: readonly Draft[] = [
  ...[10, 30, 100].map((clients): Draft => ({
    name: `unique ${clients} clients 1M`,
    options: { ...register, operations: 1000 * K, clients },
    violations: [undefined, 0.1, 0.5, 0.99],
    limit: { seconds: 1.5, mebibytes: MEBIBYTES },
    porcupine: [Infinity, Infinity, Infinity, Infinity],
  })),
  {
    name: 'unique 10 clients 100k',
    options: { ...register, operations: 100 * K, clients: 10 },
    violations: ends,
    porcupine: [Infinity, Infinity],
  },
  {
    name: 'unique 10 clients 10k',
    options: { ...register, operations: 10 * K, clients: 10 },
    violations: ends,
    porcupine: [1.4, 17.5],
  },
  {
    name: 'unique 10 clients 1k',
    options: { ...register, operations: K, clients: 10 },
    violations: ends,
    porcupine: [0.06, 0.25],
  },
  {
    name: 'unique 15 clients 1k',
    options: { ...register, operations: K, clients: 15 },
    violations: ends,
    porcupine: [1.4, 4.8],
  },
  {
    name: 'unique 20 clients 1k',
    options: { ...register, operations: K, clients: 20 },
    porcupine: [Infinity, Infinity],
  },
  ...[0.01, 0.05].map((crashRate): Draft => ({
    name: `unique ${100 * crashRate}% crashed 10k`,
    options: { ...register, operations: 10 * K, clients: 10, crashRate },
    limit: { seconds: 0.5, mebibytes: MEBIBYTES },
    porcupine: crashRate === 0.01 ? [29, Infinity] : [Infinity, Infinity],
  })),
  {
    name: 'cas 10 clients 10k',
    options: { ...cas5, operations: 10 * K, clients: 10 },
    porcupine: [0.09, 0.85],
  },
  {
    name: 'cas 10 clients 100k',
    options: { ...cas5, operations: 100 * K, clients: 10 },
    limit: { seconds: 1, mebibytes: 400 },
    porcupine: [12.5, Infinity],
  },
  {
    name: 'cas observed 10 clients 100k',
    options: { ...cas5, operations: 100 * K, clients: 10, isCasObserved: true },
    limit: { seconds: 1, mebibytes: 400 },
  },
  {
    name: 'cas 20 clients 1k',
    options: { ...cas5, operations: K, clients: 20 },
    porcupine: [NaN, 1.2],
  },
  {
    name: 'cas 25 clients 1k',
    options: { ...cas5, operations: K, clients: 25 },
    porcupine: [NaN, 2.9],
  },
  {
    name: 'cas 30 clients 1k',
    options: { ...cas5, operations: K, clients: 30 },
    limit: { seconds: 1.5, mebibytes: MEBIBYTES },
    porcupine: [NaN, Infinity],
  },
  ...[0.01, 0.05].map((crashRate): Draft => ({
    name: `cas ${100 * crashRate}% crashed 1k`,
    options: { ...cas5, operations: K, clients: 10, crashRate },
    limit: { seconds: 1, mebibytes: MEBIBYTES },
    porcupine: crashRate === 0.01 ? [0.003, 14] : [NaN, NaN],
  })),
  {
    name: 'cas 100 keys x 10k',
    options: { ...cas5, operations: 1000 * K, clients: 10, keys: 100 },
    limit: { seconds: 3, mebibytes: MEBIBYTES },
    porcupine: [9.5, NaN],
  },
  {
    name: 'queue 2 clients 1k',
    options: { object: 'queue', operations: K, clients: 2 },
    porcupine: [0.01, 7],
  },
  {
    name: 'queue 10 clients 1k',
    options: { object: 'queue', operations: K, clients: 10 },
    porcupine: [Infinity, Infinity],
  },
  {
    name: 'queue 10 clients 100k',
    options: { object: 'queue', operations: 100 * K, clients: 10 },
    limit: { seconds: 1, mebibytes: MEBIBYTES },
    porcupine: [Infinity, Infinity],
  },
  {
    name: 'set 10 clients 100k',
    options: { object: 'set', operations: 100 * K, clients: 10 },
    limit: { seconds: 1, mebibytes: MEBIBYTES },
  },
  {
    name: 'lock 10 clients 100k',
    options: { object: 'lock', operations: 100 * K, clients: 10 },
    limit: { seconds: 1, mebibytes: MEBIBYTES },
  },
  {
    name: 'open: cas 30 clients 10k',
    options: { ...cas5, operations: 10 * K, clients: 30 },
    porcupine: [Infinity, Infinity],
    isOpen: true,
  },
  ...[0.01, 0.05].map((crashRate): Draft => ({
    name: `open: cas ${100 * crashRate}% crashed 10k`,
    options: { ...cas5, operations: 10 * K, clients: 10, crashRate },
    porcupine: crashRate === 0.01 ? [0.4, Infinity] : [Infinity, Infinity],
    isOpen: true,
  })),
];

/** The whole ladder, in order. @param seed - of all histories */
export function ladder(seed: number): readonly Row[] {
  return DRAFTS.flatMap(({ name, options, limit, porcupine, isOpen = false, violations }) =>
    (violations ?? [undefined, 0.5]).map((violationAt, i): Row => {
      const known = porcupine?.[i];
      return {
        name: violationAt === undefined ? name : `${name}, violation at ${100 * violationAt}%`,
        options: { ...options, seed, ...(violationAt === undefined ? {} : { violationAt }) },
        valid: violationAt === undefined,
        limit,
        porcupineSeconds: known === undefined || Number.isNaN(known) ? undefined : known,
        isOpen,
      };
    }),
  );
}
