import type { Json, Operation } from '../history.ts';

/**
 * Tries every order of one key's history, with nothing clever and nothing shared with the engines or
 * the models: the judge of both in tests. Factorial: for about eight operations.
 */
export function isLinearizableByBruteForce(operations: readonly Operation[]): boolean {
  return canFinish(null, operations);
}

function canFinish(state: Json, open: readonly Operation[]): boolean {
  if (open.every((operation) => operation.outcome === 'info')) return true;
  return open.some((operation) => {
    const isBlocked = open.some((other) => other.return < operation.invoke);
    if (isBlocked) return false;
    const after = apply(state, operation);
    return (
      after !== undefined &&
      canFinish(
        after.state,
        open.filter((other) => other !== operation),
      )
    );
  });
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
