import { writeJsonlLine } from '../format/jsonl.ts';
import { generateHistory, type GenerateOptions } from './generate.ts';

/** A history kept under `testdata/`, and what it is. */
export interface KeptHistory {
  readonly file: string;
  readonly valid: boolean;
  readonly options: GenerateOptions;
}

const small = { operations: 60, processes: 5, crashRate: 0.05 } as const;
const staleRead = { kind: 'stale-read', at: 0.6 } as const;

/** Small histories per model. `lost-write` and few values are invalid by luck of the seed: kept so. */
export const KEPT: readonly KeptHistory[] = [
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

/** The file's text: `vitest run checker -u` writes it anew. */
export function keptText(kept: KeptHistory): string {
  return generateHistory(kept.options).map(writeJsonlLine).join('');
}
