/** A broken assumption of Gong's own code: a bug in Gong, never a user's mistake. Exit code 70. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * Crashes when `condition` does not hold. For programmer errors only; what a user or a network can
 * cause is a typed result or an error meant for users.
 *
 * @throws InvariantError
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** The value, or a crash when it is absent: for "cannot be missing here", with the reason. */
export function defined<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new InvariantError(message);
  return value;
}

/** Ends every `switch` over a discriminated union: a new case becomes a compile error. */
export function assertNever(value: never): never {
  throw new InvariantError(`unexpected case: ${JSON.stringify(value)}`);
}
