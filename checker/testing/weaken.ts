import type { Operation } from '../history.ts';
import type { Model } from '../models/model.ts';
import type { Counterexample } from '../verdict.ts';

/** An operation weakened: a read vanishes, a mutation may take effect once, later, or never. */
export function weaken(operation: Operation, model: Model): readonly Operation[] {
  if (model.isReadOnly(operation)) return [];
  const unknown = { outcome: 'info', output: null, applied: true } as const;
  return [{ ...operation, ...unknown, return: Infinity, returnTime: Infinity }];
}

/**
 * The history that a counterexample stands for.
 *
 * @param also - id of an operation that is weakened as well
 */
export function historyOf(
  { operations }: Counterexample,
  model: Model,
  also?: number,
): readonly Operation[] {
  return operations.flatMap(({ operation, isWeak }) =>
    isWeak || operation.id === also ? weaken(operation, model) : [operation],
  );
}
