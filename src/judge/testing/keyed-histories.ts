import {
  columnsOf,
  groupByKey,
  MODELS,
  pair,
  type GroupedColumns,
  type Model,
} from '../../../checker/index.ts';
import { generateHistory, type GenerateOptions } from '../../../checker/testing/generate.ts';
import { assert, defined } from '../../lib/assert.ts';
import { partsOf, type Part } from '../part.ts';

/** A history of several keys as it is decided. */
export interface KeyedHistory {
  readonly model: Model;
  readonly parts: readonly Part[];
  readonly grouped: GroupedColumns;
}

export function keyedHistory(options: GenerateOptions): KeyedHistory {
  const paired = pair(generateHistory(options));
  assert(paired.ok, 'what is generated is a history');
  const grouped = groupByKey(columnsOf(paired.history.operations));
  const model = defined(MODELS.get(options.model), 'there is such a model');
  return { model, parts: partsOf(grouped), grouped };
}
