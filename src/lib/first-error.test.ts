import { expect, test } from 'vitest';
import { firstError } from './first-error.ts';

test('of an error and the disposals that failed after it the error is the first', async () => {
  const [cause, heal, stop] = ['cause', 'heal', 'stop'].map((text) => new Error(text));
  const fail = async (): Promise<void> => {
    await using owned = new AsyncDisposableStack();
    owned.defer(() => Promise.reject(stop));
    owned.defer(() => Promise.reject(heal));
    throw cause;
  };
  const thrown = await fail().catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(SuppressedError);
  expect(firstError(thrown)).toBe(cause);
  expect(firstError(heal)).toBe(heal);
});
