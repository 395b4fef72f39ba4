/** Resolves when everything written to standard output and error has left: a pipe takes its time. */
export async function flushed(): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map(async (stream) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      stream.write('', () => resolve());
      await promise;
    }),
  );
}

/**
 * Whoever reads us may stop reading (`gong check … | head`), a disk may be full, a terminal gone:
 * none of that may end a run, or take the place of its verdict.
 */
export function tolerateLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
