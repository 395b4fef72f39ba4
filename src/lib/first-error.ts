/**
 * What went wrong first: a disposal that fails as well, often of the same cause, wraps the error that led
 * to it. Any other error is itself.
 */
export function firstError(error: unknown): unknown {
  let first = error;
  while (first instanceof SuppressedError) first = first.suppressed;
  return first;
}
