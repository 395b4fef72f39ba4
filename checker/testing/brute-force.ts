import type { Json, Operation } from '../history.ts';

/**
 * Tries every order of one key's history, with nothing shared with the engines or the models: the
 * judge of both in tests. Its only shortcut is not to try again from the same open operations in the
 * same state, so that histories of some dozens of operations by a few clients are within reach.
 */
export function isLinearizableByBruteForce(operations: readonly Operation[]): boolean {
  return canFinish(null, operations, new Set());
}

function canFinish(state: Json, open: readonly Operation[], dead: Set<string>): boolean {
  if (open.every((operation) => operation.outcome === 'info')) return true;
  const configuration = JSON.stringify([state, open.map((operation) => operation.id)]);
  if (dead.has(configuration)) return false;
  const isAlive = open.some((operation) => {
    const isBlocked = open.some((other) => other.return < operation.invoke);
    if (isBlocked) return false;
    const after = apply(state, operation);
    if (after === undefined) return false;
    const rest = open.filter((other) => other !== operation);
    return canFinish(after.state, rest, dead);
  });
  if (!isAlive) dead.add(configuration);
  return isAlive;
}

function apply(state: Json, operation: Operation): { readonly state: Json } | undefined {
  const { f, input, output, outcome, applied } = operation;
  const isCertain = outcome === 'ok';
  const equals = (a: Json, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b);
  switch (f) {
    case 'read':
      return !isCertain || equals(output, state) ? { state } : undefined;
    case 'get': {
      const isEmpty = output === '' && state === null;
      return !isCertain || equals(output, state) || isEmpty ? { state } : undefined;
    }
    case 'write':
    case 'put':
      return { state: input };
    case 'delete':
      if (isCertain && !applied) return state === null ? { state } : undefined;
      return { state: null };
    case 'append':
      if (state !== null && typeof state !== 'string') return isCertain ? undefined : { state };
      return { state: `${state ?? ''}${input as string}` };
    case 'cas': {
      const [from, to] = input as readonly [Json, Json];
      const fits = equals(from, state);
      if (isCertain && fits !== applied) return undefined;
      return { state: fits ? to : state };
    }
    default:
      throw new Error(`brute force does not know ${f}`);
  }
}
