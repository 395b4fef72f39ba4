import type { Operation } from '../history.ts';
import { counter, growCounter } from './counter.ts';
import { kv } from './kv.ts';
import { leaseLock } from './lease-lock.ts';
import { appendList } from './list.ts';
import { fencedLock, mutex, reentrantMutex } from './locks.ts';
import type { Model } from './model.ts';
import { multiRegister } from './multi-register.ts';
import { queue, stack, unorderedQueue } from './queue.ts';
import { casRegister, register } from './register.ts';
import { set } from './set.ts';
import { txnKv } from './txn-kv.ts';

/** Every model, by name. Of models with the same functions, the most common first. */
export const MODELS: ReadonlyMap<string, Model> = new Map(
  [
    register,
    casRegister,
    kv,
    set,
    growCounter,
    counter,
    queue,
    unorderedQueue,
    stack,
    mutex,
    reentrantMutex,
    fencedLock,
    leaseLock,
    appendList,
    multiRegister,
    txnKv,
  ].map((model) => [model.name, model]),
);

/**
 * The model that the functions of a history suggest: a convenience for histories of unknown origin.
 * Functions alone do not tell sets from counters (`add`, `read`), nor one kind of lock from
 * another; the operations, where they are given, rule out the models that cannot read them. What
 * remains may be several: a queue is taken for FIFO, a lock for one without owners, unless every
 * acquire has a token.
 *
 * @param functions - every `f` that occurs
 * @param operations - those of the history, or some
 * @returns the first model that knows them all; undefined when none does, or none occurs
 */
export function inferModel(
  functions: Iterable<string>,
  operations: Iterable<Operation> = [],
): Model | undefined {
  const wanted = [...functions];
  if (wanted.length === 0) return undefined;
  const known = [...MODELS.values()].filter((model) =>
    wanted.every((f) => model.functions.includes(f)),
  );
  let able = known;
  let hasTokens = false;
  for (const operation of operations) {
    const rest = able.filter((model) => model.malformed(operation) === undefined);
    // None can read it: the first is as good as any, and its complaint will be told.
    if (rest.length === 0) return able[0];
    able = rest;
    hasTokens ||= operation.f === 'acquire' && operation.outcome === 'ok';
    if (able.length === 1) break;
  }
  return hasTokens && able.includes(fencedLock) ? fencedLock : able[0];
}
