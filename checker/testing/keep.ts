import { writeJsonlLine } from '../format/jsonl.ts';
import type { HistoryEvent } from '../history.ts';
import { generateHistory, type GenerateOptions } from './generate.ts';
import { eventsOf, simulate, type SimulateOptions } from './simulate.ts';

/** A history kept under `testdata/`, and what it is. */
export interface KeptHistory {
  readonly file: string;
  readonly valid: boolean;
  readonly model: string;
  readonly events: () => readonly HistoryEvent[];
}

const small = { operations: 60, processes: 5, crashRate: 0.05 } as const;
const staleRead = { kind: 'stale-read', at: 0.6 } as const;

interface Generated {
  readonly file: string;
  readonly valid: boolean;
  readonly options: GenerateOptions;
}

/** Registers, with what was planted. `lost-write` and few values are invalid by luck of the seed: kept so. */
const GENERATED: readonly Generated[] = [
  { file: 'register-valid', valid: true, options: { ...small, seed: 1, model: 'register' } },
  {
    file: 'register-stale-read',
    valid: false,
    options: { ...small, seed: 2, model: 'register', plant: staleRead },
  },
  {
    file: 'cas-register-valid',
    valid: true,
    options: { ...small, seed: 3, model: 'cas-register', values: 4, isCasObserved: true },
  },
  {
    file: 'cas-register-stale-read',
    valid: false,
    options: { ...small, seed: 4, model: 'cas-register', isCasObserved: true, plant: staleRead },
  },
  {
    file: 'cas-register-lost-write',
    valid: false,
    options: {
      ...small,
      seed: 5,
      model: 'cas-register',
      isCasObserved: true,
      plant: { kind: 'lost-write', at: 0.5 },
    },
  },
  {
    file: 'kv-valid',
    valid: true,
    options: { ...small, seed: 6, model: 'kv', keys: 3, hasAppends: true },
  },
  {
    file: 'kv-stale-read',
    valid: false,
    options: { ...small, seed: 7, model: 'kv', keys: 3, hasAppends: true, plant: staleRead },
  },
  {
    file: 'kv-cas-stale-read',
    valid: false,
    options: { ...small, seed: 8, model: 'kv', keys: 2, isCasObserved: true, plant: staleRead },
  },
];

/** Other models: correct ones, and ones with that many changed results, invalid by luck of the seed. */
const SIMULATED: readonly (readonly [
  SimulateOptions['model'],
  number,
  Partial<SimulateOptions>,
])[] = [
  ['set', 1, {}],
  ['grow-counter', 2, {}],
  ['counter', 12, {}],
  ['queue', 4, {}],
  ['unordered-queue', 5, {}],
  ['stack', 6, {}],
  ['mutex', 7, { operations: 100 }],
  ['reentrant-mutex', 8, { operations: 100, crashRate: 0.02 }],
  ['fenced-lock', 9, { operations: 100, crashRate: 0.02 }],
  ['append-list', 10, {}],
  ['multi-register', 11, { values: 4 }],
  ['lease-lock', 13, { operations: 100, isCasObserved: true }],
  ['txn-kv', 14, { values: 4, isCasObserved: true }],
];

/** Small histories per model, at least one accepted and one rejected. */
export const KEPT: readonly KeptHistory[] = [
  ...GENERATED.map(({ file, valid, options }) => ({
    file,
    valid,
    model: options.model,
    events: () => generateHistory(options),
  })),
  ...SIMULATED.flatMap(([model, seed, options]) =>
    [0, 2].map((changes) => {
      const all = { operations: 45, processes: 4, crashRate: 0.05, ...options };
      return {
        file: `${model}-${changes === 0 ? 'valid' : 'changed'}`,
        valid: changes === 0,
        model,
        events: () => eventsOf(simulate({ ...all, seed, model, changes })),
      };
    }),
  ),
];

/** The file's text: `vitest run checker -u` writes it anew. */
export function keptText(kept: KeptHistory): string {
  return kept.events().map(writeJsonlLine).join('');
}
