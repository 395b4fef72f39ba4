/** A broken assumption of the checker's own code: a bug in the checker, never a malformed history. */
export class CheckerBug extends Error {
  override readonly name = 'CheckerBug';
}

/** @throws CheckerBug when `condition` does not hold */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CheckerBug(message);
}

/** The value, or a crash when it is absent: for "cannot be missing here", with the reason. */
export function defined<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new CheckerBug(message);
  return value;
}

/** Ends every `switch` over a discriminated union: a new case becomes a compile error. */
export function assertNever(value: never): never {
  throw new CheckerBug(`unexpected case: ${JSON.stringify(value)}`);
}
