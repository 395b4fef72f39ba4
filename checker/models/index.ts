import { kv } from './kv.ts';
import type { Model } from './model.ts';
import { casRegister, register } from './register.ts';

/** Every model, by name. */
export const MODELS: ReadonlyMap<string, Model> = new Map(
  [register, casRegister, kv].map((model) => [model.name, model]),
);

/**
 * The model that the functions of a history suggest: a convenience for histories of unknown origin.
 *
 * @param functions - every `f` that occurs
 * @returns the first model that knows them all; undefined when none does, or none occurs
 */
export function inferModel(functions: Iterable<string>): Model | undefined {
  const wanted = [...functions];
  if (wanted.length === 0) return undefined;
  return [...MODELS.values()].find((model) => wanted.every((f) => model.functions.includes(f)));
}
