import type { Signals } from './signals.ts';

/**
 * A turn of the real event loop: where a simulation holds this thread, signals and output wait for it.
 *
 * @throws the reason of the signal once it is aborted; without a signal nothing
 */
export function breath(signal?: AbortSignal): () => Promise<void> {
  return async () => {
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  };
}

/** Undefined when a signal ended the work. Throws what it throws otherwise. */
export async function unlessInterrupted<T>(
  { signal }: Signals,
  work: Promise<T>,
): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (signal.aborted && error === signal.reason) return undefined;
    throw error;
  }
}
