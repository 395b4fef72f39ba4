import { columnsOf, MODELS, pair, rowsByKey, type Model } from '../../../checker/index.ts';
import { generateHistory, type GenerateOptions } from '../../../checker/testing/generate.ts';
import { assert, defined } from '../../lib/assert.ts';
import { partsOf, type Part } from '../part.ts';
import type { Sharing } from '../decide-all.ts';

/** A history of several keys as it is decided. */
export interface KeyedHistory {
  readonly model: Model;
  readonly parts: readonly Part[];
  readonly shared: Pick<Sharing, 'columns' | 'rows'>;
}

export function keyedHistory(options: GenerateOptions): KeyedHistory {
  const paired = pair(generateHistory(options));
  assert(paired.ok, 'what is generated is a history');
  const columns = columnsOf(paired.history.operations);
  const rows = rowsByKey(columns);
  const model = defined(MODELS.get(options.model), 'there is such a model');
  return { model, parts: partsOf(columns, rows), shared: { columns, rows } };
}
