import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Constraints } from '../swarm.ts';

/** The full trace of a seed's run, from a thread of its own: what `--trace-level full` writes. */
export async function tracedOnThread(seed: string, constraints: Constraints): Promise<string> {
  const worker = new Worker(new URL('./trace-thread.ts', import.meta.url), {
    workerData: { seed, constraints },
  });
  const [trace] = await once(worker, 'message');
  await worker.terminate();
  return String(trace);
}
