/** A wait took longer than it may. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

/**
 * The promise's outcome, or a rejection when it has none after `limitMs`.
 *
 * @param what - completes the sentence "… within 5 s": `the node did not end`
 * @throws TimeLimitError
 */
export async function withTimeLimit<T>(
  promise: Promise<T>,
  limitMs: number,
  what: string,
): Promise<T> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    limit.reject(new TimeLimitError(`${what} within ${limitMs / 1000} s`));
  }, limitMs);
  try {
    return await Promise.race([promise, limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}
