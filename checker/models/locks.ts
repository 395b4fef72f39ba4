import type { Json, Operation } from '../history.ts';
import { isArray } from '../json.ts';
import { REJECTED, type Model } from './model.ts';
import { malformedObservation, show, unknownFunction } from './register.ts';
import { describeCall } from './wording.ts';

const FUNCTIONS = ['acquire', 'release'] as const;

/**
 * A lock without owners: `acquire` where it is free, `release`, by anybody, where it is held. It
 * begins free. A try that failed certainly did not happen (`fail`). Crashed ones do what completed
 * ones do. States: `true` held, `false` free.
 */
export const mutex: Model = {
  name: 'mutex',
  about: 'a lock that anybody may release',
  functions: FUNCTIONS,
  structure: 'mutex',
  initial: false,
  malformed: (operation) => malformedLock('mutex', operation),
  step: (state, { f }) => (state === (f === 'release') ? !state : REJECTED),
  isReadOnly: () => false,
  effectKey: ({ f }) => f,
  describe: (operation) => describeCall(operation),
  describeState: (state) => (state === true ? 'held' : 'free'),
  explainRejection: (state) => (state === true ? 'the lock is held' : 'the lock is free'),
};

/**
 * A lock of processes: `acquire` where it is free or held by the same process, `release` by the
 * process that holds it, which is free of it after as many releases as acquires. It begins free.
 * Crashed ones do what completed ones do: a crashed acquire that took effect holds it for its
 * process, which is retired then. States: null where free, else [process, how often].
 */
export const reentrantMutex: Model = {
  name: 'reentrant-mutex',
  about: 'a lock of processes, which its owner may acquire again',
  functions: FUNCTIONS,
  structure: 'reentrant-mutex',
  initial: null,
  malformed: (operation) => malformedLock('reentrant-mutex', operation),
  step(state, { f, process }) {
    const { owner, value: depth } = holdOf(state, 0);
    if (f === 'acquire') {
      return owner === null || owner === process ? [process, depth + 1] : REJECTED;
    }
    if (owner !== process) return REJECTED;
    return depth === 1 ? null : [process, depth - 1];
  },
  isReadOnly: () => false,
  effectKey: ({ f, process }) => `${f} ${process}`,
  describe: (operation) => describeCall(operation),
  describeState(state) {
    const { owner, value: depth } = holdOf(state, 0);
    if (owner === null) return 'free';
    return `held by process ${owner}${depth === 1 ? '' : `, ${depth} times`}`;
  },
  explainRejection: (state) => explainOwner(holdOf(state, 0).owner),
};

/**
 * A lock with fencing tokens: `acquire` → token, an integer from 0 greater than all before, where
 * it is free; `release` by the process that holds it. It begins free; its owner cannot acquire it
 * again. The token of a crashed acquire is unknown, and taken for one between the last and the next
 * that somebody saw, as if tokens were dense: the last token stays what it was. States: [process or
 * null where free, last token or -1].
 */
export const fencedLock: Model = {
  name: 'fenced-lock',
  about: 'a lock of processes, each acquire of which gets a greater token',
  functions: FUNCTIONS,
  structure: 'fenced-lock',
  initial: [null, -1],
  malformed(operation) {
    const { f, outcome, output } = operation;
    const isToken = Number.isSafeInteger(output) && Number(output) >= 0;
    if (f === 'acquire' && outcome === 'ok' && !isToken) {
      return `acquire returned ${show(output)}, expected a token: an integer from 0`;
    }
    return malformedLock('fenced-lock', operation);
  },
  step(state, { f, process, outcome, output }) {
    const { owner, value: last } = holdOf(state, -1);
    if (f === 'release') return owner === process ? [null, last] : REJECTED;
    if (owner !== null) return REJECTED;
    if (outcome === 'info') return [process, last];
    return Number(output) > last ? [process, Number(output)] : REJECTED;
  },
  isReadOnly: () => false,
  effectKey: ({ f, process, outcome, output }) =>
    f === 'acquire' && outcome === 'ok'
      ? `acquire ${process} ${Number(output)}`
      : `${f} ${process}`,
  describe: (operation) =>
    describeCall(
      operation,
      operation.f === 'acquire' ? `token ${show(operation.output)}` : undefined,
    ),
  describeState(state) {
    const { owner, value: last } = holdOf(state, -1);
    const tokens = last < 0 ? 'no token given' : `last token ${last}`;
    return `${owner === null ? 'free' : `held by process ${owner}`}, ${tokens}`;
  },
  explainRejection(state, { f, output }) {
    const { owner, value: last } = holdOf(state, -1);
    if (f === 'release' || owner !== null) return explainOwner(owner);
    return `it got token ${show(output)}, but ${last} had been given`;
  },
};

function malformedLock(name: string, operation: Operation): string | undefined {
  return operation.f === 'acquire' || operation.f === 'release'
    ? malformedObservation(operation)
    : unknownFunction(name, FUNCTIONS, operation);
}

/** Reads [owner, number]. @param otherwise - the number where the state is null */
function holdOf(
  state: Json,
  otherwise: number,
): { readonly owner: number | null; readonly value: number } {
  if (!isArray(state)) return { owner: null, value: otherwise };
  const [owner, value] = state;
  return { owner: typeof owner === 'number' ? owner : null, value: Number(value) };
}

function explainOwner(owner: number | null): string {
  return owner === null ? 'the lock is free' : `the lock is held by process ${owner}`;
}
