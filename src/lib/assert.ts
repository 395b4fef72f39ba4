/** A broken assumption of Gong's own code: a bug in Gong, never a user's mistake. Exit code 70. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** A function where the text costs something and the question is asked often. */
type Explanation = string | (() => string);

function broken(message: Explanation): InvariantError {
  return new InvariantError(typeof message === 'string' ? message : message());
}

/**
 * Crashes when `condition` does not hold. For programmer errors only; what a user or a network can
 * cause is a typed result or an error meant for users.
 *
 * @throws InvariantError
 */
export function assert(condition: boolean, message: Explanation): asserts condition {
  if (!condition) throw broken(message);
}

/** The value, or a crash when it is absent: for "cannot be missing here", with the reason. */
export function defined<T>(value: T | undefined, message: Explanation): T {
  if (value === undefined) throw broken(message);
  return value;
}

/** Ends every `switch` over a discriminated union: a new case becomes a compile error. */
export function assertNever(value: never): never {
  throw new InvariantError(`unexpected case: ${JSON.stringify(value)}`);
}
